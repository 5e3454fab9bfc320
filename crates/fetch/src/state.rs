//! What is remembered of a downloaded file, beside it: `AutoPkg`'s extended attributes, or a hidden file where the
//! file system has none.

use std::{
    io,
    path::{Path, PathBuf},
};

use model::Sha256;
use redact::SafeUrl;
use serde::{Deserialize, Serialize};

use crate::{FetchError, part};

/// # Source
/// AutoPkg's `URLDownloader.py`: `BUNDLE_ID` with `user.` before it on Linux.
const ETAG: &str = "user.com.github.autopkg.etag";
const LAST_MODIFIED: &str = "user.com.github.autopkg.last-modified";
/// Present from the moment a file is put into its place until its run has succeeded.
const UNCOMMITTED: &str = "user.auto-update.uncommitted";

/// By what a server knows a version of a file again; as the headers have them, quotes included.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct Validators {
    /// `ETag`.
    pub etag: Option<String>,
    /// `Last-Modified`.
    pub last_modified: Option<String>,
}

impl Validators {
    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.etag.is_none() && self.last_modified.is_none()
    }
}

/// A file that an earlier run downloaded.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Cached {
    /// Its length.
    pub len_bytes: u64,
    /// By what the server knows it again.
    pub validators: Validators,
    /// Whether the run that downloaded it succeeded. If it did not, the file must be downloaded again, or the title
    /// would wait for the vendor's next release.
    pub committed: bool,
}

impl Cached {
    /// What is known of the file at `path`; nothing if there is none.
    ///
    /// # Errors
    /// [`FetchError::File`] if it cannot be looked at.
    pub fn read(path: &Path) -> Result<Option<Self>, FetchError> {
        let len_bytes = match fs_err::metadata(path) {
            Ok(metadata) if metadata.is_file() => metadata.len(),
            Ok(_) => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(file_error(path)(source)),
        };
        let record = Record::read(path)?;
        Ok(Some(Self {
            len_bytes,
            validators: record.validators,
            committed: !record.uncommitted,
        }))
    }
}

/// A file that was downloaded and put into its place, not yet committed.
#[derive(Clone, Debug)]
#[must_use = "without a commit after a good run the file is downloaded again"]
pub struct Downloaded {
    /// Where it is.
    pub path: PathBuf,
    /// Its digest.
    pub sha256: Sha256,
    /// Its length.
    pub len_bytes: u64,
    /// Where it was asked for.
    pub url: SafeUrl,
    /// Where it was sent to from there, in order; the last one answered.
    pub redirects: Vec<SafeUrl>,
    /// By what the server knows it again.
    pub validators: Validators,
}

impl Downloaded {
    /// Remembers the file as good: the next request is conditional.
    ///
    /// # Errors
    /// [`FetchError::File`] if that cannot be stored.
    pub fn commit(&self) -> Result<(), FetchError> {
        self.to_commit().carry_out()
    }

    /// What [`Downloaded::commit`] does, to be done later.
    pub fn to_commit(&self) -> Commit {
        Commit {
            path: self.path.clone(),
            validators: self.validators.clone(),
        }
    }
}

/// What is to be remembered of a downloaded file after a good run; it can wait in a database until then.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Commit {
    /// The file.
    pub path: PathBuf,
    /// By what the server knows it again.
    pub validators: Validators,
}

impl Commit {
    /// Remembers the file as good; one that is no longer there is passed over, because a recipe may delete or move
    /// what it downloaded.
    ///
    /// # Errors
    /// [`FetchError::File`] if that cannot be stored.
    pub fn carry_out(&self) -> Result<(), FetchError> {
        if !self.path.exists() {
            return Ok(());
        }
        Record {
            validators: self.validators.clone(),
            uncommitted: false,
        }
        .write(&self.path)
    }
}

/// Marks the file at `path` as not good yet, and forgets its validators.
pub(crate) fn mark_uncommitted(path: &Path) -> Result<(), FetchError> {
    Record {
        validators: Validators::default(),
        uncommitted: true,
    }
    .write(path)
}

/// Moves what is remembered of `from` along with the file, where it lies in a file of its own.
pub(crate) fn move_record(from: &Path, to: &Path) -> Result<(), FetchError> {
    match fs_err::rename(sidecar(from), sidecar(to)) {
        Ok(()) => Ok(()),
        // The attributes moved with the file; an old record of what was there before must not outlive it.
        Err(error) if error.kind() == io::ErrorKind::NotFound => part::remove(&sidecar(to)),
        Err(source) => Err(file_error(&sidecar(to))(source)),
    }
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Record {
    #[serde(flatten)]
    validators: Validators,
    #[serde(default)]
    uncommitted: bool,
}

impl Record {
    fn read(path: &Path) -> Result<Self, FetchError> {
        let beside = sidecar(path);
        match fs_err::read(&beside) {
            // A record that cannot be read remembers nothing: the file is downloaded again, which mends it.
            Ok(json) => {
                return Ok(serde_json::from_slice(&json).unwrap_or(Self {
                    validators: Validators::default(),
                    uncommitted: true,
                }));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(file_error(&beside)(source)),
        }
        Ok(Self {
            validators: Validators {
                etag: attribute(path, ETAG)?,
                last_modified: attribute(path, LAST_MODIFIED)?,
            },
            uncommitted: attribute(path, UNCOMMITTED)?.is_some(),
        })
    }

    fn write(&self, path: &Path) -> Result<(), FetchError> {
        match self.write_attributes(path) {
            Ok(()) => part::remove(&sidecar(path)),
            Err(error) if is_unsupported(&error) => {
                let json =
                    serde_json::to_vec(self).map_err(|error| file_error(path)(error.into()))?;
                fs_err::write(sidecar(path), json).map_err(file_error(&sidecar(path)))
            }
            Err(source) => Err(file_error(path)(source)),
        }
    }

    /// The mark goes last when it goes, and comes first when it comes: a crash in between errs towards downloading
    /// again.
    fn write_attributes(&self, path: &Path) -> io::Result<()> {
        if self.uncommitted {
            xattr::set(path, UNCOMMITTED, b"1")?;
        }
        for (name, value) in [
            (ETAG, &self.validators.etag),
            (LAST_MODIFIED, &self.validators.last_modified),
        ] {
            match value {
                Some(value) => xattr::set(path, name, value.as_bytes())?,
                None => remove(path, name)?,
            }
        }
        if !self.uncommitted {
            remove(path, UNCOMMITTED)?;
        }
        Ok(())
    }
}

fn attribute(path: &Path, name: &str) -> Result<Option<String>, FetchError> {
    match xattr::get(path, name) {
        Ok(value) => Ok(value.map(|bytes| String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if is_unsupported(&error) => Ok(None),
        Err(source) => Err(file_error(path)(source)),
    }
}

fn remove(path: &Path, name: &str) -> io::Result<()> {
    if xattr::get(path, name)?.is_some() {
        xattr::remove(path, name)?;
    }
    Ok(())
}

fn is_unsupported(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Unsupported
}

/// Hidden, so that no recipe's wildcard finds it.
fn sidecar(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.validators.json"))
}

pub(crate) fn file_error(path: &Path) -> impl FnOnce(io::Error) -> FetchError {
    let path = path.to_owned();
    move |source| FetchError::File { path, source }
}
