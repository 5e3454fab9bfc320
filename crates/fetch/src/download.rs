//! From a server to the disk in one pass.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use bytes::Bytes;
use model::Sha256;
use redact::{SafeUrl, Secret};
use reqwest::{
    Method, Response, StatusCode,
    header::{self, HeaderMap},
};
use tokio::{sync::mpsc, task, time};

use crate::{
    Downloaded, FetchError, Fetcher, Request, Validators,
    brief::{Unfinished, briefly},
    client::{Answer, Attempts, header_text, header_value},
    part::{Part, Resume, Whole},
    spent::{is_answer, refused},
    state,
};

/// A header that is longer is no validator but an attack on the file system's attributes.
const LONGEST_VALIDATOR: usize = 1024;
/// How many pieces may wait for the disk; with pieces of at most some 16 KiB that is less than 1 MiB.
const WAITING_PIECES: usize = 32;
/// How much a failed attempt must have brought to count as progress.
const PROGRESS_BYTES: u64 = 1 << 20;

/// What came of a conditional download.
#[derive(Debug)]
pub enum Fetched {
    /// The file, complete, beside its place.
    New(Box<Pending>),
    /// The server says that nothing changed (304).
    Unchanged,
}

/// A complete file beside its place.
#[derive(Debug)]
#[must_use = "the file is not in its place yet"]
pub struct Pending {
    whole: Whole,
    url: SafeUrl,
    received: Received,
}

impl Pending {
    /// Its digest.
    pub const fn sha256(&self) -> Sha256 {
        self.whole.sha256
    }

    /// Its length.
    pub const fn len_bytes(&self) -> u64 {
        self.whole.len_bytes
    }

    /// By what the server knows it again.
    pub const fn validators(&self) -> &Validators {
        &self.received.validators
    }

    /// The length that the server announced.
    pub const fn content_length(&self) -> Option<u64> {
        self.received.content_length
    }

    /// The status, if what came is only the page of a server that refuses ([`Request::whatever_status`]).
    pub const fn refusal(&self) -> Option<u16> {
        self.received.refusal
    }

    /// The last address it was sent to; it may hold a signature in its query.
    pub const fn redirected_to(&self) -> Option<&Secret<String>> {
        self.received.redirected_to.as_ref()
    }

    /// Puts the file into its place, over what was there, marked as uncommitted.
    ///
    /// # Errors
    /// [`FetchError::File`] if it cannot be put there.
    pub fn place(self, target: &Path) -> Result<Downloaded, FetchError> {
        state::mark_uncommitted(&self.whole.path)?;
        fs_err::rename(&self.whole.path, target).map_err(state::file_error(target))?;
        state::move_record(&self.whole.path, target)?;
        let downloaded = Downloaded {
            path: target.to_owned(),
            sha256: self.whole.sha256,
            len_bytes: self.whole.len_bytes,
            url: self.url,
            redirects: self.received.redirects,
            validators: self.received.validators,
        };
        self.whole.release();
        Ok(downloaded)
    }

    /// Throws the file away.
    ///
    /// # Errors
    /// [`FetchError::File`] if it cannot be removed.
    pub fn discard(self) -> Result<(), FetchError> {
        crate::part::remove(&self.whole.path)
    }
}

/// Told how far a download has come, and the total if it is known.
pub(crate) type Progress<'a> = dyn Fn(u64, Option<u64>) + Send + Sync + 'a;

