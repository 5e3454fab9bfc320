//! What a signature says of its code.

use model::Timestamp;
use proplist::Dict;

use super::HashKind;
use crate::{Requirement, x509::Chain};

const AD_HOC: u32 = 0x2;

/// What one signature says, as far as it could be read; it is to be believed only if no check failed.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) identifier: String,
    pub(crate) team_id: Option<String>,
    pub(crate) flags: u32,
    pub(crate) platform: u8,
    /// Of each code directory: its kind, and the first 20 bytes of its hash.
    pub(crate) cdhashes: Vec<(HashKind, Vec<u8>)>,
    pub(crate) designated: Option<Requirement>,
    /// Nothing if nobody signed.
    pub(crate) chain: Option<Chain>,
    pub(crate) signed_at: Option<Timestamp>,
    pub(crate) info: Option<Dict>,
    pub(crate) entitlements: Option<Dict>,
}

impl Facts {
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
