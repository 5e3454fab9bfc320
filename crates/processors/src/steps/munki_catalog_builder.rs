//! `MunkiCatalogBuilder`.

use super::deprecation_warning::{SUMMARY, warning_row};
use crate::{Call, Env, Input, Output, Outputs, StepContext, StepError, disk::DiskStep};

/// Does nothing but warn: catalogs are made when a change set is published.
#[derive(Clone, Copy)]
pub(crate) struct MunkiCatalogBuilder;

impl DiskStep for MunkiCatalogBuilder {
    fn name(self) -> &'static str {
        "MunkiCatalogBuilder"
    }

    fn description(self) -> &'static str {
        "Does nothing any more; catalogs are made when an item is published."
    }

    fn inputs(self) -> Vec<Input> {
        Vec::new()
    }

    fn outputs(self) -> Vec<Output> {
        vec![Output { name: SUMMARY }]
    }

    fn work(
        self,
        _call: &Call,
        context: &StepContext,
        env: &mut Env,
    ) -> Result<Outputs, StepError> {
        let warning = "MunkiCatalogBuilder does nothing; remove the step from the recipe";
        context.messages.warn(warning);
        let row = warning_row(env, warning);
        env.insert(SUMMARY.to_owned(), row);
        Ok(Outputs::Declared)
    }
}
