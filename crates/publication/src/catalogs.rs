//! Catalogs and icon hashes of a repository.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap, HashSet},
    fs::File,
    io,
    path::{Path, PathBuf},
};

use model::Sha256;
use munki::{CatalogBuilder, CatalogOptions, Catalogs, Compat, Report, icon_hashes, listing_order};

use crate::{
    Backend, Held, Kind, Part, Point, PublicationObserver, RepositoryError, Stamp, Unobserved,
    beside::beside,
    index::{self, Index, Known},
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
    let index = || Index::nothing(options.compat);
    let (told, coming) = (Told::Everything, Coming::default());
    let prepared = Prepared::make(repository, options, told, &coming, index)?;
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
    pub(crate) pkginfos: Vec<(String, Option<Stamp>)>,
    /// Without those that are about to be placed.
    pub(crate) icons: Vec<(String, Option<Stamp>)>,
    pkgs: Vec<String>,
}

impl Listing {
    pub(crate) fn read(repository: &dyn Backend, coming: &Coming) -> Result<Self, RepositoryError> {
        let mut pkginfos = repository.list_stamped(Kind::Pkgsinfo)?;
        pkginfos.retain(|(location, _)| {
            coming.stays(Kind::Pkgsinfo, location) && !coming.pkginfos.contains_key(location)
        });
        let placed = coming.pkginfos.keys();
        pkginfos.extend(placed.map(|location| (location.clone(), None)));
        pkginfos.sort_by(|(left, _), (right, _)| listing_order(left, right));
        let mut icons = repository.list_stamped(Kind::Icons)?;
        icons.retain(|(location, _)| {
            location != ICON_HASHES
                && coming.stays(Kind::Icons, location)
                && !coming.icons.contains_key(location)
        });
        let mut pkgs = coming.staying(repository, Kind::Pkgs)?;
        pkgs.extend(coming.pkgs.iter().cloned());
        Ok(Self {
            pkginfos,
            icons,
            pkgs,
        })
    }
}

/// The icons that will be there.
#[derive(Debug, Default)]
pub(crate) struct Icons {
    pub(crate) digests: BTreeMap<String, Sha256>,
    report: Report,
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
    learned: Option<Vec<u8>>,
}

impl<'a> Prepared<'a> {
    /// Makes the catalogs of what is and what is about to be, and writes those that changed beside their places. What
    /// `index` answers is not read again.
    pub(crate) fn make(
        repository: &'a dyn Backend,
        options: CatalogOptions,
        told: Told,
        coming: &Coming,
        index: impl Fn() -> Index + Sync,
    ) -> Result<Self, RepositoryError> {
        let mut report = Report::default();
        let icons_first = options.compat == Compat::Munki6;
        let (index, listing) = beside(index, || Listing::read(repository, coming));
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
        let (mut icons, mut catalogs) = (icons?, catalogs?);
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
            learned,
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
            index::keep(repository, &learned);
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
    let catalogs = collect(repository, builder, &coming, (&listing, &known))?;
    let mut outdated = Vec::new();
    for name in catalogs.names() {
        if !is_there(repository, Kind::Catalogs, name, &catalogs.pieces(name))? {
            outdated.push(name.to_owned());
        }
    }
    let icons = hash_icons(repository, &coming, options.compat, (&listing, &known))?;
    if let Some(hashes) = hash_list(&icons)?
        && !is_there(repository, Kind::Icons, ICON_HASHES, &[&hashes])?
    {
        outdated.push(ICON_HASHES.to_owned());
    }
    let mut stale = repository.list(Kind::Catalogs)?;
    stale.retain(|name| !catalogs.contains(name));
    Ok((outdated, stale))
}

/// The catalogs of what is and what is about to be.
fn collect<'k>(
    repository: &dyn Backend,
    mut builder: CatalogBuilder<'k>,
    coming: &Coming,
    (listing, known): (&Listing, &Known<'k>),
) -> Result<Catalogs<'k>, RepositoryError> {
    let compat = builder.compat();
    let unknown = unknown(&listing.pkginfos, &known.pkginfos);
    let mut read = coming.pkginfos(repository, &unknown)?;
    for ((location, _), known) in listing.pkginfos.iter().zip(&known.pkginfos) {
        if let Some(known) = known {
            builder.add_known(location, known.head.clone(), known.range.clone());
            continue;
        }
        // One for each that is unknown, in the same order.
        match read.next() {
            Some((_, Ok(contents))) => builder.add(location, &contents),
            Some((_, Err(error))) => {
                let why = words(repository, Kind::Pkgsinfo, location, &error, compat);
                builder.fail(location, &why);
            }
            None => builder.fail(location, &"it was not read"),
        }
    }
    Ok(builder.finish())
}

