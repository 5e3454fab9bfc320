//! Finds the volume that a mount of the disk would show.

use std::sync::Arc;

use wire::{ParseError, Part, ReadAt};

use super::maps::partitions;
use crate::{MediaError, Tree, apfs, archive::peek, hfsplus};

/// A file system, told by its contents.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum FileSystem {
    Apfs,
    Fat,
    HfsPlus,
    /// HFS+ inside the older HFS, that old systems should see something.
    HfsWrapper,
    /// The older HFS alone.
    Hfs,
    Iso9660,
}

/// Opens the first HFS+ or APFS volume of the disk.
///
/// # Errors
/// [`MediaError::Unknown`] if it is no disk; an unsupported [`ParseError`] if it has only other volumes; damage.
pub(crate) fn open(disk: &Arc<dyn ReadAt>, name: &str) -> Result<Arc<dyn Tree>, MediaError> {
    let mut others = Vec::new();
    for volume in volumes(disk)? {
        match file_system(&*volume)? {
            Some(FileSystem::Apfs) => return apfs::open(volume),
            Some(FileSystem::HfsPlus | FileSystem::HfsWrapper) => return hfsplus::open(volume),
            Some(other) => others.push(other),
            None => {}
        }
    }
    match others.first() {
        Some(other) => Err(MediaError::Parse(ParseError::Unsupported {
            structure: "disk",
            what: format!("the file system {} of `{name}`", label(*other)),
        })),
        None => Err(MediaError::Unknown {
            what: format!("`{name}`"),
        }),
    }
}

/// Whether the bytes are those of a disk, with or without partitions, on which something is known.
///
/// # Errors
/// If they cannot be read.
pub(crate) fn is_disk(disk: &Arc<dyn ReadAt>) -> Result<bool, MediaError> {
    for volume in volumes(disk)? {
        if file_system(&*volume)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What may be a volume: the whole disk if it is one, else the partitions.
fn volumes(disk: &Arc<dyn ReadAt>) -> Result<Vec<Arc<dyn ReadAt>>, MediaError> {
    if file_system(&**disk)?.is_some() {
        return Ok(vec![Arc::clone(disk)]);
    }
    let partitions = partitions(&**disk)?.unwrap_or_default();
    let volumes = partitions.into_iter().map(|partition| {
        let part = Part::new(Arc::clone(disk), partition.start, partition.len);
        Arc::new(part) as Arc<dyn ReadAt>
    });
    Ok(volumes.collect())
}

fn file_system(volume: &dyn ReadAt) -> Result<Option<FileSystem>, MediaError> {
    let failed = MediaError::content("the volume");
    let container: [u8; 4] = peek(volume, 32).map_err(&failed)?;
    if container == *b"NXSB" {
        return Ok(Some(FileSystem::Apfs));
    }
    let header: [u8; 162] = peek(volume, 1024).map_err(&failed)?;
    if header.starts_with(b"H+") || header.starts_with(b"HX") {
        return Ok(Some(FileSystem::HfsPlus));
    }
    if header.starts_with(b"BD") {
        let is_wrapper = header.get(124..126) == Some(b"H+");
        return Ok(Some(if is_wrapper {
            FileSystem::HfsWrapper
        } else {
            FileSystem::Hfs
        }));
    }
    let descriptor: [u8; 6] = peek(volume, 32768).map_err(&failed)?;
    if descriptor == *b"\x01CD001" {
        return Ok(Some(FileSystem::Iso9660));
    }
    let boot: [u8; 512] = peek(volume, 0).map_err(&failed)?;
    let is_fat = boot.get(54..57) == Some(b"FAT") || boot.get(82..85) == Some(b"FAT");
    Ok((is_fat && boot.ends_with(b"\x55\xaa")).then_some(FileSystem::Fat))
}

const fn label(file_system: FileSystem) -> &'static str {
    match file_system {
        FileSystem::Apfs => "APFS",
        FileSystem::Fat => "FAT",
        FileSystem::HfsPlus | FileSystem::HfsWrapper => "HFS+",
        FileSystem::Hfs => "HFS",
        FileSystem::Iso9660 => "ISO 9660",
    }
}
