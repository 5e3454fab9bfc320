//! NSPredicate: the language of `StopProcessingIf`.
//!
//! # Words
//! A [`Predicate`] is a text such as `download_changed == FALSE AND NOT version BEGINSWITH "24"`; it is parsed once
//! and evaluated against the variables of a run.
//!
//! # Example
//! ```
//! let predicate = predicate::Predicate::parse("download_changed == False OR version == \"\"").unwrap();
//! let variables = [("download_changed".to_owned(), true.into())].into_iter().collect();
//! assert!(!predicate.evaluate(&variables).unwrap());
//! ```
//!
//! # What is understood
//! `== = != <> < <= =< > >= =>`, `BEGINSWITH CONTAINS ENDSWITH LIKE MATCHES` with `[c]` and `[d]`, `IN`, `BETWEEN`,
//! `AND && OR || NOT !`, parentheses, `TRUEPREDICATE`, `FALSEPREDICATE`; quoted texts, numbers, `TRUE YES FALSE NO`,
//! `NULL NIL`, lists in braces, key paths with `length` of texts and `@count` of lists at their end. Words of the
//! language are read in any case. Function calls, `SELF`, aggregates over collections and `%@` are errors by name.
//!
//! # Invariants
//! Does no I/O, never panics; nesting and the length of a text are bounded; a variable that is not set is nil, and
//! never an error.
//!
//! # Sources
//! Apple's "Predicate Format String Syntax"; `NSComparisonPredicate.h`. Marked as inferred: comparing the order of a
//! text and a number is an error here, where Foundation raises an exception.
#![forbid(unsafe_code)]

#[cfg(test)]
mod corpus;
mod error;
mod evaluate;
mod lexer;
mod parser;

pub use error::{EvaluateError, ParseError};
pub use parser::Predicate;
