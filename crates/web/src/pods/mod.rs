//! The pods' listener: `GET` and `HEAD` below `/SLUG/`.
//!
//! What is in a view and who is let in is decided by [`tenancy::pods`]; here it is answered as HTTP has it.

mod conditions;
mod stream;

use std::time::{Duration, SystemTime};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use model::Timestamp;
use publication::Kind;
use tenancy::pods::{Contents, Entry, Exhibit, Pods};

use self::conditions::{Part, Verdict, judge};

/// Answers for the pods.
pub fn pods_router(pods: Pods) -> Router {
    Router::new().fallback(answer).with_state(pods)
}

async fn answer(State(pods): State<Pods>, request: Request) -> Response {
    let (method, headers) = (request.method(), request.headers());
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let authorization = given.next().map(HeaderValue::as_bytes);
    // Of two, one could be meant for somebody else.
    let authorization = authorization.filter(|_| given.next().is_none());
    let mut response = match pods.enter(request.uri().path(), authorization).await {
        Ok(Entry::Locked) => locked(),
        Ok(_) if method != Method::GET && method != Method::HEAD => not_allowed(),
        Ok(Entry::Nothing) => (StatusCode::NOT_FOUND, "not found\n").into_response(),
        Ok(Entry::Open(exhibit)) => show(pods, exhibit, method, headers).await,
        Err(error) => {
            let error: &dyn std::error::Error = &error;
            tracing::error!(error, "a pod cannot answer");
            (StatusCode::SERVICE_UNAVAILABLE, "unavailable\n").into_response()
        }
    };
    let headers = response.headers_mut();
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    // Nothing between may keep what is one customer's.
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, no-cache"),
    );
    response
}

/// One and the same, whatever is wrong.
fn locked() -> Response {
    let challenge = [(header::WWW_AUTHENTICATE, "Basic realm=\"pod\"")];
    (StatusCode::UNAUTHORIZED, challenge, "unauthorized\n").into_response()
}

fn not_allowed() -> Response {
    let allowed = [(header::ALLOW, "GET, HEAD")];
    (StatusCode::METHOD_NOT_ALLOWED, allowed, "not allowed\n").into_response()
}

async fn show(pods: Pods, exhibit: Exhibit, method: &Method, asked: &HeaderMap) -> Response {
    let verdict = judge(asked, &exhibit);
    let mut headers = HeaderMap::new();
    let look = &exhibit.look;
    if let Ok(tag) = HeaderValue::try_from(format!("\"{}\"", look.tag)) {
        headers.insert(header::ETAG, tag);
    }
    if let Ok(modified) = HeaderValue::try_from(http_date(look.modified)) {
        // What was made for the view has no age of its own.
        if look.modified > Timestamp::default() {
            headers.insert(header::LAST_MODIFIED, modified);
        }
    }
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    let (status, part) = match verdict {
        Verdict::Unchanged => return (StatusCode::NOT_MODIFIED, headers).into_response(),
        Verdict::Failed => return (StatusCode::PRECONDITION_FAILED, headers).into_response(),
        Verdict::Beyond => {
            let range = format!("bytes */{}", look.len_bytes);
            let range = [(header::CONTENT_RANGE, range)];
            return (StatusCode::RANGE_NOT_SATISFIABLE, headers, range).into_response();
        }
        Verdict::Whole(part) => (StatusCode::OK, part),
        Verdict::Range(part) => (StatusCode::PARTIAL_CONTENT, part),
    };
    headers.insert(header::CONTENT_TYPE, media_type(exhibit.kind));
    headers.insert(header::CONTENT_LENGTH, part.len.into());
    if status == StatusCode::PARTIAL_CONTENT {
        let last = part.from.saturating_add(part.len).saturating_sub(1);
        let range = format!("bytes {}-{last}/{}", part.from, look.len_bytes);
        headers.extend(HeaderValue::try_from(range).map(|range| (header::CONTENT_RANGE, range)));
    }
    if method == Method::HEAD {
        return (status, headers).into_response();
    }
    match contents(pods, exhibit, part).await {
        Some(body) => (status, headers, body).into_response(),
        // It is another one by now; the next request sees that one.
        None => (StatusCode::SERVICE_UNAVAILABLE, "try again\n").into_response(),
    }
}

/// The bytes; nothing if they cannot be had.
async fn contents(pods: Pods, exhibit: Exhibit, part: Part) -> Option<Body> {
    match &exhibit.contents {
        Contents::Made(made) => {
            let from = usize::try_from(part.from).ok()?;
            let len = usize::try_from(part.len).ok()?;
            let bytes = made.get(from..from.checked_add(len)?)?;
            Some(Body::from(bytes.to_vec()))
        }
        Contents::Stored { .. } => stream::open(pods, exhibit, part).await,
    }
}

const fn media_type(kind: Kind) -> HeaderValue {
    HeaderValue::from_static(match kind {
        Kind::Catalogs | Kind::Manifests | Kind::Pkgsinfo => "application/xml",
        Kind::Evidence => "application/jsonl",
        Kind::Tuf => "application/json",
        Kind::ClientResources | Kind::Icons | Kind::Pkgs => "application/octet-stream",
    })
}

fn http_date(at: Timestamp) -> String {
    let seconds = u64::try_from(at.as_secs()).unwrap_or(0);
    let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
    httpdate::fmt_http_date(time.unwrap_or(SystemTime::UNIX_EPOCH))
}

#[cfg(test)]
mod tests;
