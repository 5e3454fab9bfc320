//! What vendors give beside a download to prove that it is theirs, over bytes that are on disk already.
//!
//! Apple's signatures say who signed what is *in* a medium; they are the business of `codesign`. Much of what is
//! downloaded comes with a proof of the medium itself, which is known before anything of it is opened:
//!
//! - a [`Digest`], which GitHub states of each asset, and which lists of [`Checksums`] have;
//! - a signature by a [`MinisignKey`], or by one of a vendor's [`OpenPgpKeys`];
//! - a signature of [`sparkle`], whose public key the application carries for its own updates.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::path::Path;
//!
//! use proofs::{Algorithm, Digest, sparkle};
//!
//! let stated: Digest = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".parse()?;
//! let found = Algorithm::Sha256.of_reader(&mut std::fs::File::open("App.zip")?)?;
//! assert_eq!(found, stated);
//!
//! let file = Path::new("App.zip");
//! let own = sparkle::keys_in(file);
//! let signatures = sparkle::Signatures { ed25519: Some("c2lnbmF0dXJl".to_owned()), dsa: None };
//! let pinned = [];
//! let judgement = sparkle::judge(file, &signatures, &pinned, &own.keys)?;
//! assert!(judgement.refusal.is_none());
//! # Ok(()) }
//! ```
//!
//! # Words
//! A *proof* is what a vendor gives. A [`Check`] is one look at a proof, and what came of it. A key is *pinned* when
//! somebody accepted it before; the application's *own* key is the one that the download itself carries, which by
//! itself proves only that whoever made the feed made the application, too.
//!
//! # Invariants
//! - Pure: it reads files that are named to it, asks no server and keeps nothing.
//! - Nothing passes that was not checked: a proof that cannot be read is no proof, and an algorithm that is not
//!   understood or is too weak is refused by its name.
//! - Keys and signatures come from strangers: their sizes are bounded before anything is computed with them.
//! - Files are read from front to back, in pieces; memory does not grow with them.
//!
//! # Sources
//! FIPS 180-4 (SHA), FIPS 186-4 (DSA), RFC 8032 (Ed25519), RFC 3279 §2.3.2 (DSA keys), RFC 9580 (`OpenPGP`); Sparkle 2,
//! `SUSignatureVerifier.m`, `SUUpdateValidator.m`, `SUHost.m`.
#![forbid(unsafe_code)]
#![warn(clippy::arithmetic_side_effects)]

mod check;
mod checksums;
mod digest;
mod dsa;
mod ed25519;
mod error;
#[doc(hidden)]
pub mod fuzzing;
mod key;
mod minisign;
mod openpgp;
pub mod sparkle;
mod text;

pub use check::{Check, Outcome};
pub use checksums::{Checksums, ChecksumsError};
pub use digest::{Algorithm, Digest, DigestError};
pub use error::ProofError;
pub use key::{KeyChange, KeyKind, VendorKey, key_changes};
pub use minisign::{MinisignKey, MinisignSignature};
pub use openpgp::{OpenPgpKeys, OpenPgpSigner};
