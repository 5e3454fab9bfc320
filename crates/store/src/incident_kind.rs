//! Kinds of events of incidents.

use std::str::FromStr;

use model::UnknownWord;
use serde::{Deserialize, Serialize};

/// What happened to an incident, as far as desks are told.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventKind {
    /// It is new.
    Opened,
    /// It happened again, or somebody took it.
    Updated,
    /// It was resolved a short while ago, and is back.
    Reopened,
    /// It is over.
    Resolved,
    /// Half of a clock, three quarters, or nine tenths are over.
    Warned,
    /// A clock is over.
    Breached,
    /// Somebody wrote something about it.
    Noted,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::Opened,
        Self::Updated,
        Self::Reopened,
        Self::Resolved,
        Self::Warned,
        Self::Breached,
        Self::Noted,
    ];

    /// The name used in tables, logs and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Updated => "updated",
            Self::Reopened => "reopened",
            Self::Resolved => "resolved",
            Self::Warned => "warned",
            Self::Breached => "breached",
            Self::Noted => "noted",
        }
    }
}

impl FromStr for EventKind {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == word)
            .ok_or_else(|| UnknownWord {
                list: "kind of event",
                word: word.to_owned(),
            })
    }
}
