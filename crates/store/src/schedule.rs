//! Schedules: up to when the times of each override have been dealt with.

use model::{RunId, Timestamp, Title};
use sqlx::AssertSqlSafe;

use crate::{
    Db, StoreError, column,
    db::Tx,
    run::{self, NewRun, Queued},
};

/// How far the times of a scheduled override have been dealt with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ScheduleMark {
    /// The override.
    pub title: Title,
    /// Times up to this one, inclusive, have been dealt with.
    pub considered_at: Timestamp,
    /// When a run was last queued.
    pub fired_at: Option<Timestamp>,
    /// The run that was last queued.
    pub run: Option<RunId>,
}

/// A title, and what is known of its times.
type MarkRow = (String, i64, Option<i64>, Option<String>);

fn mark((title, considered_at, fired_at, run): MarkRow) -> Result<ScheduleMark, StoreError> {
    Ok(ScheduleMark {
        title: column::word("schedule.title", &title)?,
        considered_at: Timestamp::from_micros(considered_at),
        fired_at: fired_at.map(Timestamp::from_micros),
        run: column::optional_word("schedule.run_id", run.as_deref())?,
    })
}

impl Db {
    /// How far the times of `title` have been dealt with; from `now` on if it was never asked for.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn schedule_mark(
        &self,
        title: &Title,
        now: Timestamp,
    ) -> Result<ScheduleMark, StoreError> {
        let (considered_at, fired_at, run): (i64, Option<i64>, Option<String>) = sqlx::query_as(
            "insert into schedule (title, considered_at)
             values ($1, $2)
             on conflict (title) do update
             set title = excluded.title
             returning considered_at, fired_at, run_id",
        )
        .bind(title.as_str())
        .bind(now.as_micros())
        .fetch_one(self.writer())
        .await
        .map_err(StoreError::statement("read a schedule"))?;
        Ok(ScheduleMark {
            title: title.clone(),
            considered_at: Timestamp::from_micros(considered_at),
            fired_at: fired_at.map(Timestamp::from_micros),
            run: column::optional_word("schedule.run_id", run.as_deref())?,
        })
    }

    /// Puts the run of a time that has come into the queue and moves the mark on to `considered`, both or neither;
    /// nothing if another scheduler was faster.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn schedule_fire(
        &self,
        mark: &ScheduleMark,
        new: &NewRun,
        considered: Timestamp,
        now: Timestamp,
    ) -> Result<Option<(Queued, ScheduleMark)>, StoreError> {
        let mut tx = self.begin(FIRE).await?;
        let queued = run::queue_tx(&mut tx, new, now).await?;
        self.announce_run(&mut tx).await?;
        let (Queued::New(run) | Queued::Already(run)) = queued;
        let moved = ScheduleMark {
            title: mark.title.clone(),
            considered_at: considered,
            fired_at: Some(now),
            run: Some(run),
        };
        if !advance_tx(&mut tx, mark, &moved).await? {
            return Ok(None);
        }
        tx.commit().await.map_err(StoreError::statement(FIRE))?;
        Ok(Some((queued, moved)))
    }

    /// Moves the mark of a title on to `considered` without a run; nothing if another scheduler was faster.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn schedule_pass(
        &self,
        mark: &ScheduleMark,
        considered: Timestamp,
    ) -> Result<Option<ScheduleMark>, StoreError> {
        let mut tx = self.begin(FIRE).await?;
        let moved = ScheduleMark {
            considered_at: considered,
            ..mark.clone()
        };
        if !advance_tx(&mut tx, mark, &moved).await? {
            return Ok(None);
        }
        tx.commit().await.map_err(StoreError::statement(FIRE))?;
        Ok(Some(moved))
    }

    /// Every mark, by title.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn schedule_list(&self) -> Result<Vec<ScheduleMark>, StoreError> {
        let rows: Vec<MarkRow> = sqlx::query_as(
            "select title, considered_at, fired_at, run_id
             from schedule
             order by title",
        )
        .fetch_all(self.reader())
        .await
        .map_err(StoreError::statement("list schedules"))?;
        rows.into_iter().map(mark).collect()
    }

    /// The marks of these titles, by title; of those that have one.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn schedule_marks(&self, titles: &[&Title]) -> Result<Vec<ScheduleMark>, StoreError> {
        // Their numbers alone go into the statement.
        let places: Vec<String> = (1..=titles.len()).map(|it| format!("${it}")).collect();
        if places.is_empty() {
            return Ok(Vec::new());
        }
        let select = format!(
            "select title, considered_at, fired_at, run_id
             from schedule
             where title in ({})
             order by title",
            places.join(", ")
        );
        let mut select = sqlx::query_as::<_, MarkRow>(AssertSqlSafe(select));
        for title in titles {
            select = select.bind(title.as_str());
        }
        let rows = select.fetch_all(self.reader()).await;
        let rows = rows.map_err(StoreError::statement("list some schedules"))?;
        rows.into_iter().map(mark).collect()
    }

    /// Forgets the mark of a title that is scheduled no more, so that no time is missed while it is not.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn schedule_forget(&self, title: &Title) -> Result<(), StoreError> {
        sqlx::query("delete from schedule where title = $1")
            .bind(title.as_str())
            .execute(self.writer())
            .await
            .map_err(StoreError::statement("forget a schedule"))?;
        Ok(())
    }
}

