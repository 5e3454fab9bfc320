//! envQUERY's listener: `POST /v1/repository`.
//!
//! Everything about tokens is decided by [`tenancy::envquery`]; here it is seen to that a question came straight.

mod straight;

use std::{net::SocketAddr, time::Duration};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::post,
};
use tenancy::envquery::{Answer, EnvQuery, LONGEST_QUESTION};
use tokio::time::timeout;

pub use self::straight::{LoadBalancers, UnknownNetwork};
use crate::{Peer, problem::problem};

/// What a question and its answer are.
const JWT: &str = "application/jwt";

/// How long a question may take to come and to be answered.
const PATIENCE: Duration = Duration::from_secs(20);

/// envQUERY, and how it is reached.
#[derive(Clone, Debug)]
pub struct EnvQueryDoor {
    /// Answers.
    pub envquery: EnvQuery,
    /// Its own name, with the port if that is not 443.
    pub host: String,
    /// Whose forwarding headers are believed.
    pub load_balancers: LoadBalancers,
}

/// Answers for envQUERY.
pub fn envquery_router(door: EnvQueryDoor) -> Router {
    Router::new()
        .route("/v1/repository", post(repository))
        .layer(middleware::from_fn_with_state(door.clone(), only_straight))
        .with_state(door)
}

/// Lets through what came from the client itself, and notes from where.
async fn only_straight(
    State(door): State<EnvQueryDoor>,
    mut request: Request,
    next: Next,
) -> Response {
    let peer = peer_of(&request);
    let origin = straight::origin(&request, peer.ip(), &door.host, &door.load_balancers);
    let mut response = match origin {
        Ok(origin) => {
            request.extensions_mut().insert(origin);
            let answered = timeout(PATIENCE, next.run(request)).await;
            answered.unwrap_or_else(|_elapsed| {
                problem(
                    StatusCode::REQUEST_TIMEOUT,
                    "the question did not come in time",
                )
            })
        }
        Err(crooked) => {
            tracing::info!(public_ip = %peer.ip(), why = %crooked, "envQUERY refused what did not come straight");
            problem(
                StatusCode::BAD_REQUEST,
                "the request did not come straight from the client",
            )
        }
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // A Mac asks once an hour.
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// Who is at the other end; nobody's address where there is no socket.
fn peer_of(request: &Request) -> SocketAddr {
    let peer = request.extensions().get::<Peer>();
    peer.map_or_else(|| SocketAddr::from(([0, 0, 0, 0], 0)), |peer| peer.0)
}

/// Answers a question.
async fn repository(State(door): State<EnvQueryDoor>, request: Request) -> Response {
    let origin = request.extensions().get::<straight::Origin>();
    let Some(straight::Origin(from)) = origin.copied() else {
        return problem(StatusCode::BAD_REQUEST, "the request came from nowhere");
    };
    // What is no token at all is judged as one, so that everything that is wrong looks the same.
    let question = question(request).await.unwrap_or_default();
    match door.envquery.answer(&question, from).await {
        Ok(Answer::Given(token)) => {
            let body = Body::from(token.expose().clone());
            ([(header::CONTENT_TYPE, JWT)], body).into_response()
        }
        Ok(Answer::Refused) => refused(),
        Ok(Answer::TooMany(wait)) => {
            let mut response = problem(
                StatusCode::TOO_MANY_REQUESTS,
                "there were too many requests; try again later",
            );
            let headers = response.headers_mut();
            headers.insert(header::RETRY_AFTER, wait.as_secs().into());
            response
        }
        Err(error) => {
            let error: &dyn std::error::Error = &error;
            tracing::error!(error, "envQUERY cannot answer");
            problem(
                StatusCode::SERVICE_UNAVAILABLE,
                "the service cannot answer at the moment",
            )
        }
    }
}

/// One and the same, whatever is wrong.
fn refused() -> Response {
    let mut response = problem(StatusCode::UNAUTHORIZED, "the request was refused");
    let challenge = HeaderValue::from_static("Bearer");
    let headers = response.headers_mut();
    headers.insert(header::WWW_AUTHENTICATE, challenge);
    response
}

/// The token, if it is sent as one and not too long.
async fn question(request: Request) -> Option<String> {
    let is_jwt = request.method() == Method::POST && is_jwt(request.headers());
    if !is_jwt {
        return None;
    }
    let bytes = to_bytes(request.into_body(), LONGEST_QUESTION).await.ok()?;
    String::from_utf8(bytes.to_vec()).ok()
}

fn is_jwt(headers: &HeaderMap) -> bool {
    let mut kinds = headers.get_all(header::CONTENT_TYPE).iter();
    let kind = kinds.next().and_then(|kind| kind.to_str().ok());
    let is_encoded = headers.contains_key(header::CONTENT_ENCODING);
    kind.is_some_and(|kind| kind.trim().eq_ignore_ascii_case(JWT))
        && kinds.next().is_none()
        && !is_encoded
}

#[cfg(test)]
mod tests;
