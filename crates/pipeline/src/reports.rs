//! What the steps of a run report, for the tables that are shown when it is over.

use model::RunId;
use processors::summaries;
use proplist::{Dict, Value};
use store::{RunEnd, StoreError};

use crate::Engine;

/// What `MunkiImporter` reports. It only stages, so that this is true when the change set was published, and not
/// before.
const IMPORTED: &str = "munki_importer_summary_result";

/// What one step reports.
#[derive(Clone, Debug, PartialEq)]
pub struct StepReport {
    /// Its name, as in `url_downloader_summary_result`.
    pub name: String,
    /// `{summary_text, report_fields?, data}`.
    pub summary: Dict,
}

impl Engine {
    /// What the steps of a run that ended as `end` report, whichever workers carried them out; imports only if they
    /// were published.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn reports(&self, run: RunId, end: &RunEnd) -> Result<Vec<StepReport>, StoreError> {
        let steps = self.parts.db.step_list(run).await?;
        let outputs = steps
            .iter()
            .filter_map(|step| match step.output.as_ref().map(Value::from) {
                Some(Value::Dict(output)) => Some(output),
                _ => None,
            });
        Ok(of_steps(&outputs.collect::<Vec<_>>(), end))
    }
}

/// The same of steps that set `outputs`.
pub(crate) fn of_steps(outputs: &[Dict], end: &RunEnd) -> Vec<StepReport> {
    let is_published = matches!(end, RunEnd::Published);
    let told = outputs.iter().flat_map(summaries);
    told.filter(|(name, _)| is_published || *name != IMPORTED)
        .map(|(name, summary)| StepReport {
            name: name.to_owned(),
            summary: summary.clone(),
        })
        .collect()
}
