//! Why a text is no predicate, and why one has no answer.

/// Why a text is no predicate.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// Something else stands there than can.
    #[error("{expected} is expected at character {position}, not {found}")]
    Expected {
        /// What could stand there, in words.
        expected: &'static str,
        /// What stands there.
        found: String,
        /// Where, in characters from 0.
        position: usize,
    },
    /// Part of the language, but not understood here.
    #[error("`{what}` at character {position} is not understood")]
    Unsupported {
        /// What it is.
        what: String,
        /// Where, in characters from 0.
        position: usize,
    },
    /// A text has no closing quote.
    #[error("the text that begins at character {position} is not closed")]
    Unclosed {
        /// Where it begins, in characters from 0.
        position: usize,
    },
    /// Longer, or deeper nested, than any predicate of a recipe.
    #[error("the predicate is too long or too deeply nested")]
    TooLarge,
}

/// Why a predicate has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvaluateError {
    /// Two values have no order, or an operation does not go with them.
    #[error("{left} and {right} cannot be compared with {operator}")]
    Incomparable {
        /// The type on the left, as Python names it.
        left: &'static str,
        /// The type on the right.
        right: &'static str,
        /// The operator.
        operator: &'static str,
    },
    /// The pattern of `MATCHES` cannot be used.
    #[error("the pattern of MATCHES cannot be used")]
    Pattern(#[source] Box<fancy_regex::Error>),
}
