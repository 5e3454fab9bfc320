//! The repository's address and credential in the one file that only root reads.

use proplist::Value;

use crate::{
    Fault, Files,
    exchange::Repository,
    plists::{Document, Form},
    preferences::{ROOT_MUNKI, ROOT_PREFERENCES},
};

const HEADERS: &str = "AdditionalHttpHeaders";
/// Root's home and what is in it is nobody else's.
const PRIVATE_FOLDER: u32 = 0o700;

/// Writes both for Munki, which reads them again after preflight; what else the file says stays.
///
/// # Errors
/// If the file or its folder is not safe, not readable or no property list; then it is what it was.
pub(crate) fn write(files: &Files, repository: &Repository) -> Result<(), Fault> {
    files.make_folder(ROOT_PREFERENCES, PRIVATE_FOLDER)?;
    let _held = files.lock_folder(ROOT_PREFERENCES)?;
    let mut document =
        Document::read(files, ROOT_MUNKI)?.unwrap_or_else(|| Document::new(Form::Binary));
    let header = format!("Authorization: {}", repository.authorization.expose());
    document.dict.insert(
        "SoftwareRepoURL".to_owned(),
        Value::from(repository.spelt.trim_end_matches('/')),
    );
    document
        .dict
        .insert(HEADERS.to_owned(), Value::from(vec![header]));
    files.write_over_secret(ROOT_MUNKI, &document.to_bytes(ROOT_MUNKI)?)
}

/// Whether a credential lies in the file.
///
/// # Errors
/// As [`write`].
pub(crate) fn are_there(files: &Files) -> Result<bool, Fault> {
    let document = Document::read(files, ROOT_MUNKI)?;
    Ok(document.is_some_and(|document| document.dict.contains_key(HEADERS)))
}

/// Removes the credential, and overwrites the file that held it; the address stays, so that Munki does not begin to
/// look for a repository by itself. Whether there was one.
///
/// # Errors
/// As [`write`].
pub(crate) fn remove(files: &Files) -> Result<bool, Fault> {
    let _held = files.lock_folder(ROOT_PREFERENCES)?;
    let Some(mut document) = Document::read(files, ROOT_MUNKI)? else {
        return Ok(false);
    };
    if document.dict.shift_remove(HEADERS).is_none() {
        return Ok(false);
    }
    files.write_over_secret(ROOT_MUNKI, &document.to_bytes(ROOT_MUNKI)?)?;
    Ok(true)
}
