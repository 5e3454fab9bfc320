//! Records of the catalog and of the attributes.

use model::Timestamp;

use super::{
    btree::{self, Record, Shape},
    plan::Item,
};
use crate::{
    Entry, Kind, MediaError, Xattr,
    archive::mode,
    hfsplus::{
        constants::{
            ATTRIBUTE_INLINE, COMPARE_FOLDED, EPOCH, FILE_RECORD, FILE_THREAD, FOLDER_RECORD,
            FOLDER_THREAD, TREE_BIG_KEYS, TREE_VARIABLE_INDEX_KEYS,
        },
        names,
    },
    write::cannot_store,
    xattrs::{FINDER_INFO, RESOURCE_FORK},
};

/// Length of the nodes of the catalog and of the attributes in bytes.
const NODE_LEN: u16 = 8192;
/// Longest attribute that fits into a node beside its key.
const LONGEST_INLINE: usize = 3802;
/// The owner and the group of whoever looks: `_unknown`.
const UNKNOWN_OWNER: u32 = 99;
/// `kHFSThreadExistsMask`
const HAS_THREAD: u16 = 2;
/// `kHFSHasAttributesMask`
const HAS_ATTRIBUTES: u16 = 4;

/// The catalog of `items`.
///
/// # Errors
/// If there are too many.
pub(super) fn catalog(items: &[Item], changed: Timestamp) -> Result<Vec<u8>, MediaError> {
    let mut records: Vec<_> = items
        .iter()
        .flat_map(|item| {
            let named = (item.parent, item.name.as_slice(), record(item, changed));
            [named, (item.id, &[][..], thread(item))]
        })
        .collect();
    records.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| names::compare_folded(a.1, b.1)));
    let records = records.into_iter().map(|(parent, name, data)| {
        let mut key = parent.to_be_bytes().to_vec();
        key.extend(name_bytes(name));
        let key = sized(&key);
        Record { key, data }
    });
    let shape = Shape {
        node_len: NODE_LEN,
        longest_key: 516,
        compare: COMPARE_FOLDED,
        flags: TREE_BIG_KEYS | TREE_VARIABLE_INDEX_KEYS,
    };
    btree::build(shape, records.collect())
}

/// The attributes of `items`; none if there are none.
///
/// # Errors
/// If one is too long, or has a name that is.
pub(super) fn attributes(items: &[Item]) -> Result<Option<Vec<u8>>, MediaError> {
    let mut records = Vec::new();
    for item in items {
        for xattr in own_attributes(item) {
            if xattr.value.len() > LONGEST_INLINE {
                let why = "it has an extended attribute of more than 3802 bytes";
                return Err(cannot_store(&item.entry.path, why));
            }
            let name: Vec<u16> = xattr.name.encode_utf16().collect();
            if name.is_empty() || name.len() > 127 {
                let why = "it has an extended attribute whose name is too long";
                return Err(cannot_store(&item.entry.path, why));
            }
            records.push((item.id, name, xattr.value.as_slice()));
        }
    }
    if records.is_empty() {
        return Ok(None);
    }
    records.sort();
    let records = records.into_iter().map(|(id, name, value)| {
        let mut key = [0; 2].to_vec();
        key.extend(id.to_be_bytes());
        key.extend([0; 4]); // first block, of what has several records
        key.extend(name_bytes(&name));
        let mut data = ATTRIBUTE_INLINE.to_be_bytes().to_vec();
        data.extend([0; 8]);
        data.extend(u32::try_from(value.len()).unwrap_or(u32::MAX).to_be_bytes());
        data.extend(value);
        data.resize(data.len().next_multiple_of(2), 0);
        let key = sized(&key);
        Record { key, data }
    });
    let shape = Shape {
        node_len: NODE_LEN,
        longest_key: 266,
        compare: 0,
        flags: TREE_BIG_KEYS | TREE_VARIABLE_INDEX_KEYS,
    };
    btree::build(shape, records.collect()).map(Some)
}

