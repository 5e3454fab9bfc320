//! What making catalogs learned the last time, so that nothing that stayed as it was is read again.
//!
//! It lies in the house's own corner: for each pkginfo its [`Stamp`], what decides where it is listed, and where in
//! `catalogs/all` its bytes stand; for each icon its stamp and digest. It may cost time, but not truth: it counts only
//! if its own checksum holds, and of a file only if its stamp is the same and older than the making of the index and its
//! bytes in `all` have their checksum still. Everything else is read as if it were not there. `munki makecatalogs`, `check` and `repair`
//! do not use it.
//!
//! It is text, a line for each file in the order in which they are listed, so that the lines of what stayed as it was
//! are neither taken apart into many values nor made again.

use std::{
    cmp::Ordering,
    fmt,
    fmt::Write as _,
    ops::Range,
    time::{Duration, Instant},
};

use model::Sha256;
use munki::{Catalogs, Compat, Head, listing_order};

use crate::{
    Backend, Kind,
    catalogs::Listing,
    checksum::checksum,
    contents::Icons,
    noted::{noted, number, to_note},
};

/// The name of the index.
const NAME: &str = "catalog-index";

/// The name of the index that earlier versions kept, which nobody reads any more.
const FORMER_NAME: &str = "catalog-index.json";

/// What an index begins with; it changes with its shape.
const SHAPE: &str = "catalog index 4";

/// What stands between the lines of pkginfos and those of icons, in neither of which it can be.
const ICONS: &str = "\u{1e}\n";

/// The catalog of everything.
const ALL: &str = "all";

/// How long before an index was begun a file must have been changed last: within less a second change need not show in times.
pub(crate) const SETTLED_NS: i64 = 1_000_000_000;

/// How a file looks from outside; whoever changes what is in it changes this, too.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
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

impl Stamp {
    pub(crate) fn read<'a>(fields: &mut impl Iterator<Item = &'a str>) -> Option<Self> {
        Some(Self {
            len_bytes: fields.next()?.parse().ok()?,
            modified_ns: fields.next()?.parse().ok()?,
            changed_ns: fields.next()?.parse().ok()?,
            file: fields.next()?.parse().ok()?,
            device: fields.next()?.parse().ok()?,
        })
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            len_bytes,
            modified_ns,
            changed_ns,
            file,
            device,
        } = self;
        write!(f, "{len_bytes} {modified_ns} {changed_ns} {file} {device}")
    }
}

/// What was learned the last time.
#[derive(Debug)]
pub(crate) struct Index {
    is_kept: bool,
    /// Without its first lines; empty if nothing is known.
    text: String,
    /// The `all` of the last time.
    all: Vec<u8>,
    /// When looking at files for it began, by the clock that stamps are made by.
    began_ns: i64,
}

/// What is to be kept for the next time.
#[derive(Debug)]
pub(crate) struct Learned {
    /// Without its first lines.
    text: String,
    /// When looking at files began.
    began: Instant,
}

impl Learned {
    pub(crate) const fn new(text: String, began: Instant) -> Self {
        Self { text, began }
    }

    /// Keeps it. That it cannot be kept costs time only, and is only logged.
    pub(crate) fn keep(mut self, repository: &dyn Backend) {
        // Whatever is written now gets the time that it is now where the files are; from that on the next one counts
        // back to when they were looked at.
        let took = format!("{}\n", self.began.elapsed().as_nanos());
        self.text.insert_str(0, &took);
        let kept = repository.note_own(NAME, &to_note(self.text, SHAPE));
        if let Err(error) = kept.and_then(|()| repository.remove_own(FORMER_NAME)) {
            tracing::debug!(%error, "what making catalogs learned is not kept");
        }
    }
}

/// A pkginfo that is what it was: its bytes are in the `all` of the last time.
#[derive(Clone, Debug)]
pub(crate) struct KnownPkginfo<'a> {
    pub(crate) head: Head<'a>,
    /// Where in [`Index::all`].
    pub(crate) range: Range<usize>,
    /// What its line says of it besides where it is in `all`.
    line: &'a str,
}

