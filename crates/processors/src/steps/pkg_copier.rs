//! `PkgCopier`.

use super::{
    copier::{copy, first_match},
    summary,
};
use crate::{
    Call, Env, Input, Output, Outputs, StepContext, StepError, disk::DiskStep, glob::Depth,
    variables,
};

const SUMMARY: &str = "pkg_copier_summary_result";

/// Copies a package, over what is there.
#[derive(Clone, Copy)]
pub(crate) struct PkgCopier;

impl DiskStep for PkgCopier {
    fn name(self) -> &'static str {
        "PkgCopier"
    }

    fn description(self) -> &'static str {
        "Copies a package; the source may lie in a disk image."
    }

    fn inputs(self) -> Vec<Input> {
        vec![Input::required("source_pkg"), Input::optional("pkg_path")]
    }

    fn outputs(self) -> Vec<Output> {
        vec![Output { name: "pkg_path" }, Output { name: SUMMARY }]
    }

    fn work(
        self,
        _call: &Call,
        context: &StepContext,
        env: &mut Env,
    ) -> Result<Outputs, StepError> {
        env.shift_remove(SUMMARY);
        let pattern = variables::text(env, "source_pkg")?;
        let source = first_match(context, &pattern, Depth::Flat)?;
        if ![".pkg", ".mpkg"]
            .iter()
            .any(|end| source.to_ascii_lowercase().ends_with(end))
        {
            return Err(StepError::configuration(format!(
                "Source does not appear to be a package based on its filename: '{source}'"
            )));
        }
        let default = || {
            let name = source.rsplit('/').next().unwrap_or_default();
            context.workspace.join(name).to_string_lossy().into_owned()
        };
        let target = variables::some_text(env, "pkg_path")?.unwrap_or_else(default);
        // A package that is copied onto itself would be removed first.
        if source != target {
            copy(context, &source, &target, true)?;
        }
        let row = summary(
            "The following packages were copied:",
            &[("pkg_path", &target)],
        );
        env.insert("pkg_path".to_owned(), target.into());
        env.insert(SUMMARY.to_owned(), row);
        Ok(Outputs::Declared)
    }
}
