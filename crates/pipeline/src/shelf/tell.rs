//! What the service desk hears of work that no run does.

use model::{IncidentId, Title};
use store::IncidentFilter;

use crate::{Engine, Failure};

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
    /// Carrying out what is due.
    Schedules,
}

impl Upkeep {
    const fn name(self) -> &'static str {
        match self {
            Self::Metadata => "repository update metadata",
            Self::Rings => "repository rings",
            Self::Scans => "repository scans",
            Self::Retention => "repository retention",
            Self::Schedules => "schedules",
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
