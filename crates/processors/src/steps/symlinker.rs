//! `Symlinker`.

use std::path::Path;

use crate::{Call, Env, Input, Outputs, StepContext, StepError, disk::DiskStep, variables};

/// Makes a symbolic link.
#[derive(Clone, Copy)]
pub(crate) struct Symlinker;

impl DiskStep for Symlinker {
    fn name(self) -> &'static str {
        "Symlinker"
    }

    fn description(self) -> &'static str {
        "Makes a symbolic link."
    }

    fn inputs(self) -> Vec<Input> {
        vec![
            Input::required("source_path"),
            Input::required("destination_path"),
            Input::optional("overwrite"),
        ]
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
        let source = variables::text(env, "source_path")?;
        let destination = variables::text(env, "destination_path")?;
        let failed = |error: std::io::Error| {
            StepError::package(format!("Can't symlink {source} to {destination}: {error}"))
                .caused_by(error)
        };
        let place = Path::new(&destination);
        if variables::is_true(env, "overwrite") && place.symlink_metadata().is_ok() {
            std::fs::remove_file(place).map_err(failed)?;
        }
        std::os::unix::fs::symlink(&source, place).map_err(failed)?;
        context
            .messages
            .say(&format!("Symlinked {source} to {destination}"));
        Ok(Outputs::Declared)
    }
}
