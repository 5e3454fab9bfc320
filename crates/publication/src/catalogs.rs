//! Catalogs and icon hashes of a repository.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap, HashSet},
    time::Instant,
};

use model::Sha256;
use munki::{CatalogBuilder, CatalogOptions, Catalogs, Compat, Report, icon_hashes, listing_order};

use crate::{
    Backend, Held, Kind, Part, Point, PublicationObserver, RepositoryError, Seen, Unobserved,
    beside::beside,
    contents::{Icons, Stamps, collect, hash_icons},
    in_order::in_order,
    index::{Index, Learned},
};

/// The list of icon hashes, relative to `icons/`.
pub(crate) const ICON_HASHES: &str = "_icon_hashes.plist";

/// What making catalogs did.
#[derive(Clone, Debug, Default)]
pub struct CatalogsMade {
    /// What there was to say, in Munki's words.
    pub report: Report,
    /// Catalogs whose bytes are new; one with the same bytes is left alone.
    pub changed: Vec<String>,
    /// Catalogs that are gone.
    pub removed: Vec<String>,
}

/// Makes the catalogs and the list of icon hashes, as Munki's `makecatalogs` does.
///
/// Unlike Munki 7, an `all` without items is written too, since a stale one would name what is not there.
///
/// # Errors
/// If the repository cannot be read or written; damaged pkginfos are only reported.
pub fn make_catalogs(
    repository: &dyn Backend,
    options: CatalogOptions,
) -> Result<CatalogsMade, RepositoryError> {
    let held = repository.lock()?;
    make_catalogs_locked(repository, &*held, options)
}

pub(crate) fn make_catalogs_locked(
    repository: &dyn Backend,
    held: &dyn Held,
    options: CatalogOptions,
) -> Result<CatalogsMade, RepositoryError> {
    let (told, coming) = (Told::Everything, Coming::default());
    let prepared = Prepared::make(repository, options, told, &coming, Before::Nothing)?;
    prepared.apply(repository, held, &Unobserved)
}

/// What is about to be in the repository, besides what is, and what is about to be gone.
#[derive(Debug, Default)]
pub(crate) struct Coming {
    /// Added and replaced ones, by location.
    pub(crate) pkginfos: HashMap<String, Vec<u8>>,
    pub(crate) pkgs: Vec<String>,
    /// Added and replaced ones, by location.
    pub(crate) icons: BTreeMap<String, Sha256>,
    pub(crate) gone: HashSet<(Kind, String)>,
}

/// What is in a pkginfo, or why that cannot be told.
type Pkginfo<'a> = Result<Cow<'a, [u8]>, RepositoryError>;

impl Coming {
    /// Where pkginfos will be, in the order of [`crate::Repository::list`].
    pub(crate) fn pkginfo_locations(
        &self,
        repository: &dyn Backend,
    ) -> Result<Vec<String>, RepositoryError> {
        let mut locations = self.staying(repository, Kind::Pkgsinfo)?;
        locations.extend(self.pkginfos.keys().cloned());
        locations.sort_by(|left, right| listing_order(left, right));
        locations.dedup();
        Ok(locations)
    }

    /// What will be in each pkginfo, by its location.
    pub(crate) fn pkginfos<'a>(
        &'a self,
        repository: &'a dyn Backend,
        locations: &'a [String],
    ) -> Result<impl Iterator<Item = (&'a str, Pkginfo<'a>)>, RepositoryError> {
        let there = repository.each(Kind::Pkgsinfo, locations)?;
        let pkginfos = locations.iter().zip(there).map(|(location, there)| {
            let contents = match self.pkginfos.get(location) {
                Some(contents) => Ok(Cow::Borrowed(contents.as_slice())),
                None => there.map(Cow::Owned),
            };
            (location.as_str(), contents)
        });
        Ok(pkginfos)
    }

    /// What is there and will not be gone.
    fn staying(
        &self,
        repository: &dyn Backend,
        kind: Kind,
    ) -> Result<Vec<String>, RepositoryError> {
        let mut locations = repository.list(kind)?;
        locations.retain(|location| self.stays(kind, location));
        Ok(locations)
    }

    fn stays(&self, kind: Kind, location: &str) -> bool {
        self.gone.is_empty() || !self.gone.contains(&(kind, location.to_owned()))
    }
}

/// What will be in the repository, and how it looks as long as it is not about to be placed.
#[derive(Debug)]
pub(crate) struct Listing {
    /// In the order of [`crate::Repository::list`].
    pub(crate) pkginfos: Vec<(String, Seen)>,
    /// Without those that are about to be placed.
    pub(crate) icons: Vec<(String, Seen)>,
    pkgs: Vec<String>,
}

