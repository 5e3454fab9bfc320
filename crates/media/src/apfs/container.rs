//! Containers: the latest checkpoint, and the volumes.

use std::sync::Arc;

use wire::{ParseError, ReadAt, read_vec};

use super::{
    constants::{CONTAINER_IS_FUSION, TYPE_CONTAINER, TYPE_VOLUME, VOLUME_UNENCRYPTED},
    object::{Blocks, invalid},
    omap::ObjectMap,
    raw::{ContainerSuperblock, VolumeSuperblock},
    volume::Volume,
};
use crate::MediaError;

/// Most blocks of the ring of checkpoints that are read.
const MOST_CHECKPOINT_BLOCKS: u32 = 65_536;

/// Opens the first volume with contents that is not encrypted; if none has contents, the first.
///
/// # Errors
/// If there is none, all are encrypted, or the container is damaged.
pub(super) fn open(source: Arc<dyn ReadAt>) -> Result<Volume, MediaError> {
    let (blocks, superblock) = latest(source)?;
    if superblock.incompatible & CONTAINER_IS_FUSION != 0 {
        return Err(MediaError::Parse(ParseError::Unsupported {
            structure: "APFS container",
            what: "a container on two disks".to_owned(),
        }));
    }
    let xid = superblock.header.xid;
    let map = ObjectMap::open(&blocks, superblock.object_map, xid)?;
    let mut first = None;
    let mut is_encrypted = false;
    for oid in &superblock.volumes {
        let (header, block) = blocks.object(map.address(*oid)?, &[TYPE_VOLUME])?;
        if header.oid != *oid {
            return Err(invalid("a volume with another number", *oid).into());
        }
        let volume = VolumeSuperblock::parse(&block)?;
        if volume.flags & VOLUME_UNENCRYPTED == 0 {
            is_encrypted = true;
            continue;
        }
        let volume = Volume::open(&blocks, &volume, xid)?;
        if !volume.is_empty() {
            return Ok(volume);
        }
        first.get_or_insert(volume);
    }
    match first {
        Some(volume) => Ok(volume),
        None if is_encrypted => Err(MediaError::Encrypted {
            what: "the APFS volume".to_owned(),
        }),
        None => Err(MediaError::Unknown {
            what: "an APFS container without volumes".to_owned(),
        }),
    }
}

/// The latest superblock: the first block is a copy of one that may be old.
fn latest(source: Arc<dyn ReadAt>) -> Result<(Blocks, ContainerSuperblock), MediaError> {
    let start = read_vec(&*source, 0, ContainerSuperblock::LEN);
    let start = start.map_err(MediaError::content("the APFS container"))?;
    let first = ContainerSuperblock::parse(&start)?;
    let blocks = Blocks {
        block_len: first.block_len.into(),
        block_count: first.block_count,
        source,
    };
    let len = blocks.block_count.checked_mul(blocks.block_len);
    if len.is_none_or(|len| len > blocks.source.len()) {
        let what = format!(
            "a container of {} blocks on a shorter disk",
            first.block_count
        );
        return Err(invalid(&what, 0).into());
    }
    if first.checkpoint_blocks > MOST_CHECKPOINT_BLOCKS {
        return Err(invalid("checkpoints that are not in one stretch", 0).into());
    }
    let mut latest: Option<ContainerSuperblock> = None;
    let ring = (0..u64::from(first.checkpoint_blocks))
        .map(|number| first.checkpoint_base.saturating_add(number));
    for address in ring.chain([0]) {
        // What is not sound was being written when the disk was taken away; the one before it counts.
        let Ok((header, block)) = blocks.object(address, &[TYPE_CONTAINER]) else {
            continue;
        };
        let is_later = |known: &ContainerSuperblock| known.header.xid < header.xid;
        if latest.as_ref().is_none_or(is_later) {
            latest = Some(ContainerSuperblock::parse(&block)?);
        }
    }
    let latest = latest.filter(|latest| latest.block_len == first.block_len);
    let latest = latest.ok_or_else(|| invalid("no sound superblock", 0))?;
    Ok((blocks, latest))
}
