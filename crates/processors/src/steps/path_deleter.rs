//! `PathDeleter`.

use std::path::Path;

use crate::{
    Call, Env, Input, Outputs, StepContext, StepError, disk::DiskStep, removal::remove, variables,
};

/// Deletes files and folders.
#[derive(Clone, Copy)]
pub(crate) struct PathDeleter;

impl DiskStep for PathDeleter {
    fn name(self) -> &'static str {
        "PathDeleter"
    }

    fn description(self) -> &'static str {
        "Deletes files and folders."
    }

    fn inputs(self) -> Vec<Input> {
        vec![Input::required("path_list")]
    }

    fn work(
        self,
        _call: &Call,
        context: &StepContext,
        env: &mut Env,
    ) -> Result<Outputs, StepError> {
        for path in variables::texts(env, "path_list")? {
            let place = Path::new(&path);
            if place.symlink_metadata().is_err() {
                return Err(StepError::package(format!(
                    "Could not remove {path} - it does not exist!"
                )));
            }
            remove(place).map_err(|error| {
                StepError::package(format!("Could not remove {path}: {error}")).caused_by(error)
            })?;
            context.messages.say(&format!("Deleted {path}"));
        }
        Ok(Outputs::Declared)
    }
}
