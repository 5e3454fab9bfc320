//! What runs when: the schedules, the next days on a calendar, and having schedules rest.

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    Extension,
    body::Bytes,
    extract::{Path, Query, State},
    response::{IntoResponse as _, Redirect, Response},
};
use model::{Timestamp, Title, Trigger};
use pipeline::{AgendaDay, Entry, Request, Schedules};
use serde::Deserialize;
use store::{Queued, ScheduleMark, SchedulePause, StoreError};
use tenancy::administration::Deed;

use super::{
    AdministrationDoor,
    gate::{Asking, form},
    page::{self, Top},
    weeks::{LAST_WEEK, Weeks},
    works::{not_done, recorded},
};
use crate::visit;

/// How many schedules, or runs of a day, are on a page.
const ON_A_PAGE: usize = 50;

/// How many of the next runs of a schedule are shown.
const NEXT: usize = 10;

/// How long the reason of a pause may be, in characters.
const LONGEST_REASON: usize = 1_000;

/// How long a schedule may rest, in hours.
const LONGEST_REST: u64 = 8_760;

/// A schedule, as the list shows it.
struct Row {
    title: String,
    cron: String,
    zone: &'static str,
    pause: Option<SchedulePause>,
    next: Option<Timestamp>,
    mark: Option<ScheduleMark>,
}

#[derive(Template)]
#[template(path = "administration/schedules.html")]
struct List {
    top: Top,
    /// What was searched for.
    words: String,
    rows: Vec<Row>,
    total: usize,
    /// That all of them rest.
    all_rest: Option<SchedulePause>,
    newer: Option<usize>,
    older: Option<usize>,
    zone: &'static str,
    week: u32,
    last_week: u32,
    days: Vec<AgendaDay>,
    hours: Vec<Hour>,
}

/// An hour of the clock, on each day of a calendar.
struct Hour {
    name: String,
    from: usize,
    cells: Vec<Cell>,
}

/// How many runs begin in an hour of a day.
struct Cell {
    day: String,
    weekday: String,
    count: usize,
}

fn hours(days: &[AgendaDay]) -> Vec<Hour> {
    let cell = |day: &AgendaDay, hour: usize| Cell {
        day: day.date(),
        weekday: day.weekday(),
        count: day.hours.get(hour).copied().unwrap_or_default(),
    };
    let hour = |hour| Hour {
        name: format!("{hour:02}:00"),
        cells: days.iter().map(|day| cell(day, hour)).collect(),
        from: hour,
    };
    (0..24).map(hour).collect()
}

#[derive(Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    q: String,
    #[serde(default)]
    page: usize,
    #[serde(default)]
    week: u32,
}

/// The schedules, and what begins in a week.
pub(super) async fn list(
    State(door): State<AdministrationDoor>,
    Extension(weeks): Extension<Weeks>,
    asking: Asking,
    Query(asked): Query<Asked>,
) -> Response {
    let now = match door.db.now().await {
        Ok(now) => now,
        Err(error) => return page::failed(&error),
    };
    let week = asked.week.min(LAST_WEEK);
    let kept = match weeks.week(&door.schedules, now, week).await {
        Ok(kept) => kept,
        Err(why) => return not_done(&why),
    };
    let words = asked.q.trim().to_lowercase();
    let entries: Vec<Entry<'_>> = kept
        .schedules
        .entries()
        .filter(|entry| entry.title.as_str().to_lowercase().contains(&words))
        .collect();
    let total = entries.len();
    let cut = Cut::of(total, asked.page);
    let shown: Vec<Entry<'_>> = entries.into_iter().skip(cut.skip).take(ON_A_PAGE).collect();
    let pauses = match door.db.pause_list().await {
        Ok(pauses) => pauses,
        Err(error) => return page::failed(&error),
    };
    let rows = match rows(&door, &shown, &pauses, now).await {
        Ok(rows) => rows,
        Err(error) => return page::failed(&error),
    };
    let is_all = |pause: &&SchedulePause| {
        pause.title == SchedulePause::ALL && pause.rests(SchedulePause::ALL, now)
    };
    visit::with_script(page::show(&List {
        top: Top::of(&asking.session),
        words: asked.q,
        rows,
        total,
        all_rest: pauses.iter().find(is_all).cloned(),
        newer: cut.newer,
        older: cut.older,
        zone: kept.agenda.zone(),
        week,
        last_week: LAST_WEEK,
        hours: hours(kept.agenda.days()),
        days: kept.agenda.days().to_vec(),
    }))
}

/// Which part of a long list is on a page.
pub(super) struct Cut {
    pub(super) skip: usize,
    pub(super) newer: Option<usize>,
    pub(super) older: Option<usize>,
}

impl Cut {
    pub(super) fn of(total: usize, page: usize) -> Self {
        let skip = page.saturating_mul(ON_A_PAGE);
        let is_more = skip.saturating_add(ON_A_PAGE) < total;
        Self {
            skip,
            newer: page.checked_sub(1),
            older: is_more.then(|| page.saturating_add(1)),
        }
    }
}

