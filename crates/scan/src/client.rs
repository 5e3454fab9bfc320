//! The three questions of the protocol: look a file up, upload it, look at its analysis.

use std::{
    fmt,
    path::Path,
    sync::{Arc, OnceLock},
    time::Duration,
};

use model::{Clock, Sha256};
use reqwest::{
    Body, Client,
    header::HeaderValue,
    multipart::{Form, Part},
};
use serde::Deserialize;
use store::{Db, QuotaWindow, StoreError};
use tokio_util::io::ReaderStream;
use url::Url;
use virustotal3::{FileRescanResponse, FileScanResponse};

use crate::{
    Config, Policy, ScanError, ScanReport, Thresholds, quota,
    report::FileAnswer,
    transport::{self, Reply, decode},
};

/// The largest file that goes to `POST /files`, in bytes: 32 MB in the smaller reading of the word.
pub const DIRECT_UPLOAD_LIMIT: u64 = 32_000_000;

/// The largest file that is taken at all, in bytes: 650 MB in the smaller reading of the word.
pub const UPLOAD_LIMIT: u64 = 650_000_000;

/// A client for `VirusTotal`'s API, version 3.
pub struct VirusTotal {
    pub(crate) config: Config,
    pub(crate) base: Url,
    pub(crate) key: Option<HeaderValue>,
    http: OnceLock<Client>,
    pub(crate) db: Db,
    pub(crate) clock: Arc<dyn Clock>,
}

impl fmt::Debug for VirusTotal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VirusTotal").finish_non_exhaustive()
    }
}

/// What a look-up found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum LookUp {
    /// The file is known, and engines have looked at it.
    Known(ScanReport),
    /// The file is known, but no engine has looked at it yet.
    NotAnalysed,
    /// The file was never seen.
    Unknown,
}

/// How far an analysis has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AnalysisState {
    /// It is over: the file's report is complete.
    Completed,
    /// There is no such analysis any more.
    Gone,
    /// It is queued or under way.
    Running,
}

/// `GET /analyses/{id}`, of which only the state is of interest: counts in it may be partial.
#[derive(Deserialize)]
struct AnalysisAnswer {
    data: AnalysisData,
}

#[derive(Deserialize)]
struct AnalysisData {
    attributes: AnalysisAttributes,
}

#[derive(Deserialize)]
struct AnalysisAttributes {
    status: String,
}

/// `GET /files/upload_url`
#[derive(Deserialize)]
struct UploadUrlAnswer {
    data: String,
}

impl VirusTotal {
    /// When facts become an assessment, as configured.
    pub const fn thresholds(&self) -> &Thresholds {
        &self.config.thresholds
    }

    /// What assessments lead to, as configured.
    pub const fn policy(&self) -> &Policy {
        &self.config.policy
    }

    /// The largest file that is uploaded, in bytes.
    pub fn upload_limit(&self) -> u64 {
        self.config.upload_limit()
    }

    /// How many programs in a larger file are looked up.
    pub const fn inner_files(&self) -> u32 {
        self.config.inner_files
    }

    /// How long to wait before the service is asked again.
    pub const fn poll_interval(&self) -> Duration {
        self.config.poll()
    }