impl Fetcher {
    /// Downloads what `request` asks for to a hidden file beside `target`.
    ///
    /// `progress` is told how far it has come, and the total if that is known.
    ///
    /// # Cancellation
    /// Leaves the hidden file, from which the next download of the same address continues if the server allows it.
    ///
    /// # Errors
    /// Any but [`FetchError::Setup`]; what may pass was tried again as [`crate::RetryPolicy`] says.
    pub async fn download(
        &self,
        request: &Request,
        target: &Path,
        progress: &Progress<'_>,
    ) -> Result<Fetched, FetchError> {
        let limit = self.settings.download_timeout;
        let limit = request.max_time.map_or(limit, |time| time.min(limit));
        let mut attempts = Attempts::new(self.settings.retry, limit);
        let mut part = open(target, request).await?;
        let mut furthest = part.len_bytes();
        loop {
            // Boxed: the future of an attempt is large, and callers hold this one in theirs.
            let (back, outcome) =
                Box::pin(self.attempt(request, part, attempts.left(), progress)).await?;
            part = back;
            let error = match outcome {
                Ok(Some(received)) => return finish(part, request, received).await,
                Ok(None) => return discard(part).await,
                Err(error) => error,
            };
            // Only new ground counts: a server that cuts and starts anew could otherwise go on for ever.
            if part.len_bytes() >= furthest.saturating_add(PROGRESS_BYTES) {
                furthest = part.len_bytes();
                attempts.progressed();
            }
            if let Err(error) = attempts.after(error).await {
                return abandon(part).await.and(Err(error));
            }
        }
    }

    /// One attempt: the part comes back whatever happened; nothing received means that nothing changed.
    async fn attempt(
        &self,
        request: &Request,
        part: Part,
        left: Duration,
        progress: &Progress<'_>,
    ) -> Result<(Part, Result<Option<Received>, FetchError>), FetchError> {
        let deadline = Instant::now() + left;
        let asked = conditions(request, &part);
        let answer = match time::timeout(left, self.send(request, &asked)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Ok((part, Err(error))),
            Err(_elapsed) => return Ok((part, Err(too_long(request, left)))),
        };
        if answer.response.status() == StatusCode::NOT_MODIFIED && !request.known.is_empty() {
            return Ok((part, Ok(None)));
        }
        let start = match Start::of(request, &part, &answer.response) {
            Ok(start) => start,
            // What has come is of another file; a mere refusal says nothing about it.
            Err(error @ FetchError::Cut { .. }) => {
                return restarted(part).await.map(|part| (part, Err(error)));
            }
            Err(error) => return Ok((part, Err(error))),
        };
        let received = Received::of(&answer);
        let pump = Pump {
            url: request.shown(),
            limit_bytes: self.settings.max_download_bytes,
            read_timeout: self.settings.read_timeout,
            deadline,
            total_bytes: start.total_bytes(&part, &answer.response),
            progress,
        };
        let (part, outcome) = pump.run(answer.response, part, start).await?;
        drop(answer.permit);
        Ok((part, outcome.map(|()| Some(received))))
    }
}

/// What is kept of an answer.
#[derive(Debug)]
struct Received {
    redirects: Vec<SafeUrl>,
    redirected_to: Option<Secret<String>>,
    validators: Validators,
    content_length: Option<u64>,
    refusal: Option<u16>,
}

impl Received {
    fn of(answer: &Answer) -> Self {
        let status = answer.response.status();
        Self {
            refusal: (!status.is_success()).then(|| status.as_u16()),
            redirects: answer.hops.iter().map(SafeUrl::of).collect(),
            redirected_to: answer.redirected_to(),
            validators: validators(answer.response.headers()),
            content_length: content_length(answer.response.headers()),
        }
    }
}

/// Carries a body to the disk.
struct Pump<'a> {
    url: SafeUrl,
    limit_bytes: u64,
    read_timeout: Duration,
    deadline: Instant,
    total_bytes: Option<u64>,
    progress: &'a Progress<'a>,
}