impl Listing {
    /// Without stamps, which are told by who reads the files.
    fn read(repository: &dyn Backend, coming: &Coming) -> Result<Self, RepositoryError> {
        let unstamped = |location| (location, None);
        Self::make(repository, coming, |kind| {
            Ok(repository.list(kind)?.into_iter().map(unstamped).collect())
        })
    }

    pub(crate) fn read_stamped(
        repository: &dyn Backend,
        coming: &Coming,
    ) -> Result<Self, RepositoryError> {
        Self::make(repository, coming, |kind| repository.list_stamped(kind))
    }

    fn make(
        repository: &dyn Backend,
        coming: &Coming,
        list: impl Fn(Kind) -> Result<Vec<(String, Seen)>, RepositoryError>,
    ) -> Result<Self, RepositoryError> {
        let (pkgs, listed) = beside(
            || coming.staying(repository, Kind::Pkgs),
            || Ok::<_, RepositoryError>((list(Kind::Pkgsinfo)?, list(Kind::Icons)?)),
        );
        let (mut pkgs, (mut pkginfos, mut icons)) = (pkgs?, listed?);
        pkginfos.retain(|(location, _)| {
            coming.stays(Kind::Pkgsinfo, location) && !coming.pkginfos.contains_key(location)
        });
        let placed = coming.pkginfos.keys();
        pkginfos.extend(placed.map(|location| (location.clone(), None)));
        pkginfos.sort_by(|(left, _), (right, _)| listing_order(left, right));
        icons.retain(|(location, _)| {
            location != ICON_HASHES
                && coming.stays(Kind::Icons, location)
                && !coming.icons.contains_key(location)
        });
        pkgs.extend(coming.pkgs.iter().cloned());
        Ok(Self {
            pkginfos,
            icons,
            pkgs,
        })
    }
}

/// Notes how those looked that were not known and have been read.
fn note<T>(listed: &mut [(String, Seen)], known: &[Option<T>], stamps: Stamps) {
    let unknown = listed
        .iter_mut()
        .zip(known)
        .filter(|(_, known)| known.is_none());
    for (((_, stamp), _), read) in unknown.zip(stamps) {
        *stamp = read;
    }
}

/// What is known from before.
#[derive(Clone, Copy)]
pub(crate) enum Before<'a> {
    /// What this answers.
    Index(&'a (dyn Fn() -> Index + Sync)),
    /// Nothing.
    Nothing,
}

/// What is told of the making of catalogs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Told {
    /// What is done, and what is wrong.
    Everything,
    /// What is wrong.
    Notes,
}

/// Catalogs that are written beside their places.
pub(crate) struct Prepared<'a> {
    parts: Parts<'a>,
    stale: Vec<String>,
    report: Report,
    /// What is kept for the next time, if anything was learned.
    learned: Option<Learned>,
}

impl<'a> Prepared<'a> {
    /// Makes the catalogs of what is and what is about to be, and writes those that changed beside their places. What
    /// is known from `before` is not read again.
    pub(crate) fn make(
        repository: &'a dyn Backend,
        options: CatalogOptions,
        told: Told,
        coming: &Coming,
        before: Before<'_>,
    ) -> Result<Self, RepositoryError> {
        let began = Instant::now();
        let mut report = Report::default();
        let icons_first = options.compat == Compat::Munki6;
        let (index, listing) = match before {
            Before::Index(index) => beside(index, || Listing::read_stamped(repository, coming)),
            Before::Nothing => (
                Index::nothing(options.compat),
                Listing::read(repository, coming),
            ),
        };
        let mut listing = listing?;
        let pkgs = std::mem::take(&mut listing.pkgs);
        let known = index.known(&listing);
        let (icons, catalogs) = beside(
            || hash_icons(repository, coming, options.compat, (&listing, &known)),
            || {
                let builder = CatalogBuilder::knowing(options, pkgs, index.all());
                let builder = match told {
                    Told::Everything => builder,
                    Told::Notes => builder.quiet(),
                };
                collect(repository, builder, coming, (&listing, &known))
            },
        );
        let ((mut icons, icon_stamps), (mut catalogs, stamps)) = (icons?, catalogs?);
        note(&mut listing.icons, &known.icons, icon_stamps);
        note(&mut listing.pkginfos, &known.pkginfos, stamps);
        let icon_report = std::mem::take(&mut icons.report);
        if icons_first {
            report.extend(icon_report.clone());
            report.progress("Getting list of pkgsinfo...");
            report.progress("Getting list of pkgs...");
        }
        report.extend(std::mem::take(&mut catalogs.report));
        let (learned, parts) = beside(
            || index.next(&catalogs, &listing, &known, &icons),
            || prepare_changed(repository, &catalogs, &icons),
        );
        for name in catalogs.names() {
            report.progress(format!("Created catalogs/{name}..."));
        }
        if !icons_first {
            report.extend(icon_report);
        }
        if !icons.digests.is_empty() {
            report.progress(format!("Created icons/{ICON_HASHES}..."));
        }
        let mut stale = repository.list(Kind::Catalogs)?;
        stale.retain(|name| !catalogs.contains(name));
        Ok(Self {
            parts: parts?,
            stale,
            report,
            learned: learned.map(|text| Learned::new(text, began)),
        })
    }

