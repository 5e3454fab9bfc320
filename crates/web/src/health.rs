//! `GET /healthz`: is all well? `GET /readyz`: shall work come here?

use axum::{Json, extract::State, http::StatusCode};
use serde::Serialize;

use crate::router::{Watched, in_time};

/// The answer. Fields are added without raising `schema`; none is changed or dropped.
#[derive(Debug, Serialize)]
pub(crate) struct Health {
    schema: u32,
    status: Word,
    parts: Parts,
    /// What is wrong with the database.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'static str>,
}

/// What each part says.
#[derive(Debug, Serialize)]
struct Parts {
    database: Word,
    scheduler: Word,
    workers: Word,
    service: Word,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Word {
    Ok,
    Stopping,
    Unhealthy,
}

impl Word {
    const fn of(well: Option<()>) -> Self {
        match well {
            Some(()) => Self::Ok,
            None => Self::Unhealthy,
        }
    }
}

const SILENT: &str = "the database does not answer";
const UNWRITTEN: &str = "nothing could be written to the database for longer than a lease; the log of the service says why: the disk may be \
                         full, or the database read-only";

/// Whether the service is well, and if not, which part of it.
pub(crate) async fn healthz(State(watched): State<Watched>) -> (StatusCode, Json<Health>) {
    let seen = watched.vitals.seen();
    let answers = in_time(watched.db.ping()).await.is_some();
    let why = match (answers, seen.nothing_is_written) {
        (false, _) => Some(SILENT),
        (true, true) => Some(UNWRITTEN),
        (true, false) => None,
    };
    let workers = (seen.workers_alive >= seen.workers).then_some(());
    let scheduler = (!seen.scheduler_is_silent).then_some(());
    let parts = Parts {
        database: Word::of(why.is_none().then_some(())),
        scheduler: Word::of(scheduler),
        workers: Word::of(workers),
        service: if seen.stopping {
            Word::Stopping
        } else {
            Word::Ok
        },
    };
    let all = [
        parts.service,
        parts.database,
        parts.scheduler,
        parts.workers,
    ];
    let status = all
        .into_iter()
        .find(|word| *word != Word::Ok)
        .unwrap_or(Word::Ok);
    let code = match status {
        Word::Ok => StatusCode::OK,
        Word::Stopping | Word::Unhealthy => StatusCode::SERVICE_UNAVAILABLE,
    };
    let health = Health {
        schema: 1,
        status,
        parts,
        why,
    };
    (code, Json(health))
}

/// The answer of `/readyz`.
#[derive(Debug, Serialize)]
pub(crate) struct Readiness {
    schema: u32,
    ready: bool,
}

/// Whether work shall come here: not while the service stops, nor while it cannot reach its database or write to it. A
/// worker that hangs is no reason to send people elsewhere.
pub(crate) async fn readyz(State(watched): State<Watched>) -> (StatusCode, Json<Readiness>) {
    let seen = watched.vitals.seen();
    let serves = !seen.stopping && !seen.nothing_is_written;
    let ready = serves && in_time(watched.db.ping()).await.is_some();
    let code = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (code, Json(Readiness { schema: 1, ready }))
}
