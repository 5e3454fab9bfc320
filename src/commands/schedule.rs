//! `schedule`: what runs when.

use std::{collections::BTreeMap, path::Path};

use anyhow::Context as _;
use model::{Clock as _, SystemClock, Timestamp, Title};
use pipeline::{Entry, Missed, Schedules, Timetable};
use serde_json::json;
use store::ScheduleMark;

use crate::{
    cli::schedule::{Check, List, Next, Schedule},
    exit::ExitStatus,
    house::House,
    printer::Printer,
};

/// Does what was asked.
pub(crate) async fn run(
    verb: Schedule,
    house: &House,
    printer: Printer,
) -> anyhow::Result<ExitStatus> {
    match verb {
        Schedule::Check(arguments) => check(&arguments, house, printer),
        Schedule::List(arguments) => list(&arguments, house, printer).await,
        Schedule::Next(arguments) => next(&arguments, house, printer),
    }
}

/// A file that is not there schedules nothing for the service, but whoever wants it checked expects one.
fn check(arguments: &Check, house: &House, printer: Printer) -> anyhow::Result<ExitStatus> {
    let given = arguments.file.as_deref();
    let path = match given {
        Some(path) => path,
        None => &house.config()?.serve.schedules,
    };
    if !path.exists() {
        anyhow::bail!("there is no file of schedules `{}`", path.display());
    }
    let schedules = Schedules::load(path)?;
    let library = house.library(&[], &[])?;
    let problems: Vec<(&Title, String)> = schedules
        .entries()
        .filter_map(|entry| {
            let error = library.resolve(entry.title.as_str()).err()?;
            Some((entry.title, error.to_string()))
        })
        .collect();
    let count = schedules.entries().count();
    if arguments.json {
        let told: Vec<_> = problems
            .iter()
            .map(|(title, problem)| json!({"override": title, "problem": problem}))
            .collect();
        printer.data(json!({
            "schema": 1,
            "path": path,
            "overrides": count,
            "problems": told,
        }))?;
    } else {
        for (title, problem) in &problems {
            printer.data(format!("{title}: {problem}"))?;
        }
        printer.talk(format!(
            "{}: {count} scheduled, {} not found",
            path.display(),
            problems.len()
        ));
    }
    Ok(if problems.is_empty() {
        ExitStatus::Done
    } else {
        ExitStatus::Failed
    })
}

async fn list(arguments: &List, house: &House, printer: Printer) -> anyhow::Result<ExitStatus> {
    let (path, schedules) = scheduled(house)?;
    let marks = marks(house).await?;
    let now = SystemClock.now();
    for Entry { title, timetable } in schedules.entries() {
        let mark = marks.get(title);
        let considered = mark.map_or(now, |mark| mark.considered_at);
        let next = timetable.next_begin(title.as_str(), considered);
        let fired = mark.and_then(|mark| mark.fired_at);
        if arguments.json {
            printer.data(json!({
                "schema": 1,
                "override": title,
                "cron": timetable.cron.to_string(),
                "time_zone": timetable.zone.name(),
                "jitter_seconds": timetable.jitter.as_secs(),
                "missed": missed(timetable.missed),
                "next": next.map(|next| next.to_string()),
                "last": fired.map(|fired| fired.to_string()),
                "run": mark.and_then(|mark| mark.run).map(|run| run.to_string()),
            }))?;
            continue;
        }
        printer.data(format!(
            "{title}: {} ({}), next {}, last {}",
            timetable.cron,
            timetable.zone.name(),
            shown(next, timetable, "never"),
            shown(fired, timetable, "never"),
        ))?;
    }
    say_if_empty(&schedules, path, printer);
    Ok(ExitStatus::Done)
}

fn next(arguments: &Next, house: &House, printer: Printer) -> anyhow::Result<ExitStatus> {
    let (path, schedules) = scheduled(house)?;
    let wanted = |title: &Title| arguments.titles.is_empty() || arguments.titles.contains(title);
    for title in &arguments.titles {
        if !schedules.entries().any(|entry| entry.title == title) {
            anyhow::bail!("`{}` schedules no `{title}`", path.display());
        }
    }
    let now = SystemClock.now();
    for Entry { title, timetable } in schedules.entries().filter(|entry| wanted(entry.title)) {
        let times = next_times(title, timetable, now, arguments.count);
        if arguments.json {
            let told: Vec<_> = times.iter().map(Timestamp::to_string).collect();
            printer.data(json!({"schema": 1, "override": title, "next": told}))?;
            continue;
        }
        printer.data(title)?;
        for time in times {
            printer.data(format!("    {}", shown(Some(time), timetable, "never")))?;
        }
    }
    say_if_empty(&schedules, path, printer);
    Ok(ExitStatus::Done)
}

/// When the next runs begin, jitter included.
fn next_times(title: &Title, timetable: &Timetable, now: Timestamp, count: u16) -> Vec<Timestamp> {
    let mut after = now;
    let step = || {
        let begin = timetable.next_begin(title.as_str(), after)?;
        after = Timestamp::from(timetable.next_fire(after.to_utc())?);
        Some(begin)
    };
    std::iter::from_fn(step).take(usize::from(count)).collect()
}

fn scheduled(house: &House) -> anyhow::Result<(&Path, Schedules)> {
    let path = &house.config()?.serve.schedules;
    let schedules = Schedules::load(path).context("the schedules cannot be read")?;
    Ok((path, schedules))
}

/// How far times have been dealt with; a house that was never opened is not opened for this.
async fn marks(house: &House) -> anyhow::Result<BTreeMap<Title, ScheduleMark>> {
    if !house.config()?.database().exists() {
        return Ok(BTreeMap::new());
    }
    let marks = house.database().await?.schedule_list().await?;
    Ok(marks
        .into_iter()
        .map(|mark| (mark.title.clone(), mark))
        .collect())
}

fn say_if_empty(schedules: &Schedules, path: &Path, printer: Printer) {
    if schedules.entries().next().is_none() {
        printer.talk(format!("Nothing is scheduled in {}", path.display()));
    }
}

/// A moment in the zone of its timetable.
fn shown(at: Option<Timestamp>, timetable: &Timetable, none: &str) -> String {
    at.map_or_else(
        || none.to_owned(),
        |at| {
            let local = at.to_utc().with_timezone(&timetable.zone);
            local.format("%a %Y-%m-%d %H:%M:%S %:z").to_string()
        },
    )
}

const fn missed(missed: Missed) -> &'static str {
    match missed {
        Missed::RunOnce => "run-once",
        Missed::Skip => "skip",
    }
}
