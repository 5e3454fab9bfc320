//! `PkgExtractor`.

use std::{fs, path::Path};

use proplist::Value;

use crate::{
    Call, Env, Input, Outputs, StepContext, StepError, disk::DiskStep, place::Place,
    removal::remove, variables,
};

/// Unpacks what a package that is a bundle installs, to where it would be installed.
#[derive(Clone, Copy)]
pub(crate) struct PkgExtractor;

impl DiskStep for PkgExtractor {
    fn name(self) -> &'static str {
        "PkgExtractor"
    }

    fn description(self) -> &'static str {
        "Unpacks the payload of a bundle-style package; it may lie in a disk image."
    }

    fn inputs(self) -> Vec<Input> {
        vec![Input::required("pkg_path"), Input::required("extract_root")]
    }

    fn work(
        self,
        _call: &Call,
        _context: &StepContext,
        env: &mut Env,
    ) -> Result<Outputs, StepError> {
        let path = variables::text(env, "pkg_path")?;
        let root = variables::text(env, "extract_root")?;
        let missing = |name: &str| StepError::package(format!("{name} not found in pkg"));
        let package = Place::expect(&path, || missing("Info.plist"))?;
        let info = package
            .join("Contents/Info.plist")?
            .filter(Place::is_file)
            .ok_or_else(|| missing("Info.plist"))?
            .plist()?;
        let archive = format!("{}/Contents/Archive.pax.gz", package.shown());
        let contents = Place::enter(&archive)?.ok_or_else(|| missing("Archive.pax.gz"))?;
        let target = info.get("IFPkgFlagDefaultLocation").and_then(Value::as_str);
        let target = target.unwrap_or("/").trim_start_matches('/');
        if target.split('/').any(|name| name == "..") {
            let text = format!("the package installs to {target}, which leads out of its root");
            return Err(StepError::package(text));
        }
        let folder = Path::new(&root);
        if folder.symlink_metadata().is_ok() {
            remove(folder).map_err(|error| {
                StepError::package(format!("Failed to remove extract_root: {error}"))
            })?;
        }
        let folder = folder.join(target);
        fs::create_dir_all(&folder).map_err(|error| {
            StepError::package(format!("Failed to create extract_path: {error}"))
        })?;
        contents
            .extract(&folder)
            .map_err(|error| StepError::package(format!("Unpacking payload failed: {error}")))?;
        Ok(Outputs::Declared)
    }
}
