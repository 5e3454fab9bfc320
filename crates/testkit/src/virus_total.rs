//! `VirusTotal` on loopback: the documented protocol, with verdicts, quotas and faults arranged by the test.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyhow::Context as _;
use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Multipart, Path, Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use model::{Sha256, Sha256Writer};
use serde_json::{Map, Value, json};
use tokio::{net::TcpListener, sync::Notify, task::JoinHandle};

/// The key that is accepted.
pub const KEY: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// The largest body of `POST /files`, in bytes.
const DIRECT_LIMIT: usize = 33 << 20;

/// What the engines say of one file.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// Engines that call it malicious, and their names for it.
    pub malicious: Vec<(String, String)>,
    /// Engines that call it suspicious.
    pub suspicious: Vec<String>,
    /// How many find nothing.
    pub undetected: u32,
    /// How many do not look at files of its type.
    pub type_unsupported: u32,
}

impl Verdict {
    /// Sixty engines find nothing.
    pub fn clean() -> Self {
        Self {
            undetected: 60,
            type_unsupported: 12,
            ..Self::default()
        }
    }

    /// `count` engines call it malicious.
    pub fn malicious(count: u32) -> Self {
        let engine = |n| (format!("Engine{n}"), "OSX.Trojan.Gen".to_owned());
        Self {
            malicious: (1..=count).map(engine).collect(),
            ..Self::clean()
        }
    }

    /// One engine calls it suspicious.
    pub fn suspicious() -> Self {
        Self {
            suspicious: vec!["Engine1".to_owned()],
            ..Self::clean()
        }
    }

    /// Only `undetected` engines answer.
    pub fn few(undetected: u32) -> Self {
        Self {
            undetected,
            ..Self::clean()
        }
    }

    fn stats(&self) -> Value {
        json!({
            "malicious": self.malicious.len(), "suspicious": self.suspicious.len(),
            "undetected": self.undetected, "harmless": 0, "timeout": 0, "confirmed-timeout": 0,
            "failure": 0, "type-unsupported": self.type_unsupported,
        })
    }

    fn results(&self) -> Map<String, Value> {
        let result = |engine: &str, category: &str, result: Option<&str>| {
            let value = json!({"category": category, "engine_name": engine, "method": "blacklist", "result": result});
            (engine.to_owned(), value)
        };
        let malicious = self
            .malicious
            .iter()
            .map(|(engine, name)| result(engine, "malicious", Some(name)));
        let suspicious = self
            .suspicious
            .iter()
            .map(|engine| result(engine, "suspicious", None));
        let undetected =
            (1..=self.undetected).map(|n| result(&format!("Quiet{n}"), "undetected", None));
        malicious.chain(suspicious).chain(undetected).collect()
    }
}

/// A running stand-in; it ends when it is dropped.
#[derive(Debug)]
pub struct VirusTotal {
    address: SocketAddr,
    world: World,
    server: JoinHandle<()>,
}

impl Drop for VirusTotal {
    fn drop(&mut self) {
        self.server.abort();
    }
}

type World = Arc<Mutex<Facts>>;

/// What the stand-in knows and has seen.
#[derive(Debug, Default)]
struct Facts {
    address: String,
    known: BTreeMap<String, Verdict>,
    verdicts: BTreeMap<String, Verdict>,
    default_verdict: Option<Verdict>,
    analyses: BTreeMap<String, Analysis>,
    upload_urls: BTreeMap<String, bool>,
    polls_needed: u32,
    quota_left: Option<u32>,
    retry_after: u64,
    requests: Vec<String>,
    news: Arc<Notify>,
    uploads: Vec<(String, String)>,
}

#[derive(Debug)]
struct Analysis {
    sha256: String,
    polls: u32,
}

