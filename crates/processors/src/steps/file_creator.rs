//! `FileCreator`.

use std::{fs::Permissions, os::unix::fs::PermissionsExt as _, path::Path};

use crate::{
    Call, Env, Input, Outputs, StepContext, StepError, disk::DiskStep, output_file, variables,
};

/// Writes a text to a file.
#[derive(Clone, Copy)]
pub(crate) struct FileCreator;

impl DiskStep for FileCreator {
    fn name(self) -> &'static str {
        "FileCreator"
    }

    fn description(self) -> &'static str {
        "Writes a text file."
    }

    fn inputs(self) -> Vec<Input> {
        vec![
            Input::required("file_path"),
            Input::required("file_content"),
            Input::optional("file_mode"),
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
        let path = variables::text(env, "file_path")?;
        let text = variables::text(env, "file_content")?;
        output_file::write(&path, text).map_err(|error| {
            StepError::package(format!("Can't create file at {path}: {error}")).caused_by(error)
        })?;
        context.messages.say(&format!("Created file at {path}"));
        if let Some(mode) = variables::some_text(env, "file_mode")? {
            set_mode(&path, &mode)?;
            context
                .messages
                .say(&format!("Set mode of {path} to {mode}"));
        }
        Ok(Outputs::Declared)
    }
}

fn set_mode(path: &str, text: &str) -> Result<(), StepError> {
    let Some(mode) = octal(text) else {
        return Err(StepError::configuration(format!(
            "Can't set mode of {path} to {text}: not an octal number"
        )));
    };
    std::fs::set_permissions(Path::new(path), Permissions::from_mode(mode)).map_err(|error| {
        StepError::package(format!("Can't set mode of {path} to {text}: {error}")).caused_by(error)
    })
}

/// The permission bits that `text` says in octal digits, as Python's `int(text, 8)` reads them; what else a file's mode
/// says, such as its kind, the system passes over.
pub(crate) fn octal(text: &str) -> Option<u32> {
    let digits = text.trim();
    let digits = digits
        .strip_prefix("0o")
        .or_else(|| digits.strip_prefix("0O"))
        .unwrap_or(digits);
    let mode = u32::from_str_radix(digits, 8).ok()?;
    Some(mode & 0o7777)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_may_also_say_what_kind_of_file_it_is_of() {
        for (text, bits) in [
            ("0100755", Some(0o755)),
            ("755", Some(0o755)),
            ("0o4755", Some(0o4755)),
            ("40755", Some(0o755)),
            ("0789", None),
            ("rwx", None),
            ("", None),
        ] {
            assert_eq!(octal(text), bits, "{text}");
        }
    }
}
