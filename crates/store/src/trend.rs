//! How things went over days: what the plots show.

use std::time::Duration;

use model::{RunState, Timestamp};

use crate::{Db, RunCount, StoreError, column};

const DAY: Duration = Duration::from_hours(24);

/// The points of [`Db::queue_depth`] are so far apart.
const STEP: Duration = Duration::from_mins(15);

/// How far the clock that ids are made by may be ahead of the one of the rows.
const SKEW: Duration = Duration::from_hours(1);

/// How many runs ended on a day in one way.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Tally {
    /// When the day began (UTC).
    pub day: Timestamp,
    /// How they ended.
    pub state: RunState,
    /// How many.
    pub count: u64,
}

/// How many runs were in the queue at a time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Depth {
    /// When.
    pub at: Timestamp,
    /// How many runs nobody had taken up yet.
    pub waiting: u64,
}

/// That a release came into a catalog.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Arrival {
    /// The catalog.
    pub catalog: String,
    /// When its media were first downloaded, by whichever run; when its run was queued, where nothing was.
    pub seen_at: Timestamp,
    /// When it came into the catalog.
    pub entered_at: Timestamp,
}

impl Db {
    /// How many runs ended on each day from that of `since` on, by how they ended; the oldest day first. Runs that were
    /// forgotten do not count.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn run_tally(&self, since: Timestamp) -> Result<Vec<Tally>, StoreError> {
        let day_us = micros(DAY);
        let rows: Vec<(i64, String, i64)> = sqlx::query_as(
            "select day, state, count
             from run_tally
             where day >= $1 and count > 0
             order by day, state",
        )
        .bind(since.as_micros().div_euclid(day_us))
        .fetch_all(self.reader())
        .await
        .map_err(StoreError::statement("count runs by day"))?;
        let tally = |(day, state, count): (i64, String, i64)| {
            Ok(Tally {
                day: Timestamp::from_micros(day.saturating_mul(day_us)),
                state: column::word("run_tally.state", &state)?,
                count: column::count("run_tally.count", count)?,
            })
        };
        rows.into_iter().map(tally).collect()
    }

    /// How many runs that have not ended stand where.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn run_standing(&self) -> Result<Vec<RunCount>, StoreError> {
        let rows: Vec<(String, i64)> = sqlx::query_as(
            "select state, count(*)
             from run
             where state in ('queued', 'running', 'scanning', 'publishing')
             group by state
             order by state",
        )
        .fetch_all(self.reader())
        .await
        .map_err(StoreError::statement("count runs that have not ended"))?;
        let count = |(state, count): (String, i64)| {
            Ok(RunCount {
                state: column::word("run.state", &state)?,
                class: None,
                count: column::count("run.count", count)?,
            })
        };
        rows.into_iter().map(count).collect()
    }

    /// How many runs waited to be taken up, every quarter of an hour of the day before `now`, the oldest first.
    ///
    /// A run that was queued before that day and was taken up within it does not count.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn queue_depth(&self, now: Timestamp) -> Result<Vec<Depth>, StoreError> {
        let since = now.minus(DAY);
        let first = first_id(since.minus(SKEW));
        let queued =
            "select queued_at / $2, count(*) from run where id >= $1 group by 1 order by 1";
        let taken = "select coalesce(started_at, finished_at) / $2, count(*)
             from run
             where id >= $1 and coalesce(started_at, finished_at) is not null
             group by 1
             order by 1";
        let queued = self.run_steps(queued, &first).await?;
        let taken = self.run_steps(taken, &first).await?;
        let older: i64 =
            sqlx::query_scalar("select count(*) from run where state = 'queued' and id < $1")
                .bind(&first)
                .fetch_one(self.reader())
                .await
                .map_err(StoreError::statement("count what has waited for long"))?;
        let until = |counts: &[(i64, i64)], step: i64| -> i64 {
            let counts = counts.iter().take_while(|(at, _)| *at < step);
            counts.map(|(_, count)| count).sum()
        };
        let step_us = micros(STEP);
        let (from, to) = (since.as_micros() / step_us, now.as_micros() / step_us);
        let depth = |step: i64| {
            let waiting = older + until(&queued, step) - until(&taken, step);
            Depth {
                at: Timestamp::from_micros(step.saturating_mul(step_us)),
                waiting: u64::try_from(waiting).unwrap_or_default(),
            }
        };
        Ok((from..=to)
            .map(|step| depth(step.saturating_add(1)))
            .collect())
    }

    async fn run_steps(
        &self,
        statement: &'static str,
        first: &str,
    ) -> Result<Vec<(i64, i64)>, StoreError> {
        sqlx::query_as(statement)
            .bind(first)
            .bind(micros(STEP))
            .fetch_all(self.reader())
            .await
            .map_err(StoreError::statement("count what was queued"))
    }

    /// When the newest releases, at most `limit`, came into their catalogs, by catalog.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn release_arrivals(&self, limit: u32) -> Result<Vec<Arrival>, StoreError> {
        let rows: Vec<(String, i64, i64)> = sqlx::query_as(
            "with newest as (
                 select name, version, run_id
                 from release
                 order by released_at desc
                 limit $1
             ),
             seen as (
                 select newest.name,
                        newest.version,
                        coalesce(
                            (select min(same.seen_at)
                             from download as own
                             join download as same on same.sha256 = own.sha256
                             where own.run_id = newest.run_id and own.changed = 1),
                            (select run.queued_at from run where run.id = newest.run_id)
                        ) as seen_at
                 from newest
             )
             select ring_stay.catalog, seen.seen_at, ring_stay.entered_at
             from seen
             join ring_stay on ring_stay.name = seen.name and ring_stay.version = seen.version
             where ring_stay.entered_at >= seen.seen_at
             order by ring_stay.catalog",
        )
        .bind(i64::from(limit))
        .fetch_all(self.reader())
        .await
        .map_err(StoreError::statement(
            "list when releases came into catalogs",
        ))?;
        let arrival = |(catalog, seen_at, entered_at)| Arrival {
            catalog,
            seen_at: Timestamp::from_micros(seen_at),
            entered_at: Timestamp::from_micros(entered_at),
        };
        Ok(rows.into_iter().map(arrival).collect())
    }
}

fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

/// No id that was made at `at` or later is below this.
fn first_id(at: Timestamp) -> String {
    let ms = u64::try_from(at.as_micros() / 1000).unwrap_or_default();
    format!("{:08x}-{:04x}-", ms >> 16, ms & 0xffff)
}

#[cfg(test)]
mod tests {
    use model::{Clock as _, RunId, SystemClock, Trigger};
    use serde_json::json;

    use super::*;
    use crate::{NewRun, Queued, RunEnd, Terms, Worker};

    async fn queue(db: &Db, title: &str, now: Timestamp) -> RunId {
        let new = NewRun {
            title: title.parse().unwrap(),
            trigger: Trigger::Schedule,
            request: json!({}),
            terms: Terms::default(),
        };
        let queued = db.run_queue(&new, now).await.unwrap();
        let (Queued::New(run) | Queued::Already(run)) = queued;
        run
    }

    async fn end(db: &Db, run: RunId, end: &RunEnd, now: Timestamp) {
        let until = now.plus(DAY);
        let claimed = db.run_claim_one(run, &Worker::named("w"), now, until).await;
        let (_, lease) = claimed.unwrap().unwrap();
        assert!(db.run_start(lease, now).await.unwrap());
        assert!(db.run_finish(lease, end, None, now).await.unwrap());
    }

    #[test]
    fn ids_begin_with_their_time() {
        let now = SystemClock.now();
        let id = RunId::new().to_string();
        assert!(first_id(now.minus(SKEW)) < id && id < first_id(now.plus(SKEW)));
    }

    #[tokio::test]
    async fn runs_are_counted_on_the_day_on_which_they_ended() {
        let (_folder, db) = crate::testing::database().await;
        let day = Timestamp::from_secs(1_800_000_000 / 86_400 * 86_400);
        for (hours, how) in [
            (1, RunEnd::Unchanged),
            (2, RunEnd::Unchanged),
            (3, RunEnd::Published),
            (25, RunEnd::Cancelled),
        ] {
            let now = day.plus(Duration::from_hours(hours));
            let run = queue(&db, "Zoom.munki", now).await;
            end(&db, run, &how, now).await;
        }
        queue(&db, "Zoom.munki", day).await;
        let told = |day, state, count| Tally { day, state, count };
        let next = day.plus(DAY);
        assert_eq!(
            db.run_tally(day.plus(Duration::from_hours(9)))
                .await
                .unwrap(),
            [
                told(day, RunState::Published, 1),
                told(day, RunState::Unchanged, 2),
                told(next, RunState::Cancelled, 1),
            ]
        );
        assert_eq!(db.run_tally(next).await.unwrap().len(), 1);
        let standing = db.run_standing().await.unwrap();
        let standing: Vec<_> = standing.iter().map(|it| (it.state, it.count)).collect();
        assert_eq!(standing, [(RunState::Queued, 1)]);
        // What is forgotten does not count any more.
        sqlx::query("update run set desk_told = 1")
            .execute(db.writer())
            .await
            .unwrap();
        assert_eq!(db.run_forget(next, 1).await.unwrap(), 2);
        let left = db.run_tally(day).await.unwrap();
        assert_eq!(left.iter().map(|it| it.count).sum::<u64>(), 2);
    }

    #[tokio::test]
    async fn what_waits_in_the_queue_is_counted_over_the_day() {
        let (_folder, db) = crate::testing::database().await;
        let now = SystemClock.now();
        let ago = |minutes| now.minus(Duration::from_mins(minutes));
        let taken = queue(&db, "A", ago(120)).await;
        queue(&db, "B", ago(60)).await;
        end(&db, taken, &RunEnd::Unchanged, ago(30)).await;
        let depth = db.queue_depth(now).await.unwrap();
        assert_eq!(depth.len(), 97);
        let at = |minutes| {
            let point = depth.iter().rev().find(|it| it.at <= ago(minutes));
            point.unwrap().waiting
        };
        assert_eq!([at(240), at(100), at(45), at(0)], [0, 1, 2, 1]);
    }
}
