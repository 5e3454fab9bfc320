//! Webhooks: other programs are called with what happens to runs, publications, holds and incidents.
//!
//! What happens is written down by the state in the transaction in which it happens. Each endpoint has a cursor there; what
//! is behind it is put into the endpoint's outbox, together with the cursor's move, and from there sent until it is taken.
//! So an event is one delivery under one name, whichever node sends it and however often, and none is lost.
//!
//! # Source
//! Standard Webhooks 1.0.0.

use std::{collections::BTreeSet, time::Duration};

use model::{DeliveryId, FailureClass, Title, chain};
use serde_json::{Value, json};
use store::{Event, NewWebhookDelivery, WebhookDelivery};
use tokio_util::sync::CancellationToken;

use crate::{
    DeliveryError, Desk, DeskError, Failure, Tally, WebhooksConfig, clean,
    connector::{Caller, Line, set_up},
    drill::WHY_BYTES,
    outbox::{ATTEMPT, ERROR_BYTES, LEASE, LONGEST_RETRY_AFTER, next_attempt},
};

/// The version of what is sent. Fields are added without raising it; none is changed or dropped.
const SCHEMA: u32 = 1;

/// Everything that endpoints can be told of, by what it happens to.
const TOPICS: [(&str, &[&str]); 4] = [
    ("hold", &["approve", "refuse"]),
    ("incident", &["open", "acknowledged", "resolved"]),
    ("publication", &["started", "published", "rolled-back"]),
    (
        "run",
        &[
            "queued",
            "running",
            "scanning",
            "publishing",
            "published",
            "unchanged",
            "held",
            "failed",
            "cancelled",
        ],
    ),
];

/// How many events are taken over at a time.
const AT_A_TIME: u32 = 200;

/// How often it is looked whether something has happened.
const LOOK: Duration = Duration::from_secs(1);

/// How long it is waited after the state failed.
const PATIENCE: Duration = Duration::from_secs(15);

/// After how many looks old deliveries are forgotten again: every few hours.
const FORGET: u32 = 10_000;

/// How long a delivery is kept that waits no more.
const KEPT: Duration = Duration::from_hours(30 * 24);

/// A program that is called with what happens.
#[derive(Debug)]
pub(crate) struct Endpoint {
    name: String,
    topics: BTreeSet<String>,
    caller: Caller,
}

impl Endpoint {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// What it is told of, as the configuration writes it.
    pub(crate) fn topics(&self) -> Vec<String> {
        self.topics.iter().cloned().collect()
    }

    fn wants(&self, kind: &str) -> bool {
        let subject = kind.split_once('.').map_or(kind, |(subject, _)| subject);
        self.topics.contains(kind) || self.topics.contains(subject)
    }

    /// What incidents about it are about.
    fn title(&self) -> Option<Title> {
        format!("Webhook {}", self.name).parse().ok()
    }
}

impl Desk {
    /// The same, that also calls the endpoints of `config`.
    ///
    /// # Errors
    /// If one cannot work as it is configured, or has the name of another, or of a connector.
    pub fn with_webhooks(mut self, config: &WebhooksConfig) -> Result<Self, DeskError> {
        for secret in config.secrets() {
            self.scrubber.learn(secret.expose());
            self.scrubber
                .learn(secret.expose().trim_start_matches("whsec_"));
        }
        for endpoint in &config.endpoint {
            let refused = |why: &str| set_up(&endpoint.name, why);
            let is_allowed = |it: char| it.is_ascii_alphanumeric() || matches!(it, '.' | '-' | '_');
            let name = &endpoint.name;
            if name.is_empty() || name.len() > 64 || !name.chars().all(is_allowed) {
                return Err(refused(
                    "its name may hold only letters and digits of ASCII and `.-_`",
                ));
            }
            if self.connector(name).is_some() || self.endpoint(name).is_some() {
                return Err(refused("its name is used twice"));
            }
            let line = Line {
                name,
                address: endpoint.url.expose(),
                allow_loopback_http: endpoint.allow_loopback_http,
                timeout_seconds: endpoint.timeout_seconds,
            };
            self.endpoints.push(Endpoint {
                name: name.clone(),
                topics: topics(&endpoint.events)
                    .map_err(|unknown| refused(&format!("nothing is called `{unknown}`")))?,
                caller: Caller::new(line, &endpoint.secrets)?,
            });
        }
        Ok(self)
    }

