//! What a run knows that nothing else has kept by the time it publishes.

use std::path::PathBuf;

use fetch::Commit;
use model::{Sha256, Timestamp};
use processors::Download;
use recipe::Closure;
use redact::Scrubber;
use serde::{Deserialize, Serialize};

/// What a run knows that nothing else has kept by the time it publishes; it waits with the run for the scanner.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// The identifier of the override.
    pub(crate) identifier: String,
    /// The run's private folder.
    pub(crate) workspace: PathBuf,
    /// Every file that the plan was made of or reaches.
    pub(crate) closure: Closure,
    /// Whether the override has `AutoPkg`'s trust information, which was verified then.
    pub(crate) has_trust_info: bool,
    /// Who approved that, if anybody did.
    pub(crate) approved_by: Option<String>,
    /// When.
    pub(crate) approved_at: Option<Timestamp>,
    /// What was downloaded.
    #[serde(default)]
    pub(crate) downloads: Vec<Downloaded>,
    /// What the gates let pass with a warning.
    #[serde(default)]
    pub(crate) warnings: Vec<String>,
}

/// A file that was downloaded, or found unchanged.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub(crate) struct Downloaded {
    /// Its name.
    pub(crate) name: String,
    /// Where it was asked for; nothing if it was given by hand.
    pub(crate) url: Option<String>,
    /// Where it was sent to from there.
    pub(crate) redirects: Vec<String>,
    /// The digest of its bytes.
    pub(crate) sha256: Option<Sha256>,
    /// How many bytes it has.
    pub(crate) len_bytes: Option<u64>,
    /// Whether the server sent it, rather than saying that it had not changed.
    pub(crate) is_new: bool,
    /// `ETag`.
    pub(crate) etag: Option<String>,
    /// `Last-Modified`.
    pub(crate) last_modified: Option<String>,
}

impl Downloaded {
    /// What is to be said of `download`, secrets taken out.
    pub(crate) fn of(download: &Download, commits: &[Commit], scrubber: &Scrubber) -> Self {
        let commit = commits.iter().find(|commit| commit.path == download.path);
        let name = download.path.file_name().unwrap_or_default();
        let validators = commit.map(|commit| commit.validators.clone());
        let validators = validators.unwrap_or_default();
        let safe = |text: &dyn std::fmt::Display| scrubber.scrub(&text.to_string());
        Self {
            name: safe(&name.to_string_lossy()),
            url: download.url.as_ref().map(|url| safe(url)),
            redirects: download.redirects.iter().map(|url| safe(url)).collect(),
            sha256: download.sha256,
            len_bytes: download.len_bytes,
            is_new: download.changed,
            etag: validators.etag.as_ref().map(|etag| safe(etag)),
            last_modified: validators.last_modified.as_ref().map(|date| safe(date)),
        }
    }
}
