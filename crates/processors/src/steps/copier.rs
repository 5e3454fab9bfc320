//! `Copier`.

use std::{
    fs::{self, Permissions},
    io,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use crate::{
    Call, Env, Input, Outputs, StepContext, StepError,
    disk::DiskStep,
    glob::{Depth, glob},
    place::Place,
    removal::remove,
    variables,
};

/// Copies a file or folder, also out of an image.
#[derive(Clone, Copy)]
pub(crate) struct Copier;

impl DiskStep for Copier {
    fn name(self) -> &'static str {
        "Copier"
    }

    fn description(self) -> &'static str {
        "Copies a file or folder; the source may lie in a disk image."
    }

    fn inputs(self) -> Vec<Input> {
        vec![
            Input::required("source_path"),
            Input::required("destination_path"),
            Input::optional("overwrite"),
        ]
    }

    fn work(
        self,
        _call: &Call,
        context: &StepContext,
        env: &mut Env,
    ) -> Result<Outputs, StepError> {
        let pattern = variables::text(env, "source_path")?;
        let destination = variables::text(env, "destination_path")?;
        let source = first_match(context, &pattern, Depth::Recursive)?;
        copy(
            context,
            &source,
            &destination,
            variables::is_true(env, "overwrite"),
        )?;
        Ok(Outputs::Declared)
    }
}

/// The first of the paths that match, in order of their names.
pub(crate) fn first_match(
    context: &StepContext,
    pattern: &str,
    depth: Depth,
) -> Result<String, StepError> {
    let found = glob(pattern, depth)?;
    let Some(first) = found.first() else {
        return Err(StepError::package(format!(
            "Error processing path '{pattern}' with glob. "
        )));
    };
    if found.len() > 1 {
        context.messages.warn(&format!(
            "Multiple paths match 'source_path' glob '{pattern}':\n  - {}",
            found.join("\n  - ")
        ));
    }
    if first != pattern {
        context.messages.say(&format!(
            "Using path '{first}' matched from globbed '{pattern}'."
        ));
    }
    Ok(first.clone())
}

/// Copies as `AutoPkg` does: a folder to a place that must not be there, a file's contents, or a file with its mode
/// into a folder.
pub(crate) fn copy(
    context: &StepContext,
    source: &str,
    destination: &str,
    overwrite: bool,
) -> Result<(), StepError> {
    let failed = |why: &dyn std::fmt::Display| {
        StepError::package(format!("Can't copy {source} to {destination}: {why}"))
    };
    let target = Path::new(destination);
    if lies_within(target, source) {
        return Err(failed(&format!("'{destination}' lies in '{source}'")));
    }
    if overwrite && target.symlink_metadata().is_ok() {
        remove(target).map_err(|error| {
            StepError::package(format!("Can't remove {destination}: {error}")).caused_by(error)
        })?;
    }
    let place = Place::expect(source, || {
        failed(&format!("[Errno 2] No such file or directory: '{source}'"))
    })?;
    if place.is_folder() {
        if target.symlink_metadata().is_ok() {
            return Err(failed(&format!("[Errno 17] File exists: '{destination}'")));
        }
        make_parent(target).map_err(|error| failed(&error))?;
        place
            .extract(target)
            .map_err(|error| failed(&error.message))?;
    } else {
        copy_file(&place, target).map_err(|error| failed(&error))?;
    }
    context
        .messages
        .say(&format!("Copied {source} to {destination}"));
    Ok(())
}

/// Whether `target`, links followed, is to be somewhere below the folder `source`: copying it would find the copy, and
/// copy that again.
fn lies_within(target: &Path, source: &str) -> bool {
    let Some(from) = fs::canonicalize(source).ok().filter(|from| from.is_dir()) else {
        return false;
    };
    // The folders on the way to the target may not be there yet.
    std::path::absolute(target).is_ok_and(|target| {
        let mut above = target.ancestors().skip(1);
        above
            .find_map(|folder| fs::canonicalize(folder).ok())
            .is_some_and(|folder| folder.starts_with(&from))
    })
}

fn make_parent(target: &Path) -> io::Result<()> {
    target.parent().map_or(Ok(()), fs::create_dir_all)
}

fn copy_file(place: &Place, target: &Path) -> io::Result<()> {
    let into: PathBuf = if target.is_dir() {
        target.join(place.name())
    } else {
        target.to_owned()
    };
    refuse_same_file(place.shown(), &into)?;
    place.copy_contents(&into)?;
    if target.is_dir() {
        let (tree, inner) = place.in_tree();
        let mode = tree.entry(inner).map_or(0o644, |entry| entry.mode & 0o777);
        fs::set_permissions(&into, Permissions::from_mode(mode | 0o600))?;
    }
    Ok(())
}

/// Refuses to copy a file onto itself, which would empty it; links to either are followed.
fn refuse_same_file(source: &str, target: &Path) -> io::Result<()> {
    // What lies in an image is not on the host, and what is not there is no file yet.
    let (Ok(from), Ok(to)) = (fs::metadata(source), fs::metadata(target)) else {
        return Ok(());
    };
    if (from.dev(), from.ino()) == (to.dev(), to.ino()) {
        let to = target.display();
        return Err(io::Error::other(format!(
            "'{source}' and '{to}' are the same file"
        )));
    }
    Ok(())
}
