//! How connectors speak HTTP: over TLS, never following a redirect, and with what each answer means for the outbox.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::DateTime;
use model::Timestamp;
use redact::SafeUrl;
use reqwest::{
    Client, Method, RequestBuilder, Response, StatusCode,
    header::{self, HeaderMap, HeaderName, HeaderValue},
    redirect,
};
use serde_json::Value;
use url::{Host, Url};

use super::{DeliveryError, set_up};
use crate::DeskError;

/// The longest answer that is read, in bytes: tickets come back whole.
const ANSWER_BYTES: usize = 2 << 20;

/// How much of a refusal is kept, in bytes; the outbox makes it shorter still.
const SAID_BYTES: usize = 2_000;

/// Where a connector speaks to, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line<'a> {
    pub(crate) name: &'a str,
    pub(crate) address: &'a str,
    pub(crate) allow_loopback_http: bool,
    pub(crate) timeout_seconds: u64,
}

impl Line<'_> {
    /// The address, and a client that keeps to it.
    pub(super) fn open(self) -> Result<(Url, Client), DeskError> {
        let url = Url::parse(self.address).or(Err(set_up(self.name, "its address is none")))?;
        let is_plain = url.scheme() == "http" && self.allow_loopback_http && is_loopback(&url);
        if url.scheme() != "https" && !is_plain {
            let shown = SafeUrl::of(&url);
            return Err(set_up(
                self.name,
                format_args!(
                    "{shown} is not https; http is for the loopback interface, with `allow-loopback-http`"
                ),
            ));
        }
        let http = Client::builder()
            .https_only(!is_plain)
            .redirect(redirect::Policy::none())
            .connect_timeout(Duration::from_secs(10))
            .timeout(Duration::from_secs(self.timeout_seconds))
            .user_agent(concat!("auto-update/", env!("CARGO_PKG_VERSION")))
            .build();
        Ok((url, http.map_err(|error| set_up(self.name, error))?))
    }
}

/// How a connector says who it is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Login<'a> {
    /// User and password (RFC 7617).
    Basic(&'a str, &'a str),
    /// A token (RFC 6750).
    Bearer(&'a str),
    /// A key in a header of its own.
    Header(&'static str, &'a str),
}

impl Login<'_> {
    fn headers(self, name: &str) -> Result<HeaderMap, DeskError> {
        let (header, text) = match self {
            Self::Basic(user, password) => {
                let pair = STANDARD.encode(format!("{user}:{password}"));
                (header::AUTHORIZATION, format!("Basic {pair}"))
            }
            Self::Bearer(token) => (header::AUTHORIZATION, format!("Bearer {token}")),
            Self::Header(header, key) => (HeaderName::from_static(header), key.to_owned()),
        };
        let mut value = HeaderValue::from_str(&text)
            .or(Err(set_up(name, "its token cannot stand in a header")))?;
        value.set_sensitive(true);
        Ok(HeaderMap::from_iter([(header, value)]))
    }
}

/// A desk's API: JSON in, JSON out.
#[derive(Debug)]
pub(super) struct Api {
    base: Url,
    headers: HeaderMap,
    http: Client,
}

/// One question to it.
#[derive(Debug)]
pub(super) struct Question<'a> {
    pub(super) method: Method,
    /// What follows the address of the desk, without a slash at its beginning.
    pub(super) path: String,
    pub(super) query: Vec<(&'a str, String)>,
    pub(super) body: Option<Value>,
    pub(super) header: Option<(&'static str, String)>,
}

impl Question<'_> {
    /// Asks for what is at `path`.
    pub(super) fn get(path: impl Into<String>) -> Self {
        Self {
            method: Method::GET,
            path: path.into(),
            query: Vec::new(),
            body: None,
            header: None,
        }
    }

    /// Sends `body` to `path`.
    pub(super) fn send(method: Method, path: impl Into<String>, body: Value) -> Self {
        Self {
            method,
            body: Some(body),
            ..Self::get(path)
        }
    }
}

impl Api {
    pub(super) fn new(line: Line<'_>, login: Login<'_>) -> Result<Self, DeskError> {
        let (mut base, http) = line.open()?;
        if !base.path().ends_with('/') {
            let path = format!("{}/", base.path());
            base.set_path(&path);
        }
        base.set_query(None);
        base.set_fragment(None);
        Ok(Self {
            base,
            headers: login.headers(line.name)?,
            http,
        })
    }

    /// Where a person sees what is at `path` of the desk.
    pub(super) fn address(&self, path: &str) -> Option<String> {
        self.base.join(path).ok().map(|url| url.to_string())
    }

    /// Asks, and answers the JSON that came; null where nothing came.
    pub(super) async fn ask(
        &self,
        question: Question<'_>,
        at: Timestamp,
    ) -> Result<Value, DeliveryError> {
        let is_look = question.method == Method::GET;
        let url = self
            .base
            .join(&question.path)
            .or(Err(DeliveryError::Answer {
                what: "a name that can stand in an address",
            }))?;
        let mut request = self
            .http
            .request(question.method, url)
            .headers(self.headers.clone())
            .header(header::ACCEPT, "application/json");
        if !question.query.is_empty() {
            request = request.query(&question.query);
        }
        if let Some(body) = &question.body {
            request = request.json(body);
        }
        if let Some((name, value)) = question.header {
            request = request.header(name, value);
        }
        let answer = match take(request, at).await {
            // Only what is told can be unwanted for ever; an address for searches may simply have moved.
            Err(DeliveryError::Gone) if is_look => Err(DeliveryError::Refused {
                status: StatusCode::GONE.as_u16(),
                said: String::new(),
                retry_after: None,
            }),
            answer => answer,
        }?;
        if answer.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&answer).or(Err(DeliveryError::Answer { what: "JSON" }))
    }
}

/// Sends `request`, and answers the body of an answer that says that it was taken.
pub(super) async fn take(request: RequestBuilder, at: Timestamp) -> Result<Vec<u8>, DeliveryError> {
    let unreachable = |source: reqwest::Error| DeliveryError::Unreachable {
        source: source.without_url(),
    };
    let response = request.send().await.map_err(unreachable)?;
    match response.status() {
        status if status.is_success() => body(response, ANSWER_BYTES).await.map_err(unreachable),
        StatusCode::GONE => Err(DeliveryError::Gone),
        status => {
            let retry_after = retry_after(&response, at);
            // What it says only explains; that it was refused holds whether or not it can be read.
            let said = body(response, SAID_BYTES).await.unwrap_or_default();
            Err(DeliveryError::Refused {
                status: status.as_u16(),
                said: String::from_utf8_lossy(&said).trim().to_owned(),
                retry_after,
            })
        }
    }
}

/// At most `limit_bytes` of the body, whatever length it declares.
async fn body(mut response: Response, limit_bytes: usize) -> Result<Vec<u8>, reqwest::Error> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        let room = limit_bytes.saturating_sub(bytes.len());
        bytes.extend(chunk.iter().take(room));
        if chunk.len() > room {
            break;
        }
    }
    Ok(bytes)
}

/// `Retry-After`: seconds, or a date (RFC 9110 §10.2.3).
fn retry_after(response: &Response, now: Timestamp) -> Option<Duration> {
    let text = response
        .headers()
        .get(header::RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = DateTime::parse_from_rfc2822(text).ok()?;
    Some(Timestamp::from(date.to_utc()).since(now))
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
