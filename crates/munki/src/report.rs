//! What making catalogs had to say.

use crate::Compat;

/// How bad it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Severity {
    /// Something could not be done.
    Error,
    /// Something looks wrong; the rest was done.
    Warning,
}

/// What making catalogs had to say, in the order in which it was found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// One line for each thing done.
    pub progress: Vec<String>,
    /// What is wrong, in Munki's words.
    pub notes: Vec<(Severity, String)>,
}

impl Report {
    /// Notes that something could not be done.
    pub fn error(&mut self, text: impl Into<String>) {
        self.notes.push((Severity::Error, text.into()));
    }

    /// Notes that something looks wrong.
    pub fn warning(&mut self, text: impl Into<String>) {
        self.notes.push((Severity::Warning, text.into()));
    }

    /// Notes that something was done.
    pub fn progress(&mut self, text: impl Into<String>) {
        self.progress.push(text.into());
    }

    /// Adds what `later` says.
    pub fn extend(&mut self, later: Self) {
        self.progress.extend(later.progress);
        self.notes.extend(later.notes);
    }

    /// The lines that Munki writes to standard error: Munki 6 as they were found, Munki 7 warnings first.
    pub fn lines(&self, compat: Compat) -> Vec<String> {
        let mut notes: Vec<&(Severity, String)> = self.notes.iter().collect();
        if compat == Compat::Munki7 {
            notes.sort_by_key(|(severity, _)| *severity == Severity::Error);
        }
        notes
            .into_iter()
            .map(|(severity, text)| match severity {
                Severity::Error => text.clone(),
                Severity::Warning => format!("WARNING: {text}"),
            })
            .collect()
    }

    /// Munki's exit status: Munki 6 ends with 255 if there is anything to say, Munki 7 with 1 if there is an error.
    pub fn exit_status(&self, compat: Compat) -> u8 {
        match compat {
            Compat::Munki6 if !self.notes.is_empty() => 255,
            Compat::Munki7 if self.has_errors() => 1,
            _ => 0,
        }
    }

    /// Whether something could not be done.
    pub fn has_errors(&self) -> bool {
        self.notes
            .iter()
            .any(|(severity, _)| *severity == Severity::Error)
    }
}
