//! What was replaced and removed, which is kept until it is purged: `.auto-update/trash/ID/KIND/LOCATION`, and a list
//! of it in `.auto-update/trash/ID.json`.

use model::{ChangeSetId, Sha256, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    Backend, ChangeSet, Kind, Point, PublishError, Removal, Replacement, RepositoryError,
    StagedFile, carry_out::Work, journal::Journal, plan::Plan, recover::recover_locked,
};

const FOLDER: &str = "trash";

/// What a publication has replaced and removed, and what is known of undoing it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Discarded {
    /// The shape of this structure.
    schema: u32,
    /// The change set's name.
    pub id: ChangeSetId,
    /// When it was published.
    pub at: Timestamp,
    /// What is kept.
    pub files: Vec<DiscardedFile>,
    /// What the change set has added.
    pub added: Vec<AddedFile>,
}

/// A file that is kept.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct DiscardedFile {
    /// Of what kind it is.
    pub kind: Kind,
    /// Where it was.
    pub location: String,
    /// What it is.
    pub was: Sha256,
    /// What took its place, if something did.
    pub now: Option<Sha256>,
}

/// A file that a change set has added.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct AddedFile {
    /// Of what kind it is.
    pub kind: Kind,
    /// Where it is.
    pub location: String,
    /// What it is.
    pub sha256: Sha256,
}

/// What publications have replaced and removed and is kept still, the newest first.
///
/// # Errors
/// If it cannot be read.
pub fn discarded(repository: &dyn Backend) -> Result<Vec<Discarded>, PublishError> {
    let mut found = Vec::new();
    for name in repository.own_names(FOLDER)? {
        let Some(contents) = repository.own(&name)? else {
            continue;
        };
        let list = parse(&name, &contents)?;
        // What an interrupted publication keeps may have to go back.
        if !Journal::is_of(repository, list.id)? {
            found.push(list);
        }
    }
    found.sort_by_key(|list| std::cmp::Reverse((list.at, list.id)));
    Ok(found)
}

/// The change set that takes back what `id` did: it adds what was removed, puts back what was replaced, and removes
/// what was added. What is as it was before already is left out.
///
/// # Errors
/// [`PublishError::NotKept`] if `id` has discarded nothing, or that was purged; [`PublishError::Changed`] if something
/// is not as `id` left it.
pub fn revert_of(repository: &dyn Backend, id: ChangeSetId) -> Result<ChangeSet, PublishError> {
    let list = read(repository, id)?;
    let Some(list) = list.filter(|list| !list.files.is_empty()) else {
        return Err(PublishError::NotKept { id });
    };
    let mut set = ChangeSet::new(ChangeSetId::new());
    for file in &list.files {
        let there = repository.digest(file.kind, &file.location)?;
        if there == Some(file.was) {
            continue;
        }
        refuse_change(file.kind, &file.location, file.now, there)?;
        let (source, len_bytes) = repository
            .kept_source(&kept_name(id, file.kind, &file.location))?
            .ok_or(PublishError::NotKept { id })?;
        let staged = StagedFile {
            kind: file.kind,
            location: file.location.clone(),
            source,
            sha256: file.was,
            len_bytes,
        };
        match file.now {
            Some(was) => set.replacements.push(Replacement { file: staged, was }),
            None => set.files.push(staged),
        }
    }
    for file in list.added {
        let there = repository.digest(file.kind, &file.location)?;
        if there.is_none() {
            continue;
        }
        refuse_change(file.kind, &file.location, Some(file.sha256), there)?;
        set.removals.push(Removal {
            kind: file.kind,
            location: file.location,
            was: file.sha256,
        });
    }
    Ok(set)
}

/// Forgets for good what `id` has replaced and removed. It is no error if nothing is kept.
///
/// # Errors
/// If it cannot be removed, or an interrupted publication, which may need it, can be neither finished nor undone.
pub fn purge(repository: &dyn Backend, id: ChangeSetId) -> Result<(), PublishError> {
    let held = repository.lock()?;
    recover_locked(repository, &*held)?;
    held.check()?;
    Ok(forget(repository, id)?)
}

