//! `Unarchiver`.

use std::{fs, path::Path};

use crate::{
    Call, Env, Input, Outputs, StepContext, StepError, disk::DiskStep, place::Place,
    removal::empty, variables,
};

/// Which suffix means which format, in the order in which they are tried.
const FORMATS: [(&str, &[&str]); 5] = [
    ("zip", &["zip"]),
    ("tar_gzip", &["tar.gz", "tgz"]),
    ("tar_bzip2", &["tar.bz2", "tbz"]),
    ("tar", &["tar", "tar.xz"]),
    ("gzip", &["gzip"]),
];

/// Unpacks an archive as ditto does, whatever it is named: modes, links, times and attributes are kept.
#[derive(Clone, Copy)]
pub(crate) struct Unarchiver;

impl DiskStep for Unarchiver {
    fn name(self) -> &'static str {
        "Unarchiver"
    }

    fn description(self) -> &'static str {
        "Unpacks zip and tar archives."
    }

    fn inputs(self) -> Vec<Input> {
        vec![
            Input::optional("archive_path"),
            Input::optional("destination_path"),
            Input::optional("purge_destination"),
            Input::optional("archive_format"),
            Input::optional("USE_PYTHON_NATIVE_EXTRACTOR"),
        ]
    }

    fn also_reads(self) -> &'static [&'static str] {
        &["pathname", "NAME"]
    }

    fn work(
        self,
        _call: &Call,
        context: &StepContext,
        env: &mut Env,
    ) -> Result<Outputs, StepError> {
        let archive = match variables::some_text(env, "archive_path")? {
            Some(path) => path,
            None => variables::some_text(env, "pathname")?.ok_or_else(|| {
                StepError::configuration(
                    "Expected an 'archive_path' input variable but none is set!",
                )
            })?,
        };
        let destination = if let Some(path) = variables::some_text(env, "destination_path")? {
            path
        } else {
            let name = variables::text(env, "NAME")?;
            context.workspace.join(name).to_string_lossy().into_owned()
        };
        check_format(context, env, &archive)?;
        prepare(env, Path::new(&destination))?;
        unpack(&archive, Path::new(&destination))?;
        context
            .messages
            .say(&format!("Unarchived {archive} to {destination}"));
        // It would decide over the next archive of the recipe.
        env.shift_remove("archive_format");
        Ok(Outputs::Declared)
    }
}

/// The format that the recipe says or the name suggests must be one that is known. What is inside decides.
fn check_format(context: &StepContext, env: &Env, archive: &str) -> Result<(), StepError> {
    if let Some(format) = variables::some_text(env, "archive_format")? {
        if FORMATS.iter().any(|(name, _)| *name == format) {
            return Ok(());
        }
        let names: Vec<&str> = FORMATS.iter().map(|(name, _)| *name).collect();
        return Err(StepError::configuration(format!(
            "'{format}' is not valid for the 'archive_format' variable. Must be one of {}.",
            names.join(", ")
        )));
    }
    let name = archive.rsplit('/').next().unwrap_or_default();
    let guessed = guess(archive).ok_or_else(|| {
        StepError::configuration(format!("Can't guess archive format for filename {name}"))
            .with_next_step("Set `archive_format` in the recipe.")
    })?;
    context.messages.say(&format!(
        "Guessed archive format '{guessed}' from filename {name}"
    ));
    Ok(())
}

fn guess(path: &str) -> Option<&'static str> {
    FORMATS
        .iter()
        .find(|(_, suffixes)| suffixes.iter().any(|suffix| path.ends_with(suffix)))
        .map(|(name, _)| *name)
}

fn prepare(env: &Env, destination: &Path) -> Result<(), StepError> {
    let failed = |error: std::io::Error| {
        StepError::package(format!("Can't create {}: {error}", destination.display()))
            .caused_by(error)
    };
    if !destination.is_dir() {
        fs::create_dir_all(destination).map_err(failed)?;
    } else if variables::is_true(env, "purge_destination") {
        empty(destination).map_err(failed)?;
    }
    Ok(())
}

fn unpack(archive: &str, destination: &Path) -> Result<(), StepError> {
    let failed = |why: &str| StepError::package(format!("Unarchiving {archive} failed: {why}"));
    let contents = Place::enter(archive)
        .map_err(|error| failed(&error.message).caused_by(error))?
        .ok_or_else(|| failed("there is no such archive"))?;
    contents
        .extract(destination)
        .map_err(|error| failed(&error.message).caused_by(error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_guessed_as_autopkg_guesses_them() {
        for (name, expected) in [
            ("a.zip", Some("zip")),
            ("a.ZIP", None),
            ("a.tar.gz", Some("tar_gzip")),
            ("a.tgz", Some("tar_gzip")),
            ("a.tar.bz2", Some("tar_bzip2")),
            ("a.tbz", Some("tar_bzip2")),
            ("a.tar", Some("tar")),
            ("a.tar.xz", Some("tar")),
            ("a.txz", None),
            ("a.gz", None),
            ("a.gzip", Some("zip")),
            ("x?file=a.zip", Some("zip")),
        ] {
            assert_eq!(guess(name), expected, "{name}");
        }
    }
}
