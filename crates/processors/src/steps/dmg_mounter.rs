//! `DmgMounter` and `URLGetter`.

use crate::{Call, Env, Input, Outputs, StepContext, StepError, disk::DiskStep};

/// A base class of `AutoPkg`'s that its lists name, and that does nothing by itself.
///
/// Nothing is mounted here: a path that goes into an image works in every step that takes one.
#[derive(Clone, Copy)]
pub(crate) struct Abstract(pub(crate) &'static str);

impl DiskStep for Abstract {
    fn name(self) -> &'static str {
        self.0
    }

    fn description(self) -> &'static str {
        "A base for other processors; it cannot be a step."
    }

    fn inputs(self) -> Vec<Input> {
        Vec::new()
    }

    fn work(
        self,
        call: &Call,
        _context: &StepContext,
        _env: &mut Env,
    ) -> Result<Outputs, StepError> {
        Err(StepError::configuration(format!(
            "{} is a base for other processors and cannot be a step, as {} has it.",
            self.0, call.origin
        ))
        .with_next_step(
            "Remove the step; paths such as `%pathname%/App.app` read images without mounting them.",
        ))
    }
}
