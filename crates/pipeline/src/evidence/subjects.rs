//! Which files evidence is about, and where it goes.

use ::evidence::{Subject, bundle_name};
use model::{FailureClass, Sha256};
use proplist::{Dict, Value};
use publication::{ChangeSet, Kind, RepositoryError, StagedFile, Staging};

use crate::Failure;

/// An item that evidence is about.
pub(super) struct Item {
    /// What it is known by in the folder of evidence: where its package is, or its pkginfo if it has none.
    pub(super) location: String,
    /// Its files.
    pub(super) subjects: Vec<Subject>,
}

/// The items that the staged pkginfos describe. Blocking.
pub(super) fn of_items(change_set: &ChangeSet) -> Result<Vec<Item>, Failure> {
    change_set
        .of_kind(Kind::Pkgsinfo)
        .map(|file| {
            let unusable =
                |why: &dyn std::error::Error| Failure::from_error(FailureClass::Import, why);
            let bytes = fs_err::read(&file.source).map_err(|error| unusable(&error))?;
            let pkginfo = proplist::from_bytes(&bytes).map_err(|error| unusable(&error))?;
            Ok(match pkginfo {
                Value::Dict(pkginfo) => item(change_set, file, &pkginfo),
                _ => item(change_set, file, &Dict::default()),
            })
        })
        .collect()
}

fn item(change_set: &ChangeSet, file: &StagedFile, pkginfo: &Dict) -> Item {
    let text = |key: &str| pkginfo.get(key).and_then(Value::as_str);
    let mut subjects = vec![subject(file)];
    for which in ["installer", "uninstaller"] {
        let Some(location) = text(&format!("{which}_item_location")) else {
            continue;
        };
        let staged = staged(change_set, Kind::Pkgs, location).map(|file| file.sha256);
        // A package that was there already: its digest is what the pkginfo has always said.
        let told = || text(&format!("{which}_item_hash"))?.parse::<Sha256>().ok();
        subjects.extend(staged.or_else(told).map(|sha256| Subject {
            name: format!("{}/{location}", Kind::Pkgs),
            sha256,
        }));
    }
    let icon = match (text("icon_name"), text("name")) {
        (Some(icon), _) => Some(icon.to_owned()),
        (None, Some(name)) => Some(format!("{name}.png")),
        (None, None) => None,
    };
    let icon = icon.and_then(|icon| staged(change_set, Kind::Icons, &icon));
    subjects.extend(icon.map(subject));
    let known_by = text("installer_item_location").unwrap_or(&file.location);
    Item {
        location: known_by.to_owned(),
        subjects,
    }
}

fn staged<'a>(change_set: &'a ChangeSet, kind: Kind, location: &str) -> Option<&'a StagedFile> {
    change_set
        .of_kind(kind)
        .find(|file| file.location == location)
}

/// Every file of a change set.
pub(super) fn of_files(change_set: &ChangeSet) -> Vec<Subject> {
    change_set.files.iter().map(subject).collect()
}

fn subject(file: &StagedFile) -> Subject {
    Subject {
        name: format!("{}/{}", file.kind, file.location),
        sha256: file.sha256,
    }
}

/// Where there is no evidence yet: the same package may be published again, with another pkginfo, and nothing is
/// overwritten.
pub(super) fn free_name(staging: &Staging, location: &str) -> Result<String, RepositoryError> {
    let taken = staging.list(Kind::Evidence)?;
    let names = (1..=u32::MAX).map(|number| bundle_name(location, number));
    Ok(names
        .into_iter()
        .find(|name| !taken.contains(name))
        .unwrap_or_default())
}
