//! The catalogue: what people at a tenant see of its view, and who of them is let in.
//!
//! - **[`Access`]** gives a tenant its code, signs people in who know it, and opens feeds.
//! - **[`Catalogue`]** is what they see then: [`Title`]s with their versions, one title with all there is to know of it
//!   ([`Details`]), and what is new ([`News`]).
//!
//! No HTTP here.
//!
//! **Invariants:** what is shown is what the tenant's Macs get from its pod at that moment, decided by the same rules; of
//! the past nothing but what the tenant could have fetched then. A tenant that is suspended sees nothing with the next
//! question. A code and what opens feeds are shown once, and the state holds their digests only. What opens feeds opens
//! nothing else.

mod access;
mod details;
mod news;
mod shelf;
#[cfg(test)]
mod tests;

use std::{io::Read as _, sync::Arc};

use publication::{Backend, Kind};
use store::{Db, Tenant};

use self::shelf::Shelves;
pub use self::{
    access::{Access, Attempt, Session},
    details::{Details, ScanReport, Signer, Stay, VersionDetails},
    news::News,
    shelf::{Title, Version, Wanted},
};
use crate::pods::{Contents, Exhibit, PodError, path::PodPath, view::Views};

/// The largest thing that is handed out whole.
const LARGEST: u64 = 16 << 20;

/// For whom something is shown.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reader {
    /// The tenant.
    pub tenant: Tenant,
    /// The catalog that it reads.
    pub catalog: String,
}

/// The catalogues of all tenants.
///
/// Cheap to clone; clones share what they remember.
#[derive(Clone, Debug)]
pub struct Catalogue {
    db: Db,
    repository: Arc<dyn Backend>,
    rings: Arc<[String]>,
    views: Arc<Views>,
    shelves: Arc<Shelves>,
}

impl Catalogue {
    /// What is in `repository`, with what the state knows of it. Where there are rings, versions are told to be in those
    /// only.
    pub fn new(db: Db, repository: Arc<dyn Backend>, rings: Vec<String>) -> Self {
        Self {
            db,
            repository,
            rings: rings.into(),
            views: Arc::default(),
            shelves: Arc::default(),
        }
    }

    /// Every title that `reader` sees, by the name that people know.
    ///
    /// # Errors
    /// If the repository fails.
    pub async fn titles(&self, reader: &Reader) -> Result<Arc<[Title]>, PodError> {
        self.blocking(reader, |catalogue, reader| {
            let shelves = Arc::clone(&catalogue.shelves);
            shelves.of(&catalogue, &reader)
        })
        .await
    }

    /// The contents of an icon or of evidence, if `reader` sees it.
    ///
    /// # Errors
    /// If the repository fails.
    pub async fn contents(
        &self,
        reader: &Reader,
        kind: Kind,
        location: &str,
    ) -> Result<Option<Vec<u8>>, PodError> {
        let location = location.to_owned();
        self.blocking(reader, move |catalogue, reader| {
            let exhibit = catalogue.exhibit(&reader, kind, &location)?;
            exhibit.map(|it| catalogue.read(&it)).transpose()
        })
        .await
    }

    /// What is at a place in the pod of `reader`. Blocks.
    fn exhibit(
        &self,
        reader: &Reader,
        kind: Kind,
        location: &str,
    ) -> Result<Option<Exhibit>, PodError> {
        let Some(path) = PodPath::of(kind, location) else {
            return Ok(None);
        };
        let repository = &*self.repository;
        match self
            .views
            .find(repository, &reader.tenant, &reader.catalog, &path)
        {
            Err(error) if error.is_absence() => Ok(None),
            found => found,
        }
    }

    /// What is in something. Blocks.
    fn read(&self, exhibit: &Exhibit) -> Result<Vec<u8>, PodError> {
        match &exhibit.contents {
            Contents::Made(made) => Ok(made.to_vec()),
            Contents::Stored { location } => {
                let (kind, look) = (exhibit.kind, &exhibit.look);
                let reader = self.repository.read_from(kind, location, look, 0)?;
                let mut bytes = Vec::new();
                let read = reader.take(LARGEST).read_to_end(&mut bytes);
                read.ok().ok_or(PodError::Lost)?;
                Ok(bytes)
            }
        }
    }

    /// Has something done where it holds up nobody.
    async fn blocking<T: Send + 'static>(
        &self,
        reader: &Reader,
        work: impl FnOnce(Self, Reader) -> Result<T, PodError> + Send + 'static,
    ) -> Result<T, PodError> {
        let (catalogue, reader) = (self.clone(), reader.clone());
        let working = tokio::task::spawn_blocking(move || work(catalogue, reader));
        working.await.ok().ok_or(PodError::Lost)?
    }
}
