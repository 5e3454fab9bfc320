//! Daily letters: which were sent.

use model::{RunState, Timestamp};

use crate::{Db, RunCount, StoreError, column};

impl Db {
    /// Takes the letter of `day` for a connector up until `until`, and answers how often it was taken up, this time
    /// included; nothing if it was sent, somebody else has it, or it is too early to try again.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn digest_claim(
        &self,
        (day, connector): (&str, &str),
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<u32>, StoreError> {
        let attempts: Option<i64> = sqlx::query_scalar(
            "insert into digest (day, connector, attempts, leased_until_at)
             values ($1, $2, 1, $3)
             on conflict (day, connector) do update
             set attempts = digest.attempts + 1, leased_until_at = excluded.leased_until_at
             where digest.sent_at is null and digest.leased_until_at <= $4
             returning attempts",
        )
        .bind(day)
        .bind(connector)
        .bind(until.as_micros())
        .bind(now.as_micros())
        .fetch_optional(self.writer())
        .await
        .map_err(StoreError::statement("take a daily letter up"))?;
        attempts
            .map(|attempts| column::count("digest.attempts", attempts))
            .transpose()
    }

    /// Notes that the letter of `day` was sent.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn digest_sent(
        &self,
        (day, connector): (&str, &str),
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query("update digest set sent_at = $3 where day = $1 and connector = $2")
            .bind(day)
            .bind(connector)
            .bind(now.as_micros())
            .execute(self.writer())
            .await
            .map_err(StoreError::statement("note that a daily letter was sent"))?;
        Ok(())
    }

    /// How many runs ended since a moment, and how.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn run_counts_since(&self, since: Timestamp) -> Result<Vec<RunCount>, StoreError> {
        let rows: Vec<(String, Option<String>, i64)> = sqlx::query_as(
            "select state, class, count(*)
             from run
             where finished_at >= $1
             group by state, class
             order by state, class",
        )
        .bind(since.as_micros())
        .fetch_all(self.reader())
        .await
        .map_err(StoreError::statement("count the runs of a day"))?;
        rows.into_iter()
            .map(|(state, class, count)| {
                Ok(RunCount {
                    state: column::word("run.state", &state)?,
                    class: column::optional_word("run.class", class.as_deref())?,
                    count: column::count("run.count", count)?,
                })
            })
            .collect()
    }

    /// The titles that were published since a moment, by name.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn run_published_since(&self, since: Timestamp) -> Result<Vec<String>, StoreError> {
        sqlx::query_scalar(
            "select distinct title
             from run
             where finished_at >= $1 and state = $2
             order by title",
        )
        .bind(since.as_micros())
        .bind(RunState::Published.as_str())
        .fetch_all(self.reader())
        .await
        .map_err(StoreError::statement("list what was published"))
    }

    /// When each title last had a good run, or else was first asked for; by title.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn run_last_good(&self) -> Result<Vec<(String, Timestamp)>, StoreError> {
        let rows: Vec<(String, i64)> = sqlx::query_as(
            "select title,
                    coalesce(
                        max(case when state in ('published', 'unchanged') then finished_at end),
                        min(queued_at)
                    )
             from run
             group by title
             order by title",
        )
        .fetch_all(self.reader())
        .await
        .map_err(StoreError::statement(
            "read when titles last had a good run",
        ))?;
        Ok(rows
            .into_iter()
            .map(|(title, at)| (title, Timestamp::from_micros(at)))
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_letter_is_sent_once_and_tried_again_until_then() {
        let (_folder, db) = crate::testing::database().await;
        let at = Timestamp::from_secs;
        let letter = ("2026-11-27", "mail");
        assert_eq!(
            db.digest_claim(letter, at(0), at(60)).await.unwrap(),
            Some(1)
        );
        assert_eq!(db.digest_claim(letter, at(59), at(99)).await.unwrap(), None);
        assert_eq!(
            db.digest_claim(letter, at(60), at(99)).await.unwrap(),
            Some(2)
        );
        db.digest_sent(letter, at(61)).await.unwrap();
        assert_eq!(
            db.digest_claim(letter, at(999), at(1_000)).await.unwrap(),
            None
        );
        let others = [("2026-11-27", "other"), ("2026-11-28", "mail")];
        for other in others {
            assert_eq!(
                db.digest_claim(other, at(0), at(60)).await.unwrap(),
                Some(1)
            );
        }
    }
}
