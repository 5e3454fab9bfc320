//! Everything Mac vendors ship, opened as one read-only tree.
//!
//! A [`Tree`] is what is in a medium: a disk image, a flat package, an archive, or a folder of the host. Trees
//! nest, so a path may go into a container, and into one inside that. Nothing is mounted and nothing is unpacked
//! to look at it.
//!
//! ```no_run
//! # fn main() -> Result<(), media::MediaError> {
//! use std::path::Path;
//!
//! let place = media::locate(Path::new("Suite.zip/Suite.pkg/app.pkg/Payload/Applications/App.app"))?;
//! for entry in media::walk(&*place.tree, &place.inner)? {
//!     println!("{} {:o}", entry.path, entry.mode);
//! }
//! media::extract(&*place.tree, &place.inner, Path::new("/tmp/App.app"))?;
//! # Ok(())
//! # }
//! ```
//!
//! **Words.** A *container* is a file that holds a tree. A *source* ([`wire::ReadAt`]) is bytes that can be read
//! anywhere. An *image* is a disk in a file, a *volume* a file system on it. A *twin* is an `AppleDouble` file,
//! which carries the extended attributes of the file beside it. What a file is is told by its contents, never by
//! its name.
//!
//! **What is read.** Disk images ([`udif`]) with GPT, Apple's map, MBR or none, and on them [`hfsplus`], [`apfs`], FAT and
//! ISO 9660 volumes, with what they keep compressed decompressed; [`xar`] archives and flat packages; zip; 7z; tar; cpio;
//! Apple archives; and gzip, bzip2, xz, lzma, Zstandard, compress, pbzx and its kin around these. The older HFS, UDF and exFAT are named when they are met, and refused; so are sealed
//! volumes. An encrypted image is opened when a [`Password`] is given. [`mod@write`] makes disk images and flat packages. What can only be inflated
//! from front to back is spooled to an unnamed temporary file when it has to be read anywhere.
//!
//! **Invariants:** knows neither signatures nor recipes; trusts no declared length; never panics; a link is never
//! followed out of its tree; nothing is written outside the folder that is extracted to; a path with `..`, or one
//! below a file or a link, is refused when the container is opened; damage is an error, never a short file.
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

mod aar;
pub mod apfs;
mod archive;
mod codec;
#[cfg(test)]
mod conformance;
mod cpio;
mod decmpfs;
mod describe;
mod detect;
mod disk;
mod error;
mod extents;
mod extract;
mod fat;
#[doc(hidden)]
pub mod fuzzing;
pub mod hfsplus;
mod host;
mod image;
mod iso9660;
mod names;
mod open;
mod package;
mod path;
#[cfg(test)]
mod robustness;
#[cfg(test)]
mod samples;
mod sevenz;
mod single;
mod streamed;
mod subtree;
mod tar;
mod tree;
pub mod udif;
mod walk;
pub mod write;
pub mod xar;
mod xattrs;
mod zip;

pub use describe::{Contents, Description, Layer, describe, verify};
pub use error::MediaError;
pub use extract::{Attributes, Extracted, extract, extract_within};
pub use host::HostTree;
pub use image::{OpenOptions, Password};
pub use open::{
    Location, image, image_with, locate, locate_with, look_into, look_into_with, open, open_in,
    open_source, open_source_named, open_with,
};
pub use tree::{Entry, Kind, Tree, Xattr};
pub use walk::{follow, walk};
