//! `FlatPkgUnpacker`.

use std::{fs, io, path::Path};

use media::Tree;

use crate::{
    Call, Env, Input, Outputs, StepContext, StepError,
    disk::DiskStep,
    glob::{Depth, glob},
    place::Place,
    removal::{empty, remove},
    variables,
};
use model::chain;

/// Unpacks a flat package as `pkgutil --expand` does.
#[derive(Clone, Copy)]
pub(crate) struct FlatPkgUnpacker;

impl DiskStep for FlatPkgUnpacker {
    fn name(self) -> &'static str {
        "FlatPkgUnpacker"
    }

    fn description(self) -> &'static str {
        "Unpacks a flat package; it may lie in a disk image."
    }

    fn inputs(self) -> Vec<Input> {
        vec![
            Input::required("flat_pkg_path"),
            Input::required("destination_path"),
            Input::defaulted("skip_payload", false),
            Input::optional("purge_destination"),
        ]
    }

    fn work(
        self,
        _call: &Call,
        context: &StepContext,
        env: &mut Env,
    ) -> Result<Outputs, StepError> {
        let pattern = variables::text(env, "flat_pkg_path")?;
        let shown = variables::text(env, "destination_path")?;
        let destination = Path::new(&shown);
        let source = only_match(&pattern)?;
        let missing = || StepError::package(format!("there is no package at {source}"));
        if Place::find(&source)?.is_some_and(|found| found.is_folder()) {
            let why = "it is a folder, and no flat package; what bundles hold is unpacked by PkgExtractor";
            return Err(failed(&source, &why));
        }
        let package = Place::enter(&source)?.ok_or_else(missing)?;
        if variables::is_true(env, "purge_destination") && destination.is_dir() {
            empty(destination).map_err(|error| failed(&source, &error))?;
        }
        if variables::is_true(env, "skip_payload") {
            fs::create_dir_all(destination).map_err(|error| failed(&source, &error))?;
            let (tree, _) = package.in_tree();
            members_without_payload(tree, "", destination)
                .map_err(|error| failed(&source, &chain(&error)))?;
        } else {
            expand(&package, destination).map_err(|error| failed(&source, &error))?;
        }
        context
            .messages
            .say(&format!("Unpacked {source} to {shown}"));
        Ok(Outputs::Declared)
    }
}

fn failed(source: &str, why: &dyn std::fmt::Display) -> StepError {
    StepError::package(format!("extraction of {source} failed: {why}"))
}

fn only_match(pattern: &str) -> Result<String, StepError> {
    let found = glob(pattern, Depth::Flat)?;
    match found.as_slice() {
        [only] => Ok(only.clone()),
        [] => Err(StepError::package(format!(
            "Error processing path '{pattern}' with glob. "
        ))),
        several => Err(StepError::package(format!(
            "Multiple paths match 'flat_pkg_path' glob '{pattern}': {}",
            several.join(", ")
        ))),
    }
}

/// The package's members; scripts unpacked, payloads left packed.
fn expand(package: &Place, destination: &Path) -> Result<(), String> {
    if destination.symlink_metadata().is_ok() {
        remove(destination).map_err(|error| error.to_string())?;
    }
    fs::create_dir_all(destination).map_err(|error| error.to_string())?;
    package
        .extract(destination)
        .map_err(|error| error.message)?;
    unpack_scripts(destination)
}

/// Puts a folder in the place of each `Scripts` archive, in the package and in its components.
fn unpack_scripts(folder: &Path) -> Result<(), String> {
    let text = |error: io::Error| error.to_string();
    for entry in fs::read_dir(folder).map_err(text)? {
        let entry = entry.map_err(text)?;
        let kind = entry.file_type().map_err(text)?;
        let path = entry.path();
        if kind.is_dir() && path.extension().is_some_and(|end| end == "pkg") {
            unpack_scripts(&path)?;
        } else if kind.is_file() && entry.file_name() == "Scripts" {
            let packed = path.with_file_name(".Scripts.packed");
            fs::rename(&path, &packed).map_err(text)?;
            media::open(&packed)
                .and_then(|tree| media::extract(&*tree, "", &path))
                .map_err(|error| chain(&error))?;
            fs::remove_file(&packed).map_err(text)?;
        }
    }
    Ok(())
}

/// As `xar --exclude Payload`: whatever has that word in its path stays out, and scripts stay packed.
fn members_without_payload(
    tree: &dyn Tree,
    folder: &str,
    destination: &Path,
) -> Result<(), media::MediaError> {
    for entry in tree.children(folder)? {
        if entry.path.contains("Payload") {
            continue;
        }
        let target = destination.join(&entry.path);
        if entry.is_folder() {
            fs::create_dir_all(&target).map_err(|source| media::MediaError::Host {
                path: target.clone(),
                source,
            })?;
            members_without_payload(tree, &entry.path, destination)?;
        } else {
            media::extract(tree, &entry.path, &target)?;
        }
    }
    Ok(())
}
