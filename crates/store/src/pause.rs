//! Schedules that rest.

use model::Timestamp;

use crate::{Db, StoreError};

/// A schedule that rests, and why.
#[derive(Clone, Debug, Eq, PartialEq, sqlx::FromRow)]
struct PauseRow {
    title: String,
    reason: String,
    paused_by: String,
    paused_at: i64,
    until_at: Option<i64>,
}

/// A schedule that rests, and why.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SchedulePause {
    /// The title, or [`SchedulePause::ALL`].
    pub title: String,
    /// Why.
    pub reason: String,
    /// Who said so.
    pub paused_by: String,
    /// When.
    pub paused_at: Timestamp,
    /// Until when; until somebody ends it, if not given.
    pub until: Option<Timestamp>,
}

impl SchedulePause {
    /// Stands for every title.
    pub const ALL: &str = "*";

    /// Whether it is about `title`, at `now`.
    pub fn rests(&self, title: &str, now: Timestamp) -> bool {
        (self.title == Self::ALL || self.title == title)
            && self.until.is_none_or(|until| now < until)
    }
}

impl Db {
    /// Has a schedule rest; an earlier pause of the same title is replaced.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn pause_begin(&self, pause: &SchedulePause) -> Result<(), StoreError> {
        sqlx::query(
            "insert into schedule_pause (title, reason, paused_by, paused_at, until_at)
             values ($1, $2, $3, $4, $5)
             on conflict (title) do update
             set reason = excluded.reason, paused_by = excluded.paused_by, paused_at = excluded.paused_at,
                 until_at = excluded.until_at",
        )
        .bind(&pause.title)
        .bind(&pause.reason)
        .bind(&pause.paused_by)
        .bind(pause.paused_at.as_micros())
        .bind(pause.until.map(Timestamp::as_micros))
        .execute(self.writer())
        .await
        .map_err(StoreError::statement("pause a schedule"))?;
        Ok(())
    }

    /// Ends the pause of `title`; false if there was none.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn pause_end(&self, title: &str) -> Result<bool, StoreError> {
        let ended = sqlx::query("delete from schedule_pause where title = $1")
            .bind(title)
            .execute(self.writer())
            .await
            .map_err(StoreError::statement("resume a schedule"))?;
        Ok(ended.rows_affected() == 1)
    }

    /// Every pause, by title; those whose time is over, too.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn pause_list(&self) -> Result<Vec<SchedulePause>, StoreError> {
        let rows: Vec<PauseRow> = sqlx::query_as(
            "select title, reason, paused_by, paused_at, until_at
             from schedule_pause
             order by title",
        )
        .fetch_all(self.reader())
        .await
        .map_err(StoreError::statement("list paused schedules"))?;
        let pause = |row: PauseRow| SchedulePause {
            title: row.title,
            reason: row.reason,
            paused_by: row.paused_by,
            paused_at: Timestamp::from_micros(row.paused_at),
            until: row.until_at.map(Timestamp::from_micros),
        };
        Ok(rows.into_iter().map(pause).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_pause_holds_until_its_time_or_its_end() {
        let (_folder, db) = crate::testing::database().await;
        let at = Timestamp::from_secs;
        let mut pause = SchedulePause {
            title: "A.munki".to_owned(),
            reason: "the vendor moves house".to_owned(),
            paused_by: "ada".to_owned(),
            paused_at: at(1),
            until: None,
        };
        db.pause_begin(&pause).await.unwrap();
        assert!(pause.rests("A.munki", at(1_000)) && !pause.rests("B.munki", at(1_000)));
        pause.until = Some(at(10));
        db.pause_begin(&pause).await.unwrap();
        assert!(pause.rests("A.munki", at(9)) && !pause.rests("A.munki", at(10)));
        assert_eq!(db.pause_list().await.unwrap(), std::slice::from_ref(&pause));
        pause.title = SchedulePause::ALL.to_owned();
        assert!(pause.rests("B.munki", at(9)));
        assert!(db.pause_end("A.munki").await.unwrap());
        assert!(!db.pause_end("A.munki").await.unwrap());
    }
}
