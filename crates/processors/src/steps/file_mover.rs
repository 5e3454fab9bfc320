//! `FileMover`.

use crate::{Call, Env, Input, Outputs, StepContext, StepError, disk::DiskStep, variables};

/// Renames a file or folder.
#[derive(Clone, Copy)]
pub(crate) struct FileMover;

impl DiskStep for FileMover {
    fn name(self) -> &'static str {
        "FileMover"
    }

    fn description(self) -> &'static str {
        "Moves or renames a file or folder."
    }

    fn inputs(self) -> Vec<Input> {
        vec![Input::required("source"), Input::required("target")]
    }

    fn work(
        self,
        _call: &Call,
        context: &StepContext,
        env: &mut Env,
    ) -> Result<Outputs, StepError> {
        let source = variables::text(env, "source")?;
        let target = variables::text(env, "target")?;
        std::fs::rename(&source, &target).map_err(|error| {
            StepError::package(format!("Can't move {source} to {target}: {error}")).caused_by(error)
        })?;
        context
            .messages
            .say(&format!("File {source} moved to {target}"));
        Ok(Outputs::Declared)
    }
}
