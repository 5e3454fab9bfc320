//! The outbox reconciler: makes the deliveries that are due, whoever put them there.

use std::{sync::Arc, time::Duration};

use store::{Delivery, DeliveryState};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{Attempt, Connector, DeliveryError, Desk, DeskError, Taken, clean};
use model::chain;

/// How long to wait after each attempt that failed, as Standard Webhooks suggests; after the last one the delivery
/// is given up. Up to a fifth is added at random, so that many deliveries do not come back at once.
pub const BACK_OFF: [Duration; 9] = [
    Duration::from_secs(5),
    Duration::from_mins(5),
    Duration::from_mins(30),
    Duration::from_hours(2),
    Duration::from_hours(5),
    Duration::from_hours(10),
    Duration::from_hours(14),
    Duration::from_hours(20),
    Duration::from_hours(24),
];

/// Longest wait that a desk may ask for.
pub(crate) const LONGEST_RETRY_AFTER: Duration = Duration::from_hours(24);

/// After how long an attempt is over, whatever became of it.
pub(crate) const ATTEMPT: Duration = Duration::from_secs(90);

/// How long an attempt is ours. Longer than the attempt itself, so that nobody makes a second one beside it.
pub(crate) const LEASE: Duration = Duration::from_mins(2);

/// The longest text that is kept of what went wrong, in bytes.
pub(crate) const ERROR_BYTES: usize = 500;

/// How many attempts are made at once.
const AT_ONCE: usize = 8;

/// How often the outbox is looked at when nobody says that there is work: another process may have put some there.
const POLL: Duration = Duration::from_secs(15);

/// What became of the deliveries that were due.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Tally {
    /// Taken by their desks.
    pub delivered: u32,
    /// To be tried again later.
    pub postponed: u32,
    /// Given up.
    pub failed: u32,
}

impl Desk {
    /// Makes the deliveries that are due, and answers what became of them.
    ///
    /// # Errors
    /// If the database fails. A desk that does not answer is no error.
    ///
    /// # Cancellation
    /// Attempts under way are made again when their leases have run out.
    pub async fn deliver_due(&self) -> Result<Tally, DeskError> {
        let mut tally = self.deliver_until(&CancellationToken::new()).await?;
        for endpoint in &self.endpoints {
            let sent = self.send_due(endpoint, &CancellationToken::new()).await?;
            tally.delivered += sent.delivered;
            tally.postponed += sent.postponed;
            tally.failed += sent.failed;
        }
        Ok(tally)
    }

    /// Makes the deliveries that wait, due or not, and answers what became of them.
    ///
    /// # Errors
    /// As [`Desk::deliver_due`].
    ///
    /// # Cancellation
    /// As [`Desk::deliver_due`].
    pub async fn deliver_waiting(&self) -> Result<Tally, DeskError> {
        self.db.delivery_hasten(self.clock.now()).await?;
        self.deliver_due().await
    }

