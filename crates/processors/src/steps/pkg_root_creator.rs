//! `PkgRootCreator`.

use std::{
    fs::{self, DirBuilder, Permissions},
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Component, Path},
};

use proplist::{Value, str_form};

use super::file_creator::octal;
use crate::{
    Call, Env, Input, Outputs, StepContext, StepError, disk::DiskStep, removal::remove, variables,
};

/// Makes the folders that a package is built from.
#[derive(Clone, Copy)]
pub(crate) struct PkgRootCreator;

impl DiskStep for PkgRootCreator {
    fn name(self) -> &'static str {
        "PkgRootCreator"
    }

    fn description(self) -> &'static str {
        "Makes an empty package root with the given folders and modes."
    }

    fn inputs(self) -> Vec<Input> {
        vec![Input::required("pkgroot"), Input::required("pkgdirs")]
    }

    fn work(
        self,
        _call: &Call,
        context: &StepContext,
        env: &mut Env,
    ) -> Result<Outputs, StepError> {
        let shown = variables::text(env, "pkgroot")?;
        let root = Path::new(&shown);
        if root.symlink_metadata().is_ok() {
            remove(root).map_err(|error| {
                StepError::package(format!("Can't remove {shown}: {error}")).caused_by(error)
            })?;
        }
        fs::create_dir_all(root).map_err(|error| {
            StepError::package(format!("Can't create {shown}: {error}")).caused_by(error)
        })?;
        context.messages.say(&format!("Created {shown}"));
        let mut folders: Vec<(String, Value)> =
            variables::dict(env, "pkgdirs")?.into_iter().collect();
        folders.sort_by(|left, right| left.0.cmp(&right.0));
        for (folder, mode) in folders {
            create(root, &folder, &str_form(&mode))?;
            context.messages.say(&format!("Creating {shown}/{folder}"));
        }
        Ok(Outputs::Declared)
    }
}

fn create(root: &Path, folder: &str, mode: &str) -> Result<(), StepError> {
    let relative = Path::new(folder);
    if relative.is_absolute() {
        return Err(StepError::configuration(format!(
            "{folder} in pkgroot is absolute."
        )));
    }
    if relative
        .components()
        .any(|component| component == Component::ParentDir)
    {
        return Err(StepError::configuration(format!(
            "{folder} is outside pkgroot"
        )));
    }
    let path = root.join(relative);
    let failed = |error: &dyn std::fmt::Display| {
        StepError::package(format!(
            "Can't create {} with mode {mode}: {error}",
            path.display()
        ))
    };
    let Some(bits) = octal(mode) else {
        return Err(failed(&"not an octal number"));
    };
    // The folders on the way may be there already, as others of `pkgdirs`; this one may not.
    if let Some(above) = path.parent() {
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o755);
        builder.create(above).map_err(|error| failed(&error))?;
    }
    fs::create_dir(&path).map_err(|error| failed(&error))?;
    fs::set_permissions(&path, Permissions::from_mode(bits)).map_err(|error| failed(&error))
}
