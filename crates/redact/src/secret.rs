//! A value that cannot be printed.

use std::fmt;

use serde::{Deserialize, Deserializer, de::Error as _};

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
        // What a decoder says of a value of another type repeats the value.
        T::deserialize(deserializer).map(Self).map_err(|_shows| {
            D::Error::custom("this secret is not of the right type (it is not shown)")
        })
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

    #[test]
    fn is_not_shown_by_errors_either() {
        let error = serde_json::from_str::<Secret<String>>("12345678").unwrap_err();
        assert!(!error.to_string().contains("1234"), "{error}");
    }
}
