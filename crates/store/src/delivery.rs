//! The outbox: what desks are still to be told.

use std::str::FromStr;

use model::{DeliveryId, IncidentId, Timestamp, UnknownWord};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Db, EventKind, StoreError, Ticket, column, db::Tx, delivery_ticket, incident::NewEvent,
};

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeliveryState {
    /// It is still to be made.
    Pending,
    /// The desk took it.
    Delivered,
    /// It was given up; a person may set it going again.
    Failed,
}

impl DeliveryState {
    /// The name used in tables, logs and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }
}

impl FromStr for DeliveryState {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        [Self::Pending, Self::Delivered, Self::Failed]
            .into_iter()
            .find(|state| state.as_str() == word)
            .ok_or_else(|| UnknownWord {
                list: "state of a delivery",
                word: word.to_owned(),
            })
    }
}

/// One event of one incident for one desk.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Delivery {
    /// Its name, the same over all attempts; desks know repeats by it.
    pub id: DeliveryId,
    /// The incident.
    pub incident: IncidentId,
    /// The place of the event in the history of the incident, from one.
    pub sequence: u32,
    /// What happened.
    pub kind: EventKind,
    /// When it happened.
    pub happened_at: Timestamp,
    /// What is said about it.
    pub payload: Value,
    /// The desk.
    pub connector: String,
    /// Where it stands.
    pub state: DeliveryState,
    /// How many attempts were begun; also its fencing number.
    pub attempts: u32,
    /// When it was put into the outbox.
    pub created_at: Timestamp,
    /// When the next attempt may be made.
    pub due_at: Timestamp,
    /// When the desk took it.
    pub delivered_at: Option<Timestamp>,
    /// What went wrong at the last attempt that failed.
    pub last_error: Option<String>,
}

#[derive(sqlx::FromRow)]
struct DeliveryRow {
    id: String,
    incident_id: String,
    sequence: i64,
    kind: String,
    happened_at: i64,
    payload: String,
    connector: String,
    state: String,
    attempts: i64,
    created_at: i64,
    due_at: i64,
    delivered_at: Option<i64>,
    last_error: Option<String>,
}

impl TryFrom<DeliveryRow> for Delivery {
    type Error = StoreError;

    fn try_from(row: DeliveryRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: column::word("delivery.id", &row.id)?,
            incident: column::word("delivery.incident_id", &row.incident_id)?,
            sequence: column::count("delivery.sequence", row.sequence)?,
            kind: column::word("incident_event.kind", &row.kind)?,
            happened_at: Timestamp::from_micros(row.happened_at),
            payload: column::json("incident_event.payload", &row.payload)?,
            connector: row.connector,
            state: column::word("delivery.state", &row.state)?,
            attempts: column::count("delivery.attempts", row.attempts)?,
            created_at: Timestamp::from_micros(row.created_at),
            due_at: Timestamp::from_micros(row.due_at),
            delivered_at: row.delivered_at.map(Timestamp::from_micros),
            last_error: row.last_error,
        })
    }
}

