//! Catalogs and icon hashes of a repository.

use std::{
    fs::{self, File},
    io,
};

use model::Sha256;
use munki::{CatalogBuilder, CatalogOptions, Compat, Report, icon_hashes, listing_order};

use crate::{
    FolderRepository, Kind, Point, PublicationObserver, Repository as _, RepositoryError,
    Unobserved,
    write::{self, Part},
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
    repository: &FolderRepository,
    options: CatalogOptions,
) -> Result<CatalogsMade, RepositoryError> {
    let _lock = repository.lock()?;
    make_catalogs_locked(repository, options)
}

pub(crate) fn make_catalogs_locked(
    repository: &FolderRepository,
    options: CatalogOptions,
) -> Result<CatalogsMade, RepositoryError> {
    Prepared::make(repository, options, Additions::default())?.apply(repository, &Unobserved)
}

/// What is about to be in the repository, besides what is.
#[derive(Debug, Default)]
pub(crate) struct Additions {
    pub(crate) pkginfos: Vec<(String, Vec<u8>)>,
    pub(crate) pkgs: Vec<String>,
    pub(crate) icons: Vec<(String, Sha256)>,
}

/// Catalogs that are written beside their places.
#[derive(Debug)]
pub(crate) struct Prepared {
    parts: Vec<(Kind, String, Part)>,
    stale: Vec<String>,
    report: Report,
}

impl Prepared {
    /// Makes the catalogs of what is and what is about to be, and writes those that changed beside their places.
    pub(crate) fn make(
        repository: &FolderRepository,
        options: CatalogOptions,
        additions: Additions,
    ) -> Result<Self, RepositoryError> {
        let Additions {
            pkginfos,
            pkgs,
            icons,
        } = additions;
        let mut report = Report::default();
        let icons_first = options.compat == Compat::Munki6;
        let (hashes, icon_report) = hash_icons(repository, icons, options.compat)?;
        if icons_first {
            report.extend(icon_report.clone());
            report.progress("Getting list of pkgsinfo...");
            report.progress("Getting list of pkgs...");
        }
        let catalogs = collect(repository, options, pkginfos, pkgs)?;
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
        })
    }

    /// Puts the catalogs in their places, and removes those that are no more.
    pub(crate) fn apply(
        self,
        repository: &FolderRepository,
        observer: &dyn PublicationObserver,
    ) -> Result<CatalogsMade, RepositoryError> {
        let mut made = CatalogsMade {
            report: self.report,
            ..CatalogsMade::default()
        };
        for name in self.stale {
            write::remove(&repository.resolve(Kind::Catalogs, &name)?)?;
            observer.reached(Point::Removed {
                kind: Kind::Catalogs,
                location: name.clone(),
            });
            made.removed.push(name);
        }
        for (kind, location, part) in self.parts {
            part.replace()?;
            if kind == Kind::Catalogs {
                made.changed.push(location.clone());
            }
            observer.reached(Point::Placed { kind, location });
        }
        Ok(made)
    }
}

/// Catalogs, and the list of icon hashes, that are not made of what is there; and those in which nothing is.
pub(crate) fn outdated(
    repository: &FolderRepository,
    options: CatalogOptions,
) -> Result<(Vec<String>, Vec<String>), RepositoryError> {
    let is_same = |kind, name: &str, contents: &[u8]| -> Result<bool, RepositoryError> {
        Ok(fs::read(repository.resolve(kind, name)?).is_ok_and(|there| there == contents))
    };
    let catalogs = collect(repository, options, Vec::new(), Vec::new())?;
    let mut outdated = Vec::new();
    for (name, contents) in &catalogs.files {
        if !is_same(Kind::Catalogs, name, contents)? {
            outdated.push(name.clone());
        }
    }
    let (hashes, _) = hash_icons(repository, Vec::new(), options.compat)?;
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
    repository: &FolderRepository,
    options: CatalogOptions,
    mut added: Vec<(String, Vec<u8>)>,
    added_pkgs: Vec<String>,
) -> Result<munki::Catalogs, RepositoryError> {
    let mut locations = repository.list(Kind::Pkgsinfo)?;
    let mut pkgs = repository.list(Kind::Pkgs)?;
    locations.extend(added.iter().map(|(location, _)| location.clone()));
    locations.sort_by(|left, right| listing_order(left, right));
    locations.dedup();
    pkgs.extend(added_pkgs);
    let mut builder = CatalogBuilder::new(options, pkgs);
    for location in locations {
        let is_added = added.iter().position(|(added, _)| *added == location);
        let contents = match is_added {
            Some(index) => Ok(added.swap_remove(index).1),
            None => repository.get(Kind::Pkgsinfo, &location),
        };
        match contents {
            Ok(contents) => builder.add(&location, &contents),
            Err(error) => {
                let why = words(
                    repository,
                    Kind::Pkgsinfo,
                    &location,
                    &error,
                    options.compat,
                );
                builder.fail(&location, &why);
            }
        }
    }
    Ok(builder.finish())
}

/// Why a file of the repository cannot be read; Munki 6 says what Python says.
fn words(
    repository: &FolderRepository,
    kind: Kind,
    location: &str,
    error: &RepositoryError,
    compat: Compat,
) -> String {
    let path = repository.root().join(kind.as_str()).join(location);
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
    repository: &FolderRepository,
    mut icons: Vec<(String, Sha256)>,
    compat: Compat,
) -> Result<(Option<Vec<u8>>, Report), RepositoryError> {
    let mut report = Report::default();
    report.progress("Getting list of icons...");
    for location in repository.list(Kind::Icons)? {
        if location == ICON_HASHES {
            continue;
        }
        report.progress(format!("Hashing {location}..."));
        match hash_icon(repository, &location) {
            Ok(sha256) => icons.push((location, sha256)),
            Err(error) => {
                let why = words(repository, Kind::Icons, &location, &error, compat);
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

fn hash_icon(repository: &FolderRepository, location: &str) -> Result<Sha256, RepositoryError> {
    let mut icon = repository.open(Kind::Icons, location)?;
    let (sha256, _) = Sha256::of_reader(&mut icon).map_err(|source| {
        RepositoryError::io(
            &repository.root().join(Kind::Icons.as_str()).join(location),
            source,
        )
    })?;
    Ok(sha256)
}

fn prepare_if_changed(
    repository: &FolderRepository,
    kind: Kind,
    location: &str,
    contents: &[u8],
    parts: &mut Vec<(Kind, String, Part)>,
) -> Result<(), RepositoryError> {
    let target = repository.resolve(kind, location)?;
    // What cannot be read is replaced, or the replacing will say why not.
    if fs::read(&target).is_ok_and(|there| there == contents) {
        return Ok(());
    }
    parts.push((
        kind,
        location.to_owned(),
        Part::of_bytes(&target, contents)?,
    ));
    Ok(())
}
