//! From a root that is trusted to the digests of files, one signed file after the other.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use model::Sha256;
use serde::{Deserialize, Serialize};

use super::{
    UpdateFault,
    metadata::{Named, Root, Signed, Unverified},
};
use crate::Fault;

/// The longest root, timestamp and snapshot.
const SMALL: usize = 1 << 20;
/// The longest `targets.json`: a million files would not fill it.
const LARGE: usize = 16 << 20;
/// How many roots are followed from the one that is trusted.
const MOST_ROOTS: usize = 1024;

/// Files, their digests and their lengths.
pub(crate) type Targets = BTreeMap<String, (Sha256, u64)>;

/// Where metadata lies.
pub(crate) trait Source {
    /// A file of the repository; none if it is not there.
    ///
    /// # Errors
    /// If it cannot be told, or is longer than `limit`.
    fn read(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, Fault>;
}

/// What was seen last, so that nothing older is believed.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Memory {
    /// The last root, as it was read.
    pub(crate) root: Option<String>,
    timestamp: u64,
    snapshot: u64,
    targets: u64,
}

/// Goes from `trusted`, or the root of `memory` if that is newer, to the targets. What was seen is put into `memory` as
/// far as it was believed.
///
/// # Errors
/// [`Fault::Updates`] with why not, and what the source says.
pub(crate) fn follow(
    trusted: &[u8],
    source: &dyn Source,
    memory: &mut Memory,
    now: DateTime<Utc>,
) -> Result<Targets, Fault> {
    let root = last_root(trusted, source, memory)?;
    root.signed.must_hold(now).map_err(Fault::Updates)?;
    let read = |file: &str, limit: usize| {
        let bytes = source.read(&format!("tuf/{file}"), limit)?;
        bytes.ok_or_else(|| {
            Fault::Updates(UpdateFault::Missing {
                file: file.to_owned(),
            })
        })
    };
    let bytes = read("timestamp.json", SMALL)?;
    let (snapshot, seen) = timestamp(&root, &bytes, memory, now).map_err(Fault::Updates)?;
    memory.timestamp = seen;
    let bytes = read("snapshot.json", SMALL)?;
    let targets = snapshot_of(&root, &bytes, (snapshot, memory), now).map_err(Fault::Updates)?;
    memory.snapshot = snapshot.version;
    let bytes = read("targets.json", LARGE)?;
    let files = targets_of(&root, &bytes, targets, now).map_err(Fault::Updates)?;
    memory.targets = targets.version;
    Ok(files)
}

/// The last root that leads from the trusted one, by root after root.
fn last_root(trusted: &[u8], source: &dyn Source, memory: &mut Memory) -> Result<Root, Fault> {
    let mut root = Root::trusted("the trusted root", trusted).map_err(Fault::Updates)?;
    // What is remembered has been believed before; it must not lead back behind what was handed out since.
    let remembered = memory.root.as_deref();
    let remembered = remembered.and_then(|text| Root::trusted("root", text.as_bytes()).ok());
    match remembered {
        Some(newer) if newer.signed.version > root.signed.version => root = newer,
        Some(older) => forget_after(&older, &root, memory),
        None => {}
    }
    for _ in 0..MOST_ROOTS {
        let Some(number) = root.signed.version.checked_add(1) else {
            break;
        };
        let file = format!("{number}.root.json");
        let Some(bytes) = source.read(&format!("tuf/{file}"), SMALL)? else {
            break;
        };
        let next = root.next(&file, &bytes).map_err(Fault::Updates)?;
        forget_after(&root, &next, memory);
        memory.root = String::from_utf8(bytes).ok();
        root = next;
    }
    Ok(root)
}

/// With new keys versions count anew: whoever had the old ones may have driven them up.
fn forget_after(before: &Root, after: &Root, memory: &mut Memory) {
    let is_new = |role: &str| after.role(role) != before.role(role);
    if is_new("timestamp") || is_new("snapshot") {
        *memory = Memory::default();
    }
}

fn timestamp(
    root: &Root,
    bytes: &[u8],
    memory: &Memory,
    now: DateTime<Utc>,
) -> Result<(Named, u64), UpdateFault> {
    let timestamp = Unverified::parse("timestamp.json", bytes)?.believe(root, "timestamp")?;
    timestamp.must_follow(memory.timestamp)?;
    let snapshot = timestamp.names("snapshot.json")?;
    if snapshot.version < memory.snapshot {
        return Err(UpdateFault::Older {
            file: "snapshot.json".to_owned(),
        });
    }
    timestamp.must_hold(now)?;
    Ok((snapshot, timestamp.version))
}

fn snapshot_of(
    root: &Root,
    bytes: &[u8],
    (named, memory): (Named, &Memory),
    now: DateTime<Utc>,
) -> Result<Named, UpdateFault> {
    let snapshot = believed(root, "snapshot", bytes, named)?;
    let targets = snapshot.names("targets.json")?;
    if targets.version < memory.targets {
        return Err(UpdateFault::Older {
            file: "targets.json".to_owned(),
        });
    }
    snapshot.must_hold(now)?;
    Ok(targets)
}

fn targets_of(
    root: &Root,
    bytes: &[u8],
    named: Named,
    now: DateTime<Utc>,
) -> Result<Targets, UpdateFault> {
    let targets = believed(root, "targets", bytes, named)?;
    targets.must_hold(now)?;
    targets.targets()
}

/// The file of a role that another one has named.
fn believed(root: &Root, role: &str, bytes: &[u8], named: Named) -> Result<Signed, UpdateFault> {
    let file = format!("{role}.json");
    if named.is(bytes) {
        let signed = Unverified::parse(&file, bytes)?.believe(root, role)?;
        if signed.version == named.version {
            return Ok(signed);
        }
    }
    Err(UpdateFault::Other { file })
}
