//! The override that makes the software a title, edited as its owner edits it.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use proplist::{KeyOrder, Value, from_bytes, to_xml};

/// The only file in the folder of overrides.
///
/// # Errors
/// If there is none, or more than one.
pub(super) fn only_one(folder: &Path) -> anyhow::Result<PathBuf> {
    let mut entries = fs_err::read_dir(folder)?;
    let file = entries.next().context("`make-override` wrote nothing")??;
    ensure!(
        entries.next().is_none(),
        "`make-override` wrote more than one file"
    );
    Ok(file.path())
}

/// Sets variables in the override's `Input`.
///
/// # Errors
/// If the file is no override, or cannot be written.
pub(super) fn set_inputs(file: &Path, inputs: &[(&str, &str)]) -> anyhow::Result<()> {
    let mut value = from_bytes(&fs_err::read(file)?)?;
    let input = value
        .as_dict_mut()
        .and_then(|override_| override_.get_mut("Input"))
        .and_then(Value::as_dict_mut)
        .context("the override has no `Input`")?;
    for (name, text) in inputs {
        input.insert((*name).to_owned(), (*text).into());
    }
    fs_err::write(file, to_xml(&value, KeyOrder::Sorted)?)?;
    Ok(())
}
