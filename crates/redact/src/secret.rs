//! A value that cannot be printed.

use std::fmt;

use serde::{Deserialize, Deserializer};

/// A value that must not reach logs, arguments, texts or snapshots.
#[derive(Clone, Eq, PartialEq)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Hides `value`.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value, for the one place that must have it: a header, a key schedule.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Secret<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_stars() {
        let key: Secret<String> = serde_json::from_str("\"hunter2\"").unwrap();
        assert_eq!(format!("{key:?}"), "Secret(***)");
        assert_eq!(key.expose(), "hunter2");
    }
}
