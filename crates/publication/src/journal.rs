//! The journal: what an interrupted publication was about to do.

use std::path::{Path, PathBuf};

use model::ChangeSetId;
use serde::Deserialize;

use crate::{Backend, PublishError, RepositoryError, plan::Plan};

const FOLDER: &str = "journal";

/// The journal of one publication: `.auto-update/journal/ID.json`.
#[derive(Debug)]
pub(crate) struct Journal<'a> {
    repository: &'a dyn Backend,
    name: String,
}

impl<'a> Journal<'a> {
    /// Writes down what is about to happen, lasting when this returns.
    pub(crate) fn write(repository: &'a dyn Backend, plan: &Plan) -> Result<Self, PublishError> {
        let name = name(plan.id);
        let contents = serde_json::to_vec_pretty(plan).map_err(|source| PublishError::Journal {
            path: PathBuf::from(&name),
            source,
        })?;
        repository.put_own(&name, &contents)?;
        Ok(Self { repository, name })
    }

    /// Every journal that an interrupted publication left, oldest first.
    pub(crate) fn read_all(repository: &'a dyn Backend) -> Result<Vec<(Self, Plan)>, PublishError> {
        let mut journals = Vec::new();
        for name in repository.own_names(FOLDER)? {
            let is_journal = Path::new(&name).extension() == Some("json".as_ref());
            if !is_journal {
                continue;
            }
            // One that is gone was finished meanwhile: a preview holds no lock.
            if let Some(contents) = repository.own(&name)? {
                let plan = parse(&name, &contents)?;
                journals.push((Self { repository, name }, plan));
            }
        }
        Ok(journals)
    }

    /// Whether there is a journal of this change set.
    pub(crate) fn is_of(
        repository: &dyn Backend,
        id: ChangeSetId,
    ) -> Result<bool, RepositoryError> {
        Ok(repository.own(&name(id))?.is_some())
    }

    /// Notes that the publication is whole, or undone.
    pub(crate) fn remove(self) -> Result<(), RepositoryError> {
        self.repository.remove_own(&self.name)
    }
}

fn name(id: ChangeSetId) -> String {
    format!("{FOLDER}/{id}.json")
}

/// Only what is understood whole is carried out: a newer version may have written more than this one knows of.
fn parse(name: &str, contents: &[u8]) -> Result<Plan, PublishError> {
    #[derive(Deserialize)]
    struct Shape {
        schema: u32,
    }
    let unclear = |source| PublishError::Journal {
        path: name.into(),
        source,
    };
    let shape: Shape = serde_json::from_slice(contents).map_err(unclear)?;
    if shape.schema > Plan::SCHEMA {
        return Err(PublishError::NewerJournal {
            path: name.into(),
            schema: shape.schema,
        });
    }
    serde_json::from_slice(contents).map_err(unclear)
}
