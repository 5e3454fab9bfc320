//! What a signature says of its code.

use model::Timestamp;
use proplist::Dict;

use super::HashKind;
use crate::{Requirement, RequirementKind, RequirementSet, x509::Chain};

const AD_HOC: u32 = 0x2;

/// The flags of code directories that `codesign --display` names (`CSCommon.h`).
const FLAGS: [(u32, &str); 10] = [
    (0x1, "host"),
    (AD_HOC, "adhoc"),
    (0x100, "hard"),
    (0x200, "kill"),
    (0x400, "expires"),
    (0x800, "restrict"),
    (0x1000, "enforcement"),
    (0x2000, "library-validation"),
    (0x1_0000, "runtime"),
    (0x2_0000, "linker-signed"),
];

/// What one signature says, as far as it could be read; it is to be believed only if no check failed.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) identifier: String,
    pub(crate) team_id: Option<String>,
    pub(crate) flags: u32,
    pub(crate) platform: u8,
    /// Of each code directory: its kind, and the first 20 bytes of its hash.
    pub(crate) cdhashes: Vec<(HashKind, Vec<u8>)>,
    pub(crate) requirements: Option<RequirementSet>,
    /// Nothing if nobody signed.
    pub(crate) chain: Option<Chain>,
    pub(crate) signed_at: Option<Timestamp>,
    pub(crate) info: Option<Dict>,
    pub(crate) entitlements: Option<Dict>,
}

impl Facts {
    /// What the signer says that later versions will be.
    pub(crate) fn designated(&self) -> Option<&Requirement> {
        self.requirements.as_ref()?.get(RequirementKind::Designated)
    }

    /// The names of the flags that are set.
    pub(crate) fn flag_names(&self) -> Vec<&'static str> {
        let set = FLAGS.iter().filter(|(bit, _)| self.flags & bit != 0);
        set.map(|(_, name)| *name).collect()
    }

    /// Whether nobody signed, as the directory says itself.
    pub(crate) const fn is_ad_hoc(&self) -> bool {
        self.flags & AD_HOC != 0
    }

    /// The first 20 bytes of the hash of the best directory.
    pub(crate) fn cdhash(&self) -> Option<&[u8]> {
        let best = self.cdhashes.iter().max_by_key(|(kind, _)| *kind);
        best.map(|(_, hash)| hash.as_slice())
    }
}
