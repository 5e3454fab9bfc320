//! What a recipe asks for.

use std::{fmt, time::Duration};

use bytes::Bytes;
use redact::SafeUrl;
use reqwest::{
    Method,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use url::Url;

use crate::{FetchError, Validators, curl};

/// What the plan pins, so that another file than the meant one would be noticed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Pin {
    /// The bytes.
    Checksum,
    /// The signer.
    Signature,
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Checksum => "checksum",
            Self::Signature => "signature",
        })
    }
}

/// Whether an address without encryption is asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PlainHttp {
    /// Yes, because the plan pins something.
    Pinned(Pin),
    /// As `Pinned`, where a processor in the sandbox chooses what is asked: only to read, and not on this machine or in
    /// its network.
    PinnedInside(Pin),
    /// No, unless the settings allow the host.
    Refused,
}

/// What a recipe asks for.
#[derive(Clone)]
pub struct Request {
    pub(crate) url: Url,
    pub(crate) method: Method,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Bytes>,
    pub(crate) plain_http: PlainHttp,
    pub(crate) known: Validators,
    pub(crate) max_time: Option<Duration>,
    pub(crate) http1_only: bool,
    pub(crate) any_status: bool,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("url", &self.shown())
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}

impl Request {
    /// Asks for `url`, an absolute address.
    ///
    /// # Errors
    /// [`FetchError::Address`] if it is none.
    pub fn get(url: &str) -> Result<Self, FetchError> {
        let url = Url::parse(url.trim()).map_err(|_no_address| FetchError::Address {
            given: SafeUrl::of_text(url.trim()),
        })?;
        Ok(Self {
            url,
            method: Method::GET,
            headers: HeaderMap::new(),
            body: None,
            plain_http: PlainHttp::Refused,
            known: Validators::default(),
            max_time: None,
            http1_only: false,
            any_status: false,
        })
    }

    /// Says whether an address without encryption may be asked.
    #[must_use]
    pub const fn with_plain_http(mut self, plain_http: PlainHttp) -> Self {
        self.plain_http = plain_http;
        self
    }

    /// Downloads the page, too, with which a server says that it has no such thing, as curl does without `--fail`; not
    /// that of a server in trouble.
    #[must_use]
    pub const fn whatever_status(mut self) -> Self {
        self.any_status = true;
        self
    }

    /// Asks only for what is newer than the file with these validators; they win over headers of the same names.
    #[must_use]
    pub fn if_changed_from(mut self, known: Validators) -> Self {
        self.known = known;
        self
    }

    /// Sends this header too, in place of an earlier one of the same name.
    ///
    /// # Errors
    /// [`FetchError::Header`] if name or value hold what a header cannot.
    pub fn with_header(mut self, name: &str, value: &str) -> Result<Self, FetchError> {
        let refused = || FetchError::Header {
            name: name.to_owned(),
        };
        let header =
            HeaderName::from_bytes(name.trim().as_bytes()).map_err(|_invalid| refused())?;
        let value =
            HeaderValue::from_bytes(value.trim().as_bytes()).map_err(|_invalid| refused())?;
        self.headers.insert(header, value);
        Ok(self)
    }

    /// Does what these raw curl arguments say.
    ///
    /// # Errors
    /// [`FetchError::Option`] for an option that is not understood, or that would weaken the check of the server.
    pub fn with_curl_options(self, options: &[String]) -> Result<Self, FetchError> {
        curl::apply(self, options)
    }

    /// What may be shown of the address.
    pub fn shown(&self) -> SafeUrl {
        SafeUrl::of(&self.url)
    }

    /// Whether the address is not encrypted.
    pub fn is_plain_http(&self) -> bool {
        self.url.scheme() == "http"
    }
}
