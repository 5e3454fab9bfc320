//! A run that is followed while it goes on.
//!
//! The page has a script that listens at `/runs/ID/live`, and fetches what there is to see anew from `/runs/ID/part` when
//! something has changed. It is read from the state, so that the run may be carried by any node. What the script asks
//! keeps nobody signed in: a page that is left open is followed until its session ends for want of anybody who uses it.
//!
//! # Source
//! WHATWG HTML, section 9.2 (server-sent events).

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::Path,
    http::{HeaderMap, HeaderValue, StatusCode},
    response::{
        IntoResponse, Response,
        sse::{Event, Sse},
    },
};
use futures_util::{Stream, stream};
use model::RunId;
use store::Db;
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::Instant,
};

use super::{
    page,
    runs::RunPart,
    works::{Works, not_done},
};
use crate::visit;

/// How long it is told at a time: connections do not live for ever, and who is signed in is looked at with each.
const LONGEST: Duration = Duration::from_secs(10);

/// How often it is looked whether something has changed.
const LOOK: Duration = Duration::from_millis(500);

/// After how long a browser is to come back.
const RETURN: Duration = Duration::from_millis(500);

/// How many follow at a time: others need connections, too.
static PLACES: Semaphore = Semaphore::const_new(24);

/// The script.
pub(super) async fn script() -> impl IntoResponse {
    let script = include_str!("../../assets/live.js");
    visit::asset("text/javascript; charset=utf-8", script)
}

/// What there is to see of a run now, without the page around it.
pub(super) async fn part(Works(engine): Works, Path(id): Path<String>) -> Response {
    let Ok(id) = id.parse::<RunId>() else {
        return page::nothing_here().await;
    };
    match RunPart::of(&engine, id).await {
        Ok(Some(part)) => page::show(&part),
        Ok(None) => page::nothing_here().await,
        Err(failure) => not_done(&failure.message),
    }
}

/// Says when something of a run has changed: `changed`, and `over` when nothing will any more.
pub(super) async fn stream(
    Works(engine): Works,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let Ok(run) = id.parse::<RunId>() else {
        return page::nothing_here().await;
    };
    let Ok(place) = PLACES.try_acquire() else {
        return page::refused(
            StatusCode::SERVICE_UNAVAILABLE,
            "Too many pages follow runs. Load the page again to see how far it is.",
        );
    };
    let heard = headers.get("last-event-id").map(HeaderValue::to_str);
    let following = Following {
        db: engine.db().clone(),
        run,
        heard: heard.and_then(Result::ok).unwrap_or_default().to_owned(),
        until: Instant::now() + LONGEST,
        told: Told::Nothing,
        _place: place,
    };
    Sse::new(changes(following)).into_response()
}

/// Somebody who follows.
struct Following {
    db: Db,
    run: RunId,
    /// The pulse that they have heard last.
    heard: String,
    until: Instant,
    told: Told,
    _place: SemaphorePermit<'static>,
}

/// What they were told last.
enum Told {
    Nothing,
    Something,
    /// That it is over.
    Everything,
}

fn changes(following: Following) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold(following, async |mut following: Following| {
        let event = following.next().await?;
        Some((Ok(event), following))
    })
}

impl Following {
    /// What is told next; nothing when the time is over, or the state fails: whoever comes back is told the rest.
    async fn next(&mut self) -> Option<Event> {
        match self.told {
            Told::Nothing => {
                self.told = Told::Something;
                // Said at once, so that whoever asks knows that they are heard.
                return Some(Event::default().retry(RETURN));
            }
            Told::Something => {}
            Told::Everything => return None,
        }
        loop {
            let (state, pulse) = match self.db.run_pulse(self.run).await {
                Ok(pulse) => pulse?,
                Err(error) => {
                    let error: &dyn std::error::Error = &error;
                    tracing::warn!(error, "a run cannot be followed");
                    return None;
                }
            };
            if state.is_final() || state == model::RunState::Held {
                self.told = Told::Everything;
                return Some(Event::default().event("over").data(state.as_str()));
            }
            if pulse != self.heard {
                self.heard.clone_from(&pulse);
                let event = Event::default().event("changed").data(state.as_str());
                return Some(event.id(pulse));
            }
            if Instant::now() >= self.until {
                return None;
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}
