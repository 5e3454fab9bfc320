//! What answers and questions have in common: JSON, `ETags`, what stands in a path, behind a question mark or in a body.

use std::str::FromStr;

use axum::{
    body::{Body, to_bytes},
    extract::{FromRequest, FromRequestParts, Path, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts},
    middleware,
    response::{IntoResponse, Response},
};
use model::Sha256;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{ROOT, paging::Next, problem::Problem};

/// The longest body that is taken, in bytes.
pub(super) const LONGEST_BODY: usize = 64 << 10;

/// The longest answer whose `ETag` is told, in bytes.
const LONGEST_ANSWER: usize = 64 << 20;

/// An answer of the API.
pub(super) type Answer<T> = Result<Json<T>, Problem>;

/// JSON, with a status.
pub(super) struct Json<T> {
    status: StatusCode,
    value: T,
}

impl<T> Json<T> {
    pub(super) const fn ok(value: T) -> Self {
        Self {
            status: StatusCode::OK,
            value,
        }
    }

    pub(super) const fn with(status: StatusCode, value: T) -> Self {
        Self { status, value }
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_string(&self.value) {
            Ok(body) => {
                let kind = HeaderValue::from_static("application/json");
                (self.status, [(header::CONTENT_TYPE, kind)], body).into_response()
            }
            Err(error) => Problem::fault(&error).into_response(),
        }
    }
}

/// The `ETag` of an answer.
///
/// # Errors
/// If it is no JSON.
pub(super) fn etag(value: &impl Serialize) -> Result<String, Problem> {
    let body = serde_json::to_string(value).map_err(|error| Problem::fault(&error))?;
    Ok(etag_of(body.as_bytes()))
}

fn etag_of(body: &[u8]) -> String {
    format!("\"{}\"", Sha256::of(body))
}

/// Whether a header with `ETags` names this one.
pub(super) fn names(header: &HeaderValue, etag: &str) -> bool {
    let Ok(text) = header.to_str() else {
        return false;
    };
    text.split(',')
        .map(str::trim)
        .any(|named| named == "*" || named.strip_prefix("W/").unwrap_or(named) == etag)
}

/// Sees to what is the same for every answer.
pub(super) async fn outermost(
    State(is_tls): State<bool>,
    request: Request,
    next: middleware::Next,
) -> Response {
    // What `HEAD` would answer has no body by now.
    let is_look = *request.method() == Method::GET;
    let known = request.headers().get(header::IF_NONE_MATCH).cloned();
    let uri = request.uri().clone();
    let mut response = next.run(request).await;
    if let Some(next) = response.extensions().get::<Next>()
        && let Some(link) = next.link(&format!("{ROOT}{}", uri.path()), uri.query())
    {
        response.headers_mut().insert(header::LINK, link);
    }
    if is_look && response.status() == StatusCode::OK && is_json(response.headers()) {
        response = tagged(response, known.as_ref()).await;
    }
    let headers = response.headers_mut();
    let nosniff = HeaderValue::from_static("nosniff");
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
    if is_tls {
        let lasting = HeaderValue::from_static("max-age=31536000");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, lasting);
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE);
    kind.is_some_and(|kind| kind == "application/json")
}

/// The same answer with its `ETag`, or that it is what is known already.
async fn tagged(response: Response, known: Option<&HeaderValue>) -> Response {
    let (mut parts, body) = response.into_parts();
    let bytes = match to_bytes(body, LONGEST_ANSWER).await {
        Ok(bytes) => bytes,
        Err(error) => return Problem::fault(&error).into_response(),
    };
    let etag = etag_of(&bytes);
    let is_known = known.is_some_and(|known| names(known, &etag));
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        parts.headers.insert(header::ETAG, etag);
    }
    let cache = HeaderValue::from_static("private, no-cache");
    parts.headers.insert(header::CACHE_CONTROL, cache);
    if is_known {
        parts.status = StatusCode::NOT_MODIFIED;
        parts.headers.remove(header::CONTENT_TYPE);
        parts.headers.remove(header::CONTENT_LENGTH);
        return Response::from_parts(parts, Body::empty());
    }
    Response::from_parts(parts, Body::from(bytes))
}

/// What a path names; what cannot be a name names nothing.
pub(super) struct Named<T>(pub(super) T);

impl<S: Send + Sync, T: FromStr> FromRequestParts<S> for Named<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let text = Path::<String>::from_request_parts(parts, state).await;
        let text = text.ok().filter(|Path(text)| !text.contains('\0'));
        let name = text.and_then(|Path(text)| text.parse().ok());
        name.map(Self).ok_or_else(Problem::nothing_here)
    }
}

/// What stands behind the question mark.
pub(super) struct Asked<T>(pub(super) T);

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        if query.contains("%00") {
            return Err(Problem::not_understood(NO_NUL));
        }
        let asked = serde_urlencoded::from_str(query);
        asked.map(Self).map_err(|error| {
            Problem::not_understood(format!("What stands behind the `?` is wrong: {error}."))
        })
    }
}

/// What is sent as JSON.
pub(super) struct Sent<T>(pub(super) T);

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for Sent<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        let kind = request.headers().get(header::CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let media_type = kind.split(';').next().unwrap_or_default().trim();
        if !media_type.eq_ignore_ascii_case("application/json") {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "This takes `Content-Type: application/json`.",
            ));
        }
        let bytes = to_bytes(request.into_body(), LONGEST_BODY).await;
        let bytes = bytes.map_err(|_too_long| too_long())?;
        let wrong = |error: serde_json::Error| {
            Problem::not_understood(format!("The body is wrong: {error}."))
        };
        if holds_nul(&serde_json::from_slice(&bytes).map_err(wrong)?) {
            return Err(Problem::not_understood(NO_NUL));
        }
        serde_json::from_slice(&bytes).map(Self).map_err(wrong)
    }
}

/// PostgreSQL has no texts with it, and nobody means it.
const NO_NUL: &str = "No text may have the character U+0000.";

fn holds_nul(json: &Value) -> bool {
    match json {
        Value::String(text) => text.contains('\0'),
        Value::Array(all) => all.iter().any(holds_nul),
        Value::Object(all) => all
            .iter()
            .any(|(key, it)| key.contains('\0') || holds_nul(it)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// The body is longer than any that is taken.
pub(super) fn too_long() -> Problem {
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "The body is longer than 64 KiB, or did not come whole.",
    )
}
