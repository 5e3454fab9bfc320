//! `EndOfCheckPhase`.

use crate::{Call, Env, Input, Outputs, StepContext, StepError, disk::DiskStep};

/// Marks where `--check` ends; does nothing.
#[derive(Clone, Copy)]
pub(crate) struct EndOfCheckPhase;

impl DiskStep for EndOfCheckPhase {
    fn name(self) -> &'static str {
        "EndOfCheckPhase"
    }

    fn description(self) -> &'static str {
        "Marks the end of the check phase; does nothing."
    }

    fn inputs(self) -> Vec<Input> {
        Vec::new()
    }

    /// It has nothing to read itself, so whatever a recipe gives it is meant for a later step, perhaps of a child.
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