impl Pump<'_> {
    async fn run(
        &self,
        response: Response,
        part: Part,
        start: Start,
    ) -> Result<(Part, Result<(), FetchError>), FetchError> {
        let have = match start {
            Start::Anew(_) => 0,
            Start::Continue => part.len_bytes(),
        };
        let path = part.path().to_owned();
        let (pieces, received) = mpsc::channel(WAITING_PIECES);
        let writer = task::spawn_blocking(move || write_all(part, start, received));
        let outcome = self.pump(response, pieces, have).await;
        let (part, written) = writer
            .await
            .map_err(|_stopped| FetchError::Interrupted { path })?;
        Ok((part, written.and(outcome)))
    }

    /// Hands on the body piece by piece; `pieces` closes at the end, which ends the writer.
    async fn pump(
        &self,
        mut response: Response,
        pieces: mpsc::Sender<Bytes>,
        have: u64,
    ) -> Result<(), FetchError> {
        let mut come = have;
        self.check_size(self.total_bytes.unwrap_or(come))?;
        (self.progress)(come, self.total_bytes);
        while let Some(piece) = self.next(&mut response, come).await? {
            come = come.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
            self.check_size(come)?;
            if pieces.send(piece).await.is_err() {
                // The writer stopped; its own error says why.
                return Ok(());
            }
            (self.progress)(come, self.total_bytes);
        }
        match self.total_bytes {
            Some(announced_bytes) if announced_bytes != come => Err(FetchError::Length {
                url: self.url.clone(),
                announced_bytes,
                received_bytes: come,
            }),
            _ => Ok(()),
        }
    }

    async fn next(&self, response: &mut Response, come: u64) -> Result<Option<Bytes>, FetchError> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let limit = self.read_timeout.min(left);
        match time::timeout(limit, response.chunk()).await {
            Ok(Ok(piece)) => Ok(piece),
            Ok(Err(error)) => Err(FetchError::Cut {
                url: self.url.clone(),
                received_bytes: come,
                announced_bytes: self.total_bytes,
                source: Some(error.without_url()),
            }),
            Err(_elapsed) => Err(FetchError::TimedOut {
                what: "reading",
                url: self.url.clone(),
                limit,
            }),
        }
    }

    fn check_size(&self, len_bytes: u64) -> Result<(), FetchError> {
        if len_bytes > self.limit_bytes {
            return Err(FetchError::TooLarge {
                url: self.url.clone(),
                limit_bytes: self.limit_bytes,
            });
        }
        Ok(())
    }
}

fn write_all(
    mut part: Part,
    start: Start,
    mut pieces: mpsc::Receiver<Bytes>,
) -> (Part, Result<(), FetchError>) {
    let mut outcome = match start {
        Start::Anew(resume) => part.begin(resume),
        Start::Continue => Ok(()),
    };
    while outcome.is_ok() {
        match pieces.blocking_recv() {
            Some(piece) => outcome = part.write(&piece),
            None => break,
        }
    }
    (part, outcome)
}

/// The headers that make the request conditional: the rest of the part, or a change since the known file.
fn conditions(request: &Request, part: &Part) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut set = |name, text: &str| {
        if let Some(value) = header_value(text) {
            headers.insert(name, value);
        }
    };
    if let Some(resume) = part.resume() {
        set(header::RANGE, &format!("bytes={}-", part.len_bytes()));
        set(header::IF_RANGE, &resume.validator);
        return headers;
    }
    if let Some(etag) = &request.known.etag {
        set(header::IF_NONE_MATCH, etag);
    }
    if let Some(last_modified) = &request.known.last_modified {
        set(header::IF_MODIFIED_SINCE, last_modified);
    }
    headers
}

/// How a body joins what has come before.
enum Start {
    /// It is the whole; by what its rest could be asked for after a cut.
    Anew(Option<Resume>),
    /// It is the rest.
    Continue,
}

impl Start {
    fn of(request: &Request, part: &Part, response: &Response) -> Result<Self, FetchError> {
        let status = response.status();
        match part.resume() {
            Some(resume)
                if status == StatusCode::PARTIAL_CONTENT
                    && continues(part, resume, response.headers()) =>
            {
                Ok(Self::Continue)
            }
            // What has come is of another file, perhaps of a longer one.
            Some(resume)
                if status == StatusCode::PARTIAL_CONTENT
                    || status == StatusCode::RANGE_NOT_SATISFIABLE =>
            {
                Err(FetchError::Cut {
                    url: request.shown(),
                    received_bytes: part.len_bytes(),
                    announced_bytes: Some(resume.total_bytes),
                    source: None,
                })
            }
            _ if status.is_success() => Ok(Self::Anew(resume_of(request, response))),
            _ => match refused(request, status, response.headers()) {
                error if request.any_status && is_answer(&error) => Ok(Self::Anew(None)),
                error => Err(error),
            },
        }
    }

