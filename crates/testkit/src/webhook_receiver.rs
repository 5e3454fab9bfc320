//! A receiver of webhooks on loopback, which checks signatures as Standard Webhooks says and keeps what it got.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::Context as _;
use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::post,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;
use tokio::{net::TcpListener, sync::Notify, task::JoinHandle};

/// How the receiver answers one call.
#[derive(Clone, Debug)]
pub enum Reply {
    /// With this status.
    Status(u16),
    /// With 503 and this `Retry-After` in seconds.
    RetryAfter(u64),
    /// With 429, and this `Retry-After` in seconds if there is one.
    TooMany(Option<u64>),
    /// With a redirect to this address.
    Redirect(String),
    /// With 204, after this time.
    Slow(Duration),
}

/// One call that was received, whatever was answered.
#[derive(Clone, Debug)]
pub struct Received {
    /// `webhook-id`.
    pub id: String,
    /// `webhook-timestamp`.
    pub timestamp: i64,
    /// Whether one of the signatures was made with the receiver's secret over just this call.
    pub verified: bool,
    /// The body.
    pub body: Value,
}

/// A running receiver; it ends when it is dropped.
#[derive(Debug)]
pub struct WebhookReceiver {
    address: SocketAddr,
    world: World,
    server: JoinHandle<()>,
}

impl Drop for WebhookReceiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

type World = Arc<Mutex<Facts>>;

#[derive(Debug)]
struct Facts {
    key: Vec<u8>,
    replies: VecDeque<Reply>,
    received: Vec<Received>,
    news: Arc<Notify>,
}

impl WebhookReceiver {
    /// Starts on a free port of the loopback interface, with a secret written as `whsec_` and base64.
    ///
    /// # Errors
    /// If no port can be had, or the secret is none.
    pub async fn start(secret: &str) -> anyhow::Result<Self> {
        let base64 = secret
            .strip_prefix("whsec_")
            .context("the secret is no `whsec_`")?;
        let listener = TcpListener::bind("127.0.0.1:0").await.context("no port")?;
        let address = listener.local_addr()?;
        let world = World::new(Mutex::new(Facts {
            key: STANDARD.decode(base64)?,
            replies: VecDeque::new(),
            received: Vec::new(),
            news: Arc::default(),
        }));
        let router = Router::new()
            .route("/hook", post(receive))
            .with_state(Arc::clone(&world));
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the webhook receiver ended");
            }
        });
        Ok(Self {
            address,
            world,
            server,
        })
    }

    /// Where it is to be called.
    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// Answers the next calls in this order, and later ones with 204.
    pub fn will_reply(&self, replies: impl IntoIterator<Item = Reply>) {
        lock(&self.world).replies.extend(replies);
    }

    /// Waits until it was called this often, now or before.
    pub async fn until_called(&self, times: usize) {
        let news = Arc::clone(&lock(&self.world).news);
        loop {
            // A wait that began before the look misses nothing.
            let next = news.notified();
            if self.received().len() >= times {
                return;
            }
            next.await;
        }
    }

    /// Every call so far, in order.
    pub fn received(&self) -> Vec<Received> {
        lock(&self.world).received.clone()
    }
}

fn lock(world: &World) -> MutexGuard<'_, Facts> {
    world.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn receive(State(world): State<World>, headers: HeaderMap, body: Bytes) -> Response {
    let text = |name| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let reply = {
        let mut facts = lock(&world);
        let received = Received {
            verified: is_signed(
                &facts.key,
                &text("webhook-signature"),
                &signed(&headers, &body),
            ),
            id: text("webhook-id"),
            timestamp: text("webhook-timestamp").parse().unwrap_or(0),
            body: serde_json::from_slice(&body).unwrap_or_default(),
        };
        let verified = received.verified;
        facts.received.push(received);
        facts.news.notify_waiters();
        if !verified {
            return StatusCode::UNAUTHORIZED.into_response();
        }
        facts.replies.pop_front()
    };
    match reply {
        None => StatusCode::NO_CONTENT.into_response(),
        Some(Reply::Slow(wait)) => {
            tokio::time::sleep(wait).await;
            StatusCode::NO_CONTENT.into_response()
        }
        Some(Reply::Status(status)) => StatusCode::from_u16(status)
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
            .into_response(),
        Some(Reply::TooMany(None)) => StatusCode::TOO_MANY_REQUESTS.into_response(),
        Some(Reply::TooMany(Some(seconds))) => (
            StatusCode::TOO_MANY_REQUESTS,
            [(header::RETRY_AFTER, HeaderValue::from(seconds))],
        )
            .into_response(),
        Some(Reply::RetryAfter(seconds)) => (
            StatusCode::SERVICE_UNAVAILABLE,
            [(header::RETRY_AFTER, HeaderValue::from(seconds))],
        )
            .into_response(),
        Some(Reply::Redirect(to)) => (StatusCode::FOUND, [(header::LOCATION, to)]).into_response(),
    }
}

/// `{id}.{timestamp}.{body}`
fn signed(headers: &HeaderMap, body: &[u8]) -> Vec<u8> {
    let mut signed = Vec::new();
    for name in ["webhook-id", "webhook-timestamp"] {
        if let Some(value) = headers.get(name) {
            signed.extend_from_slice(value.as_bytes());
        }
        signed.push(b'.');
    }
    signed.extend_from_slice(body);
    signed
}

/// Whether any of the signatures, separated by spaces, is ours; compared in constant time.
fn is_signed(key: &[u8], signatures: &str, signed: &[u8]) -> bool {
    signatures.split(' ').any(|signature| {
        let base64 = signature.strip_prefix("v1,");
        let Some(Ok(tag)) = base64.map(|base64| STANDARD.decode(base64)) else {
            return false;
        };
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
            return false;
        };
        mac.update(signed);
        mac.verify_slice(&tag).is_ok()
    })
}
