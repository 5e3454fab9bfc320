//! A repository at an address, as clients see it.

use std::{fmt, io};

use async_trait::async_trait;
use fetch::{FetchError, Fetcher, Request};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use publication::tuf::Source;

/// What stays as it is in a path: the unreserved characters (RFC 3986 §2.3), and the slash between names.
const NAMES: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');

/// A repository at an address.
pub(super) struct Address {
    base: String,
    fetcher: Fetcher,
}

impl Address {
    /// The repository at `base`.
    pub(super) fn new(base: &str, fetcher: Fetcher) -> Self {
        Self {
            base: base.trim_end_matches('/').to_owned(),
            fetcher,
        }
    }
}

/// The address may hold a password.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Address").finish_non_exhaustive()
    }
}

#[async_trait]
impl Source for Address {
    async fn read(&self, path: &str, limit: u64) -> io::Result<Option<Vec<u8>>> {
        let url = format!("{}/{}", self.base, utf8_percent_encode(path, NAMES));
        let request = Request::get(&url).map_err(io::Error::other)?;
        match self.fetcher.bytes(&request, limit).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(FetchError::Status {
                status: 404 | 410, ..
            }) => Ok(None),
            Err(error) => Err(io::Error::other(error)),
        }
    }
}