async fn rows(
    door: &AdministrationDoor,
    shown: &[Entry<'_>],
    pauses: &[SchedulePause],
    now: Timestamp,
) -> Result<Vec<Row>, StoreError> {
    let titles: Vec<&Title> = shown.iter().map(|entry| entry.title).collect();
    let marks = door.db.schedule_marks(&titles).await?;
    let mut marks: BTreeMap<Title, ScheduleMark> = marks
        .into_iter()
        .map(|mark| (mark.title.clone(), mark))
        .collect();
    let row = |entry: &Entry<'_>| row(entry, marks.remove(entry.title), pauses, now);
    Ok(shown.iter().map(row).collect())
}

fn row(
    entry: &Entry<'_>,
    mark: Option<ScheduleMark>,
    pauses: &[SchedulePause],
    now: Timestamp,
) -> Row {
    let (name, timetable) = (entry.title.as_str(), entry.timetable);
    let considered = mark.as_ref().map_or(now, |mark| mark.considered_at);
    Row {
        title: name.to_owned(),
        cron: timetable.cron.to_string(),
        zone: timetable.zone.name(),
        pause: pauses.iter().find(|it| it.rests(name, now)).cloned(),
        next: timetable.next_begin(name, considered),
        mark,
    }
}

/// A run that begins, as the page of a day shows it.
struct Beginning {
    local: String,
    title: String,
}

#[derive(Template)]
#[template(path = "administration/calendar.html")]
struct Calendar {
    top: Top,
    day: String,
    hour: Option<u32>,
    week: u32,
    zone: &'static str,
    total: usize,
    begins: Vec<Beginning>,
    newer: Option<usize>,
    older: Option<usize>,
}

#[derive(Deserialize)]
pub(super) struct Wished {
    day: String,
    hour: Option<u32>,
    #[serde(default)]
    week: u32,
    #[serde(default)]
    page: usize,
}

/// What begins on a day, or in an hour of it.
pub(super) async fn calendar(
    State(door): State<AdministrationDoor>,
    Extension(weeks): Extension<Weeks>,
    asking: Asking,
    Query(asked): Query<Wished>,
) -> Response {
    let now = match door.db.now().await {
        Ok(now) => now,
        Err(error) => return page::failed(&error),
    };
    let week = asked.week.min(LAST_WEEK);
    let kept = match weeks.week(&door.schedules, now, week).await {
        Ok(kept) => kept,
        Err(why) => return not_done(&why),
    };
    let Some(begins) = kept.agenda.begins(&asked.day, asked.hour) else {
        return page::nothing_here().await;
    };
    let cut = Cut::of(begins.len(), asked.page);
    let shown = begins.iter().skip(cut.skip).take(ON_A_PAGE);
    page::show(&Calendar {
        top: Top::of(&asking.session),
        total: begins.len(),
        begins: shown
            .map(|begin| Beginning {
                local: begin.local.clone(),
                title: begin.title.to_string(),
            })
            .collect(),
        day: asked.day,
        hour: asked.hour,
        week,
        zone: kept.agenda.zone(),
        newer: cut.newer,
        older: cut.older,
    })
}

#[derive(Template)]
#[template(path = "administration/schedule.html")]
struct One {
    top: Top,
    row: Row,
    jitter_minutes: u64,
    priority: i64,
    label: Option<String>,
    after: Vec<String>,
    next: Vec<Timestamp>,
    is_own_pause: bool,
}

/// The schedule of a title.
pub(super) async fn show(
    State(door): State<AdministrationDoor>,
    Extension(weeks): Extension<Weeks>,
    asking: Asking,
    Path(title): Path<String>,
) -> Response {
    let told = async {
        let now = door.db.now().await?;
        Ok::<_, StoreError>((now, door.db.pause_list().await?))
    };
    let (now, pauses) = match told.await {
        Ok(told) => told,
        Err(error) => return page::failed(&error),
    };
    let kept = match weeks.week(&door.schedules, now, 0).await {
        Ok(kept) => kept,
        Err(why) => return not_done(&why),
    };
    let Some(entry) = find(&kept.schedules, &title) else {
        return page::nothing_here().await;
    };
    let mark = match door.db.schedule_marks(&[entry.title]).await {
        Ok(marks) => marks.into_iter().next(),
        Err(error) => return page::failed(&error),
    };
    let row = row(&entry, mark, &pauses, now);
    page::show(&One {
        top: Top::of(&asking.session),
        jitter_minutes: entry.timetable.jitter.as_secs() / 60,
        priority: entry.scheduled.priority,
        label: entry.scheduled.label.clone(),
        after: entry.scheduled.after.iter().map(Title::to_string).collect(),
        next: next(&entry, &row, now),
        is_own_pause: row.pause.as_ref().is_some_and(|it| it.title == row.title),
        row,
    })
}

fn find<'a>(schedules: &'a Schedules, title: &str) -> Option<Entry<'a>> {
    schedules.entries().find(|it| it.title.as_str() == title)
}

