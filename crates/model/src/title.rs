//! The name of a piece of software we look after.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A title: the short name of its override, without extension, such as `Firefox.munki`.
///
/// It names files and rows, so it is not empty, holds no `/` and no control character, and is at most 255 bytes.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Title(String);

/// A text that cannot name a title.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{given}` cannot name a title: {why}")]
pub struct TitleError {
    /// The text, control characters escaped.
    pub given: String,
    /// The rule it breaks.
    pub why: &'static str,
}

impl Title {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Title {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Title {
    type Error = TitleError;

    fn try_from(name: String) -> Result<Self, TitleError> {
        let why = match name.as_str() {
            "" => "it is empty",
            "." | ".." => "it names a folder",
            text if text.len() > 255 => "it is longer than 255 bytes",
            text if text.contains('/') => "it holds a slash",
            text if text.chars().any(char::is_control) => "it holds a control character",
            _ => return Ok(Self(name)),
        };
        Err(TitleError {
            given: name.escape_debug().to_string(),
            why,
        })
    }
}

impl FromStr for Title {
    type Err = TitleError;

    fn from_str(name: &str) -> Result<Self, TitleError> {
        name.to_owned().try_into()
    }
}

impl From<Title> for String {
    fn from(title: Title) -> Self {
        title.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_a_plain_name() {
        assert_eq!(
            "Firefox.munki".parse::<Title>().unwrap().as_str(),
            "Firefox.munki"
        );
        for name in ["", "..", "a/b", "a\nb", &"x".repeat(256)] {
            assert!(name.parse::<Title>().is_err(), "{name}");
        }
    }
}
