//! Apple code signatures judged on Linux: Mach-O programs, bundles, disk images and flat packages.
#![forbid(unsafe_code)]
#![warn(clippy::arithmetic_side_effects)]

mod asn1;
mod bundle;
mod checks;
mod cms;
mod code;
mod error;
mod flaw;
#[doc(hidden)]
pub mod fuzzing;
mod hash;
mod identity;
mod image;
mod loose;
mod macho;
mod notarization;
mod package;
mod pins;
mod program;
mod report;
mod requirement;
mod revoked;
mod terms;
#[cfg(test)]
mod tests;
mod ticket;
mod turns;
mod verdict;
mod verify;
mod x509;

pub use error::CodesignError;
pub use identity::{Identity, IdentityChange, IdentityKind, identity_changes};
pub use pins::Pins;
pub use report::{Check, CodeDirectoryHash, Notarization, Outcome, Report, Signature, Verdict};
pub use requirement::{
    Expression, Match, Requirement, RequirementError, RequirementKind, RequirementSet, Slot,
};
pub use revoked::{Revocations, RevocationsError};
pub use verify::{verify, verify_in};
