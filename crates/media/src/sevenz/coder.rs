//! The methods that blocks are compressed with.

use std::io::{self, BufReader};

use deflate64::Deflate64Decoder;
use flate2::read::DeflateDecoder;
use lzma_rust2::{
    Lzma2Reader,
    filter::{bcj::BcjReader, bcj2::Bcj2Reader, delta::DeltaReader},
};
use ppmd_rust::Ppmd7Decoder;
use wire::{Cursor, ParseError};

use super::{
    block::{Coder, Reader},
    constants as id,
};
use crate::{
    MediaError,
    codec::{Codec, lzma, zstd::ZstdReader},
};

/// Most memory that the coders of a block may ask for together. 7-Zip's highest level wants 256 MiB, and a little more
/// for programs.
pub(super) const MOST_MEMORY: u64 = 288 << 20;

/// Largest window of Zstandard, which needs twice that much memory.
const LARGEST_WINDOW: u64 = 128 << 20;

/// Reads what `coder` makes of `inputs`; `memory` is what it may ask for, from which its share is taken.
///
/// # Errors
/// If the method is not known or is set up in a wrong way, asks for too much, or its stream does not begin.
pub(super) fn reader(
    coder: &Coder,
    mut inputs: Vec<Reader>,
    memory: &mut u64,
) -> Result<Reader, MediaError> {
    if coder.method == id::BCJ2 && inputs.len() == 4 {
        return Ok(Box::new(Bcj2Reader::new(inputs, coder.len)));
    }
    let (Some(input), true) = (inputs.pop(), inputs.is_empty()) else {
        return Err(unsupported(coder));
    };
    let mut properties = Cursor::new("properties of a 7z coder", &coder.properties);
    let content = MediaError::content("the 7z archive");
    Ok(match coder.method {
        id::COPY => input,
        id::LZMA => {
            let dictionary = coder.properties.get(1..5).unwrap_or_default();
            let dictionary = Cursor::new("properties of LZMA", dictionary).u32_le()?;
            spend(memory, u64::from(dictionary).min(coder.len))?;
            let reader = lzma::reader(input, &coder.properties, Some(coder.len), MOST_MEMORY);
            Box::new(reader.map_err(content)?)
        }
        id::LZMA2 => {
            let dictionary = lzma2_dictionary(properties.u8()?).min(coder.len.max(1 << 12));
            spend(memory, dictionary)?;
            let dictionary = u32::try_from(dictionary).unwrap_or(u32::MAX);
            Box::new(Lzma2Reader::new(input, dictionary, None))
        }
        id::PPMD => {
            let order = u32::from(properties.u8()?);
            let size = properties.u32_le()?;
            spend(memory, u64::from(size))?;
            let decoder = Ppmd7Decoder::new(BufReader::new(input), order, size);
            let decoder = decoder.map_err(|error| content(io::Error::other(error.to_string())))?;
            Box::new(decoder)
        }
        id::BZIP2 => Codec::Bzip2.reader(input),
        id::DEFLATE => Box::new(DeflateDecoder::new(input)),
        id::DEFLATE_64 => Box::new(Deflate64Decoder::new(input)),
        id::ZSTD => {
            spend(memory, LARGEST_WINDOW.saturating_mul(2).min(coder.len))?;
            Box::new(ZstdReader::new(input, LARGEST_WINDOW))
        }
        id::DELTA => {
            let distance = usize::from(properties.u8()?).saturating_add(1);
            Box::new(DeltaReader::new(input, distance))
        }
        _ => filter(coder, input)?,
    })
}

/// What makes addresses in programs relative again.
fn filter(coder: &Coder, input: Reader) -> Result<Reader, MediaError> {
    // The newer ones may say at which address the program begins.
    let start = match coder.properties.as_slice() {
        [] => 0,
        properties => Cursor::new("properties of a 7z filter", properties).u32_le()? as usize,
    };
    let make: fn(Reader, usize) -> BcjReader<Reader> = match coder.method {
        id::BCJ_X86 => BcjReader::new_x86,
        id::BCJ_PPC => BcjReader::new_ppc,
        id::BCJ_IA64 => BcjReader::new_ia64,
        id::BCJ_ARM => BcjReader::new_arm,
        id::BCJ_ARM_THUMB => BcjReader::new_arm_thumb,
        id::BCJ_SPARC => BcjReader::new_sparc,
        id::ARM64 => BcjReader::new_arm64,
        id::RISCV => BcjReader::new_riscv,
        _ => return Err(unsupported(coder)),
    };
    Ok(Box::new(make(input, start)))
}

/// A size of which there are two for each power of two.
fn lzma2_dictionary(byte: u8) -> u64 {
    let mantissa = u64::from(2 | byte & 1);
    let exponent = u32::from(byte / 2).saturating_add(11);
    mantissa.checked_shl(exponent).unwrap_or(u64::MAX)
}

fn spend(memory: &mut u64, needed: u64) -> Result<(), MediaError> {
    let Some(left) = memory.checked_sub(needed) else {
        return Err(MediaError::Parse(ParseError::Budget {
            structure: "memory for a 7z block",
            limit: MOST_MEMORY,
            unit: "bytes",
        }));
    };
    *memory = left;
    Ok(())
}

fn unsupported(coder: &Coder) -> MediaError {
    MediaError::Parse(ParseError::Unsupported {
        structure: "7z archive",
        what: format!("compression method {:#x}", coder.method),
    })
}
