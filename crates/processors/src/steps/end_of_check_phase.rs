//! `EndOfCheckPhase`.

use async_trait::async_trait;

use crate::{Call, Env, Input, Output, Outputs, Processor, StepContext, StepError};

/// Marks where `--check` ends; does nothing.
pub(crate) struct EndOfCheckPhase;

#[async_trait]
impl Processor for EndOfCheckPhase {
    fn name(&self) -> &'static str {
        "EndOfCheckPhase"
    }

    fn description(&self) -> &'static str {
        "Marks the end of the check phase; does nothing."
    }

    fn inputs(&self) -> Vec<Input> {
        Vec::new()
    }

    fn outputs(&self) -> Vec<Output> {
        Vec::new()
    }

    async fn run(
        &self,
        _call: &Call,
        _context: &StepContext,
        _env: &mut Env,
    ) -> Result<Outputs, StepError> {
        Ok(Outputs::Declared)
    }
}
