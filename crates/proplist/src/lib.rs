//! Property lists as Python and Core Foundation read and write them.
//!
//! Recipes, pkginfo, catalogs, `Info.plist`, the map of a disk image: all are property lists. [`Value`] is what
//! they hold, in file order; [`from_bytes`] reads XML and binary ones; [`to_xml`] writes the very bytes that
//! Core Foundation's XML writer writes, which Munki's repository consists of.
//!
//! The `plist` crate reads the binary form. XML is read here, because that crate drops CDATA sections and keeps
//! carriage returns, and public recipes depend on both (`from_bytes` does as Python's `plistlib` does: CDATA is
//! text, CR and CRLF become LF, of two equal keys the last wins and keeps the first one's place).
//!
//! **Invariants:** no panic for any input; nesting is bounded; order of keys is kept.
#![forbid(unsafe_code)]

mod error;
mod places;
mod python;
mod read;
mod strict;
mod value;
mod write;

pub use error::{ReadError, ValueError, WriteError};
pub use places::{Part, places};
pub use python::{repr, str_form};
pub use read::from_bytes;
pub use strict::from_bytes_strict;
pub use value::{Dict, Value};
pub use write::{KeyOrder, to_xml};