/// What of the listing has to be read.
fn unknown<T>(listed: &[(String, Option<Stamp>)], known: &[Option<T>]) -> Vec<String> {
    let unknown = listed
        .iter()
        .zip(known)
        .filter(|(_, known)| known.is_none());
    unknown.map(|((location, _), _)| location.clone()).collect()
}

/// Why a file of the repository cannot be read; Munki 6 says what Python says.
fn words(
    repository: &dyn Backend,
    kind: Kind,
    location: &str,
    error: &RepositoryError,
    compat: Compat,
) -> String {
    let path = place(repository, kind, location);
    let unreadable = File::open(&path).err();
    let number = unreadable.as_ref().and_then(io::Error::raw_os_error);
    match (compat, unreadable, number) {
        (Compat::Munki6, Some(source), Some(number)) => {
            let text = source.to_string();
            let text = text.split(" (os error").next().unwrap_or_default();
            let path = proplist::repr(&path.to_string_lossy().into_owned().into());
            format!("[Errno {number}] {text}: {path}")
        }
        _ => error.to_string(),
    }
}

/// The digests of the icons, and what there is to say.
fn hash_icons(
    repository: &dyn Backend,
    coming: &Coming,
    compat: Compat,
    (listing, known): (&Listing, &Known<'_>),
) -> Result<Icons, RepositoryError> {
    let mut icons = Icons {
        digests: coming.icons.clone(),
        ..Icons::default()
    };
    icons.report.progress("Getting list of icons...");
    let unknown = unknown(&listing.icons, &known.icons);
    let mut read = repository.each_digest(Kind::Icons, &unknown)?;
    for ((location, _), known) in listing.icons.iter().zip(&known.icons) {
        icons.report.progress(format!("Hashing {location}..."));
        // One for each that is unknown, in the same order.
        match known.map(Ok).or_else(|| read.next()) {
            Some(Ok(sha256)) => {
                icons.digests.insert(location.clone(), sha256);
            }
            Some(Err(error)) => {
                let why = words(repository, Kind::Icons, location, &error, compat);
                icons.report.error(match compat {
                    Compat::Munki6 => format!("RepoError for {location}: {why}"),
                    Compat::Munki7 => format!("Error reading icons/{location}: {why}"),
                });
            }
            None => icons
                .report
                .error(format!("Error reading icons/{location}: it was not read")),
        }
    }
    Ok(icons)
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
    let mut parts = Parts::new();
    let mut prepare = |kind, location: &str, pieces: &[&[u8]]| {
        if !is_there(repository, kind, location, pieces)? {
            let part = repository.prepare_pieces(kind, location, pieces)?;
            parts.push((kind, location.to_owned(), part));
        }
        Ok::<_, RepositoryError>(())
    };
    for name in catalogs.names() {
        prepare(Kind::Catalogs, name, &catalogs.pieces(name))?;
    }
    if let Some(hashes) = hash_list(icons)? {
        prepare(Kind::Icons, ICON_HASHES, &[&hashes])?;
    }
    Ok(parts)
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

/// Where something is, for people.
fn place(repository: &dyn Backend, kind: Kind, location: &str) -> PathBuf {
    repository
        .path_for(kind, location)
        .unwrap_or_else(|| Path::new(kind.as_str()).join(location))
}
