//! `schedule`: what runs when.

use std::{collections::BTreeMap, path::Path, time::Duration};

use anyhow::Context as _;
use model::{Clock as _, SystemClock, Timestamp, Title};
use pipeline::{Entry, Missed, Schedules, Timetable};
use serde_json::{Value, json};
use store::{ScheduleMark, SchedulePause};

use crate::{
    cli::schedule::{self as cli, Check, List, Next, Schedule},
    exit::ExitStatus,
    house::House,
    person,
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
        Schedule::Pause(arguments) => pause(&arguments, house, printer).await,
        Schedule::Resume(arguments) => resume(&arguments, house, printer).await,
    }
}

async fn pause(
    arguments: &cli::Pause,
    house: &House,
    printer: Printer,
) -> anyhow::Result<ExitStatus> {
    let db = house.database().await?;
    let (now, paused_by) = (db.now().await?, person::named(arguments.by.as_deref())?);
    let hours = arguments.hours.map(u64::from);
    let until = hours.map(|hours| now.plus(Duration::from_hours(hours)));
    for name in arguments.which.names() {
        db.pause_begin(&SchedulePause {
            title: name.to_owned(),
            reason: arguments.reason.clone(),
            paused_by: paused_by.clone(),
            paused_at: now,
            until,
        })
        .await?;
        let until = until.map_or("it is resumed".to_owned(), |until| until.to_string());
        printer.talk(format!("{} rests until {until}", spoken(name)));
    }
    Ok(ExitStatus::Done)
}

async fn resume(
    arguments: &cli::Resume,
    house: &House,
    printer: Printer,
) -> anyhow::Result<ExitStatus> {
    let db = house.database().await?;
    let mut status = ExitStatus::Done;
    for name in arguments.which.names() {
        if db.pause_end(name).await? {
            printer.talk(format!("{} goes on", spoken(name)));
        } else {
            status = ExitStatus::Failed;
            printer.notice(format!("{} did not rest by itself", spoken(name)));
        }
    }
    Ok(status)
}

fn spoken(name: &str) -> &str {
    if name == SchedulePause::ALL {
        "everything"
    } else {
        name
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
    let (marks, pauses) = marks(house).await?;
    let now = SystemClock.now();
    for Entry {
        title,
        timetable,
        scheduled,
    } in schedules.entries()
    {
        let pause = pauses.iter().find(|it| it.rests(title.as_str(), now));
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
                "priority": scheduled.priority,
                "label": scheduled.label,
                "after": scheduled.after,
                "paused": pause.map(told_pause),
                "next": next.map(|next| next.to_string()),
                "last": fired.map(|fired| fired.to_string()),
                "run": mark.and_then(|mark| mark.run).map(|run| run.to_string()),
            }))?;
            continue;
        }
        printer.data(format!(
            "{title}: {} ({}), next {}, last {}{}",
            timetable.cron,
            timetable.zone.name(),
            shown(next, timetable, "never"),
            shown(fired, timetable, "never"),
            pause.map_or_else(String::new, |it| format!(
                ", rests: {} ({})",
                it.reason, it.paused_by
            )),
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
    for Entry {
        title, timetable, ..
    } in schedules.entries().filter(|entry| wanted(entry.title))
    {
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
async fn marks(
    house: &House,
) -> anyhow::Result<(BTreeMap<Title, ScheduleMark>, Vec<SchedulePause>)> {
    if house.config()?.database.url.is_none() && !house.config()?.database_file().exists() {
        return Ok((BTreeMap::new(), Vec::new()));
    }
    let db = house.database().await?;
    let marks = db.schedule_list().await?.into_iter();
    let marks = marks.map(|mark| (mark.title.clone(), mark)).collect();
    Ok((marks, db.pause_list().await?))
}

fn told_pause(pause: &SchedulePause) -> Value {
    json!({
        "reason": pause.reason,
        "by": pause.paused_by,
        "since": pause.paused_at.to_string(),
        "until": pause.until.map(|until| until.to_string()),
    })
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
