//! How connectors fare, and whether they work: a test incident that nobody has to look after.

use model::{DeliveryId, FailureClass, TitleError, chain};
use store::{ConnectorHealth, Delivery, DeliveryState, EventKind, Incident, Ticket};

use crate::{
    Attempt, Connector, Desk, DeskError, Failure, Notice, clean,
    rules::{self, Ruling},
    webhooks::Endpoint,
};

/// What a test incident is about.
const TITLE: &str = "Auto-Update test";

/// The longest text of a refusal, in bytes.
pub(crate) const WHY_BYTES: usize = 500;

/// One connector, and how it fares.
#[derive(Clone, Debug)]
pub struct ConnectorState {
    /// How it fares.
    pub health: ConnectorHealth,
    /// Whether it is configured. What waits for one that is not is kept.
    pub configured: bool,
    /// Which events of incidents it is told of.
    pub events: Vec<EventKind>,
    /// What else it is told of: topics of an endpoint of a webhook.
    pub topics: Vec<String>,
}

impl Desk {
    /// Every connector that is configured, or that something still waits for, by name.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn connectors(&self) -> Result<Vec<ConnectorState>, DeskError> {
        let mut known = self.db.connector_health().await?;
        let desks = self.connectors.iter().map(|connector| connector.name());
        for name in desks.chain(self.endpoints.iter().map(Endpoint::name)) {
            if !known.iter().any(|health| health.connector == name) {
                known.push(ConnectorHealth {
                    connector: name.to_owned(),
                    ..ConnectorHealth::default()
                });
            }
        }
        known.sort_by(|one, other| one.connector.cmp(&other.connector));
        let state = |health: ConnectorHealth| {
            let connector = self.connector(&health.connector);
            let endpoint = self.endpoint(&health.connector);
            let wants = |kind: &EventKind| connector.as_ref().is_some_and(|it| it.wants(*kind));
            let events = EventKind::ALL.into_iter().filter(wants).collect();
            ConnectorState {
                health,
                configured: connector.is_some() || endpoint.is_some(),
                events,
                topics: endpoint.map(Endpoint::topics).unwrap_or_default(),
            }
        };
        Ok(known.into_iter().map(state).collect())
    }

    /// Tells one desk of a test incident and of its end, past the outbox, and answers the ticket if it keeps such.
    ///
    /// # Errors
    /// If there is no such connector, or its desk does not take the test.
    pub async fn test_fire(&self, name: &str) -> Result<Option<Ticket>, DeskError> {
        if let Some(endpoint) = self.endpoint(name) {
            self.test_endpoint(endpoint).await?;
            return Ok(None);
        }
        let connector = self.connector(name).ok_or_else(|| {
            let desks = self.connectors.iter().map(|one| one.name());
            let endpoints = self.endpoints.iter().map(Endpoint::name);
            let known: Vec<&str> = desks.chain(endpoints).collect();
            DeskError::NoConnector {
                name: name.to_owned(),
                known: known.join(", "),
            }
        })?;
        let opened = self.test_incident().map_err(|error| DeskError::Undecided {
            key: error.to_string(),
        })?;
        let ticket = self.fire(&*connector, (&opened, 1), None).await?;
        let over = rules::resolve(&opened.0, "The test is over.", self.clock.now());
        let Some(resolved) = over else {
            return Ok(ticket);
        };
        self.fire(&*connector, (&resolved, 2), ticket).await
    }

    fn test_incident(&self) -> Result<Ruling, TitleError> {
        let failure = Failure {
            title: TITLE.parse()?,
            class: FailureClass::Internal,
            cause: "Somebody tests whether this desk can be told of incidents.".to_owned(),
            next_step: Some("Nothing: this is a test.".to_owned()),
            run: None,
            step: None,
            excerpt: String::new(),
        };
        let now = self.clock.now();
        Ok(rules::open(
            &self.facts(&failure),
            &self.terms(failure.class),
            now,
        ))
    }

    async fn fire(
        &self,
        connector: &dyn Connector,
        ((incident, kind), sequence): (&Ruling, u32),
        ticket: Option<Ticket>,
    ) -> Result<Option<Ticket>, DeskError> {
        let attempt = Attempt {
            delivery: self.test_delivery(
                connector.name(),
                incident,
                kind.unwrap_or(EventKind::Updated),
                sequence,
            ),
            at: self.clock.now(),
            ticket: ticket.clone(),
        };
        let taken = connector.deliver(&attempt).await;
        let taken = taken.map_err(|error| DeskError::Test {
            connector: connector.name().to_owned(),
            why: clean::line(&self.scrubber, &chain(&error), WHY_BYTES),
        })?;
        Ok(taken.ticket.or(ticket))
    }

    fn test_delivery(
        &self,
        connector: &str,
        incident: &Incident,
        kind: EventKind,
        sequence: u32,
    ) -> Delivery {
        let now = self.clock.now();
        Delivery {
            id: DeliveryId::new(),
            incident: incident.id,
            sequence,
            kind,
            happened_at: now,
            // A notice is a tree of plain fields, which JSON always takes.
            payload: serde_json::to_value(Notice::of(incident, kind, now)).unwrap_or_default(),
            connector: connector.to_owned(),
            state: DeliveryState::Pending,
            attempts: 1,
            created_at: now,
            due_at: now,
            delivered_at: None,
            last_error: None,
        }
    }
}