/// What of a listing is what it was: one for each pkginfo, and one for each icon, in the order of the listing.
#[derive(Debug, Default)]
pub(crate) struct Known<'a> {
    pub(crate) pkginfos: Vec<Option<KnownPkginfo<'a>>>,
    pub(crate) icons: Vec<Option<Sha256>>,
}

impl Index {
    /// What was learned the last time, as far as it counts.
    pub(crate) fn read(repository: &dyn Backend, compat: Compat) -> Self {
        let nothing = Self::nothing(compat);
        if !nothing.is_kept {
            return nothing;
        }
        let Some(written) = repository.own_stamp(NAME) else {
            return nothing;
        };
        let Some((took, text, all)) = last(repository) else {
            return nothing;
        };
        let took_ns = i64::try_from(took.as_nanos()).unwrap_or(i64::MAX);
        Self {
            text,
            all,
            began_ns: written.changed_ns.saturating_sub(took_ns),
            ..nothing
        }
    }

    /// Nothing; what is learned is learned anew. It is kept of Munki 7's catalogs only.
    pub(crate) const fn nothing(compat: Compat) -> Self {
        Self {
            is_kept: matches!(compat, Compat::Munki7),
            text: String::new(),
            all: Vec::new(),
            began_ns: i64::MIN,
        }
    }

    /// The `all` of the last time.
    pub(crate) fn all(&self) -> &[u8] {
        &self.all
    }

    /// What of the listing need not be read.
    pub(crate) fn known(&self, listing: &Listing) -> Known<'_> {
        let (pkginfos, icons) = self.text.split_once(ICONS).unwrap_or_default();
        let pkginfos = self.find(&listing.pkginfos, pkginfos.lines(), |line, rest| {
            let (start, of_file) = line.split_once(' ')?;
            let (bytes, head) = rest.split_once('\t')?;
            let (len, sum) = bytes.split_once(' ')?;
            let (start, len): (usize, usize) = (start.parse().ok()?, len.parse().ok()?);
            let range = start..start.checked_add(len)?;
            let is_there = Some(checksum(self.all.get(range.clone())?)) == number(sum);
            is_there.then_some(KnownPkginfo {
                head: Head::of_line(head),
                range,
                line: of_file,
            })
        });
        Known {
            pkginfos,
            icons: self.find(&listing.icons, icons.lines(), |_, rest| rest.parse().ok()),
        }
    }

    /// What the line of each that is listed says, if it is what it was. `lines` are in the order of the listing, too;
    /// what were not would only not be found.
    fn find<'a, T>(
        &'a self,
        listed: &[(String, Option<Stamp>)],
        lines: impl Iterator<Item = &'a str>,
        says: impl Fn(&'a str, &'a str) -> Option<T>,
    ) -> Vec<Option<T>> {
        let mut lines = lines.filter_map(Line::of).peekable();
        let mut find = |location: &str, stamp: Option<Stamp>| {
            let is_before = |line: &Line<'_>| {
                line.location != location
                    && listing_order(line.location, location) == Ordering::Less
            };
            while lines.next_if(is_before).is_some() {}
            let line = lines.next_if(|line| line.location == location)?;
            self.is_the_same(&line, stamp)
                .then(|| says(line.whole, line.rest))?
        };
        let found = listed
            .iter()
            .map(|(location, stamp)| find(location, *stamp));
        found.collect()
    }

    fn is_the_same(&self, line: &Line<'_>, now: Option<Stamp>) -> bool {
        let Some(now) = now else {
            return false;
        };
        now.changed_ns.saturating_add(SETTLED_NS) < self.began_ns
            && Stamp::read(&mut line.stamp.split(' ')) == Some(now)
    }

    /// What is to be kept for the next time; nothing if nothing was learned. What is about to be placed has no stamp
    /// yet, and is read the next time.
    pub(crate) fn next(
        &self,
        catalogs: &Catalogs<'_>,
        listing: &Listing,
        known: &Known<'_>,
        icons: &Icons,
    ) -> Option<String> {
        if !self.is_kept {
            return None;
        }
        let mut text = String::with_capacity(self.text.len());
        let mut is_new = write_pkginfos(&mut text, catalogs, listing, known);
        text.push_str(ICONS);
        is_new |= write_icons(&mut text, listing, known, icons);
        if text == ICONS || (!is_new && text == self.text) {
            return None;
        }
        Some(text)
    }

    /// The same, as if everything had settled long ago.
    #[cfg(test)]
    pub(crate) fn aged(self) -> Self {
        Self {
            began_ns: i64::MAX,
            ..self
        }
    }
}

