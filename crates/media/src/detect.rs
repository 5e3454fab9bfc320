//! Tells what a file is by its contents; names prove nothing.

use std::io;

use wire::ReadAt;

use crate::{
    aar,
    archive::peek,
    codec::{Codec, is_pbzx, lzma, lzw, zstd},
    sevenz, tar, xar, zip,
};

/// What a file is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Format {
    /// Apple's archive format.
    AppleArchive,
    /// One stream of another format.
    Compressed(Codec),
    /// cpio.
    Cpio,
    /// Apple's archive format, encrypted or signed.
    EncryptedArchive,
    /// A disk image that is encrypted.
    EncryptedImage,
    /// A stream that is compressed as Apple archives are, in a way that is not read.
    OtherWrapper,
    /// 7z.
    SevenZip,
    /// A disk image that grows, which is not read here.
    SparseImage,
    /// tar.
    Tar,
    /// A disk image in Apple's format.
    Udif,
    /// xar.
    Xar,
    /// zip.
    Zip,
}

impl Format {
    /// Its name, for people.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::AppleArchive => "Apple archive",
            Self::Compressed(codec) => codec.label(),
            Self::Cpio => "cpio archive",
            Self::EncryptedArchive => "encrypted Apple archive",
            Self::EncryptedImage => "encrypted disk image",
            Self::OtherWrapper => "Apple archive in LZ4 or LZBITMAP",
            Self::SevenZip => "7z archive",
            Self::SparseImage => "sparse disk image",
            Self::Tar => "tar archive",
            Self::Udif => "UDIF disk image",
            Self::Xar => "xar archive",
            Self::Zip => "zip archive",
        }
    }
}

/// What the file is; none if it is no archive, but it may still be the bytes of a disk.
///
/// # Errors
/// If it cannot be read.
pub(crate) fn detect(source: &dyn ReadAt) -> io::Result<Option<Format>> {
    // The trailer counts before the start: what an image starts with is its first compressed chunk.
    let end: [u8; 512] = peek(source, source.len().saturating_sub(512))?;
    if source.len() >= 512 && end.starts_with(b"koly") {
        return Ok(Some(Format::Udif));
    }
    let start: [u8; 512] = peek(source, 0)?;
    if let Some(format) = by_start(&start) {
        return Ok(Some(format));
    }
    if end.ends_with(b"cdsaencr") {
        return Ok(Some(Format::EncryptedImage));
    }
    Ok(None)
}

fn by_start(start: &[u8; 512]) -> Option<Format> {
    const STARTS: [(&[u8], Format); 20] = [
        (&xar::MAGIC, Format::Xar),
        (&zip::LOCAL_HEADER, Format::Zip),
        (&zip::END_OF_CENTRAL_DIRECTORY, Format::Zip),
        (b"\x1f\x8b\x08", Format::Compressed(Codec::Gzip)),
        (b"BZh", Format::Compressed(Codec::Bzip2)),
        (b"\xfd7zXZ\0", Format::Compressed(Codec::Xz)),
        (&sevenz::MAGIC, Format::SevenZip),
        (&zstd::MAGIC, Format::Compressed(Codec::Zstd)),
        (b"070701", Format::Cpio),
        (b"070702", Format::Cpio),
        (b"070707", Format::Cpio),
        (b"\xc7\x71", Format::Cpio),
        (b"\x71\xc7", Format::Cpio),
        (b"encrcdsa", Format::EncryptedImage),
        (b"sprs", Format::SparseImage),
        (&aar::MAGICS[0], Format::AppleArchive),
        (&aar::MAGICS[1], Format::AppleArchive),
        (b"AEA1", Format::EncryptedArchive),
        (b"pbz4", Format::OtherWrapper),
        (b"pbzb", Format::OtherWrapper),
    ];
    let known = STARTS
        .iter()
        .find(|(magic, _)| start.starts_with(magic))
        .map(|(_, format)| *format);
    if is_pbzx(start) {
        return Some(Format::Compressed(Codec::Pbzx));
    }
    if lzw::is_stream(start) {
        return Some(Format::Compressed(Codec::Lzw));
    }
    known
        .or_else(|| tar::is_header(start).then_some(Format::Tar))
        // Last, because it has no magic.
        .or_else(|| lzma::is_file(start).then_some(Format::Compressed(Codec::Lzma)))
}
