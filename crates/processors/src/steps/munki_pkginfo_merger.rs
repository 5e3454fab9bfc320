//! `MunkiPkginfoMerger`.

use crate::{Call, Env, Input, Output, Outputs, StepContext, StepError, disk::DiskStep, variables};

/// Merges keys into the pkginfo that a later step imports.
#[derive(Clone, Copy)]
pub(crate) struct MunkiPkginfoMerger;

impl DiskStep for MunkiPkginfoMerger {
    fn name(self) -> &'static str {
        "MunkiPkginfoMerger"
    }

    fn description(self) -> &'static str {
        "Merges keys into the pkginfo that is to be imported."
    }

    fn inputs(self) -> Vec<Input> {
        vec![
            Input::required("additional_pkginfo"),
            Input::optional("pkginfo"),
        ]
    }

    fn outputs(self) -> Vec<Output> {
        vec![Output { name: "pkginfo" }]
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
        let mut pkginfo = variables::dict(env, "pkginfo")?;
        let additional = variables::dict(env, "additional_pkginfo")?;
        let shown = proplist::repr(&additional.clone().into());
        // Key by key: a dictionary or list inside is replaced whole.
        pkginfo.extend(additional);
        env.insert("pkginfo".to_owned(), pkginfo.into());
        context
            .messages
            .say(&format!("Merged {shown} into pkginfo"));
        Ok(Outputs::Declared)
    }
}
