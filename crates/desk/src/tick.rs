//! What happens to incidents by the time alone: clocks run out, and quiet ends.

use std::collections::BTreeSet;

use model::IncidentId;
use store::{Incident, IncidentFilter};

use crate::{Desk, DeskError, clock};

impl Desk {
    /// Looks at every incident that the time may have changed, and answers how many it has.
    ///
    /// # Errors
    /// If the database fails; what was changed before that stays, and the next look does the rest.
    pub async fn tick(&self) -> Result<usize, DeskError> {
        let mut ids: BTreeSet<IncidentId> =
            self.db.incident_quiet_list().await?.into_iter().collect();
        let open = self.db.incident_list(IncidentFilter::Unresolved).await?;
        ids.extend(open.iter().map(|incident| incident.id));
        let mut changed = 0;
        for id in ids {
            changed += usize::from(self.tick_one(id).await?);
        }
        if changed > 0 {
            self.poke.notify_one();
        }
        Ok(changed)
    }

    async fn tick_one(&self, id: IncidentId) -> Result<bool, DeskError> {
        let now = self.clock.now();
        let windows = self.db.maintenance_list(now).await?;
        let mut has_changed = false;
        self.db
            .incident_change_by_id(id, |before| {
                let change = if before.keeping.quiet.is_some() {
                    self.change((before.clone(), None), None, &windows)
                } else {
                    let terms = self.terms_of(before.priority);
                    let (ruling, remark) = clock::look(before, &terms, now)?;
                    self.change(ruling, Some(remark), &windows)
                };
                has_changed = is_news(before, &change.incident) || change.event.is_some();
                has_changed.then_some(change)
            })
            .await?;
        Ok(has_changed)
    }
}

fn is_news(before: &Incident, after: &Incident) -> bool {
    before.keeping != after.keeping
}
