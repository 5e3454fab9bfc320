//! What is in the pkginfos and icons of a repository, as far as it is not known.

use std::{
    collections::BTreeMap,
    fs::File,
    io,
    path::{Path, PathBuf},
};

use model::Sha256;
use munki::{Batch, CatalogBuilder, Catalogs, Compat, Report};

use crate::{
    Backend, Each, Kind, Reader, RepositoryError, Seen, Stamp,
    catalogs::{Coming, Listing},
    in_order::in_order,
    index::{Known, KnownPkginfo},
};

/// The icons that will be there.
#[derive(Debug, Default)]
pub(crate) struct Icons {
    pub(crate) digests: BTreeMap<String, Sha256>,
    pub(crate) report: Report,
}

/// How many pkginfos are looked into at once.
const PART: usize = 64;

/// How each file looked that was not known, in their order.
pub(crate) type Stamps = Vec<Seen>;

/// Pkginfos that follow each other in the listing, and what is known of each.
type Listed<'l, 'k> = (
    &'l [(String, Option<Stamp>)],
    &'l [Option<KnownPkginfo<'k>>],
);

/// The catalogs of what is and what is about to be.
pub(crate) fn collect<'k>(
    repository: &dyn Backend,
    mut builder: CatalogBuilder<'k>,
    coming: &Coming,
    (listing, known): (&Listing, &Known<'k>),
) -> Result<(Catalogs<'k>, Stamps), RepositoryError> {
    let source = Source {
        repository,
        coming,
        compat: builder.compat(),
    };
    let mut unknown = unknown(&listing.pkginfos, &known.pkginfos);
    unknown.retain(|location| !coming.pkginfos.contains_key(location));
    let mut stamps = Stamps::new();
    let take = |(part, batch, looks): (Listed<'_, 'k>, Batch<'_>, Stamps)| {
        list(&mut builder, part, batch);
        stamps.extend(looks);
    };
    let parts = listing.pkginfos.chunks(PART);
    let parts: Vec<Listed<'_, 'k>> = parts.zip(known.pkginfos.chunks(PART)).collect();
    let kind = Kind::Pkgsinfo;
    match repository.readers(kind) {
        Some(readers) if unknown.len() > PART => in_order(
            &parts,
            || (readers(), Vec::new()),
            |(reader, contents), part| source.batch(*part, &mut **reader, contents),
            take,
        ),
        readers => {
            let mut reader: Box<dyn Reader + '_> = match readers {
                Some(readers) => readers(),
                None => Box::new(InTurn(repository.each(kind, &unknown)?)),
            };
            let mut contents = Vec::new();
            let batch = |part: &_| source.batch(*part, &mut *reader, &mut contents);
            parts.iter().map(batch).for_each(take);
        }
    }
    Ok((builder.finish(), stamps))
}

/// Has the builder take the pkginfos: those that are known, and in `batch` the others.
fn list<'k>(builder: &mut CatalogBuilder<'k>, (listed, known): Listed<'_, 'k>, batch: Batch<'_>) {
    let mut opened = builder.open(batch);
    for ((location, _), known) in listed.iter().zip(known) {
        match known {
            Some(known) => builder.add_known(location, known.head.clone(), known.range.clone()),
            None => builder.add_next(&mut opened),
        }
    }
}

/// Where pkginfos come from that are not known.
struct Source<'a> {
    repository: &'a dyn Backend,
    coming: &'a Coming,
    compat: Compat,
}

impl Source<'_> {
    /// Looks into the pkginfos of a part that are not known.
    fn batch<'l, 'k>(
        &self,
        part: Listed<'l, 'k>,
        reader: &mut dyn Reader,
        contents: &mut Vec<u8>,
    ) -> (Listed<'l, 'k>, Batch<'l>, Stamps) {
        let (mut batch, mut stamps) = (Batch::new(self.compat), Stamps::new());
        let files = part.0.iter().zip(part.1);
        for ((location, _), _) in files.filter(|(_, known)| known.is_none()) {
            let read = match self.coming.pkginfos.get(location) {
                Some(coming) => {
                    batch.add(location, coming);
                    Ok(None)
                }
                None => reader.read(location, contents).inspect(|_| {
                    batch.add(location, contents);
                }),
            };
            stamps.push(read.unwrap_or_else(|error| {
                let kind = Kind::Pkgsinfo;
                batch.fail(
                    location,
                    words(self.repository, kind, location, &error, self.compat),
                );
                None
            }));
        }
        (part, batch, stamps)
    }
}

/// What a repository hands out one after the other; it is asked for in the same order.
struct InTurn<'a>(Each<'a, Vec<u8>>);

impl Reader for InTurn<'_> {
    fn read(&mut self, location: &str, contents: &mut Vec<u8>) -> Result<Seen, RepositoryError> {
        *contents = self.0.next().unwrap_or_else(|| Err(missing(location)))?;
        Ok(None)
    }
}

/// The digests of the icons, what there is to say, and how those looked that were not known.
pub(crate) fn hash_icons(
    repository: &dyn Backend,
    coming: &Coming,
    compat: Compat,
    (listing, known): (&Listing, &Known<'_>),
) -> Result<(Icons, Stamps), RepositoryError> {
    let mut icons = Icons {
        digests: coming.icons.clone(),
        ..Icons::default()
    };
    let mut stamps = Stamps::new();
    icons.report.progress("Getting list of icons...");
    let unknown = unknown(&listing.icons, &known.icons);
    let mut read = digests(repository, &unknown)?;
    for ((location, _), known) in listing.icons.iter().zip(&known.icons) {
        icons.report.progress(format!("Hashing {location}..."));
        let found = match known {
            Some(known) => Ok(*known),
            // One for each that is unknown, in the same order.
            None => read
                .next()
                .unwrap_or_else(|| Err(missing(location)))
                .map(|(sha256, stamp)| {
                    stamps.push(stamp);
                    sha256
                }),
        };
        match found {
            Ok(sha256) => {
                icons.digests.insert(location.clone(), sha256);
            }
            Err(error) => {
                stamps.push(None);
                let why = words(repository, Kind::Icons, location, &error, compat);
                icons.report.error(match compat {
                    Compat::Munki6 => format!("RepoError for {location}: {why}"),
                    Compat::Munki7 => format!("Error reading icons/{location}: {why}"),
                });
            }
        }
    }
    Ok((icons, stamps))
}

/// The digest of each icon, and how it looked.
fn digests<'a>(
    repository: &'a dyn Backend,
    unknown: &'a [String],
) -> Result<Each<'a, (Sha256, Seen)>, RepositoryError> {
    if let Some(readers) = repository.readers(Kind::Icons) {
        let mut reader = readers();
        let digests = unknown.iter().map(move |location| reader.digest(location));
        return Ok(Box::new(digests));
    }
    let digests = repository.each_digest(Kind::Icons, unknown)?;
    Ok(Box::new(digests.map(|digest| Ok((digest?, None)))))
}

/// What of the listing has to be read.
fn unknown<T>(listed: &[(String, Option<Stamp>)], known: &[Option<T>]) -> Vec<String> {
    let unknown = listed
        .iter()
        .zip(known)
        .filter(|(_, known)| known.is_none());
    unknown.map(|((location, _), _)| location.clone()).collect()
}

fn missing(location: &str) -> RepositoryError {
    RepositoryError::store(location)(io::Error::other("it was not read"))
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

/// Where something is, for people.
fn place(repository: &dyn Backend, kind: Kind, location: &str) -> PathBuf {
    repository
        .path_for(kind, location)
        .unwrap_or_else(|| Path::new(kind.as_str()).join(location))
}
