//! What making catalogs learned the last time, so that nothing that stayed as it was is read again.
//!
//! It lies in the house's own corner: for each pkginfo its [`Stamp`], what decides where it is listed, and where in
//! `catalogs/all` its bytes stand; for each icon its stamp and digest. It may cost time, but not truth: it counts only
//! if its own digest holds, `all` is the very one it was made with, and a file's stamp is the same and older than the
//! index. Everything else is read as if it were not there. `munki makecatalogs`, `check` and `repair` do not use it.

use std::{collections::HashMap, io::Write as _, ops::Range};

use model::{Sha256, Sha256Writer};
use munki::{Catalogs, Compat, Head};
use serde::{Deserialize, Serialize};

use crate::{
    Backend, Kind,
    catalogs::{Icons, Listing},
};

/// The name of the index.
const NAME: &str = "catalog-index.json";

/// The shape of the index.
const SCHEMA: u32 = 2;

/// The catalog of everything.
const ALL: &str = "all";

/// How long before the index a file must have been changed last: within less a second change need not show in times.
const SETTLED_NS: i64 = 1_000_000_000;

/// How a file looks from outside; whoever changes what is in it changes this, too.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(from = "StampFields", into = "StampFields")]
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

/// A stamp without the names of its fields, of which there are very many.
type StampFields = (u64, i64, i64, u64, u64);

impl From<StampFields> for Stamp {
    fn from((len_bytes, modified_ns, changed_ns, file, device): StampFields) -> Self {
        Self {
            len_bytes,
            modified_ns,
            changed_ns,
            file,
            device,
        }
    }
}

impl From<Stamp> for StampFields {
    fn from(stamp: Stamp) -> Self {
        (
            stamp.len_bytes,
            stamp.modified_ns,
            stamp.changed_ns,
            stamp.file,
            stamp.device,
        )
    }
}