impl Db {
    /// Takes the delivery that is due longest, for an attempt that ends by `leased_until`; `None` if none is due.
    ///
    /// A process that dies with it loses the lease, and the delivery is due again. The events of one incident reach
    /// one desk in their order: a later one waits while an earlier one is pending. A desk that wants to be left alone
    /// is told nothing meanwhile.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn delivery_claim(
        &self,
        now: Timestamp,
        leased_until: Timestamp,
    ) -> Result<Option<Delivery>, StoreError> {
        let failed = || StoreError::statement("claim a delivery");
        let mut tx = self.begin("claim a delivery").await?;
        let id: Option<String> = sqlx::query_scalar(
            "update delivery
             set attempts = attempts + 1, leased_until_at = $2
             where id = (
                 select due.id
                 from delivery as due
                 where due.state = 'pending'
                   and due.due_at <= $1
                   and (due.leased_until_at is null or due.leased_until_at <= $1)
                   and not exists (
                       select 1
                       from delivery as earlier
                       where earlier.incident_id = due.incident_id
                         and earlier.connector = due.connector
                         and earlier.sequence < due.sequence
                         and earlier.state = 'pending'
                   )
                   and not exists (
                       select 1
                       from connector_health as health
                       where health.connector = due.connector and health.resting_until_at > $1
                   )
                 order by due.due_at, due.id
                 limit 1
             )
             returning id",
        )
        .bind(now.as_micros())
        .bind(leased_until.as_micros())
        .fetch_optional(&mut *tx)
        .await
        .map_err(failed())?;
        let Some(id) = id else { return Ok(None) };
        let row: DeliveryRow = sqlx::query_as(
            "select d.id, d.incident_id, d.sequence, e.kind, e.happened_at, e.payload, d.connector, d.state,
                    d.attempts, d.created_at, d.due_at, d.delivered_at, d.last_error
             from delivery as d
             join incident_event as e on e.incident_id = d.incident_id and e.sequence = d.sequence
             where d.id = $1",
        )
        .bind(id)
        .fetch_one(&mut *tx)
        .await
        .map_err(failed())?;
        tx.commit().await.map_err(failed())?;
        row.try_into().map(Some)
    }

    /// Records that the desk took the delivery, and what it calls the incident. `false` if the lease was lost
    /// meanwhile; the ticket is kept all the same.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn delivery_finish(
        &self,
        delivery: &Delivery,
        ticket: Option<&Ticket>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let failed = || StoreError::statement("finish a delivery");
        let mut tx = self.begin("finish a delivery").await?;
        if let Some(ticket) = ticket {
            let at = (delivery.incident, delivery.connector.as_str());
            delivery_ticket::put_tx(&mut tx, at, ticket, now).await?;
        }
        let done = sqlx::query(
            "update delivery
             set state = 'delivered', delivered_at = $1, leased_until_at = null, last_error = null
             where id = $2 and state = 'pending' and attempts = $3",
        )
        .bind(now.as_micros())
        .bind(delivery.id.to_string())
        .bind(i64::from(delivery.attempts))
        .execute(&mut *tx)
        .await
        .map_err(failed())?;
        tx.commit().await.map_err(failed())?;
        Ok(done.rows_affected() == 1)
    }

    /// Puts the delivery off until `due_at`. `false` if the lease was lost meanwhile.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn delivery_postpone(
        &self,
        delivery: &Delivery,
        due_at: Timestamp,
        error: &str,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "update delivery
             set due_at = $1, leased_until_at = null, last_error = $2
             where id = $3 and state = 'pending' and attempts = $4",
        )
        .bind(due_at.as_micros())
        .bind(error)
        .bind(delivery.id.to_string())
        .bind(i64::from(delivery.attempts))
        .execute(self.writer())
        .await
        .map_err(StoreError::statement("postpone a delivery"))?;
        Ok(done.rows_affected() == 1)
    }

    /// Gives the delivery up. `false` if the lease was lost meanwhile.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn delivery_fail(
        &self,
        delivery: &Delivery,
        error: &str,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "update delivery
             set state = 'failed', leased_until_at = null, last_error = $1
             where id = $2 and state = 'pending' and attempts = $3",
        )
        .bind(error)
        .bind(delivery.id.to_string())
        .bind(i64::from(delivery.attempts))
        .execute(self.writer())
        .await
        .map_err(StoreError::statement("give a delivery up"))?;
        Ok(done.rows_affected() == 1)
    }

    /// Sets a delivery going again, whatever became of it, and enables its desk. `false` if there is none.
    ///
    /// Its attempts count from zero again.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn delivery_retry(&self, id: DeliveryId, now: Timestamp) -> Result<bool, StoreError> {
        let failed = || StoreError::statement("set a delivery going again");
        let mut tx = self.begin("set a delivery going again").await?;
        let connector: Option<String> = sqlx::query_scalar(
            "update delivery
             set state = 'pending', attempts = 0, due_at = $1, leased_until_at = null, delivered_at = null
             where id = $2
             returning connector",
        )
        .bind(now.as_micros())
        .bind(id.to_string())
        .fetch_optional(&mut *tx)
        .await
        .map_err(failed())?;
        let Some(connector) = connector else {
            return Ok(false);
        };
        sqlx::query("delete from connector_disabled where connector = $1")
            .bind(connector)
            .execute(&mut *tx)
            .await
            .map_err(failed())?;
        tx.commit().await.map_err(failed())?;
        Ok(true)
    }

    /// Makes every delivery that waits due `now`, but those that somebody is making; also at desks that want to be
    /// left alone.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn delivery_hasten(&self, now: Timestamp) -> Result<(), StoreError> {
        let failed = || StoreError::statement("hasten deliveries");
        let mut tx = self.begin("hasten deliveries").await?;
        sqlx::query("update connector_health set resting_until_at = null")
            .execute(&mut *tx)
            .await
            .map_err(failed())?;
        sqlx::query(
            "update webhook_delivery
             set due_at = $1
             where state = 'pending' and due_at > $1 and (leased_until_at is null or leased_until_at <= $1)",
        )
        .bind(now.as_micros())
        .execute(&mut *tx)
        .await
        .map_err(failed())?;
        sqlx::query(
            "update delivery
             set due_at = $1
             where state = 'pending' and due_at > $1 and (leased_until_at is null or leased_until_at <= $1)",
        )
        .bind(now.as_micros())
        .execute(&mut *tx)
        .await
        .map_err(failed())?;
        tx.commit().await.map_err(failed())
    }

    /// Never tells this desk anything again: what is pending is given up, and nothing new is put into the outbox.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn connector_disable(
        &self,
        connector: &str,
        reason: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let failed = || StoreError::statement("disable a desk");
        let mut tx = self.begin("disable a desk").await?;
        sqlx::query(
            "insert into connector_disabled (connector, disabled_at, reason)
             values ($1, $2, $3)
             on conflict (connector) do nothing",
        )
        .bind(connector)
        .bind(now.as_micros())
        .bind(reason)
        .execute(&mut *tx)
        .await
        .map_err(failed())?;
        for give_up in [
            "update delivery
             set state = 'failed', leased_until_at = null, last_error = $1
             where connector = $2 and state = 'pending'",
            "update webhook_delivery
             set state = 'failed', leased_until_at = null, last_error = $1
             where webhook = $2 and state = 'pending'",
        ] {
            sqlx::query(give_up)
                .bind(reason)
                .bind(connector)
                .execute(&mut *tx)
                .await
                .map_err(failed())?;
        }
        tx.commit().await.map_err(failed())
    }

    /// Deliveries, the oldest first; of one incident, or of all.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn delivery_list(
        &self,
        incident: Option<IncidentId>,
    ) -> Result<Vec<Delivery>, StoreError> {
        let rows: Vec<DeliveryRow> = sqlx::query_as(
            "select d.id, d.incident_id, d.sequence, e.kind, e.happened_at, e.payload, d.connector, d.state,
                    d.attempts, d.created_at, d.due_at, d.delivered_at, d.last_error
             from delivery as d
             join incident_event as e on e.incident_id = d.incident_id and e.sequence = d.sequence
             where cast($1 as text) is null or d.incident_id = $1
             order by d.id",
        )
        .bind(incident.map(|id| id.to_string()))
        .fetch_all(self.reader())
        .await
        .map_err(StoreError::statement("list deliveries"))?;
        rows.into_iter().map(Delivery::try_from).collect()
    }

    /// When the outbox wants to be looked at next; `None` if it is empty. What waits for an earlier event of its
    /// incident does not count.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn delivery_next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let due: Option<i64> = sqlx::query_scalar(
            "select min(
                 case
                     when rest.resting_until_at > due.due_at
                          and rest.resting_until_at > coalesce(due.leased_until_at, 0)
                         then rest.resting_until_at
                     when due.leased_until_at > due.due_at then due.leased_until_at
                     else due.due_at
                 end
             )
             from delivery as due
             left join connector_health as rest on rest.connector = due.connector
             where due.state = 'pending'
               and not exists (
                   select 1
                   from delivery as earlier
                   where earlier.incident_id = due.incident_id
                     and earlier.connector = due.connector
                     and earlier.sequence < due.sequence
                     and earlier.state = 'pending'
               )",
        )
        .fetch_one(self.reader())
        .await
        .map_err(StoreError::statement("read the outbox"))?;
        Ok(due.map(Timestamp::from_micros))
    }
}

/// Puts one event for one desk into the outbox, unless that desk is disabled.
pub(crate) async fn insert_tx(
    tx: &mut Tx,
    (incident, sequence): (IncidentId, i64),
    connector: &str,
    event: &NewEvent,
) -> Result<(), StoreError> {
    sqlx::query(
        "insert into delivery (id, incident_id, sequence, connector, state, attempts, created_at, due_at)
         select $1, $2, $3, $4, 'pending', 0, $5, $5
         where not exists (select 1 from connector_disabled where connector = $4)",
    )
    .bind(DeliveryId::new().to_string())
    .bind(incident.to_string())
    .bind(sequence)
    .bind(connector)
    .bind(event.happened_at.as_micros())
    .execute(&mut **tx)
    .await
    .map_err(StoreError::statement("put a delivery into the outbox"))?;
    Ok(())
}
