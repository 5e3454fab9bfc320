//! Applying a change set: whole or not at all.

use std::{
    fmt,
    fs::{self, File},
};

use model::ChangeSetId;
use munki::{CatalogOptions, Report};

use crate::{
    ChangeSet, Disposition, FolderRepository, Kind, PublishError, RepositoryError, StagedFile,
    catalogs::{Additions, CatalogsMade, Prepared, make_catalogs_locked},
    journal::Journal,
    plan::{Plan, digest_there},
    recover::recover_locked,
    write::{self, CopyError, Part},
};

/// How far a publication has come.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Point {
    /// Nobody else writes to the repository.
    Locked,
    /// What is about to happen is written down.
    Journalled,
    /// A file is complete beside its place; nobody sees it.
    Prepared {
        /// Of what kind.
        kind: Kind,
        /// Where it goes.
        location: String,
    },
    /// The catalogs are complete beside their places; from here on nothing but renaming is left.
    CatalogsPrepared,
    /// A file is in its place.
    Placed {
        /// Of what kind.
        kind: Kind,
        /// Where it is.
        location: String,
    },
    /// A catalog that is no more is gone.
    Removed {
        /// Of what kind.
        kind: Kind,
        /// Where it was.
        location: String,
    },
    /// Everything is in its place, and the journal is gone.
    Finished,
}

impl Point {
    /// The point's name, without what differs between publications: `journalled`, `placed-pkgsinfo`.
    pub fn name(&self) -> String {
        match self {
            Self::Locked => "locked".to_owned(),
            Self::Journalled => "journalled".to_owned(),
            Self::Prepared { kind, .. } => format!("prepared-{kind}"),
            Self::CatalogsPrepared => "catalogs-prepared".to_owned(),
            Self::Placed { kind, .. } => format!("placed-{kind}"),
            Self::Removed { kind, .. } => format!("removed-{kind}"),
            Self::Finished => "finished".to_owned(),
        }
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Prepared { kind, location }
            | Self::Placed { kind, location }
            | Self::Removed { kind, location } => {
                write!(
                    f,
                    "{} {kind}/{location}",
                    self.name().split('-').next().unwrap_or_default()
                )
            }
            _ => f.write_str(&self.name()),
        }
    }
}

/// Is told how far a publication has come.
pub trait PublicationObserver: Send + Sync {
    /// The publication has reached `point`; it goes on when this returns.
    fn reached(&self, point: Point);
}

/// Nobody watches.
#[derive(Clone, Copy, Debug)]
pub struct Unobserved;

impl PublicationObserver for Unobserved {
    fn reached(&self, _point: Point) {}
}

/// What a publication did.
#[derive(Clone, Debug)]
pub struct Published {
    /// The change set's name.
    pub id: ChangeSetId,
    /// What became of each file, in the order of placing.
    pub placements: Vec<Placement>,
    /// Catalogs whose bytes are new.
    pub catalogs: Vec<String>,
    /// What there was to say while the catalogs were made.
    pub report: Report,
}

/// What became of a staged file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Placement {
    /// Of what kind it is.
    pub kind: Kind,
    /// Where it goes.
    pub location: String,
    /// What became of it.
    pub disposition: Disposition,
}

/// Applies `change_set`: whole, or not at all.
///
/// What an earlier publication left half done is finished or undone first. It waits while another process writes.
/// It is for a thread that may block.
///
/// # Errors
/// Whatever stopped it. The repository is then as before, but for [`PublishError::Stuck`].
pub fn publish(
    repository: &FolderRepository,
    change_set: &ChangeSet,
    options: CatalogOptions,
    observer: &dyn PublicationObserver,
) -> Result<Published, PublishError> {
    let _lock = repository.lock()?;
    recover_locked(repository)?;
    observer.reached(Point::Locked);
    let plan = Plan::make(repository, change_set)?;
    let journal = Journal::write(repository, &plan)?;
    observer.reached(Point::Journalled);
    let made = carry_out_or_undo(repository, &plan, options, observer, journal)?;
    observer.reached(Point::Finished);
    let placements = plan.files.into_iter().map(|planned| Placement {
        kind: planned.file.kind,
        location: planned.file.location,
        disposition: planned.disposition,
    });
    Ok(Published {
        id: plan.id,
        placements: placements.collect(),
        catalogs: made.changed,
        report: made.report,
    })
}

