//! What an audit says.

use std::path::PathBuf;

/// How bad it is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Severity {
    /// Nothing is wrong; somebody ought to have looked at it.
    Note,
    /// It works, and not as safely or not in every case as it ought to.
    Warning,
    /// It fails here, or does not do what its author thinks.
    Error,
}

impl Severity {
    /// Its name in every form of output; also the `level` of SARIF.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Note => "note",
            Self::Warning => "warning",
        }
    }
}

/// One thing that is looked for.
#[derive(Debug, Eq, PartialEq)]
pub struct Rule {
    /// Its name, which never changes: lower case and hyphens.
    pub id: &'static str,
    /// How bad it usually is.
    pub severity: Severity,
    /// What it finds, in a few words.
    pub title: &'static str,
    /// Why that matters, in a sentence or two.
    pub why: &'static str,
}

/// One thing that was found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Finding {
    /// What was looked for.
    pub rule: &'static Rule,
    /// How bad it is here.
    pub severity: Severity,
    /// The file that it stands in.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// What is there.
    pub message: String,
    /// How it is mended.
    pub mend: String,
}
