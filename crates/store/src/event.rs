//! What has happened, for those who listen.
//!
//! Triggers write it down in the very transaction in which it happens. What is committed is numbered afterwards, under
//! the write lock: numbers grow in the order in which they can be seen, so that whoever has read up to one has missed
//! none before it, on whichever machine.

use model::Timestamp;

use crate::{Db, StoreError, column};

/// Something that has happened.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Event {
    /// Its number; later events have higher ones, with gaps.
    pub sequence: u64,
    /// When.
    pub happened_at: Timestamp,
    /// What: `run.published`.
    pub kind: String,
    /// The run, change set or incident.
    pub about: String,
    /// The title.
    pub title: String,
    /// A step's processor, or a failure's class.
    pub detail: Option<String>,
}

#[derive(sqlx::FromRow)]
struct EventRow {
    sequence: i64,
    happened_at: i64,
    kind: String,
    about: String,
    title: String,
    detail: Option<String>,
}

impl TryFrom<EventRow> for Event {
    type Error = StoreError;

    fn try_from(row: EventRow) -> Result<Self, StoreError> {
        Ok(Self {
            sequence: column::count("event.sequence", row.sequence)?,
            happened_at: Timestamp::from_micros(row.happened_at),
            kind: row.kind,
            about: row.about,
            title: row.title,
            detail: row.detail,
        })
    }
}

impl Db {
    /// The events with numbers above `after`, at most `limit`, the oldest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn event_list(&self, after: u64, limit: u32) -> Result<Vec<Event>, StoreError> {
        self.event_number().await?;
        let rows: Vec<EventRow> = sqlx::query_as(
            "select sequence, happened_at, kind, about, title, detail
             from event
             where sequence > $1
             order by sequence
             limit $2",
        )
        .bind(i64::try_from(after).unwrap_or(i64::MAX))
        .bind(i64::from(limit))
        .fetch_all(self.reader())
        .await
        .map_err(StoreError::statement("list events"))?;
        rows.into_iter().map(Event::try_from).collect()
    }

    /// The number of the newest event; 0 before the first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn event_newest(&self) -> Result<u64, StoreError> {
        self.event_number().await?;
        let newest: Option<i64> =
            sqlx::query_scalar("select value from figure where name = 'event_sequence'")
                .fetch_optional(self.reader())
                .await
                .map_err(StoreError::statement("read the newest event"))?;
        column::count("figure.value", newest.unwrap_or(0))
    }

    /// Forgets events from before `before`; answers how many.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn event_forget(&self, before: Timestamp) -> Result<u64, StoreError> {
        let forgotten =
            sqlx::query("delete from event where happened_at < $1 and sequence is not null")
                .bind(before.as_micros())
                .execute(self.writer())
                .await
                .map_err(StoreError::statement("forget events"))?;
        Ok(forgotten.rows_affected())
    }

    /// Numbers what has been committed since the last time.
    async fn event_number(&self) -> Result<(), StoreError> {
        const WHAT: &str = "number events";
        let some: Option<i64> =
            sqlx::query_scalar("select id from event where sequence is null limit 1")
                .fetch_optional(self.reader())
                .await
                .map_err(StoreError::statement(WHAT))?;
        if some.is_none() {
            return Ok(());
        }
        let mut tx = self.begin(WHAT).await?;
        let ids: Vec<i64> =
            sqlx::query_scalar("select id from event where sequence is null order by id")
                .fetch_all(&mut *tx)
                .await
                .map_err(StoreError::statement(WHAT))?;
        let (Some(first), Some(last)) = (ids.first(), ids.last()) else {
            return Ok(());
        };
        let span = last.saturating_sub(*first).saturating_add(1);
        // The figure outlives the rows, so that no number is given twice.
        let newest: i64 = sqlx::query_scalar(
            "insert into figure (name, value) values ('event_sequence', $1)
             on conflict (name) do update set value = figure.value + excluded.value
             returning value",
        )
        .bind(span)
        .fetch_one(&mut *tx)
        .await
        .map_err(StoreError::statement(WHAT))?;
        // One that is committed later than a later one gets a higher number all the same, in the next round.
        sqlx::query(
            "update event
             set sequence = id - $1 + $2
             where sequence is null and id between $1 and $3",
        )
        .bind(*first)
        .bind(newest.saturating_sub(span).saturating_add(1))
        .bind(*last)
        .execute(&mut *tx)
        .await
        .map_err(StoreError::statement(WHAT))?;
        tx.commit().await.map_err(StoreError::statement(WHAT))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use model::Trigger;
    use serde_json::json;

    use super::*;
    use crate::{NewRun, RunEnd, Terms, Worker};

    async fn run_of(db: &Db, title: &str) {
        let new = NewRun {
            title: title.parse().unwrap(),
            trigger: Trigger::Manual,
            request: json!({}),
            terms: Terms::default(),
        };
        let at = Timestamp::from_secs(1);
        db.run_queue(&new, at).await.unwrap();
        let until = at.plus(Duration::from_mins(1));
        let claimed = db.run_claim(&Worker::named("w"), at, until).await;
        let (_, lease) = claimed.unwrap().unwrap();
        assert!(db.run_start(lease, at).await.unwrap());
        let step = crate::StepNote::begun(0, "URLDownloader", at);
        assert!(db.run_note(lease, &step.into()).await.unwrap());
        assert!(
            db.run_finish(lease, &RunEnd::Cancelled, None, at)
                .await
                .unwrap()
        );
    }

    #[tokio::test]
    async fn everything_that_happens_is_numbered_once_and_in_order() {
        let (_folder, db) = crate::testing::database().await;
        assert_eq!(db.event_newest().await.unwrap(), 0);
        run_of(&db, "A").await;
        let first = db.event_list(0, 100).await.unwrap();
        let kinds: Vec<&str> = first.iter().map(|event| event.kind.as_str()).collect();
        assert_eq!(
            kinds,
            ["run.queued", "run.running", "step.running", "run.cancelled"]
        );
        assert_eq!(first[2].detail.as_deref(), Some("URLDownloader"));
        assert!(first.iter().all(|event| event.title == "A"));
        let last = first.last().unwrap().sequence;
        assert_eq!(db.event_newest().await.unwrap(), last);
        run_of(&db, "B").await;
        let next = db.event_list(last, 2).await.unwrap();
        assert_eq!(next.len(), 2);
        assert!(next.iter().all(|it| it.sequence > last && it.title == "B"));
        let later = first[0].happened_at.plus(Duration::from_hours(1));
        assert_eq!(db.event_forget(later).await.unwrap(), 8);
        run_of(&db, "C").await;
        let after = db.event_list(0, 100).await.unwrap();
        assert!(after.iter().all(|it| it.sequence > next[1].sequence));
    }
}
