//! Finds the volume that a mount of the disk would show.

use std::sync::Arc;

use wire::{ParseError, Part, ReadAt};

use super::maps::partitions;
use crate::{MediaError, Tree, apfs, archive::peek, fat, hfsplus, iso9660};

/// A file system, told by its contents.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum FileSystem {
    Apfs,
    ExFat,
    Fat,
    HfsPlus,
    /// HFS+ inside the older HFS, that old systems should see something.
    HfsWrapper,
    /// The older HFS alone.
    Hfs,
    Iso9660,
    Ntfs,
    Udf,
}

/// A stretch of the disk with a file system.
type Found = (FileSystem, Arc<dyn ReadAt>);

/// Opens the volume of the disk that a Mac would show: the first one of its own file systems; else a disc's; else the
/// largest FAT volume, as a small one before it is there for the firmware.
///
/// # Errors
/// [`MediaError::Unknown`] if it is no disk; an unsupported [`ParseError`] if it has only other volumes; damage.
pub(crate) fn open(disk: &Arc<dyn ReadAt>, name: &str) -> Result<Arc<dyn Tree>, MediaError> {
    let found = volumes(disk)?;
    let Some((first, _)) = found.first() else {
        return Err(MediaError::Unknown {
            what: format!("`{name}`"),
        });
    };
    let unsupported = || {
        MediaError::Parse(ParseError::Unsupported {
            structure: "disk",
            what: format!("the file system {} of `{name}`", label(*first)),
        })
    };
    for (file_system, volume) in &found {
        match file_system {
            FileSystem::Apfs => return apfs::open(Arc::clone(volume)),
            FileSystem::HfsPlus | FileSystem::HfsWrapper => {
                return hfsplus::open(Arc::clone(volume));
            }
            FileSystem::ExFat
            | FileSystem::Fat
            | FileSystem::Hfs
            | FileSystem::Iso9660
            | FileSystem::Ntfs
            | FileSystem::Udf => {}
        }
    }
    let discs = [FileSystem::Iso9660, FileSystem::Fat];
    for wanted in discs {
        let volumes = found.iter().filter(|(kind, _)| *kind == wanted);
        // Of two that are as long, the first one.
        let largest = volumes.rev().max_by_key(|(_, volume)| volume.len());
        match largest {
            Some((FileSystem::Iso9660, volume)) => return iso9660::open(Arc::clone(volume)),
            Some((_, volume)) => return fat::open(Arc::clone(volume)),
            None => {}
        }
    }
    Err(unsupported())
}

/// Whether the bytes are those of a disk, with or without partitions, on which something is known.
///
/// # Errors
/// If they cannot be read.
pub(crate) fn is_disk(disk: &Arc<dyn ReadAt>) -> Result<bool, MediaError> {
    Ok(!volumes(disk)?.is_empty())
}

/// What lies on the disk: the name of each file system, and how many bytes it has room for.
///
/// # Errors
/// If it cannot be read.
pub(crate) fn list(disk: &Arc<dyn ReadAt>) -> Result<Vec<(&'static str, u64)>, MediaError> {
    let found = volumes(disk)?.into_iter();
    Ok(found
        .map(|(file_system, volume)| (volume_label(file_system), volume.len()))
        .collect())
}

/// The file systems on the disk: in its partitions, and on the whole of it. A disc for several systems has both.
fn volumes(disk: &Arc<dyn ReadAt>) -> Result<Vec<Found>, MediaError> {
    let whole = file_system(&**disk)?;
    // A volume without partitions may have anything where a map would lie; a disc for several systems is the exception.
    let partitions = match whole {
        None | Some(FileSystem::Iso9660) => partitions(&**disk)?.unwrap_or_default(),
        Some(_) => Vec::new(),
    };
    let mut found = Vec::new();
    for partition in partitions {
        let part: Arc<dyn ReadAt> =
            Arc::new(Part::new(Arc::clone(disk), partition.start, partition.len));
        if let Some(file_system) = file_system(&*part)? {
            found.push((file_system, part));
        }
    }
    found.extend(whole.map(|whole| (whole, Arc::clone(disk))));
    Ok(found)
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
    let is_hfs = header.starts_with(b"BD");
    if is_hfs && header.get(124..126) == Some(b"H+") {
        return Ok(Some(FileSystem::HfsWrapper));
    }
    // Discs of that time describe the same files as HFS and as ISO 9660, which is the one that can be read here.
    let descriptor = peek(volume, iso9660::DESCRIPTORS).map_err(&failed)?;
    if descriptor == iso9660::MAGIC {
        return Ok(Some(FileSystem::Iso9660));
    }
    if is_hfs {
        return Ok(Some(FileSystem::Hfs));
    }
    // A disc that ISO 9660 does not describe too begins its list of descriptors so.
    let extended: [u8; 6] = peek(volume, iso9660::DESCRIPTORS).map_err(&failed)?;
    if extended == *b"\0BEA01" {
        return Ok(Some(FileSystem::Udf));
    }
    let boot: [u8; 512] = peek(volume, 0).map_err(&failed)?;
    match boot.get(3..11) {
        Some(b"EXFAT   ") => return Ok(Some(FileSystem::ExFat)),
        Some(b"NTFS    ") => return Ok(Some(FileSystem::Ntfs)),
        _ => {}
    }
    Ok(fat::is_boot_sector(&boot).then_some(FileSystem::Fat))
}

const fn label(file_system: FileSystem) -> &'static str {
    match file_system {
        FileSystem::Apfs => "APFS",
        FileSystem::ExFat => "exFAT",
        FileSystem::Fat => "FAT",
        FileSystem::HfsPlus | FileSystem::HfsWrapper => "HFS+",
        FileSystem::Hfs => "HFS",
        FileSystem::Iso9660 => "ISO 9660",
        FileSystem::Ntfs => "NTFS",
        FileSystem::Udf => "UDF",
    }
}

const fn volume_label(file_system: FileSystem) -> &'static str {
    match file_system {
        FileSystem::Apfs => "APFS container",
        FileSystem::ExFat => "exFAT volume",
        FileSystem::Fat => "FAT volume",
        FileSystem::HfsPlus => "HFS+ volume",
        FileSystem::HfsWrapper => "HFS+ volume in an HFS wrapper",
        FileSystem::Hfs => "HFS volume",
        FileSystem::Iso9660 => "ISO 9660 volume",
        FileSystem::Ntfs => "NTFS volume",
        FileSystem::Udf => "UDF volume",
    }
}
