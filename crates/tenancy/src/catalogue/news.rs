//! What is new.

use model::Timestamp;

use super::{Catalogue, Reader, Title, Version};
use crate::pods::PodError;

/// How much is told.
const MOST: usize = 50;

/// That a version came into a tenant's ring.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct News {
    /// The title.
    pub title: Title,
    /// The version.
    pub version: Version,
    /// When.
    pub at: Timestamp,
}

impl Catalogue {
    /// The versions that came last into the ring of `reader` and are there still, the newest first.
    ///
    /// # Errors
    /// If the repository or the state fails.
    pub async fn news(&self, reader: &Reader) -> Result<Vec<News>, PodError> {
        let titles = self.titles(reader).await?;
        let stays = self.db.ring_stay_in(&reader.catalog).await;
        let stays = stays.map_err(|error| PodError::Tenancy(error.into()))?;
        let seen = stays.iter().rev().filter_map(|stay| {
            let title = titles.iter().find(|title| title.name == stay.name)?;
            let mut versions = title.versions.iter();
            let version = versions.find(|version| version.version == stay.version)?;
            Some(News {
                title: title.clone(),
                version: version.clone(),
                at: stay.entered.at,
            })
        });
        Ok(seen.take(MOST).collect())
    }
}
