//! The outbox of webhooks: which endpoint is still to be sent what has happened.

use model::{DeliveryId, Timestamp};

use crate::{Db, StoreError, column};

/// One event that an endpoint is to be sent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NewWebhookDelivery {
    /// Its name, the same over all attempts; receivers know repeats by it.
    pub id: DeliveryId,
    /// The number of the event.
    pub sequence: u64,
    /// What has happened: `run.published`.
    pub kind: String,
    /// The run, change set or incident.
    pub about: String,
    /// What is sent, to the byte.
    pub body: String,
}

/// One event for one endpoint, taken for an attempt.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WebhookDelivery {
    /// Its name, the same over all attempts.
    pub id: DeliveryId,
    /// What is sent, to the byte.
    pub body: String,
    /// How many attempts were begun; also its fencing number.
    pub attempts: u32,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    body: String,
    attempts: i64,
}

/// What is due now, of which nothing earlier about the same thing still waits, where the endpoint does not rest.
const DUE: &str = "due.webhook = $1 and due.state = 'pending' and due.due_at <= $2
    and (due.leased_until_at is null or due.leased_until_at <= $2)
    and not exists (
        select 1
        from webhook_delivery as earlier
        where earlier.webhook = due.webhook
          and earlier.about = due.about
          and earlier.sequence < due.sequence
          and earlier.state = 'pending'
    )
    and not exists (
        select 1
        from connector_health as health
        where health.connector = due.webhook and health.resting_until_at > $2
    )";

