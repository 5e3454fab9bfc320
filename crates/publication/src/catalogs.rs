//! Catalogs and icon hashes of a repository.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap, HashSet},
    fs::File,
    io,
    path::{Path, PathBuf},
};

use model::Sha256;
use munki::{CatalogBuilder, CatalogOptions, Compat, Report, icon_hashes, listing_order};

use crate::{
    Backend, Held, Kind, Part, Point, PublicationObserver, RepositoryError, Unobserved,
    index::Index,
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
    let index = Index::nothing(options.compat);
    Prepared::make(repository, options, Coming::default(), index)?.apply(
        repository,
        held,
        &Unobserved,
    )
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
        if !self.gone.is_empty() {
            locations.retain(|location| !self.gone.contains(&(kind, location.clone())));
        }
        Ok(locations)
    }
}

/// Catalogs that are written beside their places.
pub(crate) struct Prepared<'a> {
    parts: Vec<(Kind, String, Box<dyn Part + 'a>)>,
    stale: Vec<String>,
    report: Report,
    index: Index,
}

impl<'a> Prepared<'a> {
    /// Makes the catalogs of what is and what is about to be, and writes those that changed beside their places. What
    /// `index` knows is not read again.
    pub(crate) fn make(
        repository: &'a dyn Backend,
        options: CatalogOptions,
        coming: Coming,
        mut index: Index,
    ) -> Result<Self, RepositoryError> {
        let mut report = Report::default();
        let icons_first = options.compat == Compat::Munki6;
        let (hashes, icon_report) = hash_icons(repository, &coming, options.compat, &mut index)?;
        if icons_first {
            report.extend(icon_report.clone());
            report.progress("Getting list of pkgsinfo...");
            report.progress("Getting list of pkgs...");
        }
        let catalogs = collect(repository, options, coming, &mut index)?;
        index.learn(&catalogs);
        report.extend(catalogs.report);
        let mut parts = Vec::new();
        for (name, contents) in &catalogs.files {
            report.progress(format!("Created catalogs/{name}..."));
            prepare_if_changed(repository, Kind::Catalogs, name, contents, &mut parts)?;
        }
        if !icons_first {
            report.extend(icon_report);
        }
        if let Some(hashes) = hashes {
            report.progress(format!("Created icons/{ICON_HASHES}..."));
            prepare_if_changed(repository, Kind::Icons, ICON_HASHES, &hashes, &mut parts)?;
        }
        let mut stale = repository.list(Kind::Catalogs)?;
        stale.retain(|name| !catalogs.files.contains_key(name));
        Ok(Self {
            parts,
            stale,
            report,
            index,
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
        self.index.write(repository);
        Ok(made)
    }
}

/// Catalogs, and the list of icon hashes, that are not made of what is there; and those in which nothing is.
pub(crate) fn outdated(
    repository: &dyn Backend,
    options: CatalogOptions,
) -> Result<(Vec<String>, Vec<String>), RepositoryError> {
    let is_same = |kind, name: &str, contents: &[u8]| -> Result<bool, RepositoryError> {
        is_there(repository, kind, name, contents)
    };
    let mut index = Index::nothing(options.compat);
    let catalogs = collect(repository, options, Coming::default(), &mut index)?;
    let mut outdated = Vec::new();
    for (name, contents) in &catalogs.files {
        if !is_same(Kind::Catalogs, name, contents)? {
            outdated.push(name.clone());
        }
    }
    let (hashes, _) = hash_icons(repository, &Coming::default(), options.compat, &mut index)?;
    if let Some(hashes) = hashes
        && !is_same(Kind::Icons, ICON_HASHES, &hashes)?
    {
        outdated.push(ICON_HASHES.to_owned());
    }
    let mut stale = repository.list(Kind::Catalogs)?;
    stale.retain(|name| !catalogs.files.contains_key(name));
    Ok((outdated, stale))
}

/// The catalogs of what is and what is about to be.
fn collect(
    repository: &dyn Backend,
    options: CatalogOptions,
    mut coming: Coming,
    index: &mut Index,
) -> Result<munki::Catalogs, RepositoryError> {
    let locations = coming.pkginfo_locations(repository)?;
    let mut pkgs = coming.staying(repository, Kind::Pkgs)?;
    pkgs.append(&mut coming.pkgs);
    let mut builder = CatalogBuilder::new(options, pkgs);
    let unknown: Vec<String> = locations
        .iter()
        .filter(|location| {
            coming.pkginfos.contains_key(*location) || !index.knows_pkginfo(repository, location)
        })
        .cloned()
        .collect();
    let mut read = coming.pkginfos(repository, &unknown)?.peekable();
    for location in &locations {
        let Some((_, contents)) = read.next_if(|(at, _)| *at == location.as_str()) else {
            if let Some((head, fragment)) = index.pkginfo(location) {
                builder.add_known(location, head, fragment);
            }
            continue;
        };
        match contents {
            Ok(contents) => builder.add(location, &contents),
            Err(error) => {
                let why = words(repository, Kind::Pkgsinfo, location, &error, options.compat);
                builder.fail(location, &why);
            }
        }
    }
    Ok(builder.finish())
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

/// The list of icon hashes, if there are icons, and what there is to say.
fn hash_icons(
    repository: &dyn Backend,
    coming: &Coming,
    compat: Compat,
    index: &mut Index,
) -> Result<(Option<Vec<u8>>, Report), RepositoryError> {
    let mut report = Report::default();
    report.progress("Getting list of icons...");
    let mut icons = coming.icons.clone();
    let mut there = coming.staying(repository, Kind::Icons)?;
    there.retain(|location| location != ICON_HASHES && !icons.contains_key(location));
    let unknown: Vec<String> = there
        .iter()
        .filter(|location| index.icon(repository, location).is_none())
        .cloned()
        .collect();
    let digests = repository.each_digest(Kind::Icons, &unknown)?;
    let mut read = unknown.iter().zip(digests).peekable();
    for location in &there {
        report.progress(format!("Hashing {location}..."));
        let Some((_, digest)) = read.next_if(|(at, _)| *at == location) else {
            icons.extend(
                index
                    .known_icon(location)
                    .map(|sha256| (location.clone(), sha256)),
            );
            continue;
        };
        match digest {
            Ok(sha256) => {
                index.learn_icon(location, sha256);
                icons.insert(location.clone(), sha256);
            }
            Err(error) => {
                let why = words(repository, Kind::Icons, location, &error, compat);
                report.error(match compat {
                    Compat::Munki6 => format!("RepoError for {location}: {why}"),
                    Compat::Munki7 => format!("Error reading icons/{location}: {why}"),
                });
            }
        }
    }
    if icons.is_empty() {
        return Ok((None, report));
    }
    let hashes = icon_hashes(icons).map_err(|source| RepositoryError::Plist {
        kind: Kind::Icons,
        location: ICON_HASHES.to_owned(),
        source,
    })?;
    Ok((Some(hashes), report))
}

fn prepare_if_changed<'a>(
    repository: &'a dyn Backend,
    kind: Kind,
    location: &str,
    contents: &[u8],
    parts: &mut Vec<(Kind, String, Box<dyn Part + 'a>)>,
) -> Result<(), RepositoryError> {
    if !is_there(repository, kind, location, contents)? {
        let part = repository.prepare_bytes(kind, location, contents)?;
        parts.push((kind, location.to_owned(), part));
    }
    Ok(())
}

/// Whether these bytes are there. What cannot be read is replaced, or the replacing will say why not.
fn is_there(
    repository: &dyn Backend,
    kind: Kind,
    location: &str,
    contents: &[u8],
) -> Result<bool, RepositoryError> {
    match repository.get(kind, location) {
        Ok(there) => Ok(there == contents),
        Err(
            RepositoryError::Io { .. }
            | RepositoryError::NotFound { .. }
            | RepositoryError::ReadOnly { .. },
        ) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Where something is, for people.
fn place(repository: &dyn Backend, kind: Kind, location: &str) -> PathBuf {
    repository
        .path_for(kind, location)
        .unwrap_or_else(|| Path::new(kind.as_str()).join(location))
}
