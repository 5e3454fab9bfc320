//! Titles: what was published of each, where it is, how fresh it is, and how its runs went.

use std::{sync::Arc, time::Duration};

use askama::Template;
use axum::{
    Extension,
    extract::{Path, Query, State},
    response::Response,
};
use model::{Timestamp, Title};
use pipeline::{Engine, Failure, IdentityEntry, Schedules, signers_shown};
use serde::Deserialize;
use store::{
    Incident, Released, RingRule, RingStay, Run, RunFilter, SchedulePause, TitleFilter, TitleLine,
};

use super::{
    AdministrationDoor,
    gate::Asking,
    page::{self, Top},
    plot::Spark,
    timetables::Timetables,
    works::{Works, not_done},
};
use crate::visit;

/// How many titles are on a page, and how much there is of the past of one.
const ON_A_PAGE: u32 = 50;
const PAST: u32 = 20;

/// A title, as the list shows it.
struct Row {
    line: TitleLine,
    rings: String,
    fresh: Fresh,
    spark: Option<Spark>,
}

/// When a title had its last good run, and what there is to say about it.
struct Fresh {
    at: Option<Timestamp>,
    /// How the style knows it, and the word for it; nothing if all is well.
    class: &'static str,
    word: &'static str,
}

#[derive(Template)]
#[template(path = "administration/titles.html")]
struct List {
    top: Top,
    text: String,
    is_first: bool,
    rows: Vec<Row>,
    /// With which one the next page begins.
    next: Option<Title>,
    /// Whether it is known which titles are scheduled.
    has_schedules: bool,
}

#[derive(Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    q: String,
    from: Option<Title>,
}

/// The titles that are looked for, page by page.
pub(super) async fn list(
    State(door): State<AdministrationDoor>,
    Works(engine): Works,
    Extension(timetables): Extension<Timetables>,
    asking: Asking,
    Query(asked): Query<Asked>,
) -> Response {
    let filter = TitleFilter {
        containing: asked.q.trim().to_owned(),
        from: asked.from,
    };
    let told = async {
        // One more than fits tells where the next page begins.
        let wanted = ON_A_PAGE.saturating_add(1);
        let mut lines = engine.db().title_page(&filter, wanted).await?;
        let next = u32::try_from(lines.len()).is_ok_and(|count| count > ON_A_PAGE);
        let next = lines.pop_if(|_| next).map(|line| line.title);
        let rule = Rule::of(&door, &engine, &timetables).await?;
        let rows = lines.into_iter().map(|line| row(line, &rule, &door.rings));
        Ok::<_, Failure>(List {
            top: Top::of(&asking.session),
            is_first: filter.from.is_none(),
            text: filter.containing.clone(),
            rows: rows.collect(),
            next,
            has_schedules: rule.schedules.is_some(),
        })
    };
    match told.await {
        Ok(list) => visit::with_script(page::show(&list)),
        Err(failure) => not_done(&failure.message),
    }
}

/// When a title is stale: as the service's own watch has it, it is scheduled, does not rest, and has had no good run for
/// too long.
struct Rule {
    now: Timestamp,
    stale: Duration,
    schedules: Option<Arc<Schedules>>,
    pauses: Vec<SchedulePause>,
}

impl Rule {
    async fn of(
        door: &AdministrationDoor,
        engine: &Engine,
        timetables: &Timetables,
    ) -> Result<Self, Failure> {
        Ok(Self {
            now: engine.clock().now(),
            stale: door.stale,
            schedules: timetables.read().await,
            pauses: engine.db().pause_list().await?,
        })
    }

    fn rests(&self, title: &Title) -> Option<&SchedulePause> {
        let mut pauses = self.pauses.iter();
        pauses.find(|pause| pause.rests(title.as_str(), self.now))
    }

    fn fresh(&self, line: &TitleLine) -> Fresh {
        let title = &line.title;
        let schedules = self.schedules.as_ref();
        let is_scheduled = schedules.is_some_and(|it| it.find(title).is_some());
        let is_old = !self.stale.is_zero()
            && line
                .good_at
                .is_some_and(|at| at < self.now.minus(self.stale));
        let (class, word) = match line.good_at {
            _ if self.rests(title).is_some() => ("wait", "rests"),
            Some(_) if is_scheduled && is_old => ("bad", "stale"),
            None if line.last.is_some() => ("wait", "never yet"),
            _ => ("", ""),
        };
        Fresh {
            at: line.good_at,
            class,
            word,
        }
    }
}

