//! The service desk: raises, resolves and acknowledges incidents.

use std::{fmt, sync::Arc};

use model::{Clock, FailureClass, IncidentId, RunId, Title};
use redact::Scrubber;
use store::{Db, Incident, IncidentChange, IncidentKey, NewEvent};
use tokio::sync::Notify;

use crate::{
    Config, Connector, DeskError, Failure, Notice, advice, clean, connector,
    rules::{self, Facts, Ruling, Terms},
};

/// Longest texts of an incident, in bytes. Together they keep a notice under the 20 kB that receivers of webhooks
/// expect, even where JSON doubles a character.
const CAUSE_BYTES: usize = 1_500;
const ADVICE_BYTES: usize = 1_000;
const NAME_BYTES: usize = 200;
const EXCERPT_BYTES: usize = 5_000;

/// The service desk of one scope.
pub struct Desk {
    pub(crate) db: Db,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) scrubber: Scrubber,
    pub(crate) connectors: Vec<Arc<dyn Connector>>,
    pub(crate) poke: Notify,
    config: Config,
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk")
            .field("scope", &self.config.scope)
            .field("connectors", &self.connectors)
            .finish_non_exhaustive()
    }
}

impl Desk {
    /// A desk with the connectors of `config`. What `scrubber` knows, and the secrets of `config`, stay out of every
    /// text.
    ///
    /// # Errors
    /// If a connector cannot work as it is configured, or two have one name.
    pub fn new(
        config: Config,
        db: Db,
        clock: Arc<dyn Clock>,
        mut scrubber: Scrubber,
    ) -> Result<Self, DeskError> {
        connector::learn_secrets(&config, &mut scrubber);
        Ok(Self {
            db,
            clock,
            scrubber,
            connectors: connector::all(&config)?,
            poke: Notify::new(),
            config,
        })
    }

    /// Opens an incident for `failure`, or counts it on the one there is; answers the incident as it now stands.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn raise(&self, failure: &Failure) -> Result<Incident, DeskError> {
        let now = self.clock.now();
        let facts = self.facts(failure);
        let terms = self.terms(failure.class);
        let changed = self.db.incident_change(&facts.key, |before| {
            let ruling = rules::raise(before, &facts, terms, now)?;
            Some(self.change(ruling))
        });
        let incident = changed.await?.ok_or_else(|| DeskError::Undecided {
            key: facts.key.to_string(),
        })?;
        tracing::info!(
            incident.id = %incident.id,
            incident.class = %failure.class,
            incident.repeats = incident.repeats,
            title.name = %failure.title,
            "incident raised"
        );
        self.poke.notify_one();
        Ok(incident)
    }

    /// Resolves every incident of `title` after its fully good run `run`, and answers them.
    ///
    /// # Errors
    /// If the database fails; incidents resolved before that stay so, and a second call resolves the rest.
    pub async fn resolve(&self, title: &Title, run: RunId) -> Result<Vec<Incident>, DeskError> {
        let now = self.clock.now();
        let mut resolved = Vec::new();
        for incident in self
            .db
            .incident_list_of_title(&self.config.scope, title)
            .await?
        {
            let changed = self.db.incident_change_by_id(incident.id, |before| {
                let ruling = rules::resolve_after(before, run, now)?;
                Some(self.change(ruling))
            });
            let after = changed
                .await?
                .filter(|after| after.resolved_at == Some(now));
            resolved.extend(after);
        }
        for incident in &resolved {
            tracing::info!(incident.id = %incident.id, title.name = %title, run.id = %run, "incident resolved");
        }
        self.poke.notify_one();
        Ok(resolved)
    }

    /// Resolves one incident by hand.
    ///
    /// # Errors
    /// If there is no such incident, it is resolved already, or the database fails.
    pub async fn resolve_by_hand(
        &self,
        id: IncidentId,
        reason: &str,
    ) -> Result<Incident, DeskError> {
        let now = self.clock.now();
        let reason = clean::line(&self.scrubber, reason, ADVICE_BYTES);
        self.change_open(id, |before| rules::resolve(before, &reason, now))
            .await
    }

    /// Records that `who` takes an incident, which stops its response clock.
    ///
    /// An incident that somebody has taken already is answered as it stands.
    ///
    /// # Errors
    /// If there is no such incident, it is resolved already, or the database fails.
    pub async fn acknowledge(&self, id: IncidentId, who: &str) -> Result<Incident, DeskError> {
        let now = self.clock.now();
        let who = clean::line(&self.scrubber, who, NAME_BYTES);
        self.change_open(id, |before| rules::acknowledge(before, &who, now))
            .await
    }

    async fn change_open(
        &self,
        id: IncidentId,
        rule: impl FnOnce(&Incident) -> Option<Ruling> + Send,
    ) -> Result<Incident, DeskError> {
        let mut was_resolved = false;
        let changed = self.db.incident_change_by_id(id, |before| {
            was_resolved = before.resolved_at.is_some();
            rule(before).map(|ruling| self.change(ruling))
        });
        let incident = changed.await?.ok_or(DeskError::NoIncident { id })?;
        if was_resolved {
            return Err(DeskError::Resolved { id });
        }
        self.poke.notify_one();
        Ok(incident)
    }

    /// The incident as ruled, with a notice to every connector that wants one.
    fn change(&self, (incident, event): Ruling) -> IncidentChange {
        let now = self.clock.now();
        let event = event.map(|kind| NewEvent {
            kind,
            happened_at: now,
            // A notice is a tree of plain fields, which JSON always takes.
            payload: serde_json::to_value(Notice::of(&incident, kind, now)).unwrap_or_default(),
            connectors: self
                .connectors
                .iter()
                .filter(|connector| connector.wants(kind))
                .map(|connector| connector.name().to_owned())
                .collect(),
        });
        IncidentChange { incident, event }
    }

    pub(crate) fn facts(&self, failure: &Failure) -> Facts {
        let line = |text: &str, limit_bytes| clean::line(&self.scrubber, text, limit_bytes);
        let next_step = failure.next_step.as_deref();
        Facts {
            key: IncidentKey {
                scope: self.config.scope.clone(),
                title: failure.title.clone(),
                class: failure.class,
            },
            cause: line(&failure.cause, CAUSE_BYTES),
            next_step: line(
                next_step.unwrap_or_else(|| advice(failure.class)),
                ADVICE_BYTES,
            ),
            run: failure.run,
            step: failure.step.as_deref().map(|step| line(step, NAME_BYTES)),
            excerpt: clean::lines(&self.scrubber, &failure.excerpt, EXCERPT_BYTES),
        }
    }

    pub(crate) fn terms(&self, class: FailureClass) -> Terms {
        let priority = self.config.priority(class);
        Terms {
            priority,
            clocks: self.config.clocks(priority),
            reopen_within: self.config.reopen_within(),
        }
    }
}
