//! The service desk: raises, resolves and acknowledges incidents.

use std::{collections::BTreeMap, fmt, sync::Arc};

use model::{Clock, FailureClass, IncidentId, Priority, RunId, Title};
use redact::Scrubber;
use store::{Db, Incident, IncidentChange, IncidentKey, IncidentState, Maintenance, NewEvent};
use tokio::sync::Notify;

use crate::{
    Calendar, Config, Connector, DeskError, Failure, Notice, advice, clean, connector, digest,
    quiet::{self, Guards},
    rules::{self, Facts, Ruling, Terms},
    webhooks::Endpoint,
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
    pub(crate) endpoints: Vec<Endpoint>,
    pub(crate) poke: Notify,
    pub(crate) digest: Option<digest::Schedule>,
    calendars: BTreeMap<String, Arc<Calendar>>,
    pub(crate) config: Config,
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
    /// If a connector cannot work as it is configured, two have one name, or a calendar makes no sense.
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
            endpoints: Vec::new(),
            poke: Notify::new(),
            digest: digest::Schedule::of(&config)?,
            calendars: config.calendars()?,
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
        let windows = self.db.maintenance_list(now).await?;
        let mut raised = self.raise_merged(&facts, &windows).await?;
        if raised.is_none() {
            let changed = self.db.incident_change(&facts.key, |before| {
                let ruling = rules::raise(before, &facts, &terms, now)?;
                let remark = self.flapping_remark(&ruling);
                Some(self.change(ruling, remark, &windows))
            });
            raised = changed.await?;
        }
        let incident = raised.ok_or_else(|| DeskError::Undecided {
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

    /// Counts the failure on the incident that its own one became a part of, for as long as that is open.
    async fn raise_merged(
        &self,
        facts: &Facts,
        windows: &[Maintenance],
    ) -> Result<Option<Incident>, DeskError> {
        let Some(into) = self.db.incident_merged_into(&facts.key).await? else {
            return Ok(None);
        };
        let now = self.clock.now();
        let changed = self.db.incident_change_by_id(into, |before| {
            let ruling = rules::raise_merged(before, facts, now)?;
            Some(self.change(ruling, None, windows))
        });
        let incident = changed.await?;
        Ok(incident.filter(|incident| incident.state != IncidentState::Resolved))
    }

    /// What is said of an incident that comes and goes, when it is first seen that it does.
    fn flapping_remark(&self, (incident, _): &Ruling) -> Option<String> {
        let flapping = &self.config.flapping;
        let hours = flapping.quiet_hours;
        let begins = flapping.reopened > 0 && incident.reopened == flapping.reopened;
        (begins && incident.resolved_at.is_none()).then(|| {
            format!(
                "It has come back {} times; its end is told when it was over for {hours} hours.",
                incident.reopened
            )
        })
    }

    /// Whose incidents it looks after.
    pub fn scope(&self) -> &str {
        &self.config.scope
    }

    /// Resolves every incident of `title` after its fully good run `run`, and answers them.
    ///
    /// # Errors
    /// If the database fails; incidents resolved before that stay so, and a second call resolves the rest.
    pub async fn resolve(&self, title: &Title, run: RunId) -> Result<Vec<Incident>, DeskError> {
        let now = self.clock.now();
        let windows = self.db.maintenance_list(now).await?;
        let mut resolved = Vec::new();
        for incident in self
            .db
            .incident_list_of_title(&self.config.scope, title)
            .await?
        {
            let changed = self.db.incident_change_by_id(incident.id, |before| {
                let ruling = rules::resolve_after(before, run, now)?;
                Some(self.change(ruling, None, &windows))
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
        self.change_open_saying(id, None, rule).await
    }

    /// Changes an incident that is not over, with something to say about it.
    pub(crate) async fn change_open_saying(
        &self,
        id: IncidentId,
        remark: Option<String>,
        rule: impl FnOnce(&Incident) -> Option<Ruling> + Send,
    ) -> Result<Incident, DeskError> {
        let windows = self.db.maintenance_list(self.clock.now()).await?;
        let mut was_resolved = false;
        let changed = self.db.incident_change_by_id(id, |before| {
            was_resolved = before.resolved_at.is_some();
            if was_resolved {
                return None;
            }
            rule(before).map(|ruling| self.change(ruling, remark, &windows))
        });
        let incident = changed.await?.ok_or(DeskError::NoIncident { id })?;
        if was_resolved {
            return Err(DeskError::Resolved { id });
        }
        self.poke.notify_one();
        Ok(incident)
    }

    /// The incident as ruled, with a notice to every connector that wants one, unless desks are not told now.
    pub(crate) fn change(
        &self,
        (incident, kind): Ruling,
        remark: Option<String>,
        windows: &[Maintenance],
    ) -> IncidentChange {
        let now = self.clock.now();
        let guards = Guards {
            windows,
            patience: &self.config.patience,
            flapping: &self.config.flapping,
        };
        let (incident, told) = quiet::settle(incident, kind, &guards, now);
        let event = told.map(|(kind, is_told)| {
            let notice = Notice::of(&incident, kind, now).with_remark(remark);
            let wants = |connector: &&Arc<dyn Connector>| is_told && connector.wants(kind);
            NewEvent {
                kind,
                happened_at: now,
                // A notice is a tree of plain fields, which JSON always takes.
                payload: serde_json::to_value(notice).unwrap_or_default(),
                connectors: self
                    .connectors
                    .iter()
                    .filter(wants)
                    .map(|connector| connector.name().to_owned())
                    .collect(),
            }
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
        self.terms_of(self.config.priority(class))
    }

    /// The terms of a priority.
    pub(crate) fn terms_of(&self, priority: Priority) -> Terms {
        let clocks = self.config.clocks(priority);
        let calendar = clocks.calendar.as_ref();
        Terms {
            priority,
            calendar: calendar
                .and_then(|name| self.calendars.get(name))
                .cloned()
                .unwrap_or_default(),
            clocks,
            reopen_within: self.config.reopen_within(),
        }
    }
}
