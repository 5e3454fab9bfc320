//! The watchdog: runs were due, and none has come to an end for too long.
//!
//! It does not ask the scheduler, which may be what stands still: it reads the schedules itself, and looks at what
//! runs say of themselves.

use std::{path::PathBuf, sync::Arc, time::Duration};

use model::{Clock, FailureClass, Timestamp};
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
}

/// Watches until `end`.
pub(super) async fn keep(
    engine: Engine,
    clock: Arc<dyn Clock>,
    watch: Watch,
    end: CancellationToken,
) {
    if watch.silence.is_zero() {
        return;
    }
    let mut duty = Duty::new(Upkeep::Schedules);
    let since = clock.now();
    loop {
        tokio::select! {
            () = end.cancelled() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
        let outcome = look(&engine, &watch, since, clock.now()).await;
        duty.done(&engine, outcome).await;
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
}
