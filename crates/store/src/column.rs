//! From columns to words: each conversion names the column it fails on.

use std::str::FromStr;

use serde::de::DeserializeOwned;

use crate::StoreError;

/// A word or an id that is kept as text.
pub(crate) fn word<T: FromStr>(column: &'static str, text: &str) -> Result<T, StoreError> {
    text.parse()
        .ok()
        .ok_or_else(|| StoreError::row(column, text))
}

/// As [`word`], where the column may be null.
pub(crate) fn optional_word<T: FromStr>(
    column: &'static str,
    text: Option<&str>,
) -> Result<Option<T>, StoreError> {
    text.map(|text| word(column, text)).transpose()
}

/// A count, which the database keeps with a sign.
pub(crate) fn count<T: TryFrom<i64>>(column: &'static str, value: i64) -> Result<T, StoreError> {
    T::try_from(value)
        .ok()
        .ok_or_else(|| StoreError::row(column, value.to_string()))
}

/// A JSON document.
pub(crate) fn json<T: DeserializeOwned>(column: &'static str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text)
        .ok()
        .ok_or_else(|| StoreError::row(column, text))
}