    /// What may be asked in the present minute, day and month, and how much of it was.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn quota(&self) -> Result<Vec<(QuotaWindow, u32)>, StoreError> {
        let mut quota = Vec::new();
        for window in quota::windows(&self.config, self.clock.now()) {
            let used = self.db.quota_used(transport::SERVICE, &window).await?;
            quota.push((window, used));
        }
        Ok(quota)
    }

    /// A client that counts its requests in `db`.
    ///
    /// # Errors
    /// If the address is neither `https` nor on the loopback interface, or the key cannot be one.
    pub fn new(config: Config, db: Db, clock: Arc<dyn Clock>) -> Result<Self, ScanError> {
        let base = transport::base_url(&config.base_url)?;
        Ok(Self {
            http: OnceLock::new(),
            key: config
                .api_key
                .as_ref()
                .map(transport::key_header)
                .transpose()?,
            config,
            base,
            db,
            clock,
        })
    }

    /// Looks a file up by its SHA-256.
    ///
    /// # Errors
    /// If no answer comes, it cannot be read or is about another file, the key is wrong, or the quota is spent.
    pub async fn look_up(&self, sha256: Sha256) -> Result<LookUp, ScanError> {
        const WHAT: &str = "look a file up";
        let url = self.url(&["files", &sha256.to_string()])?;
        let request = self.http()?.get(url).timeout(self.config.request_timeout());
        let Reply::Found(body) = self.send(WHAT, request).await? else {
            return Ok(LookUp::Unknown);
        };
        let attributes = decode::<FileAnswer>(WHAT, &body)?.data.attributes;
        if attributes.is_of_another(sha256) {
            return Err(ScanError::Wrong {
                what: WHAT,
                why: "it is about another file",
            });
        }
        Ok(match attributes.into_report(sha256) {
            Some(report) => LookUp::Known(report),
            None => LookUp::NotAnalysed,
        })
    }

    /// Uploads the file at `path`, under `name`, and answers the name of its analysis.
    ///
    /// The file is streamed. Above [`DIRECT_UPLOAD_LIMIT`] an address is asked for first, and used once.
    ///
    /// # Errors
    /// If the file cannot be read or is too large, and as [`VirusTotal::look_up`].
    ///
    /// # Cancellation
    /// The service may have the file already; a later look-up tells.
    pub async fn upload(&self, path: &Path, name: &str) -> Result<String, ScanError> {
        const WHAT: &str = "take a file";
        let file = fs_err::tokio::File::open(path)
            .await
            .map_err(|source| ScanError::File { source })?;
        let metadata = file.metadata().await;
        let len_bytes = metadata.map_err(|source| ScanError::File { source })?.len();
        if len_bytes > UPLOAD_LIMIT {
            return Err(ScanError::TooLarge {
                len_bytes,
                limit_bytes: UPLOAD_LIMIT,
            });
        }
        let url = if len_bytes <= DIRECT_UPLOAD_LIMIT {
            self.url(&["files"])?
        } else {
            self.upload_url().await?
        };
        let body = Body::wrap_stream(ReaderStream::new(file));
        let part = Part::stream_with_length(body, len_bytes).file_name(name.to_owned());
        let request = self
            .http()?
            .post(url)
            .timeout(self.config.upload_timeout())
            .multipart(Form::new().part("file", part));
        let body = found(WHAT, self.send(WHAT, request).await?)?;
        Ok(decode::<FileScanResponse>(WHAT, &body)?.data.id)
    }

    /// Asks for a new analysis of a known file, and answers its name.
    ///
    /// # Errors
    /// As [`VirusTotal::look_up`].
    pub async fn analyse_again(&self, sha256: Sha256) -> Result<String, ScanError> {
        const WHAT: &str = "analyse a file again";
        let url = self.url(&["files", &sha256.to_string(), "analyse"])?;
        let request = self
            .http()?
            .post(url)
            .timeout(self.config.request_timeout());
        let body = found(WHAT, self.send(WHAT, request).await?)?;
        Ok(decode::<FileRescanResponse>(WHAT, &body)?.data.id)
    }

    /// Looks at an analysis.
    ///
    /// # Errors
    /// As [`VirusTotal::look_up`].
    pub async fn analysis(&self, id: &str) -> Result<AnalysisState, ScanError> {
        const WHAT: &str = "show an analysis";
        let url = self.url(&["analyses", id])?;
        let request = self.http()?.get(url).timeout(self.config.request_timeout());
        let Reply::Found(body) = self.send(WHAT, request).await? else {
            return Ok(AnalysisState::Gone);
        };
        let answer: AnalysisAnswer = decode(WHAT, &body)?;
        Ok(match answer.data.attributes.status.as_str() {
            "completed" => AnalysisState::Completed,
            _ => AnalysisState::Running,
        })
    }

    /// What asks. It reads the certificates of the system, which takes a while, and most runs have nothing to ask.
    fn http(&self) -> Result<&Client, ScanError> {
        if let Some(http) = self.http.get() {
            return Ok(http);
        }
        let made = transport::http_client(self.base.scheme() == "https")?;
        Ok(self.http.get_or_init(|| made))
    }

    async fn upload_url(&self) -> Result<Url, ScanError> {
        const WHAT: &str = "give an address for an upload";
        let url = self.url(&["files", "upload_url"])?;
        let request = self.http()?.get(url).timeout(self.config.request_timeout());
        let body = found(WHAT, self.send(WHAT, request).await?)?;
        let answer: UploadUrlAnswer = decode(WHAT, &body)?;
        transport::upload_url(&self.base, &answer.data)
    }
}

/// The body of an answer that cannot be "not found".
fn found(what: &'static str, reply: Reply) -> Result<Vec<u8>, ScanError> {
    match reply {
        Reply::Found(body) => Ok(body),
        Reply::NotFound => Err(ScanError::Refused {
            what,
            status: 404,
            code: String::new(),
        }),
    }
}
