//! How the house is set up, what is to be said of that, and who shares the state.

use std::{fmt, sync::Arc};

use askama::Template;
use axum::{extract::State, response::Response};
use model::Timestamp;
use store::{Node, StoreError};

use super::{
    AdministrationDoor,
    gate::Asking,
    page::{self, Top},
};

/// How long a service may be silent before the page says so; services say every few seconds that they are there.
const SILENT: std::time::Duration = std::time::Duration::from_mins(2);

/// Knows how the house is set up.
pub trait Settings: fmt::Debug + Send + Sync {
    /// What is in effect, without secrets, and what is to be said of it now. It reads files, and may take a moment.
    fn look(&self) -> SettingsLook;
}

/// How the house is set up.
#[derive(Clone, Debug, Default)]
pub struct SettingsLook {
    /// The configuration file, if there is one.
    pub file: Option<String>,
    /// What is to be said of it, the worst first.
    pub findings: Vec<SettingsFinding>,
    /// What is in effect, by section.
    pub sections: Vec<SettingsSection>,
}

/// Something about the settings that somebody ought to know.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SettingsFinding {
    /// How bad it is: `error`, `warning` or `note`.
    pub severity: &'static str,
    /// The file that it is about.
    pub file: Option<String>,
    /// The key of the configuration that it is about.
    pub key: &'static str,
    /// What is there.
    pub message: String,
    /// What to do.
    pub mend: String,
}

/// A section of the configuration, as it is in effect.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SettingsSection {
    /// Its name.
    pub name: &'static str,
    /// Its keys and their values, without secrets.
    pub values: Vec<(&'static str, String)>,
}

/// A service that shares the state.
struct Shown {
    node: Node,
    is_silent: bool,
}

#[derive(Template)]
#[template(path = "administration/settings.html")]
struct Page {
    top: Top,
    look: SettingsLook,
    version: &'static str,
    state: &'static str,
    nodes: Vec<Shown>,
}

/// The settings.
pub(super) async fn show(State(door): State<AdministrationDoor>, asking: Asking) -> Response {
    let Some(look) = look(&door).await else {
        return page::nothing_here().await;
    };
    let told = async {
        let now = door.db.now().await?;
        Ok::<_, StoreError>((now, door.db.node_list().await?))
    };
    match told.await {
        Ok((now, nodes)) => page::show(&Page {
            top: Top::of(&asking.session),
            look,
            version: env!("CARGO_PKG_VERSION"),
            state: if door.db.is_server() {
                "PostgreSQL"
            } else {
                "SQLite"
            },
            nodes: nodes.into_iter().map(|node| shown(node, now)).collect(),
        }),
        Err(error) => page::failed(&error),
    }
}

/// What is in effect, if this door knows it.
pub(crate) async fn look(door: &AdministrationDoor) -> Option<SettingsLook> {
    let settings = Arc::clone(door.settings.as_ref()?);
    let looking = tokio::task::spawn_blocking(move || settings.look()).await;
    looking
        .inspect_err(|error| tracing::error!(%error, "the settings could not be looked at"))
        .ok()
}

fn shown(node: Node, now: Timestamp) -> Shown {
    Shown {
        is_silent: node.seen_at.plus(SILENT) < now,
        node,
    }
}