const FIRE: &str = "move a schedule on";

/// Moves a mark on, if it still stands where it was read.
async fn advance_tx(
    tx: &mut Tx,
    from: &ScheduleMark,
    to: &ScheduleMark,
) -> Result<bool, StoreError> {
    let advanced = sqlx::query(
        "update schedule
         set considered_at = $1, fired_at = $2, run_id = $3
         where title = $4 and considered_at = $5",
    )
    .bind(to.considered_at.as_micros())
    .bind(to.fired_at.map(Timestamp::as_micros))
    .bind(to.run.map(|run| run.to_string()))
    .bind(from.title.as_str())
    .bind(from.considered_at.as_micros())
    .execute(&mut **tx)
    .await
    .map_err(StoreError::statement(FIRE))?;
    Ok(advanced.rows_affected() == 1)
}

#[cfg(test)]
mod tests {
    use model::Trigger;
    use serde_json::json;

    use super::*;

    const fn at(seconds: i64) -> Timestamp {
        Timestamp::from_secs(seconds)
    }

    fn new_run(title: &Title) -> NewRun {
        NewRun {
            title: title.clone(),
            trigger: Trigger::Schedule,
            request: json!({}),
            terms: crate::Terms::default(),
        }
    }

    #[tokio::test]
    async fn a_mark_moves_on_once() {
        let (_folder, db) = crate::testing::database().await;
        let title: Title = "Firefox.munki".parse().unwrap();
        let mark = db.schedule_mark(&title, at(1)).await.unwrap();
        assert_eq!(db.schedule_mark(&title, at(9)).await.unwrap(), mark);
        let moved = db.schedule_pass(&mark, at(10)).await.unwrap().unwrap();
        assert_eq!(db.schedule_pass(&mark, at(10)).await.unwrap(), None);
        assert_eq!(
            db.schedule_list().await.unwrap(),
            std::slice::from_ref(&moved)
        );
        assert_eq!((moved.considered_at, moved.fired_at), (at(10), None));
    }

    #[tokio::test]
    async fn a_time_fires_once_whoever_is_faster() {
        let (_folder, db) = crate::testing::database().await;
        let title: Title = "Firefox.munki".parse().unwrap();
        let mark = db.schedule_mark(&title, at(1)).await.unwrap();
        let new = new_run(&title);
        let fired = db.schedule_fire(&mark, &new, at(9), at(10)).await.unwrap();
        let (Queued::New(run), moved) = fired.unwrap() else {
            panic!("there was no run before");
        };
        assert_eq!(moved.run, Some(run));
        assert_eq!((moved.considered_at, moved.fired_at), (at(9), Some(at(10))));
        assert_eq!(db.schedule_mark(&title, at(99)).await.unwrap(), moved);
        assert!(
            db.schedule_fire(&mark, &new, at(9), at(10))
                .await
                .unwrap()
                .is_none()
        );
        let (again, _) = db
            .schedule_fire(&moved, &new, at(20), at(20))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(again, Queued::Already(run));
        assert_eq!(db.run_list(9).await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_slower_scheduler_queues_nothing() {
        let (_folder, db) = crate::testing::database().await;
        let title: Title = "Firefox.munki".parse().unwrap();
        let mark = db.schedule_mark(&title, at(1)).await.unwrap();
        db.schedule_pass(&mark, at(5)).await.unwrap();
        let new = new_run(&title);
        assert!(
            db.schedule_fire(&mark, &new, at(9), at(10))
                .await
                .unwrap()
                .is_none()
        );
        assert_eq!(db.run_list(9).await.unwrap(), []);
    }

    #[tokio::test]
    async fn what_is_forgotten_begins_anew() {
        let (_folder, db) = crate::testing::database().await;
        let title: Title = "Firefox.munki".parse().unwrap();
        db.schedule_mark(&title, at(1)).await.unwrap();
        db.schedule_forget(&title).await.unwrap();
        let mark = db.schedule_mark(&title, at(50)).await.unwrap();
        assert_eq!(mark.considered_at, at(50));
    }
}
