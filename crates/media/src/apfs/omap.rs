//! Object maps: which block holds an object now.

use std::collections::BTreeMap;

use wire::Cursor;

use super::{
    btree::{BTree, Storage},
    constants::{MAPPING_DELETED, MAPPING_ENCRYPTED, TYPE_OBJECT_MAP},
    object::{Blocks, invalid},
    raw::ObjectMapHeader,
};
use crate::MediaError;

/// Which block holds an object now.
#[derive(Debug)]
pub(super) struct ObjectMap {
    addresses: BTreeMap<u64, Mapping>,
}

/// The latest mapping of an object.
#[derive(Clone, Copy, Debug)]
struct Mapping {
    xid: u64,
    flags: u32,
    address: u64,
}

impl ObjectMap {
    /// Reads the map at `address`, as it was in the transaction `xid`.
    ///
    /// # Errors
    /// If it is damaged.
    pub(super) fn open(blocks: &Blocks, address: u64, xid: u64) -> Result<Self, MediaError> {
        let (_, block) = blocks.object(address, &[TYPE_OBJECT_MAP])?;
        let tree = BTree {
            blocks,
            storage: Storage::Physical,
            root: ObjectMapHeader::parse(&block)?.tree,
        };
        let mut addresses: BTreeMap<u64, Mapping> = BTreeMap::new();
        tree.visit(|key, value| {
            let mut key = Cursor::new("APFS object map key", key);
            let (oid, of) = (key.u64_le()?, key.u64_le()?);
            let mut value = Cursor::new("APFS object map value", value);
            let flags = value.u32_le()?;
            value.skip(4)?; // length
            let address = value.u64_le()?;
            let known = addresses.get(&oid).is_some_and(|known| known.xid >= of);
            if of <= xid && !known {
                let mapping = Mapping {
                    xid: of,
                    flags,
                    address,
                };
                addresses.insert(oid, mapping);
            }
            Ok(())
        })?;
        Ok(Self { addresses })
    }

    /// The block that holds the object with that number.
    ///
    /// # Errors
    /// If there is none, or it is encrypted.
    pub(super) fn address(&self, oid: u64) -> Result<u64, MediaError> {
        match self.addresses.get(&oid) {
            Some(mapping) if mapping.flags & MAPPING_ENCRYPTED != 0 => Err(MediaError::Encrypted {
                what: "the APFS volume".to_owned(),
            }),
            Some(mapping) if mapping.flags & MAPPING_DELETED == 0 => Ok(mapping.address),
            _ => Err(invalid("an object that no map knows", oid).into()),
        }
    }
}
