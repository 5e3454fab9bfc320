//! `DeprecationWarning`.

use std::path::Path;

use crate::{
    Call, Env, Input, Output, Outputs, StepContext, StepError, disk::DiskStep, steps::summary,
    variables,
};

/// Warns that a recipe will go away.
#[derive(Clone, Copy)]
pub(crate) struct DeprecationWarning;

/// What is reported, and under which variable.
pub(crate) const SUMMARY: &str = "deprecation_summary_result";

/// The row of the table at the end that warns of the recipe or a processor in it.
pub(crate) fn warning_row(env: &Env, warning: &str) -> proplist::Value {
    let recipe = env
        .get("RECIPE_PATH")
        .and_then(proplist::Value::as_str)
        .map(|path| Path::new(path).file_stem().unwrap_or_default())
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    summary(
        "The following recipes have deprecation warnings:",
        &[("name", &recipe), ("warning", warning)],
    )
}

impl DiskStep for DeprecationWarning {
    fn name(self) -> &'static str {
        "DeprecationWarning"
    }

    fn description(self) -> &'static str {
        "Warns that the recipe is deprecated."
    }

    fn inputs(self) -> Vec<Input> {
        vec![Input::defaulted(
            "warning_message",
            "### This recipe has been deprecated. It may be removed soon. ###",
        )]
    }

    fn outputs(self) -> Vec<Output> {
        vec![Output { name: SUMMARY }]
    }

    fn is_brief(self) -> bool {
        true
    }

    fn work(
        self,
        _call: &Call,
        context: &StepContext,
        env: &mut Env,
    ) -> Result<Outputs, StepError> {
        let warning = variables::text(env, "warning_message")?;
        context.messages.warn(&warning);
        let row = warning_row(env, &warning);
        env.insert(SUMMARY.to_owned(), row);
        Ok(Outputs::Declared)
    }
}
