//! Whose signatures count: what the client's package has brought.

use evidence::PublicKey;

use super::{Pod, Targets, updates};
use crate::{
    Access, Fault, Files, Mac,
    install::{EVIDENCE_KEYS, TRUST, UPDATE_ROOT},
    updates::Memory,
};

const LONGEST: usize = 1024 * 1024;
/// What was seen of update metadata.
const MEMORY: &str = "/private/var/db/auto-update/updates.json";
const MEMORY_FOLDER: &str = "/private/var/db/auto-update";
const FOLDER_BITS: u32 = 0o755;
/// How often to read metadata: whoever reads in the middle of a publication finds what does not belong together.
const TRIES: u32 = 2;

/// Keys and roots.
#[derive(Debug)]
pub(super) struct Anchors {
    /// The keys that sign evidence.
    pub(super) keys: Option<Vec<PublicKey>>,
    root: Option<Vec<u8>>,
}

impl Anchors {
    /// Reads them.
    ///
    /// # Errors
    /// [`Fault::NoAnchors`] if there are none, and that they are not safe to read, or no keys.
    pub(super) fn read(files: &Files) -> Result<Self, Fault> {
        let keys = files.read(EVIDENCE_KEYS, LONGEST)?;
        let root = files.read(UPDATE_ROOT, LONGEST)?;
        if keys.is_none() && root.is_none() {
            return Err(Fault::NoAnchors { folder: TRUST });
        }
        let keys = keys.map(|bytes| {
            let text = String::from_utf8(bytes).ok();
            let keys = text.and_then(|text| PublicKey::all_from_pem(&text).ok());
            keys.ok_or_else(|| Fault::Form {
                path: EVIDENCE_KEYS.to_owned(),
                why: "holds no public keys".to_owned(),
            })
        });
        Ok(Self {
            keys: keys.transpose()?,
            root,
        })
    }

    /// The files that update metadata names; none if the repository offers no metadata, or no root was installed.
    ///
    /// # Errors
    /// [`Fault::Updates`], and what may go wrong on the way.
    pub(super) fn targets(&self, mac: &Mac<'_>, pod: &Pod) -> Result<Option<Targets>, Fault> {
        let Some(root) = &self.root else {
            return Ok(None);
        };
        let mut memory = remembered(&mac.files)?;
        if memory == Memory::default() && !pod.offers_metadata()? {
            return Ok(None);
        }
        let now = mac.clock.now().to_utc();
        let mut followed = updates::follow(root, pod, &mut memory, now);
        for _ in 1..TRIES {
            if matches!(followed, Err(Fault::Updates(_))) {
                followed = updates::follow(root, pod, &mut memory, now);
            }
        }
        remember(&mac.files, &memory)?;
        followed.map(Some)
    }
}

fn remembered(files: &Files) -> Result<Memory, Fault> {
    let Some(bytes) = files.read(MEMORY, LONGEST)? else {
        return Ok(Memory::default());
    };
    serde_json::from_slice(&bytes).map_err(|_position| Fault::Form {
        path: MEMORY.to_owned(),
        why: "is not what was remembered".to_owned(),
    })
}

fn remember(files: &Files, memory: &Memory) -> Result<(), Fault> {
    files.make_folder(MEMORY_FOLDER, FOLDER_BITS)?;
    let bytes = serde_json::to_vec(memory).unwrap_or_default();
    files.write(MEMORY, &bytes, Access::OwnerOnly)
}
