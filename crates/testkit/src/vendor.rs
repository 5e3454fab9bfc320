//! A vendor's web server on loopback, whose faults are arranged by the test.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyhow::Context as _;
use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::Response,
};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use model::Sha256;
use tokio::{net::TcpListener, sync::Notify, task::JoinHandle};

/// The `Last-Modified` of every resource that does not say otherwise.
pub const LAST_MODIFIED: &str = "Tue, 24 Nov 2026 20:07:38 GMT";

/// What a path answers.
#[derive(Clone, Debug)]
pub struct Resource {
    status: StatusCode,
    body: Bytes,
    headers: HeaderMap,
    ranges: bool,
    announced_bytes: Option<u64>,
    cuts: VecDeque<usize>,
    failures: VecDeque<Option<StatusCode>>,
    stall_after: Option<usize>,
    pause: Option<(usize, Arc<Notify>)>,
}

impl Resource {
    /// A file with a strong `ETag` made of its digest, and [`LAST_MODIFIED`]; ranges are answered.
    pub fn file(body: impl Into<Bytes>) -> Self {
        let body = body.into();
        let digest = Sha256::of(&body).to_string();
        let etag = format!("\"{}\"", digest.get(..16).unwrap_or_default());
        Self::answer(StatusCode::OK, body)
            .with_header("etag", &etag)
            .with_header("last-modified", LAST_MODIFIED)
    }

    /// A page without validators.
    pub fn page(html: &str) -> Self {
        Self::answer(StatusCode::OK, Bytes::copy_from_slice(html.as_bytes()))
            .with_header("content-type", "text/html")
    }

    /// A redirect to `location`, absolute or relative.
    pub fn redirect(location: &str) -> Self {
        Self::answer(StatusCode::FOUND, Bytes::new()).with_header("location", location)
    }

    /// An error page.
    pub fn failure(status: u16) -> Self {
        let status = code(status);
        Self::answer(status, Bytes::from(format!("<h1>{status}</h1>")))
    }

    fn answer(status: StatusCode, body: Bytes) -> Self {
        Self {
            status,
            body,
            headers: HeaderMap::new(),
            ranges: true,
            announced_bytes: None,
            cuts: VecDeque::new(),
            failures: VecDeque::new(),
            stall_after: None,
            pause: None,
        }
    }

    /// Sends this header too; one that cannot be sent is left out.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    /// Does not send this header.
    #[must_use]
    pub fn without_header(mut self, name: &'static str) -> Self {
        self.headers.remove(name);
        self
    }

    /// Answers a request for a range with the whole.
    #[must_use]
    pub const fn without_ranges(mut self) -> Self {
        self.ranges = false;
        self
    }

    /// Cuts the connection after that many bytes of a body, once; a second cut goes to the next request.
    #[must_use]
    pub fn cut_after(mut self, len_bytes: usize) -> Self {
        self.cuts.push_back(len_bytes);
        self
    }

    /// Answers the next request with that status instead; once, as with cuts.
    #[must_use]
    pub fn failing_first(mut self, status: u16) -> Self {
        self.failures.push_back(Some(code(status)));
        self
    }

    /// As [`Resource::failing_first`], after one request that is answered as usual.
    #[must_use]
    pub fn failing_second(mut self, status: u16) -> Self {
        self.failures.extend([None, Some(code(status))]);
        self
    }

    /// Sends that many bytes of a body, and then nothing more, without closing.
    #[must_use]
    pub const fn stalling_after(mut self, len_bytes: usize) -> Self {
        self.stall_after = Some(len_bytes);
        self
    }

    /// Sends that many bytes of a body, and the rest when it is told to go on; once.
    #[must_use]
    pub fn pausing_after(mut self, len_bytes: usize, go_on: Arc<Notify>) -> Self {
        self.pause = Some((len_bytes, go_on));
        self
    }

    /// Announces another length than the body has.
    #[must_use]
    pub const fn announcing(mut self, len_bytes: u64) -> Self {
        self.announced_bytes = Some(len_bytes);
        self
    }
}

fn code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// A request that the server got.
#[derive(Clone, Debug)]
pub struct Seen {
    /// `GET`, `HEAD`, `POST`.
    pub method: Method,
    /// Path and query.
    pub target: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// What was answered.
    pub status: u16,
}

impl Seen {
    /// The header's value, if it is there and text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

#[derive(Debug, Default)]
struct Site {
    resources: BTreeMap<String, Resource>,
    seen: Vec<Seen>,
    news: Arc<Notify>,
}

type Shared = Arc<Mutex<Site>>;

/// A vendor's web server on loopback; it stops when dropped.
#[derive(Debug)]
pub struct Vendor {
    address: SocketAddr,
    site: Shared,
    server: JoinHandle<io::Result<()>>,
}

impl Drop for Vendor {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Vendor {
    /// Starts a server with nothing on it, on a free port.
    ///
    /// # Errors
    /// If no port can be had.
    pub async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .context("cannot listen on loopback")?;
        let address = listener.local_addr()?;
        let site = Shared::default();
        let router = Router::new().fallback(serve).with_state(Arc::clone(&site));
        let server = tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self {
            address,
            site,
            server,
        })
    }

    /// The address of `path`, which begins with a slash.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Host and port.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Puts `resource` at `path`, in place of what was there.
    pub fn put(&self, path: &str, resource: Resource) {
        lock(&self.site).resources.insert(path.to_owned(), resource);
    }

    /// Takes away what is at `path`: it answers 404.
    pub fn remove(&self, path: &str) {
        lock(&self.site).resources.remove(path);
    }