/// When its next runs begin.
fn next(entry: &Entry<'_>, row: &Row, now: Timestamp) -> Vec<Timestamp> {
    let mut considered = row.mark.as_ref().map_or(now, |mark| mark.considered_at);
    let mut next: Vec<Timestamp> = Vec::new();
    while next.len() < NEXT {
        let Some(fire) = entry.timetable.next_fire(considered.to_utc()) else {
            break;
        };
        let begin = entry.timetable.next_begin(&row.title, considered);
        next.extend(begin.filter(|begin| next.last() != Some(begin)));
        considered = fire.into();
        if begin.is_none() {
            break;
        }
    }
    next
}

#[derive(Deserialize)]
struct Wanted {
    deed: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    hours: String,
}

/// Has a schedule rest or go on, or its title run now; the title `*` is all of them.
pub(super) async fn change(
    State(door): State<AdministrationDoor>,
    Extension(weeks): Extension<Weeks>,
    asking: Asking,
    Path(title): Path<String>,
    body: Bytes,
) -> Response {
    let wanted: Wanted = match form(&body) {
        Ok(wanted) => wanted,
        Err(response) => return *response,
    };
    let Ok(title) = title.parse::<Title>() else {
        return page::nothing_here().await;
    };
    let now = match door.db.now().await {
        Ok(now) => now,
        Err(error) => return page::failed(&error),
    };
    let is_all = title.as_str() == SchedulePause::ALL;
    let kept = match weeks.week(&door.schedules, now, 0).await {
        Ok(kept) => kept,
        Err(why) => return not_done(&why),
    };
    if !is_all && find(&kept.schedules, title.as_str()).is_none() {
        return page::nothing_here().await;
    }
    match wanted.deed.as_str() {
        "pause" => pause(&door, &asking, &title, &wanted, now).await,
        "resume" => resume(&door, &asking, &title).await,
        "run" if !is_all => Box::pin(run(&door, &asking, &title)).await,
        _ => not_done("There is nothing of that kind to do"),
    }
}

/// Where a schedule is shown.
fn place_of(title: &Title) -> String {
    if title.as_str() == SchedulePause::ALL {
        return "/schedules".to_owned();
    }
    let encoded = serde_urlencoded::to_string([("", title.as_str())]).unwrap_or_default();
    // A form writes a blank as `+`, which in a path is a plus.
    format!(
        "/schedules/{}",
        encoded.trim_start_matches('=').replace('+', "%20")
    )
}

async fn pause(
    door: &AdministrationDoor,
    asking: &Asking,
    title: &Title,
    wanted: &Wanted,
    now: Timestamp,
) -> Response {
    let reason = wanted.reason.trim();
    if reason.is_empty() || reason.chars().count() > LONGEST_REASON {
        return not_done("A pause needs a reason, of 1000 characters at the most");
    }
    let hours = match wanted.hours.trim() {
        "" => None,
        text => match text.parse::<u64>() {
            Ok(hours) if (1..=LONGEST_REST).contains(&hours) => Some(hours),
            _ => return not_done("A schedule rests for 1 to 8760 hours, or until it is resumed"),
        },
    };
    let pause = SchedulePause {
        title: title.to_string(),
        reason: door.scrubber.scrub(reason),
        paused_by: asking.session.name.clone(),
        paused_at: now,
        until: hours.map(|hours| now.plus(std::time::Duration::from_hours(hours))),
    };
    let deed = Deed {
        who: &asking.session.name,
        did: "schedule.pause",
        about: title.as_str(),
        detail: pause.reason.clone(),
    };
    let resting = async {
        let begun = door.db.pause_begin(&pause).await;
        begun.map_err(|error| error.to_string())
    };
    recorded(asking, &deed, resting, &place_of(title)).await
}

async fn resume(door: &AdministrationDoor, asking: &Asking, title: &Title) -> Response {
    let deed = Deed {
        who: &asking.session.name,
        did: "schedule.resume",
        about: title.as_str(),
        detail: String::new(),
    };
    let going_on = async {
        match door.db.pause_end(title.as_str()).await {
            Ok(true) => Ok(()),
            Ok(false) => Err("It does not rest".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    };
    recorded(asking, &deed, going_on, &place_of(title)).await
}

async fn run(door: &AdministrationDoor, asking: &Asking, title: &Title) -> Response {
    let Some(engine) = &door.engine else {
        return page::nothing_here().await;
    };
    let request = Request::named(title.as_str());
    let asked = async {
        if let Some(failure) = engine.unknown(&request).await? {
            return Err(failure);
        }
        engine.new_run(&request, Trigger::Manual).await
    };
    let mut new = match asked.await {
        Ok(new) => new,
        Err(failure) => return not_done(&failure.message),
    };
    new.terms.priority = SOON;
    let deed = Deed {
        who: &asking.session.name,
        did: "run.queue",
        about: title.as_str(),
        detail: format!("priority {SOON}"),
    };
    let queueing = door.db.run_queue(&new, engine.clock().now());
    match asking.audit.recorded(&deed, queueing).await {
        Ok(Queued::New(id) | Queued::Already(id)) => {
            Redirect::to(&format!("/runs/{id}")).into_response()
        }
        Err(error) => page::failed(&error),
    }
}

/// What somebody waits for goes before what is scheduled.
const SOON: i64 = 50;
