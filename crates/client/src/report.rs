//! What Munki says of its last run, in the words of its versions 6 and 7.

use chrono::{DateTime, Utc};
use proplist::{Dict, Value};

use crate::{
    Fault, Files,
    plists::{self, Document},
    preferences::Munki,
};

/// A title that was installed or removed without a fault.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Done {
    /// Its name.
    pub(crate) name: String,
    /// Its version, if Munki says one.
    pub(crate) version: String,
}

/// What is used of `ManagedInstallReport.plist`. What it lacks counts as nothing: version 7 leaves out arrays that would
/// be empty.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Report {
    /// What was installed.
    pub(crate) installs: Vec<Done>,
    /// What was there already.
    pub(crate) installed: Vec<String>,
    /// What was removed.
    pub(crate) removals: Vec<Done>,
    /// What was gone already.
    pub(crate) removed: Vec<String>,
    /// How many warnings.
    pub(crate) warnings: usize,
}

/// The path of the report.
pub(crate) fn path(munki: &Munki) -> String {
    munki.file("ManagedInstallReport.plist")
}

impl Report {
    /// Reads it, without the results that are older than `since`: version 7 begins the report of an installation with
    /// that of the check before it. None if there is no report.
    ///
    /// # Errors
    /// If it is not safe to read or no property list.
    pub(crate) fn read(
        files: &Files,
        munki: &Munki,
        since: Option<DateTime<Utc>>,
    ) -> Result<Option<Self>, Fault> {
        let document = Document::read(files, &path(munki))?;
        Ok(document.map(|document| Self::of(&document.dict, since)))
    }

    fn of(dict: &Dict, since: Option<DateTime<Utc>>) -> Self {
        Self {
            installs: done(dict.get("InstallResults"), since),
            installed: plists::texts(dict.get("InstalledItems")),
            removals: done(dict.get("RemovalResults"), since),
            removed: plists::texts(dict.get("RemovedItems")),
            warnings: plists::count(dict.get("Warnings")),
        }
    }
}

/// The results that are successes and not from before `since`.
fn done(results: Option<&Value>, since: Option<DateTime<Utc>>) -> Vec<Done> {
    let results = results.and_then(Value::as_array).unwrap_or_default();
    results
        .iter()
        .filter_map(Value::as_dict)
        .filter(|result| is_zero(result.get("status")) && !is_older(result.get("time"), since))
        .filter_map(|result| {
            let text = |key: &str| result.get(key).and_then(Value::as_str);
            Some(Done {
                name: text("name")?.to_owned(),
                version: text("version").unwrap_or_default().to_owned(),
            })
        })
        .collect()
}

/// Munki's versions write a number, and what others made of the file may be a truth value or a text.
fn is_zero(status: Option<&Value>) -> bool {
    match status {
        Some(Value::Integer(number)) => *number == 0,
        Some(Value::Bool(failed)) => !failed,
        Some(Value::String(text)) => text.trim() == "0",
        _ => false,
    }
}

fn is_older(time: Option<&Value>, since: Option<DateTime<Utc>>) -> bool {
    let Some(since) = since else {
        return false;
    };
    let time = match time {
        Some(Value::Date(date)) => Some(*date),
        Some(Value::String(text)) => DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S %z")
            .ok()
            .map(|date| date.to_utc()),
        _ => None,
    };
    // A property list keeps whole seconds.
    time.is_some_and(|time| time.timestamp() < since.timestamp())
}

/// How many titles wait to be installed or removed.
///
/// # Errors
/// If `InstallInfo.plist` is not safe to read or no property list.
pub(crate) fn pending(files: &Files, munki: &Munki) -> Result<usize, Fault> {
    let Some(document) = Document::read(files, &munki.file("InstallInfo.plist"))? else {
        return Ok(0);
    };
    let count = |key: &str| plists::count(document.dict.get(key));
    Ok(count("managed_installs").saturating_add(count("removals")))
}
