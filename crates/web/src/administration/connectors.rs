//! How the connectors to service desks fare.

use askama::Template;
use axum::{
    extract::Path,
    http::StatusCode,
    response::{IntoResponse as _, Redirect, Response},
};
use desk::{ConnectorState, DeskError};
use tenancy::administration::Deed;

use super::{
    gate::Asking,
    page::{self, Top},
    works::Works,
};

/// A connector, as the page shows it.
struct Shown {
    state: ConnectorState,
    /// Whether its desk is told, in a word or two.
    word: &'static str,
    /// As a class of its mark.
    mark: &'static str,
    events: String,
}

#[derive(Template)]
#[template(path = "administration/connectors.html")]
struct Connectors {
    top: Top,
    connectors: Vec<Shown>,
}

/// Every connector.
pub(super) async fn list(Works(engine): Works, asking: Asking) -> Response {
    match engine.desk().connectors().await {
        Ok(connectors) => page::show(&Connectors {
            top: Top::of(&asking.session),
            connectors: connectors.into_iter().map(shown).collect(),
        }),
        Err(error) => page::failed(&error),
    }
}

fn shown(state: ConnectorState) -> Shown {
    let health = &state.health;
    let (word, mark) = if health.disabled_at.is_some() {
        ("disabled", "failed")
    } else if !state.configured {
        ("not configured", "suspended")
    } else if health.failures > 0 {
        ("failing", "failed")
    } else if health.delivered_at.is_some() {
        ("well", "done")
    } else {
        ("not tried", "asked")
    };
    let events: Vec<&str> = state.events.iter().map(|kind| kind.as_str()).collect();
    Shown {
        events: events.join(", "),
        word,
        mark,
        state,
    }
}

/// Tells one desk of a test incident and of its end.
pub(super) async fn test_fire(
    Works(engine): Works,
    asking: Asking,
    Path(name): Path<String>,
) -> Response {
    let deed = Deed {
        who: &asking.session.name,
        did: "connector.test-fire",
        about: &name,
        detail: String::new(),
    };
    // Only of connectors that there are is anything written down: the name may be anything.
    let known = engine.desk().connectors().await;
    match known {
        Ok(known)
            if known
                .iter()
                .any(|it| it.configured && it.health.connector == name) => {}
        Ok(_) => return page::nothing_here().await,
        Err(error) => return page::failed(&error),
    }
    let firing = async { engine.desk().test_fire(&name).await.map_err(Said) };
    match asking.audit.recorded(&deed, firing).await {
        Ok(_ticket) => Redirect::to("/connectors").into_response(),
        Err(Said(error @ DeskError::Test { .. })) => {
            page::refused(StatusCode::BAD_GATEWAY, &format!("{error}."))
        }
        Err(Said(error)) => page::failed(&error),
    }
}

/// Why a test was not taken, as the audit log takes it.
struct Said(DeskError);

impl From<store::StoreError> for Said {
    fn from(error: store::StoreError) -> Self {
        Self(error.into())
    }
}

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
