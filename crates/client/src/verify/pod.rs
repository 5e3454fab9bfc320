//! The tenant's repository, to be read from.

use crate::{Fault, exchange::Opened, pod, updates::Source};

/// The first file of update metadata that anyone asks for.
const FIRST: &str = "tuf/timestamp.json";
const LONGEST_FIRST: usize = 1 << 20;

/// A repository that envQUERY has named.
#[derive(Debug)]
pub(super) struct Pod(Opened);

impl Pod {
    pub(super) const fn new(opened: Opened) -> Self {
        Self(opened)
    }

    /// Whether there is update metadata for this tenant.
    ///
    /// # Errors
    /// As [`Source::read`].
    pub(super) fn offers_metadata(&self) -> Result<bool, Fault> {
        self.read(FIRST, LONGEST_FIRST).map(|file| file.is_some())
    }
}

impl Source for Pod {
    fn read(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, Fault> {
        let Opened {
            repository,
            trust,
            until,
        } = &self.0;
        pod::read(repository, path, limit, (*until, trust))
    }
}