/// A line about a file: where it is, how it looked, and what was in it, with tabs between. That of a pkginfo begins with
/// where it is in `all`.
struct Line<'a> {
    whole: &'a str,
    location: &'a str,
    stamp: &'a str,
    rest: &'a str,
}

impl<'a> Line<'a> {
    fn of(whole: &'a str) -> Option<Self> {
        let (_, of_file) = whole.split_once(' ')?;
        let (location, after) = of_file.split_once('\t')?;
        let (stamp, rest) = after.split_once('\t')?;
        Some(Self {
            whole,
            location,
            stamp,
            rest,
        })
    }
}

/// Writes a line for each pkginfo of which there is something to be known; whether one is new.
fn write_pkginfos(
    text: &mut String,
    catalogs: &Catalogs<'_>,
    listing: &Listing,
    known: &Known<'_>,
) -> bool {
    let mut is_new = false;
    let mut files = listing.pkginfos.iter().zip(&known.pkginfos);
    for (number, listed) in catalogs.listed().iter().enumerate() {
        // Both are in the same order.
        let Some(((location, stamp), known)) =
            files.find(|((location, _), _)| *location == listed.path)
        else {
            break;
        };
        let start = listed.range.start;
        if let Some(known) = known {
            write_line(text, format_args!("{start} {}", known.line));
        } else if let (Some(stamp), Some(head)) = (stamp, &listed.head)
            && can_be_named(location)
        {
            is_new = true;
            let (len, sum) = (listed.range.len(), checksum(catalogs.listed_bytes(number)));
            let head = head.as_str();
            write_line(
                text,
                format_args!("{start} {location}\t{stamp}\t{len} {sum:016x}\t{head}"),
            );
        }
    }
    is_new
}

/// Writes a line for each icon; whether one is new.
fn write_icons(text: &mut String, listing: &Listing, known: &Known<'_>, icons: &Icons) -> bool {
    let mut is_new = false;
    for ((location, stamp), known) in listing.icons.iter().zip(&known.icons) {
        if let (Some(stamp), Some(sha256)) = (stamp, icons.digests.get(location))
            && can_be_named(location)
        {
            is_new |= known.is_none();
            write_line(text, format_args!(" {location}\t{stamp}\t{sha256}"));
        }
    }
    is_new
}

fn write_line(text: &mut String, line: fmt::Arguments<'_>) {
    // Text can always be written to.
    text.write_fmt(line).unwrap_or_default();
    text.push('\n');
}

/// Whether a line can begin with it.
fn can_be_named(location: &str) -> bool {
    !location.chars().any(char::is_control)
}

/// How long learning took, what was learned, and the `all` that it was learned of.
fn last(repository: &dyn Backend) -> Option<(Duration, String, Vec<u8>)> {
    let mut text = noted(repository, NAME, SHAPE)?;
    let (took, _) = text.split_once('\n')?;
    let (took_len, took) = (took.len().saturating_add(1), took.parse().ok()?);
    text.drain(..took_len);
    let all = repository.get(Kind::Catalogs, ALL).ok()?;
    Some((Duration::from_nanos(took), text, all))
}
