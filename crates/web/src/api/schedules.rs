//! What runs when, and having that rest.

use std::{collections::BTreeMap, time::Duration};

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use model::{Timestamp, Title};
use pipeline::{Missed, Schedules};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::{ScheduleMark, SchedulePause, StoreError};
use tenancy::administration::Permit;

use super::{
    answer::{Answer, Asked, Json, Named, Sent},
    gate::Calling,
    operation::{Endpoint, Method, Operation},
    paging::{Page, PageQuery},
    problem::Problem,
    words::{At, Id},
};
use crate::AdministrationDoor;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Operation::look("schedule_list", "/schedules", "What runs when, by title")
            .asking::<PageQuery>()
            .answering::<Page<Schedule>>(200)
            .by(list),
        Operation::change(
            (Method::Put, Permit::Run),
            "schedule_pause",
            "/schedules/{title}/pause",
            "Has a schedule rest; the title `*` is all of them",
        )
        .taking::<NewPause>()
        .answering::<Pause>(200)
        .refusing(&[404])
        .by(pause),
        Operation::change(
            (Method::Delete, Permit::Run),
            "schedule_resume",
            "/schedules/{title}/pause",
            "Has a schedule go on",
        )
        .answering_nothing()
        .by(resume),
    ]
}

/// When an override runs.
#[derive(JsonSchema, Serialize)]
struct Schedule {
    /// The title.
    title: String,
    /// When, as cron writes it.
    cron: String,
    /// In which time zone.
    time_zone: &'static str,
    /// By how much each run is put off at the most, in seconds.
    jitter_seconds: u64,
    /// What becomes of times that were missed: `run-once` or `skip`.
    missed: &'static str,
    /// Runs of a higher number go first.
    priority: i64,
    /// The label that a worker must have.
    label: Option<String>,
    /// Titles whose runs must be over before.
    after: Vec<String>,
    /// Whether it rests now, and why.
    paused: Option<Pause>,
    /// When the next run begins.
    next: Option<At>,
    /// When the last one was queued.
    last: Option<At>,
    /// The last one.
    run: Option<Id>,
}

/// That a schedule rests, and why.
#[derive(JsonSchema, Serialize)]
struct Pause {
    /// Why.
    reason: String,
    /// Who said so.
    by: String,
    /// Since when.
    since: At,
    /// Until when; null: until it is resumed.
    until: Option<At>,
}

impl Pause {
    fn of(pause: &SchedulePause) -> Self {
        Self {
            reason: pause.reason.clone(),
            by: pause.paused_by.clone(),
            since: At(pause.paused_at),
            until: pause.until.map(At),
        }
    }
}

/// The schedules, as the file says them now.
async fn read(door: &AdministrationDoor) -> Result<Schedules, Problem> {
    let path = door.schedules.clone();
    let reading = tokio::task::spawn_blocking(move || Schedules::load(&path)).await;
    let schedules = reading.map_err(|error| Problem::fault(&error))?;
    schedules.map_err(|error| {
        let error: &dyn std::error::Error = &error;
        tracing::warn!(error, "the schedules cannot be read");
        Problem::conflict("The file of schedules cannot be read; the log of the service says why.")
    })
}

async fn list(
    State(door): State<AdministrationDoor>,
    Asked(asked): Asked<PageQuery>,
) -> Result<Page<Schedule>, Problem> {
    let schedules = read(&door).await?;
    let now = door.db.now().await?;
    let pauses = door.db.pause_list().await?;
    let marks = door.db.schedule_list().await?.into_iter();
    let marks: BTreeMap<Title, ScheduleMark> =
        marks.map(|mark| (mark.title.clone(), mark)).collect();
    let told = |entry: pipeline::Entry<'_>| {
        let (title, timetable) = (entry.title, entry.timetable);
        let mark = marks.get(title);
        let considered = mark.map_or(now, |mark| mark.considered_at);
        let pause = pauses.iter().find(|it| it.rests(title.as_str(), now));
        Schedule {
            title: title.to_string(),
            cron: timetable.cron.to_string(),
            time_zone: timetable.zone.name(),
            jitter_seconds: timetable.jitter.as_secs(),
            missed: match timetable.missed {
                Missed::RunOnce => "run-once",
                Missed::Skip => "skip",
            },
            priority: entry.scheduled.priority,
            label: entry.scheduled.label.clone(),
            after: entry.scheduled.after.iter().map(Title::to_string).collect(),
            paused: pause.map(Pause::of),
            next: timetable.next_begin(title.as_str(), considered).map(At),
            last: mark.and_then(|mark| mark.fired_at).map(At),
            run: mark.and_then(|mark| mark.run).map(Id::of),
        }
    };
    let entries = schedules.entries().collect();
    Page::cut(entries, &asked, |entry| entry.title.to_string(), told)
}

/// How long a schedule is to rest, and why.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewPause {
    /// Why.
    #[schemars(length(min = 1, max = 1000))]
    reason: String,
    /// For how many hours; until it is resumed if not given.
    #[serde(default)]
    #[schemars(range(min = 1, max = 8760))]
    hours: Option<u32>,
}

async fn pause(
    State(door): State<AdministrationDoor>,
    calling: Calling,
    Named(title): Named<Title>,
    Sent(wanted): Sent<NewPause>,
) -> Answer<Pause> {
    let reason = wanted.reason.trim();
    if reason.is_empty() || reason.chars().count() > 1000 {
        return Err(Problem::not_understood(
            "`reason` has 1 to 1000 characters.",
        ));
    }
    if wanted
        .hours
        .is_some_and(|hours| !(1..=8760).contains(&hours))
    {
        return Err(Problem::not_understood("`hours` is 1 to 8760."));
    }
    let is_all = title.as_str() == SchedulePause::ALL;
    if !is_all && !read(&door).await?.titles().contains(&&title) {
        return Err(Problem::nothing_here());
    }
    let now = door.db.now().await?;
    let pause = SchedulePause {
        title: title.to_string(),
        reason: door.scrubber.scrub(reason),
        paused_by: calling.caller.who(),
        paused_at: now,
        until: wanted.hours.map(|hours| hours_after(now, hours)),
    };
    let deed = ("schedule.pause", title.as_str(), pause.reason.clone());
    let resting = door.db.pause_begin(&pause);
    calling.recorded::<(), StoreError>(deed, resting).await?;
    Ok(Json::ok(Pause::of(&pause)))
}

fn hours_after(now: Timestamp, hours: u32) -> Timestamp {
    now.plus(Duration::from_hours(u64::from(hours)))
}

async fn resume(
    State(door): State<AdministrationDoor>,
    calling: Calling,
    Named(title): Named<Title>,
) -> Result<Response, Problem> {
    let going_on = async {
        if door.db.pause_end(title.as_str()).await? {
            return Ok(());
        }
        Err(Problem::nothing_here())
    };
    let deed = ("schedule.resume", title.as_str(), String::new());
    calling.recorded::<(), Problem>(deed, going_on).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
