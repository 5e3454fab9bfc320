//! What is wrong with a property list.

use std::num::{ParseFloatError, ParseIntError};

/// Why bytes are not a property list.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The binary form is damaged.
    #[error("not a valid binary property list")]
    Binary(#[source] plist::Error),
    /// The text is not well-formed XML.
    #[error("not well-formed XML near line {line}")]
    Xml {
        /// The line, from 1.
        line: usize,
        /// The XML reader's own words.
        source: quick_xml::Error,
    },
    /// The XML is not a property list.
    #[error("not a property list: {what} near line {line}")]
    Structure {
        /// What is wrong, in words.
        what: String,
        /// The line, from 1.
        line: usize,
    },
    /// An element holds text that its kind of value is not written as.
    #[error("not a property list: {what} near line {line}")]
    Value {
        /// What is wrong, in words.
        what: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong with the text.
        source: ValueError,
    },
}

impl ReadError {
    /// The line that is wrong, from 1; none for a binary property list.
    pub const fn line(&self) -> Option<usize> {
        match self {
            Self::Binary(_) => None,
            Self::Structure { line, .. } | Self::Value { line, .. } | Self::Xml { line, .. } => {
                Some(*line)
            }
        }
    }
}

/// Why a text is not the value that its element says it is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ValueError {
    /// Not base64.
    #[error("not base64")]
    Data(#[source] base64::DecodeError),
    /// Not a date as property lists write them.
    #[error("not of the form `2026-11-24T20:00:00Z`")]
    Date(#[source] chrono::ParseError),
    /// Not a whole number.
    #[error("not a whole number")]
    Integer(#[source] ParseIntError),
    /// Not a number.
    #[error("not a number")]
    Real(#[source] ParseFloatError),
}

/// Why a value cannot be written as a property list.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// A null, which property lists do not have.
    #[error("a property list cannot hold a null")]
    Null,
    /// A control character that XML 1.0 has no way to write.
    #[error("a property list cannot hold the control character {0:?}")]
    Control(char),
}
