//! Why a run failed, and how urgently somebody has to look.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A word of one of the fixed lists of this crate that is not on the list.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{word}` is not a {list}")]
pub struct UnknownWord {
    /// Which list was meant, in words: `failure class`, `run state`.
    pub list: &'static str,
    /// The word that was given.
    pub word: String,
}

/// What kind of failure stopped a run.
///
/// Together with scope and title it is the key of an incident; the version of the software never is.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureClass {
    /// A hash that the recipe pins does not match.
    Checksum,
    /// A signature is missing, broken, or not the pinned one.
    CodeSignature,
    /// The override, a preference or a recipe argument is wrong.
    Configuration,
    /// The vendor did not deliver.
    Download,
    /// The software is validly signed, but by somebody else than before.
    IdentityChanged,
    /// `MunkiImporter` could not describe or place the item.
    Import,
    /// A fault of this program.
    Internal,
    /// A scanner calls the medium malicious.
    Malware,
    /// Opening, unpacking or building media failed.
    Package,
    /// Writing to the repository failed.
    Publish,
    /// The vendor or a service told us to slow down.
    RateLimited,
    /// The vendor replaced a release silently: same version, other bytes.
    ReRelease,
    /// No scanner verdict could be had in time, or too few engines answered.
    ScanInconclusive,
    /// A page, feed or API no longer has what the recipe looks for.
    SourceChanged,
    /// Something took longer than allowed.
    Timeout,
    /// No approval, or something that was approved has changed.
    Trust,
}

impl FailureClass {
    /// Every class, in alphabetical order of its name.
    pub const ALL: [Self; 16] = [
        Self::Checksum,
        Self::CodeSignature,
        Self::Configuration,
        Self::Download,
        Self::IdentityChanged,
        Self::Import,
        Self::Internal,
        Self::Malware,
        Self::Package,
        Self::Publish,
        Self::RateLimited,
        Self::ReRelease,
        Self::ScanInconclusive,
        Self::SourceChanged,
        Self::Timeout,
        Self::Trust,
    ];

    /// The name used in tables, logs, JSON and incident keys.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Checksum => "checksum",
            Self::CodeSignature => "code-signature",
            Self::Configuration => "configuration",
            Self::Download => "download",
            Self::IdentityChanged => "identity-changed",
            Self::Import => "import",
            Self::Internal => "internal",
            Self::Malware => "malware",
            Self::Package => "package",
            Self::Publish => "publish",
            Self::RateLimited => "rate-limited",
            Self::ReRelease => "re-release",
            Self::ScanInconclusive => "scan-inconclusive",
            Self::SourceChanged => "source-changed",
            Self::Timeout => "timeout",
            Self::Trust => "trust",
        }
    }

    /// How urgent an incident of this class is unless the operator says otherwise.
    pub const fn default_priority(self) -> Priority {
        match self {
            Self::CodeSignature | Self::IdentityChanged | Self::Malware => Priority::P1,
            Self::Checksum | Self::Internal | Self::Publish | Self::ReRelease | Self::Trust => {
                Priority::P2
            }
            Self::Configuration
            | Self::Download
            | Self::Import
            | Self::Package
            | Self::ScanInconclusive
            | Self::SourceChanged => Priority::P3,
            Self::RateLimited | Self::Timeout => Priority::P4,
        }
    }
}

impl fmt::Display for FailureClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for FailureClass {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        Self::ALL
            .into_iter()
            .find(|class| class.as_str() == word)
            .ok_or_else(|| UnknownWord {
                list: "failure class",
                word: word.to_owned(),
            })
    }
}

/// How urgent an incident is; `P1` is the most urgent.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub enum Priority {
    /// Somebody may be attacking: look now.
    P1,
    /// A gate or the repository is affected: look today.
    P2,
    /// A title is stuck: look this week.
    P3,
    /// It will probably mend itself.
    P4,
}

impl Priority {
    /// Every priority, most urgent first.
    pub const ALL: [Self; 4] = [Self::P1, Self::P2, Self::P3, Self::P4];

    /// `P1` to `P4`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::P1 => "P1",
            Self::P2 => "P2",
            Self::P3 => "P3",
            Self::P4 => "P4",
        }
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Priority {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        Self::ALL
            .into_iter()
            .find(|priority| priority.as_str() == word)
            .ok_or_else(|| UnknownWord {
                list: "priority",
                word: word.to_owned(),
            })
    }
}

/// Whether doing the same thing again may help.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Retry {
    /// The cause is passing: try again with back-off.
    Later,
    /// The cause stays until somebody acts.
    Never,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_has_one_name_in_text_and_json() {
        for class in FailureClass::ALL {
            assert_eq!(class.as_str().parse(), Ok(class));
            assert_eq!(
                serde_json::to_string(&class).unwrap(),
                format!("\"{}\"", class.as_str())
            );
        }
    }

    #[test]
    fn an_unknown_class_names_itself() {
        let error = "cosmic-rays".parse::<FailureClass>().unwrap_err();
        assert_eq!(error.to_string(), "`cosmic-rays` is not a failure class");
    }
}
