//! What the client remembers from run to run.

use chrono::{DateTime, Utc};
use model::Timestamp;
use proplist::Value;

use crate::{
    Access, Fault, Files,
    plists::{Document, Form},
};

const FOLDER: &str = "/private/var/db/auto-update";
const PATH: &str = "/private/var/db/auto-update/state.plist";
const PENDING: &str = "PendingCount";
const LAST_POSTFLIGHT: &str = "LastPostflight";
const FOLDER_BITS: u32 = 0o755;

/// What is remembered.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct State {
    /// How many titles waited after the last run.
    pub(crate) pending: usize,
    /// When postflight last ran to its end.
    pub(crate) last_postflight: Option<DateTime<Utc>>,
}

impl State {
    /// Reads it; what cannot be read was never remembered.
    pub(crate) fn read(files: &Files) -> Self {
        let Ok(Some(document)) = Document::read(files, PATH) else {
            return Self::default();
        };
        let pending = document.dict.get(PENDING).and_then(Value::as_i64);
        let last = match document.dict.get(LAST_POSTFLIGHT) {
            Some(Value::Date(date)) => Some(*date),
            _ => None,
        };
        Self {
            pending: pending.and_then(|n| usize::try_from(n).ok()).unwrap_or(0),
            last_postflight: last,
        }
    }

    /// Remembers it.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(crate) fn write(files: &Files, pending: usize, now: Timestamp) -> Result<(), Fault> {
        files.make_folder(FOLDER, FOLDER_BITS)?;
        let mut document = Document::new(Form::Binary);
        let pending = i64::try_from(pending).unwrap_or(i64::MAX);
        document
            .dict
            .insert(PENDING.to_owned(), Value::from(pending));
        document
            .dict
            .insert(LAST_POSTFLIGHT.to_owned(), Value::Date(now.to_utc()));
        document.write(files, PATH, Access::OwnerOnly)
    }
}