    /// Puts every file of `folder` (not of its subfolders) at `/NAME`, without `ETag`, as `python -m http.server`
    /// serves them.
    ///
    /// # Errors
    /// If the folder or a file cannot be read.
    pub fn put_folder(&self, folder: &Path) -> anyhow::Result<()> {
        for entry in fs_err::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                let name = entry.file_name().to_string_lossy().into_owned();
                let body = fs_err::read(entry.path())?;
                let resource = Resource::file(body).without_header("etag").without_ranges();
                self.put(&format!("/{name}"), resource);
            }
        }
        Ok(())
    }

    /// Waits until somebody has asked for `path`, now or before.
    pub async fn until_asked_for(&self, path: &str) {
        let news = Arc::clone(&lock(&self.site).news);
        loop {
            // A wait that began before the look misses nothing.
            let next = news.notified();
            if self.seen().iter().any(|seen| seen.target == path) {
                return;
            }
            next.await;
        }
    }

    /// Every request so far, in order.
    pub fn seen(&self) -> Vec<Seen> {
        lock(&self.site).seen.clone()
    }
}

fn lock(site: &Shared) -> MutexGuard<'_, Site> {
    site.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(State(site): State<Shared>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let mut site = lock(&site);
    let response = match site.resources.get_mut(&path) {
        Some(resource) => answer(resource, request.headers()),
        None => plain(StatusCode::NOT_FOUND, Body::from("<h1>404 Not Found</h1>")),
    };
    site.seen.push(Seen {
        method: request.method().clone(),
        target: request
            .uri()
            .path_and_query()
            .map_or(path, |target| target.as_str().to_owned()),
        headers: request.headers().clone(),
        status: response.status().as_u16(),
    });
    site.news.notify_waiters();
    response
}

fn answer(resource: &mut Resource, asked: &HeaderMap) -> Response {
    if let Some(Some(status)) = resource.failures.pop_front() {
        return plain(status, Body::from("later"));
    }
    if is_known(resource, asked) {
        return with_headers(plain(StatusCode::NOT_MODIFIED, Body::empty()), resource);
    }
    let len = resource.body.len();
    let (status, start) = match range_start(resource, asked) {
        Some(start) if start >= len => {
            return plain(StatusCode::RANGE_NOT_SATISFIABLE, Body::empty());
        }
        Some(start) => (StatusCode::PARTIAL_CONTENT, start),
        None => (resource.status, 0),
    };
    let rest = resource.body.slice(start..);
    let announced = resource
        .announced_bytes
        .unwrap_or_else(|| u64::try_from(rest.len()).unwrap_or(u64::MAX));
    let mut response = with_headers(plain(status, body(resource, rest)), resource);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, announced.into());
    if status == StatusCode::PARTIAL_CONTENT {
        let range = format!("bytes {start}-{}/{len}", len.saturating_sub(1));
        if let Ok(range) = HeaderValue::from_str(&range) {
            headers.insert(header::CONTENT_RANGE, range);
        }
    }
    response
}

fn plain(status: StatusCode, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
}

fn with_headers(mut response: Response, resource: &Resource) -> Response {
    response.headers_mut().extend(resource.headers.clone());
    response
}

fn is_known(resource: &Resource, asked: &HeaderMap) -> bool {
    match asked.get(header::IF_NONE_MATCH) {
        Some(etag) => resource.headers.get(header::ETAG) == Some(etag),
        None => asked
            .get(header::IF_MODIFIED_SINCE)
            .is_some_and(|since| resource.headers.get(header::LAST_MODIFIED) == Some(since)),
    }
}

/// Where the asked range `bytes=N-` starts, if there is one that is to be answered.
fn range_start(resource: &Resource, asked: &HeaderMap) -> Option<usize> {
    let range = asked.get(header::RANGE)?.to_str().ok()?;
    let start = range
        .strip_prefix("bytes=")?
        .strip_suffix('-')?
        .parse()
        .ok()?;
    let same = asked.get(header::IF_RANGE).is_none_or(|validator| {
        [header::ETAG, header::LAST_MODIFIED]
            .iter()
            .any(|name| resource.headers.get(name) == Some(validator))
    });
    (resource.ranges && same).then_some(start)
}

fn body(resource: &mut Resource, rest: Bytes) -> Body {
    if let Some(cut) = resource.cuts.pop_front() {
        let sent = rest.slice(..cut.min(rest.len()));
        let sent = stream::iter([Ok(sent)]);
        // The server writes out what it has when the body is not ready; without that the cut would swallow it.
        let broken = stream::once(async {
            tokio::task::yield_now().await;
            Err(io::Error::from(io::ErrorKind::ConnectionReset))
        });
        return Body::from_stream(sent.chain(broken));
    }
    if let Some((pause, go_on)) = resource.pause.take() {
        let (first, last) = (
            rest.slice(..pause.min(rest.len())),
            rest.slice(pause.min(rest.len())..),
        );
        let last = stream::once(async move {
            go_on.notified().await;
            Ok::<_, io::Error>(last)
        });
        return Body::from_stream(stream::iter([Ok(first)]).chain(last));
    }
    if let Some(stall) = resource.stall_after {
        let sent = rest.slice(..stall.min(rest.len()));
        let sent = stream::iter([Ok::<_, io::Error>(sent)]);
        return Body::from_stream(sent.chain(stream::pending()));
    }
    if resource.announced_bytes.is_some() {
        return Body::from_stream(stream::iter([Ok::<_, io::Error>(rest)]));
    }
    Body::from(rest)
}
