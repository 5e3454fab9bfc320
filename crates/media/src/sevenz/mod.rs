//! 7z archives.
//!
//! Files lie one after the other in *blocks* (7-Zip's documentation calls them folders), each of which is compressed as
//! a whole by a graph of coders. So a block is decoded once, to a temporary file, when a file in it is first read.
//!
//! Source: `7zFormat.txt` and `Methods.txt` of the 7-Zip source; what they leave open (BCJ2, attributes of Unix) as found
//! in archives. Numbers are little-endian.

mod block;
mod coder;
mod constants;
mod files;
mod header;
mod streams;
mod tree;

pub(crate) use constants::MAGIC;
pub(crate) use header::seal;
pub(crate) use tree::SevenZip;

/// Archives made by hand and by 7-Zip.
#[cfg(test)]
pub(crate) fn samples() -> Vec<Vec<u8>> {
    tests::samples()
}

#[cfg(test)]
mod tests;
