//! Doing what a plan says and is not done yet.

use munki::CatalogOptions;
use proplist::Value;

use crate::{
    Backend, Held, Kind, Part, Point, PublicationObserver, PublishError, StagedFile,
    catalogs::{Before, CatalogsMade, Coming, Prepared, Told},
    index::Index,
    plan::Plan,
    trash,
};

/// A plan, and what it is carried out with.
pub(crate) struct Work<'a> {
    pub(crate) repository: &'a dyn Backend,
    pub(crate) held: &'a dyn Held,
    pub(crate) plan: &'a Plan,
    pub(crate) options: CatalogOptions,
    pub(crate) observer: &'a dyn PublicationObserver,
}

/// A file that is ready, and what it is.
type Ready<'a> = (&'a StagedFile, Box<dyn Part + 'a>);

/// Does what the plan says and is not done yet.
///
/// Up to the catalogs nothing is changed that anybody sees. Then come additions and replacements, then the catalogs,
/// and what is to go goes when no catalog names it any more.
pub(crate) fn carry_out(work: &Work<'_>) -> Result<CatalogsMade, PublishError> {
    let mut coming = Coming::default();
    let additions = prepare_additions(work, &mut coming)?;
    let replacements = prepare_replacements(work, &mut coming)?;
    note_removals(work, &mut coming)?;
    refuse_what_would_be_missed(work, &coming)?;
    trash::keep(work)?;
    let (repository, options) = (work.repository, work.options);
    let index = || Index::read(repository, options.compat);
    let catalogs = Prepared::make(
        repository,
        options,
        Told::Notes,
        &coming,
        Before::Index(&index),
    )?;
    work.observer.reached(Point::CatalogsPrepared);
    for (file, part) in additions {
        work.held.check()?;
        part.place()?;
        work.observer.reached(Point::Placed {
            kind: file.kind,
            location: file.location.clone(),
        });
    }
    for (file, part) in replacements {
        work.held.check()?;
        part.replace()?;
        work.observer.reached(Point::Replaced {
            kind: file.kind,
            location: file.location.clone(),
        });
    }
    let made = catalogs.apply(work.repository, work.held, work.observer)?;
    for removal in work.plan.to_remove() {
        work.held.check()?;
        work.repository.remove(removal.kind, &removal.location)?;
        work.observer.reached(Point::Removed {
            kind: removal.kind,
            location: removal.location.clone(),
        });
    }
    Ok(made)
}

fn prepare_additions<'a>(
    work: &Work<'a>,
    coming: &mut Coming,
) -> Result<Vec<Ready<'a>>, PublishError> {
    let mut ready = Vec::new();
    for file in work.plan.to_place() {
        match work.repository.digest(file.kind, &file.location)? {
            // An interrupted publication has placed it already.
            Some(found) if found == file.sha256 => {}
            Some(found) => {
                return Err(PublishError::Occupied {
                    kind: file.kind,
                    location: file.location.clone(),
                    expected: file.sha256,
                    found,
                });
            }
            None => ready.push((file, prepare(work, file, coming)?)),
        }
    }
    Ok(ready)
}

fn prepare_replacements<'a>(
    work: &Work<'a>,
    coming: &mut Coming,
) -> Result<Vec<Ready<'a>>, PublishError> {
    let mut ready = Vec::new();
    for replacement in work.plan.to_replace() {
        let file = &replacement.file;
        match work.repository.digest(file.kind, &file.location)? {
            Some(found) if found == file.sha256 => {}
            Some(found) if found == replacement.was => {
                ready.push((file, prepare(work, file, coming)?));
            }
            found => {
                return Err(PublishError::Changed {
                    kind: file.kind,
                    location: file.location.clone(),
                    expected: replacement.was,
                    found,
                });
            }
        }
    }
    Ok(ready)
}

fn prepare<'a>(
    work: &Work<'a>,
    file: &'a StagedFile,
    coming: &mut Coming,
) -> Result<Box<dyn Part + 'a>, PublishError> {
    work.held.check()?;
    let part = work.repository.prepare_file(file)?;
    let location = file.location.clone();
    match file.kind {
        Kind::Pkgs => coming.pkgs.push(location),
        Kind::Icons => {
            coming.icons.insert(location, file.sha256);
        }
        Kind::Pkgsinfo => {
            coming.pkginfos.insert(location, part.contents()?);
        }
        Kind::Catalogs | Kind::ClientResources | Kind::Evidence | Kind::Manifests | Kind::Tuf => {}
    }
    work.observer.reached(Point::Prepared {
        kind: file.kind,
        location: file.location.clone(),
    });
    Ok(part)
}

fn note_removals(work: &Work<'_>, coming: &mut Coming) -> Result<(), PublishError> {
    for removal in work.plan.to_remove() {
        match work.repository.digest(removal.kind, &removal.location)? {
            Some(found) if found != removal.was => {
                return Err(PublishError::Changed {
                    kind: removal.kind,
                    location: removal.location.clone(),
                    expected: removal.was,
                    found: Some(found),
                });
            }
            _ => {
                let gone = (removal.kind, removal.location.clone());
                coming.gone.insert(gone);
            }
        }
    }
    Ok(())
}

/// A package that goes may not be named by a pkginfo that stays.
fn refuse_what_would_be_missed(work: &Work<'_>, coming: &Coming) -> Result<(), PublishError> {
    if !coming.gone.iter().any(|(kind, _)| *kind == Kind::Pkgs) {
        return Ok(());
    }
    let locations = coming.pkginfo_locations(work.repository)?;
    for (location, contents) in coming.pkginfos(work.repository, &locations)? {
        let Ok(contents) = contents else {
            // It is in no catalog either.
            continue;
        };
        let Ok(Value::Dict(pkginfo)) = proplist::from_bytes(&contents) else {
            continue;
        };
        let missed = ["installer_item_location", "uninstaller_item_location"]
            .into_iter()
            .filter_map(|key| pkginfo.get(key).and_then(Value::as_str))
            .find(|named| coming.gone.contains(&(Kind::Pkgs, (*named).to_owned())));
        if let Some(missed) = missed {
            return Err(PublishError::StillNamed {
                location: missed.to_owned(),
                pkginfo: location.to_owned(),
            });
        }
    }
    Ok(())
}