impl VirusTotal {
    /// Starts on a free port of the loopback interface; knows no file, and calls every upload clean after one poll.
    ///
    /// # Errors
    /// If no port can be had.
    pub async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("no port")?;
        let address = listener.local_addr()?;
        let world = World::new(Mutex::new(Facts {
            address: address.to_string(),
            polls_needed: 1,
            retry_after: 60,
            ..Facts::default()
        }));
        let router = router(Arc::clone(&world));
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the VirusTotal stand-in ended");
            }
        });
        Ok(Self {
            address,
            world,
            server,
        })
    }

    /// Where the API is.
    pub fn base_url(&self) -> String {
        format!("http://{}/api/v3/", self.address)
    }

    /// A file that is known already.
    pub fn know(&self, sha256: Sha256, verdict: Verdict) {
        self.facts().known.insert(sha256.to_string(), verdict);
    }

    /// What the engines will say of a file once it is uploaded.
    pub fn will_say(&self, sha256: Sha256, verdict: Verdict) {
        self.facts().verdicts.insert(sha256.to_string(), verdict);
    }

    /// What the engines will say of every other file.
    pub fn will_say_of_others(&self, verdict: Verdict) {
        self.facts().default_verdict = Some(verdict);
    }

    /// How many looks at an analysis find it unfinished.
    pub fn set_polls_needed(&self, polls: u32) {
        self.facts().polls_needed = polls;
    }

    /// Lets `requests` more through, and answers 429 with this `Retry-After` from then on.
    pub fn set_quota(&self, requests: u32, retry_after_seconds: u64) {
        let mut facts = self.facts();
        facts.quota_left = Some(requests);
        facts.retry_after = retry_after_seconds;
    }

    /// Lets every request through again.
    pub fn lift_quota(&self) {
        self.facts().quota_left = None;
    }

    /// Waits until `count` requests have begun like this, now or before: `GET /api/v3/analyses/`.
    pub async fn until_asked(&self, beginning: &str, count: usize) {
        let news = Arc::clone(&self.facts().news);
        loop {
            // A wait that began before the look misses nothing.
            let next = news.notified();
            let requests = self.requests();
            let asked = requests.iter().filter(|it| it.starts_with(beginning));
            if asked.count() >= count {
                return;
            }
            next.await;
        }
    }

    /// Every request so far, as `GET /api/v3/files/…`.
    pub fn requests(&self) -> Vec<String> {
        self.facts().requests.clone()
    }

    /// SHA-256 and name of every file that was uploaded.
    pub fn uploads(&self) -> Vec<(String, String)> {
        self.facts().uploads.clone()
    }

    fn facts(&self) -> MutexGuard<'_, Facts> {
        lock(&self.world)
    }
}

fn lock(world: &World) -> MutexGuard<'_, Facts> {
    world.lock().unwrap_or_else(PoisonError::into_inner)
}

fn router(world: World) -> Router {
    Router::new()
        .route("/api/v3/files", post(upload_direct))
        .route("/api/v3/files/upload_url", get(give_upload_url))
        .route("/api/v3/files/{id}", get(look_up))
        .route("/api/v3/files/{id}/analyse", post(analyse_again))
        .route("/api/v3/analyses/{id}", get(analysis))
        .route("/_ah/upload/{id}", post(upload_by_url))
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn_with_state(Arc::clone(&world), gate))
        .with_state(world)
}

/// Logs the request, and refuses a wrong key and more than the quota.
async fn gate(State(world): State<World>, request: Request, next: Next) -> Response {
    let refusal = {
        let mut facts = lock(&world);
        let line = format!("{} {}", request.method(), request.uri().path());
        facts.requests.push(line);
        facts.news.notify_waiters();
        refusal(&mut facts, request.headers())
    };
    let Some(response) = refusal else {
        return next.run(request).await;
    };
    // A file that is not wanted is read all the same: whoever sends it would see a broken connection, not the answer.
    drop(axum::body::to_bytes(request.into_body(), usize::MAX).await);
    response
}

fn refusal(facts: &mut Facts, headers: &HeaderMap) -> Option<Response> {
    if headers.get("x-apikey").is_none_or(|key| key != KEY) {
        return Some(error(StatusCode::UNAUTHORIZED, "WrongCredentialsError"));
    }
    match &mut facts.quota_left {
        Some(0) => {
            let mut response = error(StatusCode::TOO_MANY_REQUESTS, "QuotaExceededError");
            let headers = response.headers_mut();
            headers.insert(header::RETRY_AFTER, facts.retry_after.into());
            Some(response)
        }
        Some(left) => {
            *left -= 1;
            None
        }
        None => None,
    }
}

async fn look_up(State(world): State<World>, Path(id): Path<String>) -> Response {
    let facts = lock(&world);
    let Some(verdict) = facts.known.get(&id) else {
        return error(StatusCode::NOT_FOUND, "NotFoundError");
    };
    let attributes = json!({
        "sha256": id,
        "last_analysis_date": 1_764_000_000,
        "first_submission_date": 1_763_000_000,
        "last_analysis_stats": verdict.stats(),
        "last_analysis_results": verdict.results(),
    });
    Json(json!({"data": {"id": id, "type": "file", "attributes": attributes}})).into_response()
}

