//! How each connector fares: its last success and failure, whether it rests, whether it is disabled.

use model::Timestamp;

use crate::{Db, StoreError, column};

/// How one connector fares.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ConnectorHealth {
    /// Its name.
    pub connector: String,
    /// When its desk last took a delivery.
    pub delivered_at: Option<Timestamp>,
    /// When an attempt last failed.
    pub failed_at: Option<Timestamp>,
    /// How many attempts have failed since the last success.
    pub failures: u32,
    /// What went wrong last.
    pub last_error: Option<String>,
    /// Until when the desk wants to be left alone.
    pub resting_until: Option<Timestamp>,
    /// When it was disabled, because its desk wants to hear nothing any more.
    pub disabled_at: Option<Timestamp>,
    /// How many deliveries wait for it.
    pub pending: u32,
    /// How many deliveries to it were given up.
    pub given_up: u32,
}

#[derive(sqlx::FromRow)]
struct HealthRow {
    connector: String,
    delivered_at: Option<i64>,
    failed_at: Option<i64>,
    failures: i64,
    last_error: Option<String>,
    resting_until_at: Option<i64>,
    disabled_at: Option<i64>,
    pending: i64,
    given_up: i64,
}

impl TryFrom<HealthRow> for ConnectorHealth {
    type Error = StoreError;

    fn try_from(row: HealthRow) -> Result<Self, StoreError> {
        Ok(Self {
            connector: row.connector,
            delivered_at: row.delivered_at.map(Timestamp::from_micros),
            failed_at: row.failed_at.map(Timestamp::from_micros),
            failures: column::count("connector_health.failures", row.failures)?,
            last_error: row.last_error,
            resting_until: row.resting_until_at.map(Timestamp::from_micros),
            disabled_at: row.disabled_at.map(Timestamp::from_micros),
            pending: column::count("delivery.count", row.pending)?,
            given_up: column::count("delivery.count", row.given_up)?,
        })
    }
}

impl Db {
    /// How the connectors fare that anything is known of, by name.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn connector_health(&self) -> Result<Vec<ConnectorHealth>, StoreError> {
        let rows: Vec<HealthRow> = sqlx::query_as(
            "select known.connector, health.delivered_at, health.failed_at,
                    coalesce(health.failures, 0) as failures, health.last_error, health.resting_until_at,
                    disabled.disabled_at,
                    (select count(*) from delivery
                     where delivery.connector = known.connector and delivery.state = 'pending')
                    + (select count(*) from webhook_delivery as sent
                       where sent.webhook = known.connector and sent.state = 'pending') as pending,
                    (select count(*) from delivery
                     where delivery.connector = known.connector and delivery.state = 'failed')
                    + (select count(*) from webhook_delivery as sent
                       where sent.webhook = known.connector and sent.state = 'failed') as given_up
             from (
                 select connector from connector_health
                 union
                 select connector from connector_disabled
                 union
                 select connector from delivery
                 union
                 select webhook from webhook_cursor
             ) as known
             left join connector_health as health on health.connector = known.connector
             left join connector_disabled as disabled on disabled.connector = known.connector
             order by known.connector",
        )
        .fetch_all(self.reader())
        .await
        .map_err(StoreError::statement("read how connectors fare"))?;
        rows.into_iter().map(ConnectorHealth::try_from).collect()
    }

    /// Records that a desk took a delivery. If it had failed before, it is back: what waits for it is due `now`.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn connector_succeeded(
        &self,
        connector: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let failed = || StoreError::statement("record the success of a connector");
        let mut tx = self.begin("record the success of a connector").await?;
        for due in [
            "update delivery
             set due_at = $2
             where connector = $1 and state = 'pending' and due_at > $2
               and exists (
                   select 1 from connector_health as health
                   where health.connector = $1 and health.failures > 0
               )",
            "update webhook_delivery
             set due_at = $2
             where webhook = $1 and state = 'pending' and due_at > $2
               and exists (
                   select 1 from connector_health as health
                   where health.connector = $1 and health.failures > 0
               )",
        ] {
            sqlx::query(due)
                .bind(connector)
                .bind(now.as_micros())
                .execute(&mut *tx)
                .await
                .map_err(failed())?;
        }
        sqlx::query(
            "insert into connector_health (connector, delivered_at, failures)
             values ($1, $2, 0)
             on conflict (connector) do update
             set delivered_at = excluded.delivered_at, failures = 0, last_error = null, resting_until_at = null",
        )
        .bind(connector)
        .bind(now.as_micros())
        .execute(&mut *tx)
        .await
        .map_err(failed())?;
        tx.commit().await.map_err(failed())
    }

    /// Records that an attempt failed, and until when the desk wants to be left alone, if it said so.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn connector_failed(
        &self,
        connector: &str,
        error: &str,
        resting_until: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "insert into connector_health (connector, failed_at, failures, last_error, resting_until_at)
             values ($1, $2, 1, $3, $4)
             on conflict (connector) do update
             set failed_at = excluded.failed_at, failures = connector_health.failures + 1,
                 last_error = excluded.last_error,
                 resting_until_at = coalesce(excluded.resting_until_at, connector_health.resting_until_at)",
        )
        .bind(connector)
        .bind(now.as_micros())
        .bind(error)
        .bind(resting_until.map(Timestamp::as_micros))
        .execute(self.writer())
        .await
        .map_err(StoreError::statement("record the failure of a connector"))?;
        Ok(())
    }
}
