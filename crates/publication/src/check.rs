//! Looks a repository over, without changing it.

use std::collections::{HashMap, HashSet};

use model::Sha256;
use munki::{CatalogBuilder, CatalogOptions, Report};
use proplist::{Dict, Value};

use crate::{Kind, Repository, RepositoryError};

/// What looking a repository over found.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// How many pkginfos there are.
    pub pkginfos: usize,
    /// How many installer items there are.
    pub pkgs: usize,
    /// What is wrong: what making catalogs would say, and installer items that are not what their pkginfos say.
    pub report: Report,
}

/// Looks a repository over: makes its catalogs without writing them, and compares the installer items with size and
/// digest in their pkginfos, and the catalogs with those that are there.
///
/// # Errors
/// If the repository cannot be read at all; what is damaged in it is reported.
pub fn check(
    repository: &dyn Repository,
    options: CatalogOptions,
) -> Result<Checked, RepositoryError> {
    let locations = repository.list(Kind::Pkgsinfo)?;
    let pkgs = repository.list(Kind::Pkgs)?;
    let mut checked = Checked {
        pkginfos: locations.len(),
        pkgs: pkgs.len(),
        report: Report::default(),
    };
    let mut items = Items {
        repository,
        known: HashMap::new(),
        named: HashSet::new(),
    };
    let mut found = Report::default();
    let orphans = pkgs.clone();
    let pkgs_there: HashSet<String> = pkgs.iter().chain(&locations).cloned().collect();
    let mut builder = CatalogBuilder::new(options, pkgs);
    for location in locations {
        match repository.get(Kind::Pkgsinfo, &location) {
            Ok(contents) => {
                builder.add(&location, &contents);
                if let Ok(Value::Dict(pkginfo)) = proplist::from_bytes(&contents) {
                    items.compare(&location, &pkginfo, &mut found);
                }
            }
            Err(error) => builder.fail(&location, &error),
        }
    }
    for location in orphans {
        if !items.named.contains(&location) {
            found.warning(format!("pkgs/{location} belongs to no pkginfo"));
        }
    }
    for location in unfounded_evidence(repository, &pkgs_there)? {
        found.warning(format!("evidence/{location} is of nothing that is there"));
    }
    let catalogs = builder.finish();
    checked.report.notes.clone_from(&catalogs.report.notes);
    checked.report.extend(found);
    for name in catalogs.names() {
        match repository.get(Kind::Catalogs, name) {
            Ok(there) if there == catalogs.pieces(name).concat() => {}
            Ok(_) => checked.report.warning(format!(
                "catalogs/{name} is not made of the pkginfos that are there"
            )),
            Err(RepositoryError::NotFound { .. }) => checked
                .report
                .warning(format!("catalogs/{name} is not there")),
            Err(error) => checked.report.error(format!("catalogs/{name}: {error}")),
        }
    }
    for name in repository.list(Kind::Catalogs)? {
        if !catalogs.contains(&name) {
            let text = format!("catalogs/{name} is there, but no pkginfo is in it");
            checked.report.warning(text);
        }
    }
    Ok(checked)
}

/// Evidence of packages and pkginfos that are not `there`. What lies in the folder under another ending is not about
/// an item.
fn unfounded_evidence(
    repository: &dyn Repository,
    there: &HashSet<String>,
) -> Result<Vec<String>, RepositoryError> {
    let mut locations = repository.list(Kind::Evidence)?;
    locations.retain(|location| {
        evidence::item_of(location)
            .is_some_and(|items| !items.into_iter().any(|item| there.contains(item)))
    });
    Ok(locations)
}

/// Installer items, each read once.
struct Items<'a> {
    repository: &'a dyn Repository,
    known: HashMap<String, Option<(Sha256, u64)>>,
    /// Every location that a pkginfo names.
    named: HashSet<String>,
}

impl Items<'_> {
    /// Compares installer and uninstaller with what the pkginfo says of them.
    fn compare(&mut self, pkginfo_path: &str, pkginfo: &Dict, report: &mut Report) {
        for which in ["installer", "uninstaller"] {
            let Some(location) = text(pkginfo, &format!("{which}_item_location")) else {
                continue;
            };
            self.named.insert(location.to_owned());
            let Some((sha256, len_bytes)) = self.digest(location, report) else {
                continue;
            };
            let place = format!("pkgsinfo/{pkginfo_path} and pkgs/{location}");
            let size_key = format!("{which}_item_size");
            match pkginfo.get(&size_key).and_then(Value::as_i64) {
                Some(size) if u64::try_from(size) != Ok(len_bytes >> 10) => report.error(format!(
                    "{place} do not go together: {size_key} is {size}, and the file has {} KiB",
                    len_bytes >> 10
                )),
                _ => {}
            }
            let hash_key = format!("{which}_item_hash");
            match text(pkginfo, &hash_key) {
                None => report.warning(format!("pkgsinfo/{pkginfo_path} has no {hash_key}")),
                Some("N/A") => report.warning(format!(
                    "pkgsinfo/{pkginfo_path} says that pkgs/{location} cannot be verified"
                )),
                Some(hash) if !hash.eq_ignore_ascii_case(&sha256.to_string()) => {
                    report.error(format!(
                        "{place} do not go together: {hash_key} is {hash}, and the file has {sha256}"
                    ));
                }
                Some(_) => {}
            }
        }
    }

    /// Digest and length of what is there; nothing if there is nothing, which making catalogs tells.
    fn digest(&mut self, location: &str, report: &mut Report) -> Option<(Sha256, u64)> {
        if let Some(known) = self.known.get(location) {
            return *known;
        }
        let digest = match self.read(location) {
            Ok(digest) => Some(digest),
            Err(RepositoryError::NotFound { .. } | RepositoryError::Location { .. }) => None,
            Err(error) => {
                report.error(format!("pkgs/{location}: {error}"));
                None
            }
        };
        self.known.insert(location.to_owned(), digest);
        digest
    }

    fn read(&self, location: &str) -> Result<(Sha256, u64), RepositoryError> {
        let mut item = self.repository.open(Kind::Pkgs, location)?;
        Sha256::of_reader(&mut item).map_err(|source| {
            let path = std::path::Path::new(Kind::Pkgs.as_str()).join(location);
            RepositoryError::io(&path, source)
        })
    }
}

fn text<'a>(pkginfo: &'a Dict, key: &str) -> Option<&'a str> {
    pkginfo.get(key).and_then(Value::as_str)
}
