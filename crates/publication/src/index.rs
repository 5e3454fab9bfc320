//! What making catalogs learned the last time, so that nothing that stayed as it was is read again.
//!
//! It lies in the house's own corner: for each pkginfo its [`Stamp`], what decides where it is listed, and where in
//! `catalogs/all` its bytes stand; for each icon its stamp and digest. It may cost time, but not truth: it counts only
//! if its own digest holds, `all` is the very one it was made with, and a file's stamp is the same and older than the
//! index. Everything else is read as if it were not there. `munki makecatalogs`, `check` and `repair` do not use it.

use std::{collections::HashMap, ops::Range};

use model::Sha256;
use munki::{Compat, Head};
use serde::{Deserialize, Serialize};

use crate::{Backend, Kind};

/// The name of the index.
const NAME: &str = "catalog-index.json";

/// The shape of the index.
const SCHEMA: u32 = 1;

/// The catalog of everything.
const ALL: &str = "all";

/// How long before the index a file must have been changed last: within less a second change need not show in times.
const SETTLED_NS: i64 = 1_000_000_000;

/// How a file looks from outside; whoever changes what is in it changes this, too.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Stamp {
    /// Its length.
    pub len_bytes: u64,
    /// When its contents were changed, in nanoseconds since 1970.
    pub modified_ns: i64,
    /// When anything about it was changed, which nobody can set.
    pub changed_ns: i64,
    /// The number of the file.
    pub file: u64,
    /// The number of what it lies on.
    pub device: u64,
}

/// What was learned.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Learned {
    schema: u32,
    /// The digest of `catalogs/all`.
    all: Option<Sha256>,
    pkginfos: HashMap<String, (Stamp, Head, Range<usize>)>,
    icons: HashMap<String, (Stamp, Sha256)>,
}

/// What was learned the last time, and what is being learned.
#[derive(Debug)]
pub(crate) struct Index {
    is_kept: bool,
    /// What holds from the last time, and the text of `all`.
    last: Option<(Learned, String)>,
    /// When the index was written.
    written_ns: i64,
    next: Learned,
    /// How what was asked for looked before it was read. Icons go first, so that names do not meet.
    stamps: HashMap<String, Stamp>,
    is_new: bool,
}

impl Index {
    /// What was learned the last time, as far as it counts.
    pub(crate) fn read(repository: &dyn Backend, compat: Compat) -> Self {
        let nothing = Self::nothing(compat);
        if !nothing.is_kept {
            return nothing;
        }
        let written = repository.own_stamp(NAME);
        Self {
            last: last(repository),
            written_ns: written.map_or(i64::MIN, |stamp| stamp.changed_ns),
            ..nothing
        }
    }

    /// Nothing; what is learned is learned anew. It is kept of Munki 7's catalogs only.
    pub(crate) fn nothing(compat: Compat) -> Self {
        Self {
            is_kept: compat == Compat::Munki7,
            last: None,
            written_ns: i64::MIN,
            next: Learned {
                schema: SCHEMA,
                ..Learned::default()
            },
            stamps: HashMap::new(),
            is_new: false,
        }
    }

    /// Whether a pkginfo is what it was, so that it need not be read.
    pub(crate) fn knows_pkginfo(&mut self, repository: &dyn Backend, location: &str) -> bool {
        let Some(stamp) = repository.stamp(Kind::Pkgsinfo, location) else {
            return false;
        };
        self.stamps.insert(location.to_owned(), stamp);
        let then = self.last.as_ref().and_then(|(learned, _)| {
            let (then, _, _) = learned.pkginfos.get(location)?;
            Some(*then)
        });
        let is_known =
            then == Some(stamp) && self.is_settled(stamp) && self.pkginfo(location).is_some();
        self.is_new |= !is_known;
        is_known
    }

    /// The head of a pkginfo that is known, and its bytes in catalogs.
    pub(crate) fn pkginfo(&self, location: &str) -> Option<(&Head, &str)> {
        let (learned, all) = self.last.as_ref()?;
        let (_, head, range) = learned.pkginfos.get(location)?;
        Some((head, all.get(range.clone())?))
    }

    /// The digest of an icon that is known.
    pub(crate) fn known_icon(&self, location: &str) -> Option<Sha256> {
        let (_, sha256) = self.next.icons.get(location)?;
        Some(*sha256)
    }

    /// The digest of an icon, if it is what it was.
    pub(crate) fn icon(&mut self, repository: &dyn Backend, location: &str) -> Option<Sha256> {
        let stamp = repository.stamp(Kind::Icons, location)?;
        self.stamps.insert(location.to_owned(), stamp);
        let (then, sha256) = self.last.as_ref()?.0.icons.get(location)?;
        if *then != stamp || !self.is_settled(stamp) {
            return None;
        }
        let sha256 = *sha256;
        self.next.icons.insert(location.to_owned(), (stamp, sha256));
        Some(sha256)
    }

    /// Notes the digest of an icon that was asked for in vain, and read then.
    pub(crate) fn learn_icon(&mut self, location: &str, sha256: Sha256) {
        self.is_new = true;
        if let Some(stamp) = self.stamps.remove(location) {
            self.next.icons.insert(location.to_owned(), (stamp, sha256));
        }
    }

    /// Notes what was listed. What is about to be placed has no stamp yet, and is read the next time.
    pub(crate) fn learn(&mut self, catalogs: &munki::Catalogs) {
        let all = catalogs.files.get(ALL).map(|all| Sha256::of(all));
        let was = self.last.as_ref().and_then(|(learned, _)| learned.all);
        self.is_new |= all != was;
        self.next.all = all;
        for listed in &catalogs.listed {
            let stamp = self.stamps.remove(&listed.path);
            if let (Some(stamp), Some(head)) = (stamp, &listed.head) {
                let entry = (stamp, head.clone(), listed.range.clone());
                self.next.pkginfos.insert(listed.path.clone(), entry);
            }
        }
    }

    /// Keeps what was learned, if anything was. That it cannot be kept costs time only, and is only logged.
    pub(crate) fn write(&self, repository: &dyn Backend) {
        if !self.is_kept || !self.is_new {
            return;
        }
        let Ok(json) = serde_json::to_vec(&self.next) else {
            return;
        };
        let mut bytes = format!("{}\n", Sha256::of(&json)).into_bytes();
        bytes.extend(json);
        if let Err(error) = repository.put_own(NAME, &bytes) {
            tracing::debug!(%error, "what making catalogs learned is not kept");
        }
    }

    /// The same, as if everything had settled long ago.
    #[cfg(test)]
    pub(crate) fn aged(self) -> Self {
        Self {
            written_ns: i64::MAX,
            ..self
        }
    }

    fn is_settled(&self, stamp: Stamp) -> bool {
        stamp.changed_ns.saturating_add(SETTLED_NS) < self.written_ns
    }
}

/// What was learned, and the `all` that it was learned of.
fn last(repository: &dyn Backend) -> Option<(Learned, String)> {
    let bytes = repository.own(NAME).ok()??;
    let at = bytes.iter().position(|byte| *byte == b'\n')?;
    let (digest, json) = bytes.split_at_checked(at)?;
    let json = json.get(1..)?;
    if Sha256::of(json).to_string().as_bytes() != digest {
        return None;
    }
    let learned: Learned = serde_json::from_slice(json).ok()?;
    let all = repository.get(Kind::Catalogs, ALL).ok()?;
    if learned.schema != SCHEMA || learned.all != Some(Sha256::of(&all)) {
        return None;
    }
    Some((learned, String::from_utf8(all).ok()?))
}
