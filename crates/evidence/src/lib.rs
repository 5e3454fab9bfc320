//! Evidence: signed statements of what was published and of everything that was checked before, and the log of
//! publications. An auditor needs the public key and nothing else to hold both against a file.
//!
//! # Words
//! - A [`Statement`] (in-toto v1) says something, its *predicate*, about *subjects*: files by name and SHA-256.
//! - An [`Envelope`] (DSSE v1) is a signed payload. What is in it cannot be got at before [`Envelope::verify`] has
//!   found a signature by a key that is trusted: only a [`Verified`] one has a payload.
//! - A *bundle* is what lies beside an item in the repository: JSON Lines, one envelope a line. One of its statements
//!   names all the others by digest, so that none can be taken away unseen.
//! - The [`Keyring`] is where the private key lies, and every public key that there ever was.
//! - The [`Log`] is append-only: each entry is an envelope that holds the digest of the line before it; a signed
//!   checkpoint says how long the log is.
//!
//! # Invariants
//! - Nothing of an envelope is believed, shown or parsed as a statement before its signature is checked.
//! - The same facts and the same key give the same bytes: JSON is canonical, Ed25519 is deterministic.
//! - Sizes and counts of what is read are bounded.
//! - A private key is written once, readable by its owner only, and nothing is ever written over it but the next one.
//! - Pure but for the key files and the log, which it reads and writes itself.
//!
//! # Why so
//! Checkpoints are DSSE envelopes, too, rather than notes of a transparency log: those commit to the root of a Merkle
//! tree, which pays when millions of entries are proved to strangers one by one. A chain is read whole here, and one
//! format means one parser that strangers' bytes reach.
//!
//! # Sources
//! DSSE protocol and envelope v1; in-toto attestation framework, statement v1; SLSA provenance v1; RFC 8032 (Ed25519),
//! RFC 8410 (its keys in PKCS #8 and `SubjectPublicKeyInfo`), RFC 7468 (PEM), RFC 8785 (canonical JSON; no fractions
//! occur here).
#![forbid(unsafe_code)]
#![warn(clippy::arithmetic_side_effects)]

mod bundle;
mod canonical;
mod chain;
mod envelope;
mod error;
#[doc(hidden)]
pub mod fuzzing;
mod key;
mod keyring;
mod log;
mod statement;
#[cfg(test)]
mod tests;
mod verify;

pub use bundle::{SUFFIX, bundle_name, item_of, sign_bundle};
pub use chain::{Chain, Entry, Event, verify_log};
pub use envelope::{Envelope, Verified};
pub use error::{Code, KeyError, LogError, Refusal};
pub use key::{KeyId, PrivateKey, PublicKey};
pub use keyring::Keyring;
pub use log::{Log, is_log};
pub use statement::{CHECKS, CONTENTS, Predicate, SCAN, SLSA_PROVENANCE, Statement, Subject};
pub use verify::{LARGEST_BUNDLE, Line, Verdict, verify_bundle};