/// What is written down.
#[derive(Serialize)]
struct Written<'a> {
    schema: u32,
    /// The digest of `catalogs/all`.
    all: Sha256,
    pkginfos: Vec<(&'a str, Stamp, &'a Head, &'a Range<usize>)>,
    icons: Vec<(&'a str, Stamp, Sha256)>,
}

/// The same, as it is read.
#[derive(Deserialize)]
struct Read {
    schema: u32,
    all: Sha256,
    pkginfos: Vec<(String, Stamp, Head, Range<usize>)>,
    icons: Vec<(String, Stamp, Sha256)>,
}

/// What holds from the last time.
#[derive(Debug)]
struct Last {
    /// The text of `all`, and its digest.
    all: String,
    sha256: Sha256,
    pkginfos: HashMap<String, (Stamp, Head, Range<usize>)>,
    icons: HashMap<String, (Stamp, Sha256)>,
}

/// What was learned the last time.
#[derive(Debug)]
pub(crate) struct Index {
    is_kept: bool,
    last: Option<Last>,
    /// When it was written.
    written_ns: i64,
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
            last: written.and_then(|_| last(repository)),
            written_ns: written.map_or(i64::MIN, |stamp| stamp.changed_ns),
            ..nothing
        }
    }

    /// Nothing; what is learned is learned anew. It is kept of Munki 7's catalogs only.
    pub(crate) const fn nothing(compat: Compat) -> Self {
        Self {
            is_kept: matches!(compat, Compat::Munki7),
            last: None,
            written_ns: i64::MIN,
        }
    }

    /// The `all` of the last time.
    pub(crate) fn all(&self) -> &str {
        self.last.as_ref().map_or("", |last| &last.all)
    }

    /// The head of a pkginfo, and where its bytes are in [`Self::all`], if it is what it was, so that it need not be
    /// read.
    pub(crate) fn pkginfo(
        &self,
        location: &str,
        stamp: Option<Stamp>,
    ) -> Option<(&Head, Range<usize>)> {
        let last = self.last.as_ref()?;
        let (then, head, range) = last.pkginfos.get(location)?;
        let is_known = self.is_the_same(*then, stamp) && last.all.get(range.clone()).is_some();
        is_known.then(|| (head, range.clone()))
    }

    /// The digest of an icon, if it is what it was.
    pub(crate) fn icon(&self, location: &str, stamp: Option<Stamp>) -> Option<Sha256> {
        let (then, sha256) = self.last.as_ref()?.icons.get(location)?;
        self.is_the_same(*then, stamp).then_some(*sha256)
    }

    fn is_the_same(&self, then: Stamp, now: Option<Stamp>) -> bool {
        now == Some(then) && then.changed_ns.saturating_add(SETTLED_NS) < self.written_ns
    }

    /// What is to be kept for the next time; nothing if nothing was learned. What is about to be placed has no stamp
    /// yet, and is read the next time.
    pub(crate) fn next(
        &self,
        catalogs: &Catalogs<'_>,
        listing: &Listing,
        icons: &Icons,
    ) -> Option<Vec<u8>> {
        if !self.is_kept {
            return None;
        }
        let mut stamps = listing.pkginfos.iter();
        let pkginfos = catalogs.listed().iter().filter_map(|listed| {
            // Both are in the same order.
            let (_, stamp) = stamps.find(|(location, _)| *location == listed.path)?;
            Some((
                listed.path.as_str(),
                (*stamp)?,
                listed.head.as_ref()?,
                &listed.range,
            ))
        });
        let stamped = listing.icons.iter().filter_map(|(location, stamp)| {
            let sha256 = *icons.digests.get(location)?;
            Some((location.as_str(), (*stamp)?, sha256))
        });
        let written = Written {
            schema: SCHEMA,
            all: digest_of(&catalogs.pieces(ALL)),
            pkginfos: pkginfos.collect(),
            icons: stamped.collect(),
        };
        if self.says(&written) || (written.pkginfos.is_empty() && written.icons.is_empty()) {
            return None;
        }
        let json = serde_json::to_vec(&written).ok()?;
        let mut bytes = format!("{}\n", Sha256::of(&json)).into_bytes();
        bytes.extend(json);
        Some(bytes)
    }

    /// Whether the last time the same was learned, and counts still.
    fn says(&self, written: &Written<'_>) -> bool {
        let Some(last) = &self.last else {
            return false;
        };
        let mut pkginfos = written.pkginfos.iter();
        let mut icons = written.icons.iter();
        last.sha256 == written.all
            && last.pkginfos.len() == written.pkginfos.len()
            && last.icons.len() == written.icons.len()
            && pkginfos.all(|(location, stamp, ..)| self.pkginfo(location, Some(*stamp)).is_some())
            && icons.all(|(location, stamp, _)| self.icon(location, Some(*stamp)).is_some())
    }

    /// The same, as if everything had settled long ago.
    #[cfg(test)]
    pub(crate) fn aged(self) -> Self {
        Self {
            written_ns: i64::MAX,
            ..self
        }
    }
}

/// Keeps what was learned. That it cannot be kept costs time only, and is only logged.
pub(crate) fn keep(repository: &dyn Backend, learned: &[u8]) {
    if let Err(error) = repository.note_own(NAME, learned) {
        tracing::debug!(%error, "what making catalogs learned is not kept");
    }
}

fn digest_of(pieces: &[&[u8]]) -> Sha256 {
    let mut digest = Sha256Writer::new(std::io::sink());
    for piece in pieces {
        // Nothing can go wrong where nothing is written to.
        digest.write_all(piece).unwrap_or_default();
    }
    digest.finish().1
}

/// What was learned, and the `all` that it was learned of.
fn last(repository: &dyn Backend) -> Option<Last> {
    let bytes = repository.own(NAME).ok()??;
    let at = bytes.iter().position(|byte| *byte == b'\n')?;
    let (digest, json) = bytes.split_at_checked(at)?;
    let json = json.get(1..)?;
    if Sha256::of(json).to_string().as_bytes() != digest {
        return None;
    }
    let read: Read = serde_json::from_slice(json).ok()?;
    let all = repository.get(Kind::Catalogs, ALL).ok()?;
    if read.schema != SCHEMA || read.all != Sha256::of(&all) {
        return None;
    }
    let pkginfos = read.pkginfos.into_iter();
    let icons = read.icons.into_iter();
    Some(Last {
        all: String::from_utf8(all).ok()?,
        sha256: read.all,
        pkginfos: pkginfos
            .map(|(location, stamp, head, range)| (location, (stamp, head, range)))
            .collect(),
        icons: icons
            .map(|(location, stamp, sha256)| (location, (stamp, sha256)))
            .collect(),
    })
}
