//! What there is to mend in how the house is set up, and who shares its state.

use axum::extract::State;
use schemars::JsonSchema;
use serde::Serialize;
use store::Node as Stored;
use tenancy::administration::Permit;

use super::{
    answer::{Answer, Json},
    operation::{Endpoint, Operation},
    problem::Problem,
    words::At,
};
use crate::{AdministrationDoor, administration::settings};

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Operation::look(
            "settings_show",
            "/settings",
            "What there is to mend in the configuration, what is in effect, and the services",
        )
        .needing(Permit::SeeHouse)
        .answering::<Settings>(200)
        .refusing(&[404])
        .by(show),
    ]
}

/// How the house is set up.
#[derive(JsonSchema, Serialize)]
struct Settings {
    /// The version of the program.
    version: &'static str,
    /// The configuration file; null without one.
    file: Option<String>,
    /// What there is to mend, the worst first.
    findings: Vec<Finding>,
    /// What is in effect, without secrets.
    in_effect: Vec<Setting>,
    /// The services that share the state.
    nodes: Vec<Node>,
}

/// Something to mend.
#[derive(JsonSchema, Serialize)]
struct Finding {
    /// `error`, `warning` or `note`.
    severity: &'static str,
    /// The file.
    file: Option<String>,
    /// The key of the configuration.
    key: &'static str,
    /// What is there.
    message: String,
    /// What to do.
    mend: String,
}

/// A key, and what it is.
#[derive(JsonSchema, Serialize)]
struct Setting {
    /// The section.
    section: &'static str,
    /// The key.
    key: &'static str,
    /// Its value; of a secret only whether it is there.
    value: String,
}

/// A service.
#[derive(JsonSchema, Serialize)]
struct Node {
    /// Its name.
    name: String,
    /// The version of its program.
    version: String,
    /// What it does.
    roles: Vec<String>,
    /// What its workers can do that others cannot.
    labels: Vec<String>,
    /// Since when it is there.
    started_at: At,
    /// When it last said so.
    seen_at: At,
}

async fn show(State(door): State<AdministrationDoor>) -> Answer<Settings> {
    let look = settings::look(&door).await;
    let look = look.ok_or_else(Problem::nothing_here)?;
    let nodes = door.db.node_list().await?;
    let node = |node: Stored| Node {
        name: node.name,
        version: node.version,
        roles: node.roles,
        labels: node.labels,
        started_at: At(node.started_at),
        seen_at: At(node.seen_at),
    };
    let findings = look.findings.into_iter().map(|finding| Finding {
        severity: finding.severity,
        file: finding.file,
        key: finding.key,
        message: finding.message,
        mend: finding.mend,
    });
    let in_effect = look.sections.into_iter().flat_map(|section| {
        let name = section.name;
        let values = section.values.into_iter();
        values.map(move |(key, value)| Setting {
            section: name,
            key,
            value,
        })
    });
    Ok(Json::ok(Settings {
        version: env!("CARGO_PKG_VERSION"),
        file: look.file,
        findings: findings.collect(),
        in_effect: in_effect.collect(),
        nodes: nodes.into_iter().map(node).collect(),
    }))
}