impl Db {
    /// Up to which event was taken over for an endpoint; one that was not known before hears from now on.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn webhook_heard(&self, webhook: &str) -> Result<u64, StoreError> {
        const WHAT: &str = "read how far a webhook has heard";
        let look = || async {
            let heard: Option<i64> =
                sqlx::query_scalar("select heard from webhook_cursor where webhook = $1")
                    .bind(webhook)
                    .fetch_optional(self.reader())
                    .await
                    .map_err(StoreError::statement(WHAT))?;
            Ok::<_, StoreError>(heard)
        };
        if let Some(heard) = look().await? {
            return column::count("webhook_cursor.heard", heard);
        }
        let newest = self.event_newest().await?;
        sqlx::query(
            "insert into webhook_cursor (webhook, heard) values ($1, $2) on conflict (webhook) do nothing",
        )
        .bind(webhook)
        .bind(i64::try_from(newest).unwrap_or(i64::MAX))
        .execute(self.writer())
        .await
        .map_err(StoreError::statement(WHAT))?;
        column::count("webhook_cursor.heard", look().await?.unwrap_or_default())
    }

    /// Takes events over for an endpoint that has heard up to `after` and then up to `heard`. `false`, and nothing is
    /// done, if another has been here meanwhile. A disabled endpoint is not sent them.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn webhook_put(
        &self,
        webhook: &str,
        (after, heard): (u64, u64),
        deliveries: &[NewWebhookDelivery],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        const WHAT: &str = "put deliveries into the outbox of a webhook";
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let mut tx = self.begin(WHAT).await?;
        let moved =
            sqlx::query("update webhook_cursor set heard = $3 where webhook = $1 and heard = $2")
                .bind(webhook)
                .bind(number(after))
                .bind(number(heard))
                .execute(&mut *tx)
                .await
                .map_err(StoreError::statement(WHAT))?;
        if moved.rows_affected() != 1 {
            return Ok(false);
        }
        for delivery in deliveries {
            sqlx::query(
                "insert into webhook_delivery
                     (id, webhook, sequence, kind, about, body, state, attempts, created_at, due_at)
                 select $1, $2, $3, $4, $5, $6, 'pending', 0, $7, $7
                 where not exists (select 1 from connector_disabled where connector = $2)",
            )
            .bind(delivery.id.to_string())
            .bind(webhook)
            .bind(number(delivery.sequence))
            .bind(&*delivery.kind)
            .bind(&*delivery.about)
            .bind(&*delivery.body)
            .bind(now.as_micros())
            .execute(&mut *tx)
            .await
            .map_err(StoreError::statement(WHAT))?;
        }
        tx.commit().await.map_err(StoreError::statement(WHAT))?;
        Ok(true)
    }

    /// Takes the delivery to an endpoint that is due longest, for an attempt that ends by `leased_until`; `None` if none
    /// is due. What has happened to one thing arrives in its order.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn webhook_claim(
        &self,
        webhook: &str,
        now: Timestamp,
        leased_until: Timestamp,
    ) -> Result<Option<WebhookDelivery>, StoreError> {
        const WHAT: &str = "claim a delivery to a webhook";
        // Looked at first without the write lock, which is not taken where there is nothing to do.
        let look = format!("select 1 from webhook_delivery as due where {DUE} limit 1");
        let some: Option<i64> = sqlx::query_scalar(sqlx::AssertSqlSafe(look))
            .bind(webhook)
            .bind(now.as_micros())
            .fetch_optional(self.reader())
            .await
            .map_err(StoreError::statement(WHAT))?;
        if some.is_none() {
            return Ok(None);
        }
        let claim = format!(
            "update webhook_delivery
             set attempts = attempts + 1, leased_until_at = $3
             where id = (
                 select due.id from webhook_delivery as due where {DUE} order by due.due_at, due.sequence limit 1
             )
             returning id, body, attempts"
        );
        let mut tx = self.begin(WHAT).await?;
        let row: Option<Row> = sqlx::query_as(sqlx::AssertSqlSafe(claim))
            .bind(webhook)
            .bind(now.as_micros())
            .bind(leased_until.as_micros())
            .fetch_optional(&mut *tx)
            .await
            .map_err(StoreError::statement(WHAT))?;
        tx.commit().await.map_err(StoreError::statement(WHAT))?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(WebhookDelivery {
            id: column::word("webhook_delivery.id", &row.id)?,
            body: row.body,
            attempts: column::count("webhook_delivery.attempts", row.attempts)?,
        }))
    }

    /// Records that the endpoint took the delivery. `false` if the lease was lost meanwhile.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn webhook_finish(
        &self,
        delivery: &WebhookDelivery,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "update webhook_delivery
             set state = 'delivered', delivered_at = $3, leased_until_at = null, last_error = null
             where id = $1 and state = 'pending' and attempts = $2",
        )
        .bind(delivery.id.to_string())
        .bind(i64::from(delivery.attempts))
        .bind(now.as_micros())
        .execute(self.writer())
        .await
        .map_err(StoreError::statement("finish a delivery to a webhook"))?;
        Ok(done.rows_affected() == 1)
    }

    /// Puts the delivery off until `due_at`, or gives it up without one. `false` if the lease was lost meanwhile.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn webhook_postpone(
        &self,
        delivery: &WebhookDelivery,
        due_at: Option<Timestamp>,
        error: &str,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "update webhook_delivery
             set state = case when cast($3 as bigint) is null then 'failed' else state end,
                 due_at = coalesce(cast($3 as bigint), due_at), leased_until_at = null, last_error = $4
             where id = $1 and state = 'pending' and attempts = $2",
        )
        .bind(delivery.id.to_string())
        .bind(i64::from(delivery.attempts))
        .bind(due_at.map(Timestamp::as_micros))
        .bind(error)
        .execute(self.writer())
        .await
        .map_err(StoreError::statement("postpone a delivery to a webhook"))?;
        Ok(done.rows_affected() == 1)
    }

    /// Sets going again what was given up, and enables the endpoint; its attempts count from zero again.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn webhook_take_up_again(
        &self,
        webhook: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        const WHAT: &str = "set deliveries to a webhook going again";
        let mut tx = self.begin(WHAT).await?;
        sqlx::query(
            "update webhook_delivery
             set state = 'pending', attempts = 0, due_at = $2, leased_until_at = null
             where webhook = $1 and state = 'failed'",
        )
        .bind(webhook)
        .bind(now.as_micros())
        .execute(&mut *tx)
        .await
        .map_err(StoreError::statement(WHAT))?;
        sqlx::query("delete from connector_disabled where connector = $1")
            .bind(webhook)
            .execute(&mut *tx)
            .await
            .map_err(StoreError::statement(WHAT))?;
        tx.commit().await.map_err(StoreError::statement(WHAT))
    }

    /// Forgets deliveries from before `before` that wait no more; answers how many.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn webhook_forget(&self, before: Timestamp) -> Result<u64, StoreError> {
        let forgotten = sqlx::query(
            "delete from webhook_delivery where created_at < $1 and state in ('delivered', 'failed')",
        )
        .bind(before.as_micros())
        .execute(self.writer())
        .await
        .map_err(StoreError::statement("forget deliveries to webhooks"))?;
        Ok(forgotten.rows_affected())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_000);

    fn delivery(sequence: u64, about: &str) -> NewWebhookDelivery {
        NewWebhookDelivery {
            id: DeliveryId::new(),
            sequence,
            kind: "run.published".to_owned(),
            about: about.to_owned(),
            body: format!("{{\"n\":{sequence}}}"),
        }
    }

    #[tokio::test]
    async fn what_happened_to_one_thing_waits_for_what_happened_to_it_before() {
        let (_folder, db) = crate::testing::database().await;
        assert_eq!(db.webhook_heard("hook").await.unwrap(), 0);
        let (a1, a2, b3) = (delivery(1, "a"), delivery(2, "a"), delivery(3, "b"));
        let all = [a1.clone(), a2.clone(), b3.clone()];
        assert!(db.webhook_put("hook", (0, 3), &all, NOW).await.unwrap());
        // Another node took them over meanwhile.
        assert!(!db.webhook_put("hook", (0, 3), &all, NOW).await.unwrap());
        assert_eq!(db.webhook_heard("hook").await.unwrap(), 3);

        let lease = NOW.plus(Duration::from_mins(1));
        let claim = async |at| db.webhook_claim("hook", at, lease).await.unwrap();
        let first = claim(NOW).await.unwrap();
        assert_eq!((first.id, first.attempts), (a1.id, 1));
        assert_eq!(first.body, a1.body);
        let other = claim(NOW).await.unwrap();
        assert_eq!(other.id, b3.id, "the second of `a` was not to be taken");
        assert_eq!(claim(NOW).await, None);
        let again = db.webhook_claim("other", NOW, lease).await.unwrap();
        assert_eq!(again, None);

        // A process that dies loses its lease, and what it says later counts for nothing.
        let late = lease.plus(Duration::from_secs(1));
        let taken = claim(late).await.unwrap();
        assert_eq!((taken.id, taken.attempts), (a1.id, 2));
        assert!(!db.webhook_finish(&first, late).await.unwrap());
        assert!(db.webhook_postpone(&taken, None, "refused").await.unwrap());
        assert!(db.webhook_finish(&other, late).await.unwrap());
        // What was given up is in nobody's way.
        assert_eq!(claim(late).await.unwrap().id, a2.id);

        db.webhook_take_up_again("hook", late).await.unwrap();
        assert_eq!(claim(late).await.unwrap().id, a1.id);
        assert_eq!(db.webhook_forget(late).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn an_endpoint_that_rests_or_is_disabled_is_sent_nothing() {
        let (_folder, db) = crate::testing::database().await;
        let lease = NOW.plus(Duration::from_mins(1));
        db.webhook_heard("hook").await.unwrap();
        let put = async |after: u64| {
            let one = [delivery(after + 1, "a")];
            db.webhook_put("hook", (after, after + 1), &one, NOW).await
        };
        put(0).await.unwrap();
        let rest = Some(NOW.plus(Duration::from_secs(30)));
        db.connector_failed("hook", "slow down", rest, NOW)
            .await
            .unwrap();
        assert_eq!(db.webhook_claim("hook", NOW, lease).await.unwrap(), None);
        let health = db.connector_health().await.unwrap();
        assert_eq!((health[0].pending, health[0].given_up), (1, 0));

        db.connector_disable("hook", "410", NOW).await.unwrap();
        put(1).await.unwrap();
        let health = db.connector_health().await.unwrap();
        assert_eq!((health[0].pending, health[0].given_up), (0, 1));
        assert!(health[0].disabled_at.is_some());
    }
}
