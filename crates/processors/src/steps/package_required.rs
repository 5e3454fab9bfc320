//! `PackageRequired`.

use crate::{
    Call, Env, Input, Outputs, StepContext, StepError, disk::DiskStep, place::Place, variables,
};

/// Insists on a package that was downloaded by hand.
#[derive(Clone, Copy)]
pub(crate) struct PackageRequired;

impl DiskStep for PackageRequired {
    fn name(self) -> &'static str {
        "PackageRequired"
    }

    fn description(self) -> &'static str {
        "Fails unless a package was given with `-p`."
    }

    fn inputs(self) -> Vec<Input> {
        vec![Input::optional("PKG")]
    }

    fn is_brief(self) -> bool {
        true
    }

    fn work(
        self,
        _call: &Call,
        _context: &StepContext,
        env: &mut Env,
    ) -> Result<Outputs, StepError> {
        let Some(path) = variables::some_text(env, "PKG")? else {
            return Err(StepError::configuration(
                "This recipe requires a package or disk image to be pre-downloaded and supplied to autopkg \
                 (\"-p\" command-line switch). This is likely due to required login credentials to download the \
                 software.",
            ));
        };
        Place::expect(&path, || {
            StepError::configuration(format!(
                "Path to package or disk image does not exist: {path}"
            ))
        })?;
        Ok(Outputs::Declared)
    }
}
