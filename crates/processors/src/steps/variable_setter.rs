//! `VariableSetter`.

use crate::{Call, Env, Input, Outputs, StepContext, StepError, disk::DiskStep};

/// Does nothing: its arguments are variables from here on.
#[derive(Clone, Copy)]
pub(crate) struct VariableSetter;

impl DiskStep for VariableSetter {
    fn name(self) -> &'static str {
        "VariableSetter"
    }

    fn description(self) -> &'static str {
        "Sets its arguments as variables."
    }

    fn inputs(self) -> Vec<Input> {
        Vec::new()
    }

    fn takes_any_argument(self) -> bool {
        true
    }

    fn is_brief(self) -> bool {
        true
    }

    fn work(
        self,
        _call: &Call,
        _context: &StepContext,
        _env: &mut Env,
    ) -> Result<Outputs, StepError> {
        Ok(Outputs::Declared)
    }
}
