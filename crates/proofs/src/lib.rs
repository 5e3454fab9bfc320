//! What vendors give beside a download to prove that it is theirs, over bytes that are on disk already.
#![forbid(unsafe_code)]
#![warn(clippy::arithmetic_side_effects)]

mod check;
mod digest;

pub use check::{Check, Outcome};
pub use digest::{Algorithm, Digest, DigestError};
