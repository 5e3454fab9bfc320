//! The attributes file.

use std::{collections::BTreeMap, sync::Arc};

use wire::{Cursor, ReadAt, read_vec};

use super::{
    btree::BTree,
    constants::{ATTRIBUTE_EXTENTS, ATTRIBUTE_FORK, ATTRIBUTE_INLINE, ATTRIBUTES_FILE},
    forks::{ForkKind, Forks},
    raw::{Extent, ForkData, VolumeHeader, name},
};
use crate::{
    MediaError,
    xattrs::{LONGEST, too_long},
};

/// Where the extended attributes are, by file and name.
#[derive(Debug, Default)]
pub(super) struct Attributes {
    file: Option<Arc<dyn ReadAt>>,
    values: BTreeMap<(u32, String), Value>,
}

/// Where a value is.
#[derive(Debug)]
enum Value {
    /// In the attributes file.
    Inline { offset: u64, len: u64 },
    /// In blocks of its own.
    Fork { len: u64, extents: Vec<Extent> },
}

impl Attributes {
    /// Reads the names of all attributes; there is no attributes file on many volumes.
    ///
    /// # Errors
    /// If it is damaged.
    pub(super) fn open(header: &VolumeHeader, forks: &Forks) -> Result<Self, MediaError> {
        if header.attributes.len == 0 {
            return Ok(Self::default());
        }
        let file = forks.fork(ATTRIBUTES_FILE, ForkKind::Data, &header.attributes)?;
        let mut values = BTreeMap::new();
        BTree::open(Arc::clone(&file))?.visit(|record| {
            let mut key = Cursor::new("HFS+ attribute key", record.key);
            key.skip(2)?;
            let id = key.u32_be()?;
            key.skip(4)?; // first block: the records of one attribute follow each other
            let key = (id, String::from_utf16_lossy(&name(&mut key)?));
            let mut data = Cursor::new("HFS+ attribute", record.data);
            match data.u32_be()? {
                ATTRIBUTE_INLINE => {
                    data.skip(8)?;
                    let len = data.u32_be()?.into();
                    let offset = record.data_offset.saturating_add(data.offset());
                    data.skip(len)?;
                    values.insert(key, Value::Inline { offset, len });
                }
                ATTRIBUTE_FORK => {
                    data.skip(4)?;
                    let ForkData { len, extents, .. } = ForkData::parse(&mut data)?;
                    values.insert(key, Value::Fork { len, extents });
                }
                ATTRIBUTE_EXTENTS => {
                    data.skip(4)?;
                    let more = Extent::parse_eight(&mut data)?;
                    match values.get_mut(&key) {
                        Some(Value::Fork { extents, .. }) => extents.extend(more),
                        _ => return Err(data.invalid("stretches of nothing").into()),
                    }
                }
                // A kind that nobody has seen; the file's contents are not concerned.
                _ => {}
            }
            Ok(())
        })?;
        let file = Some(file);
        Ok(Self { file, values })
    }

    /// The names of the attributes of a file.
    pub(super) fn names(&self, id: u32) -> impl Iterator<Item = &str> {
        let range = (id, String::new())..;
        let range = self.values.range(range).map(|((id, name), _)| (id, name));
        range
            .take_while(move |(found, _)| **found == id)
            .map(|(_, name)| name.as_str())
    }

    /// The value of an attribute, or only its first `most` bytes; none if there is no such attribute.
    ///
    /// # Errors
    /// If it cannot be read or is too long.
    pub(super) fn value(
        &self,
        forks: &Forks,
        (id, name): (u32, &str),
        most: u64,
    ) -> Result<Option<Vec<u8>>, MediaError> {
        let Some(value) = self.values.get(&(id, name.to_owned())) else {
            return Ok(None);
        };
        let failed = MediaError::content(name);
        match (value, &self.file) {
            (Value::Inline { offset, len }, Some(file)) => {
                read_vec(&**file, *offset, most.min(*len))
                    .map(Some)
                    .map_err(failed)
            }
            (Value::Fork { len, extents }, _) => {
                let len = most.min(*len);
                if len > LONGEST {
                    return Err(too_long().into());
                }
                let fork = forks.stretches(extents, len)?;
                read_vec(&*fork, 0, len).map(Some).map_err(failed)
            }
            (Value::Inline { .. }, None) => Ok(None),
        }
    }
}
