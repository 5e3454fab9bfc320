//! `StopProcessingIf`.

use predicate::Predicate;

use crate::{Call, Env, Input, Output, Outputs, StepContext, StepError, disk::DiskStep, variables};
use model::chain;

const STOP: &str = "stop_processing_recipe";

/// Ends the recipe, successfully, if a predicate holds.
#[derive(Clone, Copy)]
pub(crate) struct StopProcessingIf;

impl DiskStep for StopProcessingIf {
    fn name(self) -> &'static str {
        "StopProcessingIf"
    }

    fn description(self) -> &'static str {
        "Ends the recipe without failure if a predicate holds."
    }

    fn inputs(self) -> Vec<Input> {
        vec![Input::required("predicate")]
    }

    fn outputs(self) -> Vec<Output> {
        vec![Output { name: STOP }]
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
        let text = variables::text(env, "predicate")?;
        let failed =
            |why: &str| StepError::configuration(format!("Predicate error for '{text}': {why}"));
        let predicate =
            Predicate::parse(&text).map_err(|error| failed(&chain(&error)).caused_by(error))?;
        let holds = predicate
            .evaluate(env)
            .map_err(|error| failed(&chain(&error)).caused_by(error))?;
        let shown = if holds { "True" } else { "False" };
        context.messages.say(&format!("({text}) is {shown}"));
        env.insert(STOP.to_owned(), holds.into());
        Ok(Outputs::Declared)
    }
}
