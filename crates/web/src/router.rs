//! Which address is answered by whom.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::Request,
    http::{HeaderValue, header},
    middleware::{self, Next},
    response::Response,
    routing::get,
};
use store::{Db, StoreError};

use crate::{Vitals, health, metrics};

/// How long the database may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is watched.
#[derive(Clone, Debug)]
pub struct Watched {
    /// The state.
    pub db: Db,
    /// Signs of life of the service's loops.
    pub vitals: Arc<Vitals>,
}

/// Answers for what is watched.
pub fn router(watched: Watched) -> Router {
    Router::new()
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(metrics::metrics))
        .layer(middleware::from_fn(once))
        .with_state(watched)
}

/// One connection is good for one answer, so that a limit on the time of connections cuts nobody short who waits
/// between two questions.
async fn once(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// What the database answers, if it does so in time; why not is logged, and nobody else's business.
pub(crate) async fn in_time<T>(asked: impl Future<Output = Result<T, StoreError>>) -> Option<T> {
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok(answer)) => Some(answer),
        Ok(Err(error)) => {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "the database does not answer a watcher");
            None
        }
        Err(_elapsed) => {
            tracing::warn!("the database does not answer a watcher in time");
            None
        }
    }
}
