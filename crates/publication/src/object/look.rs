//! Objects as those see them who fetch them.

use model::{Sha256, Timestamp};
use object_store::{Error, GetOptions, GetRange, ObjectMeta};

use super::{
    reader::Reader,
    store::{Store, failed},
};
use crate::{Look, RepositoryError};

impl Store {
    /// How an object looks to who fetches it, if it is there.
    pub(super) fn look(&self, name: &str) -> Result<Option<Look>, RepositoryError> {
        Ok(self.head(name)?.as_ref().map(look))
    }

    /// An object from its byte `from` on, if it still looks like `seen`.
    pub(super) fn open_from(
        &self,
        name: &str,
        seen: &Look,
        from: u64,
    ) -> Result<Option<Reader>, RepositoryError> {
        if from >= seen.len_bytes {
            return Ok(Some(self.reader(Box::pin(futures_util::stream::empty()))));
        }
        let (store, key) = (self.objects(), self.key(name)?);
        let options = GetOptions {
            range: Some(GetRange::Bounded(from..seen.len_bytes)),
            ..GetOptions::default()
        };
        let opened = self.wait(async move { store.get_opts(&key, options).await })?;
        match opened {
            // The range is of what is there now; if that is another object, its bytes are not wanted.
            Ok(got) if look(&got.meta) == *seen => Ok(Some(self.reader(got.into_stream()))),
            Ok(_) | Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(failed(name)(error)),
        }
    }
}

fn look(meta: &ObjectMeta) -> Look {
    // Servers write into it what they like.
    let e_tag = meta.e_tag.as_deref().unwrap_or_default();
    let mut tag = Sha256::of(e_tag.as_bytes()).to_string();
    tag.truncate(32);
    let modified = Timestamp::from_secs(meta.last_modified.timestamp());
    Look {
        len_bytes: meta.size,
        modified,
        tag: format!("{tag}-{:x}-{:x}", modified.as_secs(), meta.size),
    }
}
