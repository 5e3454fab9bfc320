//! Apple code signatures judged on Linux: Mach-O programs, bundles, disk images and flat packages.
//!
//! What `codesign --verify --deep --strict`, `pkgutil --check-signature` and `stapler validate` answer on a Mac, answered
//! without one, with a reason for each check that people can read and a word for it that programs can.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::path::Path;
//!
//! use codesign::{Pins, Requirement};
//! use model::{Clock as _, SystemClock};
//!
//! let pins = Pins {
//!     requirement: Some(Requirement::parse("anchor apple generic and certificate leaf[subject.OU] = ABCDE12345")?),
//!     ..Pins::none()
//! };
//! let report = codesign::verify(Path::new("Widget.dmg/Widget.app"), &pins, SystemClock.now())?;
//! if !report.satisfies(&pins) {
//!     for check in report.failures() {
//!         eprintln!("{}: {:?} {:?}", check.name, check.code, check.detail);
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! **Words.** A *code directory* holds a hash of every page of the code and of everything beside it (*special slots*); its
//! own hash, cut to 20 bytes, is the *cdhash*, by which code is known. A *CMS message* is what binds the code directory
//! to a certificate. A *seal* lists the resources of a bundle. A *ticket* is Apple's word that it has seen the code. A
//! *requirement* is a condition on all of these, in Apple's language. *Pins* are what the operator knows of the vendor.
//!
//! **What is judged.** Every architecture, every code directory, every page, every slot, every resource, nested code by its
//! own signature and by what was sealed of it; the chain to one of Apple's embedded roots, with Apple's marks, at the time
//! of the time stamp; the operator's [`Revocations`]; what was pinned. A [`Verdict`] sums it up, and each [`Check`] says
//! what came of it. [`identity_changes`] tells whether somebody else signs than before.
//!
//! **Invariants:** no false accept: what is not understood is refused, and what was not checked is said to be `not-made`;
//! bytes count as protected only if a hash of them was signed; nothing is asked of the network; never panics, whatever the
//! bytes; memory does not grow with the file. `docs/signatures.md` has every rule with its source, and where this is
//! stricter than macOS.
//!
//! **Sources:** Apple's open Security and xar sources and technotes; RFC 3161, 5280 and 5652.
#![forbid(unsafe_code)]
#![warn(clippy::arithmetic_side_effects)]

mod asn1;
mod bundle;
mod checks;
mod claims;
mod cms;
mod code;
mod error;
mod flaw;
#[doc(hidden)]
pub mod fuzzing;
mod hash;
mod identity;
mod image;
mod lanes;
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

pub use claims::{Claims, claims};
pub use error::CodesignError;
pub use identity::{Identity, IdentityChange, IdentityKind, identity_changes};
pub use pins::Pins;
pub use report::{Check, CodeDirectoryHash, Notarization, Outcome, Report, Signature, Verdict};
pub use requirement::{
    Expression, Match, Requirement, RequirementError, RequirementKind, RequirementSet, Slot,
};
pub use revoked::{Revocations, RevocationsError};
pub use verify::{verify, verify_in};
