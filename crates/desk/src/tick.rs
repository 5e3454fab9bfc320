//! What happens to incidents by the time alone: clocks run out, and quiet ends.

use store::{Incident, IncidentChange, IncidentFilter, Maintenance};

use crate::{Desk, DeskError, clock};

impl Desk {
    /// Looks at every incident that the time may have changed, and answers how many it has.
    ///
    /// # Errors
    /// If the database fails; what was changed before that stays, and the next look does the rest.
    pub async fn tick(&self) -> Result<usize, DeskError> {
        let windows = self.db.maintenance_list(self.clock.now()).await?;
        let mut incidents = self.db.incident_list(IncidentFilter::Unresolved).await?;
        for id in self.db.incident_quiet_list().await? {
            if !incidents.iter().any(|incident| incident.id == id) {
                incidents.extend(self.db.incident_find(id).await?);
            }
        }
        let mut changed = 0;
        for incident in incidents {
            // Most have not changed, and nothing is locked to see that.
            if self.due(&incident, &windows).is_some() {
                let due = |before: &Incident| self.due(before, &windows);
                self.db.incident_change_by_id(incident.id, due).await?;
                changed += 1;
            }
        }
        if changed > 0 {
            self.poke.notify_one();
        }
        Ok(changed)
    }

    /// What the time has changed about an incident.
    fn due(&self, before: &Incident, windows: &[Maintenance]) -> Option<IncidentChange> {
        let now = self.clock.now();
        let change = if before.keeping.quiet.is_some() {
            self.change((before.clone(), None), None, windows)
        } else {
            let terms = self.terms_of(before.priority);
            let (ruling, remark) = clock::look(before, &terms, now)?;
            self.change(ruling, Some(remark), windows)
        };
        let is_news = before.keeping != change.incident.keeping || change.event.is_some();
        is_news.then_some(change)
    }
}
