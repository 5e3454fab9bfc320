//! Files and folders that hold a disk in some wrapping that is not UDIF's.

mod bundle;
mod encrypted;
mod key_blob;
mod password;
pub(crate) mod sparse;

pub(crate) use bundle::SparseBundle;
pub(crate) use encrypted::EncryptedImage;
pub use password::{OpenOptions, Password};

#[cfg(test)]
pub(crate) mod tests;
