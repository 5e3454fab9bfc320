//! Apple's requirement language: what code must be, as text, as bytes, and judged.

mod binary;
mod date;
mod evaluate;
mod expression;
mod keywords;
mod lexer;
mod oid;
mod print;
mod set;
#[cfg(test)]
mod tests;
mod text;

use std::{fmt, str::FromStr};

use wire::{Cursor, ParseError};

pub(crate) use evaluate::{Context, Undecided};
pub use expression::{Expression, Match, Slot};
pub use set::{RequirementKind, RequirementSet};

/// A code requirement.
///
/// ```text
/// identifier "org.mozilla.firefox" and anchor apple generic and certificate leaf[subject.OU] = "43AQ936H96"
/// ```
///
/// # Source
/// Apple, "Code Signing Requirement Language"; the grammar and the interpreter in Apple's open Security sources
/// (`requirements.grammar`, `reqinterp.cpp`).
///
/// Two are equal if they say the same in the same order, however their chains of `and` and `or` are put in parentheses.
#[derive(Clone, Debug)]
pub struct Requirement {
    expression: Expression,
}

/// Why a text is not a requirement.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a code requirement: {what} at character {at}")]
pub struct RequirementError {
    /// What is wrong, in words.
    pub what: String,
    /// Where, in characters from 1.
    pub at: usize,
}

impl Requirement {
    /// Reads a requirement as `codesign -R` does: an equals sign before it is passed over.
    ///
    /// # Errors
    /// If the text is no requirement; what this program cannot judge is refused when it is judged, not here.
    pub fn parse(text: &str) -> Result<Self, RequirementError> {
        text::parse(text).map(|expression| Self { expression })
    }

    /// What it says.
    pub const fn expression(&self) -> &Expression {
        &self.expression
    }

    /// Reads a requirement in the form that `csreq -b` writes, and nothing after it.
    ///
    /// # Errors
    /// If the bytes are no requirement, or hold something that is not understood.
    pub fn from_binary(bytes: &[u8]) -> Result<Self, ParseError> {
        let mut cursor = Cursor::new("requirement", bytes);
        let expression = binary::requirement(&mut cursor)?;
        cursor.finish()?;
        Ok(Self { expression })
    }

    /// The requirement in the form that `csreq -b` writes.
    pub fn to_binary(&self) -> Vec<u8> {
        binary::write(&self.expression)
    }

    /// The requirement that says `expression`.
    pub(crate) const fn new(expression: Expression) -> Self {
        Self { expression }
    }

    /// Whether the code meets it.
    pub(crate) fn is_met_by(&self, context: Context<'_>) -> Result<bool, Undecided> {
        evaluate::evaluate(&self.expression, context)
    }

    /// Whether it says no more than `always`.
    pub fn is_always_met(&self) -> bool {
        fn always(expression: &Expression) -> bool {
            match expression {
                Expression::Always => true,
                Expression::And(terms) => terms.iter().all(always),
                Expression::Or(terms) => terms.iter().any(always),
                Expression::Not(inner) => never(inner),
                _ => false,
            }
        }
        fn never(expression: &Expression) -> bool {
            match expression {
                Expression::Never => true,
                Expression::And(terms) => terms.iter().any(never),
                Expression::Or(terms) => terms.iter().all(never),
                Expression::Not(inner) => always(inner),
                _ => false,
            }
        }
        always(&self.expression)
    }
}

impl PartialEq for Requirement {
    fn eq(&self, other: &Self) -> bool {
        self.expression.flat() == other.expression.flat()
    }
}

impl Eq for Requirement {}

impl FromStr for Requirement {
    type Err = RequirementError;

    fn from_str(text: &str) -> Result<Self, RequirementError> {
        Self::parse(text)
    }
}

/// As `codesign --display --requirements -` prints it.
impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print::requirement(&self.expression, f)
    }
}