    /// Sets going again what was given up.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn take_up_again(&self) -> Result<(), DeskError> {
        let now = self.clock.now();
        for delivery in self.db.delivery_list(None).await? {
            if delivery.state == DeliveryState::Failed {
                self.db.delivery_retry(delivery.id, now).await?;
            }
        }
        for endpoint in &self.endpoints {
            self.db.webhook_take_up_again(endpoint.name(), now).await?;
        }
        Ok(())
    }

    /// Makes deliveries as they become due, until `stop`; attempts under way are then finished.
    pub async fn run(&self, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            // Before the look, so that no poke in between is missed.
            let poked = self.poke.notified();
            if let Err(error) = self.deliver_until(stop).await {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the outbox failed"
                );
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = poked => {}
                () = tokio::time::sleep(self.next_look().await) => {}
            }
        }
    }

    async fn next_look(&self) -> Duration {
        match self.db.delivery_next_due().await {
            Ok(Some(due_at)) => due_at
                .since(self.clock.now())
                .clamp(Duration::from_secs(1), POLL),
            Ok(None) => POLL,
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the outbox failed"
                );
                POLL
            }
        }
    }

    async fn deliver_until(&self, stop: &CancellationToken) -> Result<Tally, DeskError> {
        let mut tally = Tally::default();
        let mut attempts = JoinSet::new();
        loop {
            while attempts.len() < AT_ONCE && !stop.is_cancelled() {
                let now = self.clock.now();
                let Some(delivery) = self.db.delivery_claim(now, now.plus(LEASE)).await? else {
                    break;
                };
                let connector = self.connector(&delivery.connector);
                let ticket = self
                    .db
                    .ticket_find(delivery.incident, &delivery.connector)
                    .await?;
                let begun = Attempt {
                    delivery,
                    at: now,
                    ticket,
                };
                attempts.spawn(attempt(connector, begun));
            }
            match attempts.join_next().await {
                None => return Ok(tally),
                Some(Ok((delivery, outcome))) => {
                    self.record(&delivery, outcome, &mut tally).await?;
                }
                // Its lease runs out, and it is tried again.
                Some(Err(panicked)) => {
                    tracing::error!(error = %panicked, "a connector failed");
                }
            }
        }
    }

    pub(crate) fn connector(&self, name: &str) -> Option<Arc<dyn Connector>> {
        let connector = self
            .connectors
            .iter()
            .find(|connector| connector.name() == name);
        connector.cloned()
    }

    async fn record(
        &self,
        delivery: &Delivery,
        outcome: Outcome,
        tally: &mut Tally,
    ) -> Result<(), DeskError> {
        let now = self.clock.now();
        let (desk, id) = (&delivery.connector, delivery.id);
        match outcome {
            Outcome::Delivered(taken) => {
                let ticket = taken.ticket.as_ref();
                self.db.delivery_finish(delivery, ticket, now).await?;
                self.db.connector_succeeded(desk, now).await?;
                tally.delivered += 1;
                tracing::info!(delivery.id = %id, desk, "delivered");
            }
            Outcome::Gone(why) => {
                self.db.connector_disable(desk, &why, now).await?;
                self.db.connector_failed(desk, &why, None, now).await?;
                tally.failed += 1;
                tracing::error!(delivery.id = %id, desk, why, "the desk is told nothing any more");
            }
            Outcome::Failed { why, retry_after } => {
                let why = clean::line(&self.scrubber, &why, ERROR_BYTES);
                let asked = retry_after.map(|wait| now.plus(wait.min(LONGEST_RETRY_AFTER)));
                self.db.connector_failed(desk, &why, asked, now).await?;
                if let Some(wait) = next_attempt(delivery.attempts, retry_after, fastrand::f64()) {
                    self.db
                        .delivery_postpone(delivery, now.plus(wait), &why)
                        .await?;
                    tally.postponed += 1;
                    tracing::warn!(delivery.id = %id, desk, why, "delivery postponed");
                } else {
                    self.db.delivery_fail(delivery, &why).await?;
                    tally.failed += 1;
                    tracing::error!(delivery.id = %id, desk, why, "delivery given up");
                }
            }
        }
        Ok(())
    }
}

/// What came of one attempt.
enum Outcome {
    Delivered(Taken),
    Failed {
        why: String,
        retry_after: Option<Duration>,
    },
    Gone(String),
}

async fn attempt(connector: Option<Arc<dyn Connector>>, attempt: Attempt) -> (Delivery, Outcome) {
    let outcome = match connector {
        None => Outcome::Failed {
            why: "no connector of this name is configured".to_owned(),
            retry_after: None,
        },
        Some(connector) => match tokio::time::timeout(ATTEMPT, connector.deliver(&attempt)).await {
            Ok(Ok(taken)) => Outcome::Delivered(taken),
            Ok(Err(error @ DeliveryError::Gone)) => Outcome::Gone(error.to_string()),
            Ok(Err(error)) => Outcome::Failed {
                retry_after: error.retry_after(),
                why: chain(&error),
            },
            Err(_) => Outcome::Failed {
                why: "it took too long".to_owned(),
                retry_after: None,
            },
        },
    };
    (attempt.delivery, outcome)
}

/// How long to wait after the attempt of this number, from one, failed; `None` if it was the last.
///
/// `roll` is from zero to one.
pub(crate) fn next_attempt(
    number: u32,
    retry_after: Option<Duration>,
    roll: f64,
) -> Option<Duration> {
    let index = usize::try_from(number.saturating_sub(1)).ok()?;
    let wait = BACK_OFF.get(index)?.mul_f64(1.0 + roll / 5.0);
    let asked = retry_after.unwrap_or_default().min(LONGEST_RETRY_AFTER);
    Some(wait.max(asked))
}

#[cfg(test)]
#[path = "outbox_tests.rs"]
mod tests;
