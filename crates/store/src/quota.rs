//! What we may still ask of a service, counted so that a restart does not forget it.

use model::Timestamp;

use crate::{Db, StoreError};

/// One span of time in which a service allows a number of requests.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct QuotaWindow {
    /// `minute`, `day`, `month`.
    pub name: &'static str,
    /// When the present span began.
    pub starts_at: Timestamp,
    /// When the next one begins.
    pub ends_at: Timestamp,
    /// How many requests it allows.
    pub limit: u32,
}

/// Whether a request may be made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum QuotaAnswer {
    /// It was counted and may be made.
    Granted,
    /// The service itself told us to wait; nothing was counted.
    Paused {
        /// Until when.
        until: Timestamp,
    },
    /// A window is used up; nothing was counted.
    Spent {
        /// Which one.
        window: QuotaWindow,
    },
}

impl Db {
    /// Counts one request to `service` in each of `windows`, if all of them have room.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn quota_take(
        &self,
        service: &str,
        windows: &[QuotaWindow],
        now: Timestamp,
    ) -> Result<QuotaAnswer, StoreError> {
        let failed = || StoreError::statement("count a request");
        let mut tx = self.begin("count a request").await?;
        let pause: Option<i64> = sqlx::query_scalar(
            "select until_at
             from quota_pause
             where service = $1 and until_at > $2",
        )
        .bind(service)
        .bind(now.as_micros())
        .fetch_optional(&mut *tx)
        .await
        .map_err(failed())?;
        if let Some(until) = pause.map(Timestamp::from_micros) {
            return Ok(QuotaAnswer::Paused { until });
        }
        for window in windows {
            // The row of an older span starts again at one.
            let counted = sqlx::query(
                "insert into quota_window (service, name, starts_at, used)
                 select $1, $2, $3, 1
                 where $4 > 0
                 on conflict (service, name) do update
                 set used = case when quota_window.starts_at = excluded.starts_at
                            then quota_window.used + 1 else 1 end,
                     starts_at = excluded.starts_at
                 where quota_window.starts_at <> excluded.starts_at or quota_window.used < $4",
            )
            .bind(service)
            .bind(window.name)
            .bind(window.starts_at.as_micros())
            .bind(i64::from(window.limit))
            .execute(&mut *tx)
            .await
            .map_err(failed())?;
            if counted.rows_affected() == 0 {
                return Ok(QuotaAnswer::Spent { window: *window });
            }
        }
        tx.commit().await.map_err(failed())?;
        Ok(QuotaAnswer::Granted)
    }

    /// Remembers that `service` told us to wait until `until`; an earlier, longer wait stays.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn quota_pause(&self, service: &str, until: Timestamp) -> Result<(), StoreError> {
        sqlx::query(
            "insert into quota_pause (service, until_at)
             values ($1, $2)
             on conflict (service) do update
             set until_at = excluded.until_at
             where quota_pause.until_at < excluded.until_at",
        )
        .bind(service)
        .bind(until.as_micros())
        .execute(self.writer())
        .await
        .map_err(StoreError::statement("remember a pause"))?;
        Ok(())
    }

    /// How many requests to `service` were counted in `window`.
    ///
    /// # Errors
    /// If the database fails, or the count is not one.
    pub async fn quota_used(&self, service: &str, window: &QuotaWindow) -> Result<u32, StoreError> {
        let used: Option<i64> = sqlx::query_scalar(
            "select used
             from quota_window
             where service = $1 and name = $2 and starts_at = $3",
        )
        .bind(service)
        .bind(window.name)
        .bind(window.starts_at.as_micros())
        .fetch_optional(self.reader())
        .await
        .map_err(StoreError::statement("read a count of requests"))?;
        crate::column::count("quota_window.used", used.unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(name: &'static str, starts_at: i64, limit: u32) -> QuotaWindow {
        QuotaWindow {
            name,
            starts_at: Timestamp::from_secs(starts_at),
            ends_at: Timestamp::from_secs(starts_at + 60),
            limit,
        }
    }

    #[tokio::test]
    async fn counts_in_every_window_or_in_none() {
        let (_folder, db) = crate::testing::database().await;
        let now = Timestamp::from_secs(1);
        let (minute, day) = (window("minute", 0, 5), window("day", 0, 2));
        for _ in 0..2 {
            let answer = db.quota_take("vt", &[minute, day], now).await.unwrap();
            assert_eq!(answer, QuotaAnswer::Granted);
        }
        let answer = db.quota_take("vt", &[minute, day], now).await.unwrap();
        assert_eq!(answer, QuotaAnswer::Spent { window: day });
        assert_eq!(db.quota_used("vt", &minute).await.unwrap(), 2);
    }

    #[tokio::test]
    async fn a_new_span_starts_again() {
        let (_folder, db) = crate::testing::database().await;
        let now = Timestamp::from_secs(1);
        let first = window("minute", 0, 1);
        assert_eq!(
            db.quota_take("vt", &[first], now).await.unwrap(),
            QuotaAnswer::Granted
        );
        let next = window("minute", 60, 1);
        assert_eq!(
            db.quota_take("vt", &[next], now).await.unwrap(),
            QuotaAnswer::Granted
        );
        assert_eq!(db.quota_used("vt", &first).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn counts_survive_a_restart() {
        let (folder, db) = crate::testing::database().await;
        let now = Timestamp::from_secs(1);
        let minute = window("minute", 0, 1);
        db.quota_take("vt", &[minute], now).await.unwrap();
        let db = crate::testing::open(&folder.path().join("auto-update.db")).await;
        let answer = db.quota_take("vt", &[minute], now).await.unwrap();
        assert_eq!(answer, QuotaAnswer::Spent { window: minute });
    }

    #[tokio::test]
    async fn a_limit_of_nothing_grants_nothing() {
        let (_folder, db) = crate::testing::database().await;
        let none = window("day", 0, 0);
        let answer = db.quota_take("vt", &[none], Timestamp::default()).await;
        assert_eq!(answer.unwrap(), QuotaAnswer::Spent { window: none });
    }

    #[tokio::test]
    async fn a_pause_ends_by_itself_and_is_never_shortened() {
        let (_folder, db) = crate::testing::database().await;
        let until = Timestamp::from_secs(100);
        db.quota_pause("vt", until).await.unwrap();
        db.quota_pause("vt", Timestamp::from_secs(50))
            .await
            .unwrap();
        let answer = db.quota_take("vt", &[], Timestamp::from_secs(99)).await;
        assert_eq!(answer.unwrap(), QuotaAnswer::Paused { until });
        let answer = db.quota_take("vt", &[], until).await;
        assert_eq!(answer.unwrap(), QuotaAnswer::Granted);
    }
}