/// Keeps what the plan is about to replace and remove, and writes down what that is.
pub(crate) fn keep(work: &Work<'_>) -> Result<(), PublishError> {
    let Work {
        repository, plan, ..
    } = *work;
    let mut has_something = false;
    for (kind, location, was) in plan.to_keep() {
        work.held.check()?;
        let name = kept_name(plan.id, kind, location);
        let found = repository.keep(kind, location, &name)?;
        match found {
            Some(found) if found != was => {
                repository.remove_own(&name)?;
                return Err(PublishError::Changed {
                    kind,
                    location: location.to_owned(),
                    expected: was,
                    found: Some(found),
                });
            }
            _ => has_something = true,
        }
        work.observer.reached(Point::Kept {
            kind,
            location: location.to_owned(),
        });
    }
    if has_something {
        write_list(repository, plan)?;
        work.observer.reached(Point::KeptListed);
    }
    Ok(())
}

/// Puts back what is kept, if it is.
pub(crate) fn restore(
    repository: &dyn Backend,
    id: ChangeSetId,
    kind: Kind,
    location: &str,
) -> Result<bool, RepositoryError> {
    repository.restore(&kept_name(id, kind, location), kind, location)
}

/// The list goes last: as long as there is one, what is kept can be forgotten.
pub(crate) fn forget(repository: &dyn Backend, id: ChangeSetId) -> Result<(), RepositoryError> {
    repository.remove_own(&format!("{FOLDER}/{id}"))?;
    repository.remove_own(&list_name(id))
}

pub(crate) fn has_kept(repository: &dyn Backend, id: ChangeSetId) -> Result<bool, RepositoryError> {
    Ok(repository.own(&list_name(id))?.is_some())
}

fn write_list(repository: &dyn Backend, plan: &Plan) -> Result<(), PublishError> {
    let mut list = read(repository, plan.id)?.unwrap_or_else(|| Discarded {
        schema: Discarded::SCHEMA,
        id: plan.id,
        at: plan.at,
        files: Vec::new(),
        added: Vec::new(),
    });
    let replaced = plan.to_replace().map(|it| DiscardedFile {
        kind: it.file.kind,
        location: it.file.location.clone(),
        was: it.was,
        now: Some(it.file.sha256),
    });
    let removed = plan.to_remove().map(|it| DiscardedFile {
        kind: it.kind,
        location: it.location.clone(),
        was: it.was,
        now: None,
    });
    add_new(&mut list.files, replaced.chain(removed));
    let added = plan.to_place().map(|it| AddedFile {
        kind: it.kind,
        location: it.location.clone(),
        sha256: it.sha256,
    });
    add_new(&mut list.added, added);
    let name = list_name(plan.id);
    let contents = serde_json::to_vec_pretty(&list).map_err(|source| PublishError::Journal {
        path: name.clone().into(),
        source,
    })?;
    Ok(repository.put_own(&name, &contents)?)
}

/// A publication that was taken up again has written its list already.
fn add_new<T: PartialEq>(list: &mut Vec<T>, more: impl Iterator<Item = T>) {
    for one in more {
        if !list.contains(&one) {
            list.push(one);
        }
    }
}

fn refuse_change(
    kind: Kind,
    location: &str,
    left: Option<Sha256>,
    found: Option<Sha256>,
) -> Result<(), PublishError> {
    if left == found {
        return Ok(());
    }
    let location = location.to_owned();
    Err(match (left, found) {
        (Some(expected), found) => PublishError::Changed {
            kind,
            location,
            expected,
            found,
        },
        (None, found) => PublishError::TakenSince {
            kind,
            location,
            found,
        },
    })
}

fn read(repository: &dyn Backend, id: ChangeSetId) -> Result<Option<Discarded>, PublishError> {
    let name = list_name(id);
    let contents = repository.own(&name)?;
    contents.map(|contents| parse(&name, &contents)).transpose()
}

fn parse(name: &str, contents: &[u8]) -> Result<Discarded, PublishError> {
    serde_json::from_slice(contents).map_err(|source| PublishError::Journal {
        path: name.into(),
        source,
    })
}

fn list_name(id: ChangeSetId) -> String {
    format!("{FOLDER}/{id}.json")
}

fn kept_name(id: ChangeSetId, kind: Kind, location: &str) -> String {
    format!("{FOLDER}/{id}/{kind}/{location}")
}

impl Discarded {
    const SCHEMA: u32 = 1;
}
