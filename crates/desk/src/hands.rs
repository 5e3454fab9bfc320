//! What people do about incidents: notes, merges, opening again, pauses, and maintenance windows.

use std::time::Duration;

use model::{FailureClass, IncidentId};
use store::{EventKind, Incident, IncidentState, Maintenance, PauseReason};

use crate::{Desk, DeskError, clean, clock, rules};

/// The longest text of a person, in bytes.
const NOTE_BYTES: usize = 1_000;
/// The longest name of a person or pattern of a title, in bytes.
const NAME_BYTES: usize = 200;

/// A maintenance window that somebody wants.
#[derive(Clone, Debug)]
pub struct NewMaintenance {
    /// Its name.
    pub name: String,
    /// In how long it begins.
    pub starts_in: Duration,
    /// How long it lasts.
    pub lasts: Duration,
    /// Titles, in which `*` stands for anything; every one if empty.
    pub titles: Vec<String>,
    /// Classes; every one if empty.
    pub classes: Vec<FailureClass>,
    /// Why.
    pub reason: String,
    /// Who makes it.
    pub made_by: String,
}

impl Desk {
    /// Adds a note to an incident, of which desks are told.
    ///
    /// # Errors
    /// If there is no such incident, it is resolved already, or the database fails.
    pub async fn note(&self, id: IncidentId, who: &str, text: &str) -> Result<Incident, DeskError> {
        let remark = self.remark(who, text);
        self.change_open_saying(id, Some(remark), |before| {
            Some((before.clone(), Some(EventKind::Noted)))
        })
        .await
    }

    /// Stops the clocks of an incident, because it waits for somebody.
    ///
    /// # Errors
    /// As [`Desk::note`].
    pub async fn pause(
        &self,
        id: IncidentId,
        (reason, who): (PauseReason, &str),
        text: &str,
    ) -> Result<Incident, DeskError> {
        let now = self.clock.now();
        let why = match reason {
            PauseReason::Vendor => "It waits for the vendor",
            PauseReason::Customer => "It waits for the customer",
            PauseReason::Other => "It waits",
        };
        let remark = self.remark(who, &format!("{why}; its clocks stand still. {text}"));
        self.change_open_saying(id, Some(remark), |before| clock::pause(before, reason, now))
            .await
    }

    /// Lets the clocks of an incident go on.
    ///
    /// # Errors
    /// As [`Desk::note`].
    pub async fn resume(&self, id: IncidentId, who: &str) -> Result<Incident, DeskError> {
        let now = self.clock.now();
        let remark = self.remark(who, "Its clocks go on.");
        self.change_open_saying(id, Some(remark), |before| {
            clock::resume(before, &self.terms_of(before.priority), now)
        })
        .await
    }

    /// Opens an incident again that is over; its clocks begin anew.
    ///
    /// # Errors
    /// If there is no such incident, it is not resolved, another of its kind is open, or the database fails.
    pub async fn reopen(
        &self,
        id: IncidentId,
        who: &str,
        why: &str,
    ) -> Result<Incident, DeskError> {
        let now = self.clock.now();
        let remark = self.remark(who, why);
        let windows = self.db.maintenance_list(now).await?;
        let mut was_open = false;
        let changed = self.db.incident_change_by_id(id, |before| {
            was_open = before.state != IncidentState::Resolved;
            let ruling = rules::reopen_by_hand(before, &self.terms_of(before.priority), now)?;
            Some(self.change(ruling, Some(remark), &windows))
        });
        let incident = changed.await?.ok_or(DeskError::NoIncident { id })?;
        if was_open {
            return Err(DeskError::NotResolved { id });
        }
        self.poke.notify_one();
        Ok(incident)
    }

    /// Makes `id` a part of `into`: it is over, and its repeats count there for as long as that is open.
    ///
    /// # Errors
    /// If one of them does not exist or is resolved, both are one, or the database fails.
    pub async fn merge(
        &self,
        id: IncidentId,
        into: IncidentId,
        who: &str,
    ) -> Result<Incident, DeskError> {
        if id == into {
            return Err(DeskError::MergedWithItself { id });
        }
        let found = self.db.incident_find(id).await?;
        let found = found.ok_or(DeskError::NoIncident { id })?;
        if found.state == IncidentState::Resolved {
            return Err(DeskError::Resolved { id });
        }
        let remark = self.remark(who, &format!("Incident {id} is a part of this one."));
        // The note first: if what follows fails, it can be said again.
        self.change_open_saying(into, Some(remark), |before| {
            Some((before.clone(), Some(EventKind::Noted)))
        })
        .await?;
        let now = self.clock.now();
        let reason = self.remark(who, &format!("It is a part of incident {into}."));
        self.change_open_saying(id, None, |before| {
            let (mut incident, event) = rules::resolve(before, &reason, now)?;
            incident.keeping.merged_into = Some(into);
            Some((incident, event))
        })
        .await
    }

    /// Keeps a maintenance window: incidents are recorded, and desks are told of what is left of them at its end.
    ///
    /// # Errors
    /// If there is one of this name that is not over, or the database fails.
    pub async fn maintain(&self, new: &NewMaintenance) -> Result<Maintenance, DeskError> {
        let now = self.clock.now();
        let line = |text: &str, limit_bytes| clean::line(&self.scrubber, text, limit_bytes);
        let starts_at = now.plus(new.starts_in);
        let window = Maintenance {
            name: line(&new.name, NAME_BYTES),
            starts_at,
            ends_at: starts_at.plus(new.lasts),
            titles: new
                .titles
                .iter()
                .map(|title| line(title, NAME_BYTES))
                .collect(),
            classes: new.classes.clone(),
            reason: line(&new.reason, NOTE_BYTES),
            made_by: line(&new.made_by, NAME_BYTES),
            made_at: now,
        };
        if !self.db.maintenance_add(&window).await? {
            return Err(DeskError::SecondWindow { name: window.name });
        }
        tracing::info!(maintenance.name = window.name, until = %window.ends_at, "maintenance window made");
        Ok(window)
    }

    fn remark(&self, who: &str, text: &str) -> String {
        let who = clean::line(&self.scrubber, who, NAME_BYTES);
        let text = clean::line(&self.scrubber, text, NOTE_BYTES);
        format!("{who}: {text}")
    }
}

#[cfg(test)]
#[path = "hands_tests.rs"]
mod tests;