/// A time as seconds since the start of 1904.
pub(super) fn date(time: Timestamp) -> u32 {
    let seconds = time.as_secs().saturating_add(EPOCH);
    u32::try_from(seconds.max(0)).unwrap_or(u32::MAX)
}

/// The attributes that the catalog has no place for.
fn own_attributes(item: &Item) -> impl Iterator<Item = &Xattr> {
    let xattrs = item.xattrs.iter();
    xattrs.filter(|xattr| ![RESOURCE_FORK, FINDER_INFO].contains(&xattr.name.as_str()))
}

fn record(item: &Item, changed: Timestamp) -> Vec<u8> {
    let is_folder = item.entry.is_folder();
    let (kind, mut flags) = if is_folder {
        (FOLDER_RECORD, 0)
    } else {
        (FILE_RECORD, HAS_THREAD)
    };
    if own_attributes(item).next().is_some() {
        flags |= HAS_ATTRIBUTES;
    }
    let mut bytes = kind.to_be_bytes().to_vec();
    bytes.extend(flags.to_be_bytes());
    bytes.extend(item.valence.to_be_bytes());
    bytes.extend(item.id.to_be_bytes());
    let modified = date(item.entry.modified.unwrap_or(changed));
    for _ in 0..4 {
        bytes.extend(modified.to_be_bytes()); // created, contents, attributes, read
    }
    bytes.extend([0; 4]); // backed up
    for owner in [UNKNOWN_OWNER; 2] {
        bytes.extend(owner.to_be_bytes());
    }
    bytes.extend([0; 2]); // flags of the administrator and the owner
    bytes.extend(mode_bytes(&item.entry));
    bytes.extend(1_u32.to_be_bytes()); // how many names it has
    bytes.extend(finder_info(item));
    bytes.extend([0; 8]); // encoding of the name, reserved
    if !is_folder {
        bytes.extend(item.data.to_bytes(0));
        bytes.extend(item.resource.to_bytes(0));
    }
    bytes
}

fn mode_bytes(entry: &Entry) -> [u8; 2] {
    let kind = match entry.kind {
        Kind::File { .. } => mode::FILE,
        Kind::Folder => mode::FOLDER,
        Kind::Link { .. } => mode::LINK,
    };
    let [_, _, high, low] = (kind | entry.mode & 0o7777).to_be_bytes();
    [high, low]
}

/// What the Finder keeps of it; of a link, that it is one.
fn finder_info(item: &Item) -> [u8; 32] {
    let mut info = [0; 32];
    if matches!(item.entry.kind, Kind::Link { .. }) {
        for (to, from) in info.iter_mut().zip(b"slnkrhap") {
            *to = *from;
        }
        return info;
    }
    let stored = item.xattrs.iter().find(|xattr| xattr.name == FINDER_INFO);
    for (to, from) in info
        .iter_mut()
        .zip(stored.iter().flat_map(|xattr| &xattr.value))
    {
        *to = *from;
    }
    info
}

/// The record by which a number leads to its name.
fn thread(item: &Item) -> Vec<u8> {
    let kind = if item.entry.is_folder() {
        FOLDER_THREAD
    } else {
        FILE_THREAD
    };
    let mut bytes = kind.to_be_bytes().to_vec();
    bytes.extend([0; 2]);
    bytes.extend(item.parent.to_be_bytes());
    bytes.extend(name_bytes(&item.name));
    bytes
}

/// A name after its length.
fn name_bytes(name: &[u16]) -> Vec<u8> {
    let len = u16::try_from(name.len()).unwrap_or(u16::MAX);
    let units = [len].into_iter().chain(name.iter().copied());
    units.flat_map(u16::to_be_bytes).collect()
}

/// A key after its length.
fn sized(key: &[u8]) -> Vec<u8> {
    let len = u16::try_from(key.len()).unwrap_or(u16::MAX);
    [&len.to_be_bytes()[..], key].concat()
}
