//! What was looked at, and what came of it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One proof that was looked at, as it is kept with the step that downloaded the file.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Check {
    /// Which proof: `github-asset-digest`, `sparkle-ed25519`.
    pub name: String,
    /// What came of it.
    pub result: Outcome,
    /// More about it, for people.
    pub detail: String,
}

impl Check {
    /// A check called `name` with what came of it.
    pub fn new(name: impl Into<String>, result: Outcome, detail: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            result,
            detail: detail.into(),
        }
    }
}

/// `github-asset-digest: pass (SHA-256 …)`
impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({})", self.name, self.result, self.detail)
    }
}

/// What came of a check.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The proof holds.
    Pass,
    /// The proof does not hold.
    Fail,
    /// It could not be made, and says nothing.
    NotMade,
}

impl Outcome {
    /// Its name in records and messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::NotMade => "not-made",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_reads_as_it_is_said() {
        let check = Check::new("github-asset-digest", Outcome::NotMade, "no digest");
        assert_eq!(
            check.to_string(),
            "github-asset-digest: not-made (no digest)"
        );
    }
}
