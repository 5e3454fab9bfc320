//! Apple's disk images (`.dmg`): chunks of a disk, each compressed on its own.
//!
//! A trailer says where a property list is; the property list holds block maps, one for each partition; a block map
//! says for each chunk which sectors it holds, where it lies and how it is compressed. [`Image`] is the disk that
//! they make up, readable anywhere.
//!
//! Source: `hdiutil(1)`; the layouts as qemu's `block/dmg.c` and the images themselves show them.

mod adc;
mod ahead;
mod blockmap;
mod cache;
mod chunk;
mod chunks;
pub(crate) mod constants;
mod image;
mod lzfse;
mod resources;
mod segments;
mod trailer;

pub use image::Image;
pub(crate) use segments::{Beside, join};
pub use trailer::{Checksum, Trailer};

#[cfg(test)]
mod tests;