    /// The names of the endpoints.
    pub fn webhooks(&self) -> impl Iterator<Item = &str> {
        self.endpoints.iter().map(Endpoint::name)
    }

    pub(crate) fn endpoint(&self, name: &str) -> Option<&Endpoint> {
        self.endpoints.iter().find(|endpoint| endpoint.name == name)
    }

    /// Calls the endpoint of this name with what happens, until `stop`; a call under way is then finished.
    pub async fn run_webhook(&self, name: &str, stop: &CancellationToken) {
        let Some(endpoint) = self.endpoint(name) else {
            return;
        };
        for round in (0..FORGET).cycle() {
            let mut wait = LOOK;
            if let Err(error) = self.look_after(endpoint, round, stop).await {
                let error: &dyn std::error::Error = &error;
                tracing::error!(error, webhook = name, "a webhook cannot be called");
                wait = PATIENCE;
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    async fn look_after(
        &self,
        endpoint: &Endpoint,
        round: u32,
        stop: &CancellationToken,
    ) -> Result<(), DeskError> {
        self.send_due(endpoint, stop).await?;
        if round == 0 {
            let before = self.clock.now().minus(KEPT);
            self.db.webhook_forget(before).await?;
        }
        Ok(())
    }

    /// Takes over what has happened, and sends what is due.
    pub(crate) async fn send_due(
        &self,
        endpoint: &Endpoint,
        stop: &CancellationToken,
    ) -> Result<Tally, DeskError> {
        let mut tally = Tally::default();
        while self.take_over(endpoint).await? {}
        while !stop.is_cancelled() {
            let now = self.clock.now();
            let claimed = self.db.webhook_claim(&endpoint.name, now, now.plus(LEASE));
            let Some(delivery) = claimed.await? else {
                break;
            };
            let id = delivery.id.to_string();
            let call = endpoint.caller.call(&id, delivery.body.clone(), now);
            let outcome = tokio::time::timeout(ATTEMPT, call).await;
            match outcome {
                Ok(Ok(())) => self.taken(endpoint, &delivery, &mut tally).await?,
                Ok(Err(error)) => {
                    self.refused(endpoint, &delivery, &error, &mut tally)
                        .await?;
                }
                // Its own limit is shorter; what is left has the lease to run out.
                Err(_elapsed) => tally.postponed += 1,
            }
        }
        Ok(tally)
    }

    /// Puts the next events into the outbox of the endpoint; answers whether there may be more.
    async fn take_over(&self, endpoint: &Endpoint) -> Result<bool, DeskError> {
        let after = self.db.webhook_heard(&endpoint.name).await?;
        let events = self.db.event_list(after, AT_A_TIME).await?;
        let Some(last) = events.last() else {
            return Ok(false);
        };
        let heard = last.sequence;
        let wanted = events.iter().filter(|event| endpoint.wants(&event.kind));
        let deliveries: Vec<_> = wanted.map(delivery_of).collect();
        let now = self.clock.now();
        self.db
            .webhook_put(&endpoint.name, (after, heard), &deliveries, now)
            .await?;
        Ok(true)
    }

    async fn taken(
        &self,
        endpoint: &Endpoint,
        delivery: &WebhookDelivery,
        tally: &mut Tally,
    ) -> Result<(), DeskError> {
        let now = self.clock.now();
        self.db.webhook_finish(delivery, now).await?;
        self.db.connector_succeeded(&endpoint.name, now).await?;
        tally.delivered += 1;
        tracing::debug!(delivery.id = %delivery.id, webhook = endpoint.name, "delivered");
        let Some(title) = endpoint.title() else {
            return Ok(());
        };
        let scope = &self.config.scope;
        for incident in self.db.incident_list_of_title(scope, &title).await? {
            match self
                .resolve_by_hand(incident.id, "It is taken again.")
                .await
            {
                // Another node was faster.
                Ok(_) | Err(DeskError::Resolved { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn refused(
        &self,
        endpoint: &Endpoint,
        delivery: &WebhookDelivery,
        error: &DeliveryError,
        tally: &mut Tally,
    ) -> Result<(), DeskError> {
        let (now, name) = (self.clock.now(), &endpoint.name);
        let why = clean::line(&self.scrubber, &chain(error), ERROR_BYTES);
        if matches!(error, DeliveryError::Gone) {
            self.db.connector_failed(name, &why, None, now).await?;
            self.db.connector_disable(name, &why, now).await?;
            tally.failed += 1;
            tracing::error!(delivery.id = %delivery.id, webhook = name, why, "the webhook is called no more");
            return self.complain(endpoint, &why).await;
        }
        let asked = error.retry_after();
        let wait = next_attempt(delivery.attempts, asked, fastrand::f64());
        let is_too_much = matches!(error, DeliveryError::Refused { status: 429, .. });
        let rest = asked.or(wait.filter(|_| is_too_much));
        let rest = rest.map(|rest| now.plus(rest.min(LONGEST_RETRY_AFTER)));
        self.db.connector_failed(name, &why, rest, now).await?;
        let due_at = wait.map(|wait| now.plus(wait));
        self.db.webhook_postpone(delivery, due_at, &why).await?;
        if due_at.is_some() {
            tally.postponed += 1;
            tracing::warn!(delivery.id = %delivery.id, webhook = name, why, "delivery postponed");
            return Ok(());
        }
        tally.failed += 1;
        tracing::error!(delivery.id = %delivery.id, webhook = name, why, "delivery given up");
        self.complain(endpoint, &why).await
    }

    /// Says to a person that an endpoint does not get what it is to get.
    async fn complain(&self, endpoint: &Endpoint, why: &str) -> Result<(), DeskError> {
        let Some(title) = endpoint.title() else {
            return Ok(());
        };
        let failure = Failure {
            title,
            class: FailureClass::Configuration,
            cause: format!("The webhook `{}` is not taken: {why}", endpoint.name),
            next_step: Some(
                "Mend the program that is called, then `auto-update incident deliver --failed`; or take the endpoint \
                 out of `[webhooks]`."
                    .to_owned(),
            ),
            run: None,
            step: None,
            excerpt: String::new(),
        };
        self.raise(&failure).await?;
        Ok(())
    }

    /// Calls an endpoint with a test, past the outbox.
    pub(crate) async fn test_endpoint(&self, endpoint: &Endpoint) -> Result<(), DeskError> {
        let now = self.clock.now();
        let body = json!({
            "type": "webhook.test",
            "timestamp": now.to_utc(),
            "data": { "schema": SCHEMA, "webhook": endpoint.name },
        });
        let id = DeliveryId::new().to_string();
        let called = endpoint.caller.call(&id, body.to_string(), now).await;
        called.map_err(|error| DeskError::Test {
            connector: endpoint.name.clone(),
            why: clean::line(&self.scrubber, &chain(&error), WHY_BYTES),
        })
    }
}

/// The topics as given, all of them if none is.
///
/// # Errors
/// The one that there is not.
fn topics(given: &[String]) -> Result<BTreeSet<String>, &str> {
    if given.is_empty() {
        let all = TOPICS.iter().map(|(subject, _)| (*subject).to_owned());
        return Ok(all.collect());
    }
    let is_known = |topic: &str| {
        TOPICS
            .iter()
            .any(|(subject, kinds)| match topic.split_once('.') {
                Some((of, kind)) => of == *subject && kinds.contains(&kind),
                None => topic == *subject,
            })
    };
    match given.iter().find(|topic| !is_known(topic)) {
        Some(unknown) => Err(unknown),
        None => Ok(given.iter().cloned().collect()),
    }
}

fn delivery_of(event: &Event) -> NewWebhookDelivery {
    NewWebhookDelivery {
        id: DeliveryId::new(),
        sequence: event.sequence,
        kind: event.kind.clone(),
        about: event.about.clone(),
        body: body_of(event).to_string(),
    }
}

/// What is sent of an event: what it happened to, by which the API tells the rest.
fn body_of(event: &Event) -> Value {
    let subject = match event.kind.split_once('.') {
        Some(("incident", _)) => "incident",
        Some(("publication", _)) => "change_set",
        _ => "run",
    };
    json!({
        "type": event.kind,
        "timestamp": event.happened_at.to_utc(),
        "data": {
            "schema": SCHEMA,
            "sequence": event.sequence,
            subject: event.about,
            "title": event.title,
            "class": event.detail,
        },
    })
}

#[cfg(test)]
#[path = "webhooks_tests.rs"]
mod tests;
