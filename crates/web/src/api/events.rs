//! What happens, told as it does.
//!
//! It is read from the state, where triggers write it down as it happens: a listener that comes back with the last id it
//! has heard misses nothing, after a restart and on another node.
//!
//! # Source
//! WHATWG HTML, section 9.2 (server-sent events).

use std::{collections::VecDeque, convert::Infallible, time::Duration};

use axum::{
    extract::State,
    http::HeaderMap,
    response::{
        IntoResponse as _, Response,
        sse::{Event as Told, Sse},
    },
};
use futures_util::{Stream, stream};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::{Db, Event as Stored};
use tokio::time::Instant;

use super::{
    answer::Asked,
    operation::{Endpoint, Operation},
    problem::Problem,
    words::At,
};
use crate::AdministrationDoor;

/// How long it is told at a time, at the most and if nobody says: connections do not live for ever.
const LONGEST: Duration = Duration::from_secs(10);

/// How often it is looked whether something has happened.
const LOOK: Duration = Duration::from_millis(500);

/// How much is read at a time.
const AT_A_TIME: u32 = 100;

/// After how long a listener is to come back.
const RETURN: Duration = Duration::from_millis(500);

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Operation::look(
            "event_stream",
            "/events",
            "What happens to runs, steps, publications, holds and incidents, as server-sent events",
        )
        .asking::<EventQuery>()
        .answering_events::<Event>()
        .by(listen),
    ]
}

/// From when on, and for how long.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct EventQuery {
    /// The id of the last event that was heard, for those who cannot send `Last-Event-ID`; without either it is told from
    /// now on.
    after: Option<u64>,
    /// For how many seconds it is told, 0 to 10; 10 if it is not said.
    #[schemars(range(max = 10))]
    seconds: Option<u64>,
}

/// Something that has happened; its name is `event` of the server-sent event, its number `id`.
#[derive(JsonSchema, Serialize)]
struct Event {
    /// When.
    happened_at: At,
    /// The run, change set or incident.
    about: String,
    /// The title.
    title: String,
    /// A step's processor, or a failure's class.
    detail: Option<String>,
}

async fn listen(
    State(door): State<AdministrationDoor>,
    Asked(asked): Asked<EventQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let lasting = asked.seconds.map_or(LONGEST, Duration::from_secs);
    if lasting > LONGEST {
        return Err(Problem::not_understood("`seconds` is 0 to 10."));
    }
    let after = match (headers.get("last-event-id"), asked.after) {
        (Some(heard), _) => {
            let heard = heard.to_str().ok().and_then(|text| text.parse().ok());
            heard.ok_or_else(|| Problem::not_understood("`Last-Event-ID` is none of ours."))?
        }
        (None, Some(after)) => after,
        (None, None) => door.db.event_newest().await?,
    };
    let listening = Listening {
        db: door.db.clone(),
        after,
        until: Instant::now() + lasting,
        heard: VecDeque::new(),
        is_first: true,
    };
    Ok(Sse::new(told(listening)).into_response())
}

/// Somebody who listens.
struct Listening {
    db: Db,
    /// The last event that was read.
    after: u64,
    until: Instant,
    /// What was read and not told yet.
    heard: VecDeque<Stored>,
    is_first: bool,
}

fn told(listening: Listening) -> impl Stream<Item = Result<Told, Infallible>> {
    stream::unfold(listening, async |mut listening: Listening| {
        if listening.is_first {
            listening.is_first = false;
            // Said at once, so that whoever asks knows that they are heard.
            return Some((Ok(Told::default().retry(RETURN)), listening));
        }
        let event = listening.next().await?;
        Some((Ok(as_sent(event)), listening))
    })
}

impl Listening {
    /// What has happened next; nothing when the time is over, or the state fails: whoever comes back is told the rest.
    async fn next(&mut self) -> Option<Stored> {
        loop {
            if let Some(event) = self.heard.pop_front() {
                return Some(event);
            }
            match self.db.event_list(self.after, AT_A_TIME).await {
                Ok(events) => self.heard.extend(events),
                Err(error) => {
                    let error: &dyn std::error::Error = &error;
                    tracing::warn!(error, "what happens cannot be told");
                    return None;
                }
            }
            match self.heard.back() {
                Some(last) => self.after = last.sequence,
                None if Instant::now() >= self.until => return None,
                None => tokio::time::sleep(LOOK).await,
            }
        }
    }
}

fn as_sent(event: Stored) -> Told {
    let told = Event {
        happened_at: At(event.happened_at),
        about: event.about,
        title: event.title,
        detail: event.detail,
    };
    // Lines are never broken: JSON has no line ends outside its strings, and escapes them within.
    let data = serde_json::to_string(&told).unwrap_or_default();
    Told::default()
        .id(event.sequence.to_string())
        .event(event.kind)
        .data(data)
}