    /// How long the whole file will be.
    fn total_bytes(&self, part: &Part, response: &Response) -> Option<u64> {
        match self {
            Self::Anew(_) => content_length(response.headers()),
            Self::Continue => part.resume().map(|resume| resume.total_bytes),
        }
    }
}

/// Whether this really is the rest of the same file, whatever the status says.
fn continues(part: &Part, resume: &Resume, headers: &HeaderMap) -> bool {
    let last = resume.total_bytes.saturating_sub(1);
    let range = format!("bytes {}-{last}/{}", part.len_bytes(), resume.total_bytes);
    let same_etag = header_text(headers, &header::ETAG)
        .is_none_or(|etag| !resume.validator.starts_with('"') || etag == resume.validator);
    header_text(headers, &header::CONTENT_RANGE) == Some(range) && same_etag
}

/// By what the rest of this answer's body could be asked for.
fn resume_of(request: &Request, response: &Response) -> Option<Resume> {
    let headers = response.headers();
    if response.status() != StatusCode::OK || request.method != Method::GET {
        return None;
    }
    let etag = header_text(headers, &header::ETAG).filter(|etag| etag.starts_with('"'));
    Some(Resume {
        url: Sha256::of(request.url.as_str().as_bytes()),
        validator: etag?,
        total_bytes: content_length(headers)?,
    })
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    header_text(headers, &header::CONTENT_LENGTH)?.parse().ok()
}

fn validators(headers: &HeaderMap) -> Validators {
    let short = |name| header_text(headers, &name).filter(|text| text.len() <= LONGEST_VALIDATOR);
    Validators {
        etag: short(header::ETAG),
        last_modified: short(header::LAST_MODIFIED),
    }
}

fn too_long(request: &Request, limit: Duration) -> FetchError {
    FetchError::TimedOut {
        what: "fetching",
        url: request.shown(),
        limit,
    }
}

async fn open(target: &Path, request: &Request) -> Result<Part, FetchError> {
    let path = target.to_owned();
    let url = Sha256::of(request.url.as_str().as_bytes());
    on_disk_briefly(target, move || Part::open(&path, url)).await
}

async fn restarted(mut part: Part) -> Result<Part, FetchError> {
    let path = part.path().to_owned();
    on_disk(&path, move || part.restart().map(|()| part)).await
}

/// Leaves what a later download may continue, and nothing else.
async fn abandon(part: Part) -> Result<(), FetchError> {
    if part.resume().is_some() {
        return Ok(());
    }
    discard(part).await.map(|_unchanged| ())
}

async fn discard(part: Part) -> Result<Fetched, FetchError> {
    let path = part.path().to_owned();
    on_disk_briefly(&path, move || part.discard().map(|()| Fetched::Unchanged)).await
}

async fn finish(part: Part, request: &Request, received: Received) -> Result<Fetched, FetchError> {
    let path = part.path().to_owned();
    let whole = on_disk(&path, move || part.finish()).await?;
    Ok(Fetched::New(Box::new(Pending {
        whole,
        url: request.shown(),
        received,
    })))
}

/// As [`on_disk`], where it takes no longer the larger the file is.
async fn on_disk_briefly<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce() -> Result<T, FetchError> + Send + 'static,
) -> Result<T, FetchError> {
    match briefly(work).await {
        Ok(outcome) => outcome,
        Err(Unfinished) => Err(FetchError::Interrupted {
            path: path.to_owned(),
        }),
    }
}

/// Does blocking work on the file at `path`.
async fn on_disk<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce() -> Result<T, FetchError> + Send + 'static,
) -> Result<T, FetchError> {
    match task::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(_stopped) => Err(FetchError::Interrupted {
            path: path.to_owned(),
        }),
    }
}
