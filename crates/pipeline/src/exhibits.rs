//! The evidence of what a run has published, for those who look at it.

use std::io::Read as _;

use ::evidence::{bundle_name, item_of};
use model::FailureClass;
use publication::{Kind, RepositoryError, ShelfItem};

use crate::{Engine, Failure, engine::blocking};

/// How many bundles of evidence are looked for beside one item.
const MOST_BUNDLES: u32 = 8;

/// The largest bundle that is handed out.
const LARGEST: u64 = 16 << 20;

impl Engine {
    /// Where the evidence is of the item with this pkginfo, relative to the folder of evidence; nothing of an item that
    /// is not in the repository any more.
    ///
    /// # Errors
    /// If the repository fails.
    pub async fn evidence_of(&self, pkginfo: &str) -> Result<Vec<String>, Failure> {
        let (engine, pkginfo) = (self.clone(), pkginfo.to_owned());
        blocking(move || engine.bundles(&pkginfo).map_err(|error| failed(&error))).await
    }

    /// Blocks.
    fn bundles(&self, pkginfo: &str) -> Result<Vec<String>, RepositoryError> {
        let repository = &*self.parts.repository;
        let contents = match repository.get(Kind::Pkgsinfo, pkginfo) {
            Err(RepositoryError::NotFound { .. }) => return Ok(Vec::new()),
            read => read?,
        };
        let Ok(item) = ShelfItem::read(pkginfo, &contents) else {
            return Ok(Vec::new());
        };
        let mut found = Vec::new();
        // An item without package is told of by its pkginfo.
        let told_of = match item.packages.as_slice() {
            [] => vec![pkginfo.to_owned()],
            packages => packages.to_vec(),
        };
        for location in told_of {
            for number in 1..=MOST_BUNDLES {
                let name = bundle_name(&location, number);
                if repository.look(Kind::Evidence, &name)?.is_none() {
                    break;
                }
                found.push(name);
            }
        }
        Ok(found)
    }

    /// A bundle of evidence, if there is one at `location`.
    ///
    /// # Errors
    /// If the repository fails.
    pub async fn evidence(&self, location: &str) -> Result<Option<Vec<u8>>, Failure> {
        if item_of(location).is_none() {
            return Ok(None);
        }
        let (engine, location) = (self.clone(), location.to_owned());
        blocking(move || engine.bundle(&location).map_err(|error| failed(&error))).await
    }

    /// Blocks.
    fn bundle(&self, location: &str) -> Result<Option<Vec<u8>>, RepositoryError> {
        let mut bytes = Vec::new();
        match self.parts.repository.open(Kind::Evidence, location) {
            Ok(file) => {
                let read = file.take(LARGEST).read_to_end(&mut bytes);
                read.map_err(|source| RepositoryError::Io {
                    path: location.into(),
                    source,
                })?;
                Ok(Some(bytes))
            }
            Err(
                RepositoryError::NotFound { .. }
                | RepositoryError::Location { .. }
                | RepositoryError::Escapes { .. },
            ) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn failed(error: &RepositoryError) -> Failure {
    Failure::from_error(FailureClass::Publish, error)
}