fn carry_out_or_undo(
    repository: &FolderRepository,
    plan: &Plan,
    options: CatalogOptions,
    observer: &dyn PublicationObserver,
    journal: Journal,
) -> Result<CatalogsMade, PublishError> {
    match carry_out(repository, plan, options, observer) {
        Ok(made) => {
            // Everything is in its place, so it is published; what the journal says is true, and done.
            if let Err(error) = journal.remove() {
                tracing::warn!(change_set.id = %plan.id, %error, "the journal stays until the next recovery");
            }
            Ok(made)
        }
        Err(cause) => match undo(repository, plan, options) {
            Ok(()) => {
                journal.remove()?;
                Err(cause)
            }
            Err(undo) => Err(PublishError::Stuck {
                cause: Box::new(cause),
                undo: undo.to_string(),
            }),
        },
    }
}

/// Does what the plan says and is not done yet.
pub(crate) fn carry_out(
    repository: &FolderRepository,
    plan: &Plan,
    options: CatalogOptions,
    observer: &dyn PublicationObserver,
) -> Result<CatalogsMade, PublishError> {
    let mut parts = Vec::new();
    let mut additions = Additions::default();
    for file in plan.to_place() {
        if is_there(repository, file)? {
            continue;
        }
        let part = prepare(repository, file)?;
        match file.kind {
            Kind::Pkgs => additions.pkgs.push(file.location.clone()),
            Kind::Icons => additions.icons.push((file.location.clone(), file.sha256)),
            Kind::Pkgsinfo => additions
                .pkginfos
                .push((file.location.clone(), contents(&part)?)),
            Kind::Catalogs
            | Kind::ClientResources
            | Kind::Evidence
            | Kind::Manifests
            | Kind::Tuf => {}
        }
        parts.push((file, part));
        observer.reached(Point::Prepared {
            kind: file.kind,
            location: file.location.clone(),
        });
    }
    let catalogs = Prepared::make(repository, options, additions)?;
    observer.reached(Point::CatalogsPrepared);
    for (file, part) in parts {
        part.place()?;
        observer.reached(Point::Placed {
            kind: file.kind,
            location: file.location.clone(),
        });
    }
    Ok(catalogs.apply(repository, observer)?)
}

/// Whether an interrupted publication has placed the file already.
fn is_there(repository: &FolderRepository, file: &StagedFile) -> Result<bool, PublishError> {
    match digest_there(repository, file)? {
        None => Ok(false),
        Some(found) if found == file.sha256 => Ok(true),
        Some(found) => Err(PublishError::Occupied {
            kind: file.kind,
            location: file.location.clone(),
            expected: file.sha256,
            found,
        }),
    }
}

/// Copies a staged file beside its place; what was changed since it was staged is refused.
fn prepare(repository: &FolderRepository, file: &StagedFile) -> Result<Part, PublishError> {
    let unreadable = |source| PublishError::Staged {
        path: file.source.clone(),
        source,
    };
    let target = repository.resolve(file.kind, &file.location)?;
    let mut source = File::open(&file.source).map_err(unreadable)?;
    let (part, found, len_bytes) = match Part::copy(&mut source, &target) {
        Ok(copied) => copied,
        Err(CopyError::Read(source)) => return Err(unreadable(source)),
        Err(CopyError::Write(error)) => return Err(error.into()),
    };
    if found != file.sha256 || len_bytes != file.len_bytes {
        return Err(PublishError::Altered {
            path: file.source.clone(),
            expected: file.sha256,
            found,
        });
    }
    Ok(part)
}

fn contents(part: &Part) -> Result<Vec<u8>, RepositoryError> {
    fs::read(part.path()).map_err(|source| RepositoryError::io(part.path(), source))
}

/// Takes back what the plan placed: first what names, then what is named.
pub(crate) fn undo(
    repository: &FolderRepository,
    plan: &Plan,
    options: CatalogOptions,
) -> Result<(), RepositoryError> {
    let mut must_make_catalogs = true;
    for file in plan.to_place().rev() {
        if must_make_catalogs && !matches!(file.kind, Kind::Pkgsinfo | Kind::Manifests) {
            make_catalogs_locked(repository, options)?;
            must_make_catalogs = false;
        }
        if digest_there(repository, file)? == Some(file.sha256) {
            write::remove(&repository.resolve(file.kind, &file.location)?)?;
        }
    }
    make_catalogs_locked(repository, options)?;
    for folder in plan.new_folders.iter().rev() {
        // A folder that is not empty has got something that is not ours.
        let path = repository.root().join(folder);
        if fs::remove_dir(&path).is_ok() {
            write::sync_parent(&path)?;
        }
    }
    Ok(())
}