async fn analyse_again(State(world): State<World>, Path(id): Path<String>) -> Response {
    let mut facts = lock(&world);
    if !facts.known.contains_key(&id) {
        return error(StatusCode::NOT_FOUND, "NotFoundError");
    }
    submitted(&mut facts, id)
}

async fn analysis(State(world): State<World>, Path(id): Path<String>) -> Response {
    let mut facts = lock(&world);
    let needed = facts.polls_needed;
    let Some(analysis) = facts.analyses.get_mut(&id) else {
        return error(StatusCode::NOT_FOUND, "NotFoundError");
    };
    analysis.polls += 1;
    let status = match analysis.polls {
        1 if needed > 0 => "queued",
        polls if polls <= needed => "in-progress",
        _ => "completed",
    };
    let sha256 = analysis.sha256.clone();
    if status == "completed" {
        let said = facts
            .verdicts
            .get(&sha256)
            .or(facts.default_verdict.as_ref());
        let verdict = said.cloned().unwrap_or_else(Verdict::clean);
        facts.known.insert(sha256, verdict);
    }
    // As the service does it, counts that are partial while the analysis runs.
    let partial = Verdict::few(1).stats();
    Json(json!({"data": {"id": id, "type": "analysis", "attributes": {"status": status, "stats": partial}}}))
        .into_response()
}

async fn give_upload_url(State(world): State<World>) -> Response {
    let mut facts = lock(&world);
    let id = facts.upload_urls.len().to_string();
    let url = format!("http://{}/_ah/upload/{id}", facts.address);
    facts.upload_urls.insert(id, false);
    Json(json!({"data": url})).into_response()
}

async fn upload_by_url(
    State(world): State<World>,
    Path(id): Path<String>,
    form: Multipart,
) -> Response {
    let first_use = lock(&world)
        .upload_urls
        .get_mut(&id)
        .is_some_and(|used| !std::mem::replace(used, true));
    if !first_use {
        return error(StatusCode::BAD_REQUEST, "InvalidArgumentError");
    }
    take(&world, form, usize::MAX).await
}

async fn upload_direct(State(world): State<World>, form: Multipart) -> Response {
    take(&world, form, DIRECT_LIMIT).await
}

async fn take(world: &World, form: Multipart, limit_bytes: usize) -> Response {
    match receive(form, limit_bytes).await {
        Ok(Some((sha256, name))) => {
            let mut facts = lock(world);
            facts.uploads.push((sha256.clone(), name));
            submitted(&mut facts, sha256)
        }
        Ok(None) => error(StatusCode::PAYLOAD_TOO_LARGE, "RequestTooLargeError"),
        Err(problem) => {
            tracing::warn!(%problem, "an upload cannot be read");
            error(StatusCode::BAD_REQUEST, "BadRequestError")
        }
    }
}

/// Digest and name of the uploaded file; `None` if it is too large.
async fn receive(
    mut form: Multipart,
    limit_bytes: usize,
) -> anyhow::Result<Option<(String, String)>> {
    use std::io::Write as _;
    let mut field = form.next_field().await?.context("the form is empty")?;
    anyhow::ensure!(field.name() == Some("file"), "the field is not `file`");
    let name = field.file_name().unwrap_or_default().to_owned();
    let mut writer = Sha256Writer::new(std::io::sink());
    let mut len_bytes = 0_usize;
    while let Some(chunk) = field.chunk().await? {
        len_bytes += chunk.len();
        if len_bytes > limit_bytes {
            return Ok(None);
        }
        writer.write_all(&chunk)?;
    }
    Ok(Some((writer.finish().1.to_string(), name)))
}

fn submitted(facts: &mut Facts, sha256: String) -> Response {
    let id = format!("analysis-{}", facts.analyses.len() + 1);
    let link = format!("http://{}/api/v3/analyses/{id}", facts.address);
    facts
        .analyses
        .insert(id.clone(), Analysis { sha256, polls: 0 });
    Json(json!({"data": {"type": "analysis", "id": id, "links": {"self": link}}})).into_response()
}

fn error(status: StatusCode, code: &str) -> Response {
    let body = json!({"error": {"code": code, "message": "see the documentation"}});
    (status, Json(body)).into_response()
}
