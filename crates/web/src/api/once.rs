//! Changes that come with an `Idempotency-Key` are done once.

use axum::{
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use model::Sha256;
use store::AnswerKey;
use tenancy::administration::{Answered, KeptAnswer};

use super::{
    answer::{LONGEST_BODY, too_long},
    gate::Calling,
    problem::Problem,
};
use crate::AdministrationDoor;

/// The header with the key.
pub(super) const KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The longest key, in bytes.
pub(super) const LONGEST_KEY: usize = 128;

/// The longest answer that is kept, in bytes.
const LONGEST_ANSWER: usize = 1 << 20;

/// What of an answer is kept beside its body.
const KEPT: [HeaderName; 2] = [header::CONTENT_TYPE, header::LOCATION];

/// Does what is asked, unless it was done before with the same key.
pub(super) async fn once(
    State(door): State<AdministrationDoor>,
    request: Request,
    next: Next,
) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(bytes) = to_bytes(body, LONGEST_BODY).await else {
        return too_long().into_response();
    };
    let key = match key_of(&parts, &bytes) {
        Ok(key) => key,
        Err(problem) => return problem.into_response(),
    };
    let request = Request::from_parts(parts, Body::from(bytes));
    let Some(key) = key else {
        return through(request, next).await;
    };
    match done_once(&door, &key, request, next).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    }
}

/// Has it done to the end, also if whoever asked has gone meanwhile: what half of it would be, nobody could tell.
async fn through(request: Request, next: Next) -> Response {
    match tokio::spawn(next.run(request)).await {
        Ok(response) => response,
        Err(error) => Problem::fault(&error).into_response(),
    }
}

async fn done_once(
    door: &AdministrationDoor,
    key: &AnswerKey,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    match door.administration.answer_begin(key).await? {
        Answered::Before(kept) => return again(&kept),
        Answered::Different => {
            return Err(Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "This key came with something else before.",
            ));
        }
        Answered::UnderWay => {
            return Err(Problem::conflict(
                "What came with this key is being done at this very moment.",
            ));
        }
        Answered::New => {}
    }
    let (door, key) = (door.clone(), key.clone());
    // The answer is kept even if nobody waits for it any more.
    let keeping = tokio::spawn(async move { keep(&door, &key, next.run(request).await).await });
    keeping.await.map_err(|error| Problem::fault(&error))?
}

/// Keeps an answer, unless it may be another one the next time.
async fn keep(
    door: &AdministrationDoor,
    key: &AnswerKey,
    response: Response,
) -> Result<Response, Problem> {
    if response.status().is_server_error() {
        door.administration.answer_drop(key).await?;
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, LONGEST_ANSWER).await;
    let bytes = bytes.map_err(|error| Problem::fault(&error))?;
    let text = |name: &HeaderName| {
        let value = parts.headers.get(name)?.to_str().ok()?;
        Some((name.as_str().to_owned(), value.to_owned()))
    };
    let kept = KeptAnswer {
        status: parts.status.as_u16(),
        headers: KEPT.iter().filter_map(text).collect(),
        body: String::from_utf8_lossy(&bytes).into_owned(),
    };
    door.administration.answer_keep(key, &kept).await?;
    Ok(Response::from_parts(parts, Body::from(bytes)))
}

fn again(kept: &KeptAnswer) -> Result<Response, Problem> {
    let status = StatusCode::from_u16(kept.status).map_err(|error| Problem::fault(&error))?;
    let mut response = (status, kept.body.clone()).into_response();
    let mut headers = HeaderMap::new();
    for (name, value) in &kept.headers {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
            headers.insert(name, value);
        }
    }
    *response.headers_mut() = headers;
    Ok(response)
}

/// The key, and the digest of what came with it.
fn key_of(parts: &Parts, body: &[u8]) -> Result<Option<AnswerKey>, Problem> {
    let Some(sent) = parts.headers.get(KEY) else {
        return Ok(None);
    };
    let is_key = |text: &&str| {
        let is_long = text.len() > LONGEST_KEY;
        !text.is_empty() && !is_long && text.bytes().all(|it| it.is_ascii_graphic())
    };
    let key = sent.to_str().ok().filter(is_key).ok_or_else(|| {
        Problem::not_understood(
            "An `Idempotency-Key` has 1 to 128 characters of ASCII, none of them a space.",
        )
    })?;
    let calling = parts.extensions.get::<Calling>();
    let caller = calling.ok_or_else(Problem::nothing_here)?;
    let condition = parts.headers.get(header::IF_MATCH);
    let condition = condition.map_or(&[][..], HeaderValue::as_bytes);
    let line = format!("{} {}\n", parts.method, parts.uri);
    Ok(Some(AnswerKey {
        token: caller.caller.id,
        key: key.to_owned(),
        asked: Sha256::of(&[line.as_bytes(), condition, b"\n", body].concat()),
    }))
}
