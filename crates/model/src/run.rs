//! The states of a run, and what sets one off.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::UnknownWord;

/// Where a run stands.
///
/// `queued → running → (unchanged | scanning → publishing → published) | held | failed | cancelled`
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunState {
    /// Waits for a worker.
    Queued,
    /// A worker carries out its steps.
    Running,
    /// Parked in the database until the scanner has answered.
    Scanning,
    /// Its change set is being applied.
    Publishing,
    /// Ended: the repository has what it staged.
    Published,
    /// Ended: there was nothing new.
    Unchanged,
    /// Waits for a person.
    Held,
    /// Ended: something stopped it, and an incident tells what.
    Failed,
    /// Ended: somebody stopped it.
    Cancelled,
}

impl RunState {
    /// Every state, in the order of a run's life.
    pub const ALL: [Self; 9] = [
        Self::Queued,
        Self::Running,
        Self::Scanning,
        Self::Publishing,
        Self::Published,
        Self::Unchanged,
        Self::Held,
        Self::Failed,
        Self::Cancelled,
    ];

    /// The name used in tables, logs and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Scanning => "scanning",
            Self::Publishing => "publishing",
            Self::Published => "published",
            Self::Unchanged => "unchanged",
            Self::Held => "held",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether nothing will happen to the run any more.
    pub const fn is_final(self) -> bool {
        matches!(
            self,
            Self::Published | Self::Unchanged | Self::Failed | Self::Cancelled
        )
    }

    /// Whether the run did all it was asked to.
    pub const fn is_good(self) -> bool {
        matches!(self, Self::Published | Self::Unchanged)
    }
}

impl fmt::Display for RunState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for RunState {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == word)
            .ok_or_else(|| UnknownWord {
                list: "run state",
                word: word.to_owned(),
            })
    }
}

/// What set a run off.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trigger {
    /// A person, at the command line or through the API.
    Manual,
    /// The scheduler.
    Schedule,
}

impl Trigger {
    /// The name used in tables, logs and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Schedule => "schedule",
        }
    }
}

impl FromStr for Trigger {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        match word {
            "manual" => Ok(Self::Manual),
            "schedule" => Ok(Self::Schedule),
            _ => Err(UnknownWord {
                list: "trigger",
                word: word.to_owned(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_has_one_name_in_text_and_json() {
        for state in RunState::ALL {
            assert_eq!(state.as_str().parse(), Ok(state));
            assert_eq!(
                serde_json::to_string(&state).unwrap(),
                format!("\"{}\"", state.as_str())
            );
            assert!(!state.is_good() || state.is_final());
        }
    }
}