/// Where there are rings, only those are told of the catalogs.
fn row(line: TitleLine, rule: &Rule, rings: &[String]) -> Row {
    let is_ring = |catalog: &&String| rings.is_empty() || rings.contains(catalog);
    let shown: Vec<&str> = line
        .catalogs
        .iter()
        .filter(is_ring)
        .map(String::as_str)
        .collect();
    let times: Vec<_> = line.times.iter().map(|it| (it.state, it.took)).collect();
    Row {
        rings: shown.join(", "),
        fresh: rule.fresh(&line),
        spark: Spark::of(&times),
        line,
    }
}

/// When a title runs.
struct Planned {
    cron: String,
    zone: &'static str,
    next: Option<Timestamp>,
    after: String,
}

#[derive(Template)]
#[template(path = "administration/title.html")]
struct OneTitle {
    top: Top,
    row: Row,
    planned: Option<Planned>,
    pause: Option<SchedulePause>,
    incidents: Vec<Incident>,
    rules: Vec<RingRule>,
    stays: Vec<RingStay>,
    released: Vec<Released>,
    accepted: Option<(IdentityEntry, String)>,
    approved: Option<(Timestamp, String)>,
    runs: Vec<Run>,
}

/// One title, and what there is to know of it.
pub(super) async fn show(
    State(door): State<AdministrationDoor>,
    Works(engine): Works,
    Extension(timetables): Extension<Timetables>,
    asking: Asking,
    Path(title): Path<String>,
) -> Response {
    let Ok(title) = title.parse::<Title>() else {
        return page::nothing_here().await;
    };
    let told = async {
        let rule = Rule::of(&door, &engine, &timetables).await?;
        let Some(line) = engine.db().title_find(&title).await? else {
            return Ok(None);
        };
        let row = row(line, &rule, &door.rings);
        one(&engine, Top::of(&asking.session), row, rule)
            .await
            .map(Some)
    };
    match told.await {
        Ok(Some(title)) => page::show(&title),
        Ok(None) => page::nothing_here().await,
        Err(failure) => not_done(&failure.message),
    }
}

async fn one(engine: &Engine, top: Top, row: Row, rule: Rule) -> Result<OneTitle, Failure> {
    let db = engine.db();
    let title = row.line.title.clone();
    let (mut rules, mut stays) = (Vec::new(), Vec::new());
    if let Some((name, _)) = &row.line.item {
        rules = db.ring_rule_list(false).await?;
        rules.retain(|rule| rule.name == *name);
        stays = db.ring_stay_of(name).await?;
        // What came last is what people look for.
        stays.reverse();
        stays.truncate(usize::try_from(PAST).unwrap_or(usize::MAX));
    }
    let accepted = engine.accepted_identity(&title).await?;
    let approval = db.approval_find(&title).await?;
    let filter = RunFilter {
        title: Some(title.clone()),
        ..RunFilter::default()
    };
    Ok(OneTitle {
        top,
        planned: planned(&rule, &title),
        pause: rule.rests(&title).cloned(),
        incidents: db.incident_urgent_of(&title).await?,
        rules,
        stays,
        released: db.title_releases(&title, PAST).await?,
        accepted: accepted.map(|entry| {
            let shown = signers_shown(&entry.found);
            (entry, shown)
        }),
        approved: approval.map(|it| (it.approved_at, it.approved_by)),
        runs: db.run_page(&filter, PAST).await?,
        row,
    })
}

fn planned(rule: &Rule, title: &Title) -> Option<Planned> {
    let entry = rule.schedules.as_ref()?.find(title)?;
    let after: Vec<&str> = entry.scheduled.after.iter().map(Title::as_str).collect();
    Some(Planned {
        cron: entry.timetable.cron.to_string(),
        zone: entry.timetable.zone.name(),
        next: entry.timetable.next_begin(title.as_str(), rule.now),
        after: after.join(", "),
    })
}
