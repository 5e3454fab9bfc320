//! The watchdog: runs were due, and none has come to an end for too long.
//!
//! And the freshness of each title: it is scheduled, and has had no good run for days.
//!
//! It does not ask the scheduler, which may be what stands still: it reads the schedules itself, and looks at what
//! runs say of themselves.

use std::{path::PathBuf, sync::Arc, time::Duration};

use model::{Clock, FailureClass, Timestamp, Title};
use pipeline::{Engine, Failure, Schedules, Upkeep};
use tokio_util::sync::CancellationToken;

use super::rings::Duty;

/// How often it looks.
const LOOK: Duration = Duration::from_mins(5);

/// What is watched.
#[derive(Clone, Debug)]
pub(super) struct Watch {
    pub(super) schedules: PathBuf,
    /// How long nothing may have ended after a run was due.
    pub(super) silence: Duration,
    /// How long a scheduled title may be without a good run.
    pub(super) stale: Duration,
}

/// Watches until `end`.
pub(super) async fn keep(
    engine: Engine,
    clock: Arc<dyn Clock>,
    watch: Watch,
    end: CancellationToken,
) {
    let mut duty = Duty::new(Upkeep::Schedules);
    let since = clock.now();
    loop {
        tokio::select! {
            () = end.cancelled() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
        let now = clock.now();
        if !watch.silence.is_zero() {
            let outcome = look(&engine, &watch, since, now).await;
            duty.done(&engine, outcome).await;
        }
        if !watch.stale.is_zero()
            && let Err(failure) = look_for_stale(&engine, &watch, now).await
        {
            tracing::error!(
                error = failure.cause(),
                "nobody knows whether titles are fresh"
            );
        }
    }
}

/// Whether something has ended since runs were due, as far as they were due while this service ran.
async fn look(
    engine: &Engine,
    watch: &Watch,
    since: Timestamp,
    now: Timestamp,
) -> Result<(), Failure> {
    let path = watch.schedules.clone();
    let read = tokio::task::spawn_blocking(move || Schedules::load(&path)).await;
    // A file that cannot be read is trouble of the scheduler, which says so.
    let Ok(Ok(schedules)) = read else {
        return Ok(());
    };
    let ended = engine.db().run_last_end().await?;
    let since = ended.unwrap_or(since).max(since);
    judge(&schedules, since, now.minus(watch.silence))
}

/// Tells the desk of scheduled titles that have had no good run for too long. A good run ends the incident.
async fn look_for_stale(engine: &Engine, watch: &Watch, now: Timestamp) -> Result<(), Failure> {
    let path = watch.schedules.clone();
    let read = tokio::task::spawn_blocking(move || Schedules::load(&path)).await;
    let Ok(Ok(schedules)) = read else {
        return Ok(());
    };
    let known = engine.db().run_last_good().await?;
    let pauses = engine.db().pause_list().await?;
    let limit = now.minus(watch.stale);
    let stale = stale(&schedules, &known, limit);
    let rests = |title: &str| pauses.iter().any(|it| it.rests(title, now));
    for (title, since) in stale
        .into_iter()
        .filter(|(title, _)| !rests(title.as_str()))
    {
        engine.tell_of_stale(title, since).await?;
    }
    Ok(())
}

/// The scheduled titles whose last good run was before `limit`, and when that was. What was never asked for is the
/// other watchdog's.
fn stale<'a>(
    schedules: &'a Schedules,
    known: &[(String, Timestamp)],
    limit: Timestamp,
) -> Vec<(&'a Title, Timestamp)> {
    let mut found = Vec::new();
    for entry in schedules.entries() {
        let last = known
            .iter()
            .find(|(title, _)| title == entry.title.as_str());
        match last {
            Some((_, at)) if *at < limit => found.push((entry.title, *at)),
            _ => {}
        }
    }
    found
}

/// Whether no run was due after `since` and before `limit`.
fn judge(schedules: &Schedules, since: Timestamp, limit: Timestamp) -> Result<(), Failure> {
    let due = schedules.entries().filter(|entry| {
        let begin = entry.timetable.next_begin(entry.title.as_str(), since);
        begin.is_some_and(|begin| begin <= limit)
    });
    let count = due.count();
    if count == 0 {
        return Ok(());
    }
    let message =
        format!("no run has come to an end since {since}, although {count} overrides were due");
    Err(Failure::new(FailureClass::Internal, message).with_advice(
        "Look at `/healthz` and the log of the service, whether its workers and its scheduler are there, and at \
         `auto-update schedule list`.",
    ))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn silence_is_noticed_only_where_something_was_due() {
        let text =
            "jitter: 0s\nschedules:\n  - cron: '0 6 * * *'\n    overrides: [A.munki, B.munki]\n";
        let schedules = Schedules::parse(Path::new("schedules.yaml"), text).unwrap();
        let hour = |hour: i64| Timestamp::from_secs(1_764_000_000 / 86_400 * 86_400 + hour * 3_600);
        // The last one ended at 5:00, and at 6:00 two were due.
        assert!(judge(&schedules, hour(5), hour(5)).is_ok());
        let silent = judge(&schedules, hour(5), hour(6)).unwrap_err();
        assert!(
            silent.message.contains("2 overrides were due"),
            "{silent:?}"
        );
        // One that ended at 7:00 was enough until tomorrow.
        assert!(judge(&schedules, hour(7), hour(29)).is_ok());
        assert!(judge(&schedules, hour(7), hour(30)).is_err());
        assert!(judge(&Schedules::default(), hour(0), hour(300)).is_ok());
    }

    #[test]
    fn titles_are_stale_only_if_they_are_scheduled_and_were_asked_for() {
        let text =
            "schedules:\n  - cron: '0 6 * * *'\n    overrides: [A.munki, B.munki, C.munki]\n";
        let schedules = Schedules::parse(Path::new("schedules.yaml"), text).unwrap();
        let at = Timestamp::from_secs;
        let known = [
            ("A.munki".to_owned(), at(99)),
            ("B.munki".to_owned(), at(100)),
            ("D.munki".to_owned(), at(1)),
        ];
        let found = stale(&schedules, &known, at(100));
        let titles: Vec<_> = found.iter().map(|(title, _)| title.as_str()).collect();
        assert_eq!(titles, ["A.munki"]);
    }
}
