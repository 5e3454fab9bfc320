//! How a block is stored.

use std::io::{self, Read};

use flate2::read::ZlibDecoder;
use lzfse_rust::LzfseRingDecoder;

/// How a block is stored, unless it begins with a byte that says it is stored as it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Codec {
    Lzfse,
    Lzvn,
    Raw,
    Zlib,
}

impl Codec {
    /// Whether a block that begins with `first` has the contents behind that byte as they are.
    fn is_raw(self, first: u8) -> bool {
        match self {
            Self::Lzfse => first == 0xff,
            Self::Lzvn => first == 0x06,
            Self::Raw => first == 0xcc,
            Self::Zlib => first & 0x0f == 0x0f,
        }
    }
}

/// The `len` bytes that `stored` holds.
///
/// # Errors
/// If it is damaged, or holds more or fewer.
pub(super) fn decode(codec: Codec, stored: &[u8], len: u64) -> io::Result<Vec<u8>> {
    let decoded = match stored.split_first() {
        Some((first, rest)) if codec.is_raw(*first) && rest.len() as u64 == len => rest.to_vec(),
        None => Vec::new(),
        Some(_) => match codec {
            Codec::Raw => stored.to_vec(),
            Codec::Zlib => read(ZlibDecoder::new(stored), len)?,
            Codec::Lzfse => read(LzfseRingDecoder::default().reader(stored), len)?,
            Codec::Lzvn => {
                let block = lzvn_block(stored, len)?;
                read(LzfseRingDecoder::default().reader(block.as_slice()), len)?
            }
        },
    };
    if decoded.len() as u64 == len {
        return Ok(decoded);
    }
    let found = decoded.len();
    let what = format!("compressed contents have {found} bytes or more, not {len}");
    Err(io::Error::new(io::ErrorKind::InvalidData, what))
}

/// What `reader` yields, and a byte more than `len` if it yields more.
fn read(reader: impl Read, len: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(len.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// LZVN as a block of an LZFSE stream, which the decoder expects around it.
fn lzvn_block(stored: &[u8], len: u64) -> io::Result<Vec<u8>> {
    let sizes = (u32::try_from(len), u32::try_from(stored.len()));
    let (Ok(len), Ok(stored_len)) = sizes else {
        return Err(io::ErrorKind::InvalidData.into());
    };
    let mut block = b"bvxn".to_vec();
    block.extend(len.to_le_bytes());
    block.extend(stored_len.to_le_bytes());
    block.extend(stored);
    block.extend(b"bvx$");
    Ok(block)
}
