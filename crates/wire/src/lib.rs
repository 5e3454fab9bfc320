//! The only place that slices untrusted bytes.
//!
//! ```
//! # use wire::{Cursor, ParseError};
//! # fn main() -> Result<(), ParseError> {
//! let mut cursor = Cursor::new("greeting", b"hi\x00\x02ok");
//! cursor.magic(*b"hi")?;
//! let len = u64::from(cursor.u16_be()?);
//! assert_eq!(cursor.take(len)?, b"ok");
//! cursor.finish()
//! # }
//! ```
//!
//! A [`Cursor`] holds the rest of a slice, its offset, and the name of the structure it reads, so that every
//! error says where and in what: `greeting: 8 bytes needed at byte 2, 4 remain`. A length-prefixed part becomes
//! a cursor of its own ([`Cursor::part`]), so that a lie inside it cannot reach outside. A [`Budget`] bounds what
//! an inflater, a tree or a chain may produce: **a declared size is an accusation, not a fact.** [`bounded_xml`] is
//! asked before XML of others is given to a parser.
//!
//! **Invariants:** no panic for any input; no allocation by a declared size.
#![forbid(unsafe_code)]
#![warn(clippy::arithmetic_side_effects)]

mod budget;
mod cursor;
mod error;
mod read_at;
mod xml;

pub use budget::{Budget, BudgetReader};
pub use cursor::Cursor;
pub use error::ParseError;
pub use read_at::{FileSource, Part, ReadAt, SourceReader, fill_with, read_up_to, read_vec};
pub use xml::bounded_xml;
