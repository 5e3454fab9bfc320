//! What is wrong with a signature.

use std::error::Error;

use wire::ParseError;

/// Something in a signature that is not as it ought to be: one stable word for programs, and a sentence for people.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{detail}")]
pub(crate) struct Flaw {
    pub(crate) code: &'static str,
    pub(crate) detail: String,
}

impl Flaw {
    pub(crate) fn new(code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
        }
    }

    /// What an error and those below it say.
    pub(crate) fn of_error(code: &'static str, error: &dyn Error) -> Self {
        Self::new(code, model::chain(error))
    }

    /// The same flaw, found in a part that `place` names.
    pub(crate) fn within(self, place: &str) -> Self {
        Self {
            code: self.code,
            detail: format!("{place}: {}", self.detail),
        }
    }
}

/// Bytes that cannot be read as what they ought to be are as bad as wrong ones.
impl From<ParseError> for Flaw {
    fn from(error: ParseError) -> Self {
        let code = match error {
            ParseError::Unsupported { .. } => "unsupported",
            _ => "malformed",
        };
        Self::new(code, error.to_string())
    }
}
