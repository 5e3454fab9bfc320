//! Service desks on loopback that speak what their documentation says: their own checks, states, quotas and errors.
//!
//! Each is a [`Protocol`], a pure answer to one call; [`DeskServer`] puts it on a socket, keeps every call, and makes
//! trouble that tests ask for.

mod chat;
mod freshservice;
mod jira;
mod pagerduty;
mod servicenow;
mod zendesk;

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyhow::Context as _;
use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse as _, Response},
};
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle};

pub use self::{
    chat::Chat,
    freshservice::{FreshTicket, Freshservice},
    jira::{Jira, JiraRequest},
    pagerduty::{Alert, PagerDuty},
    servicenow::{Record, ServiceNow},
    zendesk::{Zendesk, ZendeskTicket},
};

/// One call that was received, whatever was answered.
#[derive(Clone, Debug)]
pub struct Call {
    /// The method.
    pub method: String,
    /// The path, without the slash at its beginning.
    pub path: String,
    /// The query, decoded, in its order.
    pub query: Vec<(String, String)>,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; null if there was none.
    pub body: Value,
}

impl Call {
    /// A part of the query.
    pub fn asked(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// A header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The method and the parts of the path.
    pub fn parts(&self) -> (&str, Vec<&str>) {
        (&self.method, self.path.split('/').collect())
    }
}

/// What a desk answers.
pub type Answer = (u16, Value);

/// A desk.
pub trait Protocol: Send + 'static {
    /// Answers a call.
    fn answer(&mut self, call: &Call) -> Answer;
}

/// Trouble with one call.
#[derive(Clone, Copy, Debug)]
pub enum Trouble {
    /// None with this one.
    None,
    /// It is refused with this status, and nothing is done.
    Status(u16),
    /// It is refused with this status and `Retry-After` in seconds, and nothing is done.
    RetryAfter(u16, u64),
    /// It is done, but what is answered is 502, as a proxy does that lost the answer.
    Lost,
}

/// A running desk; it ends when it is dropped.
#[derive(Debug)]
pub struct DeskServer<P> {
    address: SocketAddr,
    world: World<P>,
    server: JoinHandle<()>,
}

impl<P> Drop for DeskServer<P> {
    fn drop(&mut self) {
        self.server.abort();
    }
}

type World<P> = Arc<Mutex<Facts<P>>>;

#[derive(Debug)]
struct Facts<P> {
    desk: P,
    troubles: VecDeque<Trouble>,
    /// While it is down, every call is answered 503.
    is_down: bool,
    calls: Vec<Call>,
}

impl<P: Protocol> DeskServer<P> {
    /// Starts on a free port of the loopback interface.
    ///
    /// # Errors
    /// If no port can be had.
    pub async fn start(desk: P) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("no port")?;
        let address = listener.local_addr()?;
        let world = World::new(Mutex::new(Facts {
            desk,
            troubles: VecDeque::new(),
            is_down: false,
            calls: Vec::new(),
        }));
        let router = Router::new()
            .fallback(receive::<P>)
            .with_state(Arc::clone(&world));
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the desk ended");
            }
        });
        Ok(Self {
            address,
            world,
            server,
        })
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Makes trouble with the next calls, in this order.
    pub fn will_trouble(&self, troubles: impl IntoIterator<Item = Trouble>) {
        lock(&self.world).troubles.extend(troubles);
    }

    /// Answers every call 503 from now on, or no longer.
    pub fn set_down(&self, is_down: bool) {
        lock(&self.world).is_down = is_down;
    }

    /// Every call so far, in order.
    pub fn calls(&self) -> Vec<Call> {
        lock(&self.world).calls.clone()
    }

    /// Looks at the desk, or changes what is in it, as its own people do.
    pub fn at<T>(&self, look: impl FnOnce(&mut P) -> T) -> T {
        look(&mut lock(&self.world).desk)
    }
}

fn lock<P>(world: &World<P>) -> MutexGuard<'_, Facts<P>> {
    world.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn receive<P: Protocol>(
    State(world): State<World<P>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let query = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    let call = Call {
        method: method.to_string(),
        path: uri.path().trim_start_matches('/').to_owned(),
        query: query.into_owned().collect(),
        headers,
        body: serde_json::from_slice(&body).unwrap_or_default(),
    };
    let mut facts = lock(&world);
    facts.calls.push(call.clone());
    if facts.is_down {
        return status(503).into_response();
    }
    match facts.troubles.pop_front() {
        Some(Trouble::Status(code)) => status(code).into_response(),
        Some(Trouble::RetryAfter(code, seconds)) => {
            let header = [(header::RETRY_AFTER, HeaderValue::from(seconds))];
            (status(code), header).into_response()
        }
        Some(Trouble::Lost) => {
            facts.desk.answer(&call);
            status(502).into_response()
        }
        None | Some(Trouble::None) => {
            let (code, answer) = facts.desk.answer(&call);
            match answer {
                Value::Null => status(code).into_response(),
                answer => (status(code), axum::Json(answer)).into_response(),
            }
        }
    }
}

fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// What a call without the right token is answered.
fn unauthorised() -> Answer {
    (
        401,
        serde_json::json!({"error": {"message": "User Not Authenticated"}}),
    )
}

/// Whether the call says that it is from this user with this password (RFC 7617).
fn is_basic(call: &Call, pair: &str) -> bool {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    call.header("authorization") == Some(&format!("Basic {}", STANDARD.encode(pair)))
}

/// A text of the body.
fn text(body: &Value, pointer: &str) -> String {
    let text = body.pointer(pointer).and_then(Value::as_str);
    text.unwrap_or_default().to_owned()
}
