//! What the service desk hears of work that no run does.

use model::{FailureClass, IncidentId, Timestamp, Title};
use store::{Incident, IncidentFilter};

use crate::{Engine, Failure};

/// The class of the incident of a title that has had no good run for long: something takes longer than it may.
const STALE: FailureClass = FailureClass::Timeout;

/// Work that no run does. The desk knows it by its name, where a run has its title.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Upkeep {
    /// Signing what clients may believe.
    Metadata,
    /// Bringing items into rings.
    Rings,
    /// Asking scanners again about what was published.
    Scans,
    /// Removing what nobody needs any more.
    Retention,
    /// Forgetting runs that nobody needs any more.
    Records,
    /// Carrying out what is due.
    Schedules,
    /// Keeping what NGINX serves to tenants as it is to be.
    Pods,
}

impl Upkeep {
    const fn name(self) -> &'static str {
        match self {
            Self::Metadata => "repository update metadata",
            Self::Rings => "repository rings",
            Self::Scans => "repository scans",
            Self::Retention => "repository retention",
            Self::Records => "records",
            Self::Schedules => "schedules",
            Self::Pods => "pods of NGINX",
        }
    }
}

impl Engine {
    /// Opens an incident for work that could not be done; an error is logged.
    pub async fn tell_of_trouble(&self, upkeep: Upkeep, failure: &Failure) -> Option<IncidentId> {
        let told = desk::Failure {
            title: upkeep.name().parse::<Title>().ok()?,
            class: failure.class,
            cause: failure.cause(),
            next_step: Some(failure.next_step().to_owned()),
            run: None,
            step: None,
            excerpt: failure.detail.clone().unwrap_or_default(),
        };
        match self.parts.desk.raise(&told).await {
            Ok(incident) => Some(incident.id),
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::error!(error, "the desk could not be told of {}", upkeep.name());
                None
            }
        }
    }

    /// Opens an incident for a title that has had no good run since a moment, unless there is one already: nothing is
    /// counted on it until it is over. A good run of the title ends it, as any other of its incidents.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn tell_of_stale(&self, title: &Title, since: Timestamp) -> Result<(), Failure> {
        let failed =
            |error: &dyn std::error::Error| Failure::from_error(FailureClass::Internal, error);
        let open = self.parts.db.incident_list(IncidentFilter::Unresolved);
        let open = open.await.map_err(|error| failed(&error))?;
        let is_known = |it: &Incident| it.key.title == *title && it.key.class == STALE;
        if open.iter().any(is_known) {
            return Ok(());
        }
        let told = desk::Failure {
            title: title.clone(),
            class: STALE,
            cause: format!("The title is scheduled, and has had no good run since {since}."),
            next_step: Some(
                "Look at its runs with `auto-update runs list`, at its other incidents, and at what waits for a person \
                 (`auto-update holds list`). If nobody needs the title any more, take it out of the schedules."
                    .to_owned(),
            ),
            run: None,
            step: None,
            excerpt: String::new(),
        };
        tracing::warn!(title.name = %title, %since, "no good run for too long");
        let raised = self.parts.desk.raise(&told).await;
        raised.map(drop).map_err(|error| failed(&error))
    }

    /// Resolves the incidents of work that is done again; an error is logged.
    pub async fn tell_of_its_end(&self, upkeep: Upkeep) {
        let open = match self
            .parts
            .db
            .incident_list(IncidentFilter::Unresolved)
            .await
        {
            Ok(open) => open,
            Err(error) => {
                tracing::error!(%error, "the desk could not be told of {}", upkeep.name());
                return;
            }
        };
        let own = open
            .into_iter()
            .filter(|incident| incident.key.title.as_str() == upkeep.name());
        for incident in own {
            let resolved = self
                .parts
                .desk
                .resolve_by_hand(incident.id, "It was done without trouble afterwards");
            if let Err(error) = resolved.await {
                let error: &dyn std::error::Error = &error;
                tracing::error!(error, "the desk could not be told of {}", upkeep.name());
            }
        }
    }
}
