//! Schedules: up to when the times of each override have been dealt with.

use model::{RunId, Timestamp, Title};

use crate::{Db, StoreError, column};

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

    /// Moves the mark of a title on to `now`, with the run that was queued, if one was; false if another scheduler
    /// was faster.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn schedule_advance(
        &self,
        mark: &ScheduleMark,
        run: Option<RunId>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let advanced = sqlx::query(
            "update schedule
             set considered_at = $1,
                 fired_at = case when $2 is null then fired_at else $1 end,
                 run_id = coalesce($2, run_id)
             where title = $3 and considered_at = $4",
        )
        .bind(now.as_micros())
        .bind(run.map(|run| run.to_string()))
        .bind(mark.title.as_str())
        .bind(mark.considered_at.as_micros())
        .execute(self.writer())
        .await
        .map_err(StoreError::statement("move a schedule on"))?;
        Ok(advanced.rows_affected() == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_mark_moves_on_once() {
        let (_folder, db) = crate::testing::database().await;
        let title: Title = "Firefox.munki".parse().unwrap();
        let at = Timestamp::from_secs;
        let mark = db.schedule_mark(&title, at(1)).await.unwrap();
        assert_eq!(db.schedule_mark(&title, at(9)).await.unwrap(), mark);
        assert!(db.schedule_advance(&mark, None, at(10)).await.unwrap());
        assert!(!db.schedule_advance(&mark, None, at(10)).await.unwrap());
        let mark = db.schedule_mark(&title, at(11)).await.unwrap();
        assert_eq!((mark.considered_at, mark.fired_at), (at(10), None));
    }
}
