//! Writes what is in a tree to a folder of the host.

mod apple_double;
mod copier;
mod folder;
mod streamed;
mod writer;

pub use writer::{Attributes, Extracted, extract, extract_within};

#[cfg(test)]
mod tests;
