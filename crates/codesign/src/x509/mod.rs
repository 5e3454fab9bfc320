//! Certificates, the keys in them, and the way up to Apple's roots.

mod anchors;
mod certificate;
mod chain;
mod key;
#[cfg(test)]
pub(crate) mod tests;

pub(crate) use certificate::Certificate;
pub(crate) use chain::{Chain, Purpose};
pub(crate) use key::{PublicKey, Scheme};