    /// Puts the catalogs in their places, and removes those that are no more.
    pub(crate) fn apply(
        self,
        repository: &dyn Backend,
        held: &dyn Held,
        observer: &dyn PublicationObserver,
    ) -> Result<CatalogsMade, RepositoryError> {
        let mut made = CatalogsMade {
            report: self.report,
            ..CatalogsMade::default()
        };
        for name in self.stale {
            held.check()?;
            repository.remove(Kind::Catalogs, &name)?;
            observer.reached(Point::Removed {
                kind: Kind::Catalogs,
                location: name.clone(),
            });
            made.removed.push(name);
        }
        for (kind, location, part) in self.parts {
            held.check()?;
            part.replace()?;
            if kind == Kind::Catalogs {
                made.changed.push(location.clone());
            }
            observer.reached(Point::Placed { kind, location });
        }
        if let Some(learned) = self.learned {
            learned.keep(repository);
        }
        Ok(made)
    }
}

/// Catalogs, and the list of icon hashes, that are not made of what is there; and those in which nothing is.
pub(crate) fn outdated(
    repository: &dyn Backend,
    options: CatalogOptions,
) -> Result<(Vec<String>, Vec<String>), RepositoryError> {
    let (coming, index) = (Coming::default(), Index::nothing(options.compat));
    let mut listing = Listing::read(repository, &coming)?;
    let pkgs = std::mem::take(&mut listing.pkgs);
    let known = index.known(&listing);
    let builder = CatalogBuilder::new(options, pkgs).quiet();
    let (catalogs, _) = collect(repository, builder, &coming, (&listing, &known))?;
    let mut outdated = Vec::new();
    for name in catalogs.names() {
        if !is_there(repository, Kind::Catalogs, name, &catalogs.pieces(name))? {
            outdated.push(name.to_owned());
        }
    }
    let (icons, _) = hash_icons(repository, &coming, options.compat, (&listing, &known))?;
    if let Some(hashes) = hash_list(&icons)?
        && !is_there(repository, Kind::Icons, ICON_HASHES, &[&hashes])?
    {
        outdated.push(ICON_HASHES.to_owned());
    }
    let mut stale = repository.list(Kind::Catalogs)?;
    stale.retain(|name| !catalogs.contains(name));
    Ok((outdated, stale))
}

/// The list of icon hashes, if there are icons.
fn hash_list(icons: &Icons) -> Result<Option<Vec<u8>>, RepositoryError> {
    if icons.digests.is_empty() {
        return Ok(None);
    }
    let hashes = icon_hashes(icons.digests.clone()).map_err(|source| RepositoryError::Plist {
        kind: Kind::Icons,
        location: ICON_HASHES.to_owned(),
        source,
    })?;
    Ok(Some(hashes))
}

type Parts<'a> = Vec<(Kind, String, Box<dyn Part + 'a>)>;

/// The catalogs and the list of icon hashes that are not there as they should be, written beside their places.
fn prepare_changed<'a>(
    repository: &'a dyn Backend,
    catalogs: &Catalogs<'_>,
    icons: &Icons,
) -> Result<Parts<'a>, RepositoryError> {
    let prepare = |kind, location: &str, pieces: &[&[u8]]| {
        if is_there(repository, kind, location, pieces)? {
            return Ok(None);
        }
        let part = repository.prepare_pieces(kind, location, pieces)?;
        Ok::<_, RepositoryError>(Some((kind, location.to_owned(), part)))
    };
    let names: Vec<&str> = catalogs.names().collect();
    let mut prepared = Vec::new();
    in_order(
        &names,
        || (),
        |(), name| prepare(Kind::Catalogs, name, &catalogs.pieces(name)),
        |part| prepared.push(part),
    );
    if let Some(hashes) = hash_list(icons)? {
        prepared.push(prepare(Kind::Icons, ICON_HASHES, &[&hashes]));
    }
    prepared.into_iter().filter_map(Result::transpose).collect()
}

/// Whether these bytes are there. What cannot be read is replaced, or the replacing will say why not.
fn is_there(
    repository: &dyn Backend,
    kind: Kind,
    location: &str,
    pieces: &[&[u8]],
) -> Result<bool, RepositoryError> {
    match repository.holds(kind, location, pieces) {
        Err(
            RepositoryError::Io { .. }
            | RepositoryError::NotFound { .. }
            | RepositoryError::ReadOnly { .. },
        ) => Ok(false),
        answered => answered,
    }
}
