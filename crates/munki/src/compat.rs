//! Which Munki is followed where its versions differ.

use std::str::FromStr;

/// Which Munki is followed where its versions differ.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Compat {
    /// Munki 6 (Python, 6.7).
    Munki6,
    /// Munki 7 (Swift, 7.0), the reference.
    #[default]
    Munki7,
}

/// A text that names no Munki we follow.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{given}` is not a version of Munki that is followed here: 6 or 7 is expected")]
pub struct UnknownCompat {
    /// The text that was given.
    pub given: String,
}

impl FromStr for Compat {
    type Err = UnknownCompat;

    fn from_str(text: &str) -> Result<Self, UnknownCompat> {
        match text {
            "6" => Ok(Self::Munki6),
            "7" => Ok(Self::Munki7),
            _ => Err(UnknownCompat {
                given: text.to_owned(),
            }),
        }
    }
}
