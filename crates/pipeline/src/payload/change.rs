//! What is new.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};

use model::UnknownWord;
use serde::{Deserialize, Serialize};

use super::{Inventory, path::without_versions};

/// Software is as large as before if it is not so many times larger or smaller.
const SIZE_FACTOR: u64 = 2;
/// Differences of so many bytes do not count, however large they are beside what there was.
const SMALL_SIZE: u64 = 20_000_000;

/// Something that software did not bring before.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Change {
    /// What kind of thing it is.
    pub kind: ChangeKind,
    /// In words: a path, an entitlement, two sizes.
    pub what: String,
}

/// What kind of thing changed.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// A property list for launchd.
    LaunchJob,
    /// A program that others have run as root.
    Helper,
    /// An extension of the kernel or the system.
    Extension,
    /// A file that runs as its owner or group.
    SetId,
    /// An installer script, new or with other contents.
    Script,
    /// A program is allowed more.
    Entitlement,
    /// Something cannot be read that was not there, or could be, before.
    Unreadable,
    /// There is much more of it, or much less.
    Size,
}

impl ChangeKind {
    /// Every kind, in the order in which changes are told.
    pub const ALL: [Self; 8] = [
        Self::LaunchJob,
        Self::Helper,
        Self::Extension,
        Self::SetId,
        Self::Script,
        Self::Entitlement,
        Self::Unreadable,
        Self::Size,
    ];

    /// The word for it in configuration and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LaunchJob => "launch-job",
            Self::Helper => "helper",
            Self::Extension => "extension",
            Self::SetId => "set-id",
            Self::Script => "script",
            Self::Entitlement => "entitlement",
            Self::Unreadable => "unreadable",
            Self::Size => "size",
        }
    }
}

impl FromStr for ChangeKind {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        let mut all = Self::ALL.into_iter();
        all.find(|kind| kind.as_str() == word)
            .ok_or_else(|| UnknownWord {
                list: "kind of payload change",
                word: word.to_owned(),
            })
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            ChangeKind::LaunchJob => "new job for launchd",
            ChangeKind::Helper => "new privileged helper",
            ChangeKind::Extension => "new extension",
            ChangeKind::SetId => "new file that runs as its owner or group",
            ChangeKind::Script => "installer script",
            ChangeKind::Entitlement => "new entitlement",
            ChangeKind::Unreadable => "cannot be read",
            ChangeKind::Size => "size",
        };
        write!(f, "{kind}: {}", self.what)
    }
}

impl Inventory {
    /// What this brings that `before` did not, in the order of [`ChangeKind::ALL`]. Version numbers in paths do not count.
    pub fn changes_since(&self, before: &Self) -> Vec<Change> {
        let mut changes = Vec::new();
        for (kind, now, then) in [
            (
                ChangeKind::LaunchJob,
                &self.launch_jobs,
                &before.launch_jobs,
            ),
            (ChangeKind::Helper, &self.helpers, &before.helpers),
            (ChangeKind::Extension, &self.extensions, &before.extensions),
            (ChangeKind::SetId, &self.set_id, &before.set_id),
        ] {
            changes.extend(added(now, then).map(|what| Change { kind, what }));
        }
        changes.extend(self.scripts_since(before));
        changes.extend(self.entitlements_since(before));
        let unreadable = added(&self.unreadable, &before.unreadable);
        changes.extend(unreadable.map(|what| Change {
            kind: ChangeKind::Unreadable,
            what,
        }));
        changes.extend(self.size_since(before));
        changes
    }

    fn scripts_since(&self, before: &Self) -> impl Iterator<Item = Change> {
        // Several scripts may be one but for numbers in their names: each digest that was there counts.
        let mut known: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for (path, digest) in &before.scripts {
            known
                .entry(without_versions(path))
                .or_default()
                .insert(digest);
        }
        self.scripts.iter().filter_map(move |(path, digest)| {
            let what = match known.get(&without_versions(path)) {
                None => format!("{path}, which is new"),
                Some(digests) if digests.contains(digest) => return None,
                Some(_) => format!("{path}, which has other contents"),
            };
            Some(Change {
                kind: ChangeKind::Script,
                what,
            })
        })
    }

    fn entitlements_since(&self, before: &Self) -> impl Iterator<Item = Change> {
        self.entitlements.iter().flat_map(|(identifier, now)| {
            let then = before.entitlements.get(identifier);
            let new = now
                .iter()
                .filter(move |one| then.is_none_or(|then| !then.contains(*one)));
            new.map(move |one| Change {
                kind: ChangeKind::Entitlement,
                what: format!("{one} for {identifier}"),
            })
        })
    }

    fn size_since(&self, before: &Self) -> Option<Change> {
        let is_small = self.bytes.abs_diff(before.bytes) <= SMALL_SIZE;
        let is_larger = self.bytes > before.bytes.saturating_mul(SIZE_FACTOR);
        let is_smaller = before.bytes > self.bytes.saturating_mul(SIZE_FACTOR);
        (!is_small && (is_larger || is_smaller)).then(|| Change {
            kind: ChangeKind::Size,
            what: format!("{} bytes instead of {}", self.bytes, before.bytes),
        })
    }
}

/// What is in `now` and not in `then`.
fn added(now: &BTreeSet<String>, then: &BTreeSet<String>) -> impl Iterator<Item = String> {
    let then: BTreeSet<_> = then.iter().map(|path| without_versions(path)).collect();
    let new = now
        .iter()
        .filter(move |path| !then.contains(&without_versions(path)));
    new.cloned()
}
