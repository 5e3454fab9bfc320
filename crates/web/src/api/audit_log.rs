//! The audit log.

use axum::extract::State;
use schemars::JsonSchema;
use serde::Serialize;
use store::AuditEntry;
use tenancy::administration::Permit;

use super::{
    answer::Asked,
    operation::{Endpoint, Operation},
    paging::{Page, PageQuery, cursor, limit},
    problem::Problem,
    words::At,
};
use crate::AdministrationDoor;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Operation::look(
            "audit_log_list",
            "/audit-log",
            "What people and tokens did, newest first",
        )
        .needing(Permit::ReadAuditLog)
        .asking::<PageQuery>()
        .answering::<Page<Entry>>(200)
        .by(list),
    ]
}

/// An entry of the audit log.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "AuditEntry")]
struct Entry {
    /// Its number, from 1 on.
    sequence: u64,
    /// When.
    at: At,
    /// Who; `token:NAME` for a token.
    who: String,
    /// By which way: `terminal`, `pages` or `api`.
    via: String,
    /// Where from, if it came over the network.
    address: Option<String>,
    /// What: `tenant.suspend`.
    did: String,
    /// To what.
    about: String,
    /// What became of it: `asked`, `done`, `failed` or `refused`.
    outcome: &'static str,
    /// What else there is to say.
    detail: String,
    /// The digest of this entry and the one before.
    digest: String,
}

async fn list(
    State(door): State<AdministrationDoor>,
    Asked(asked): Asked<PageQuery>,
) -> Result<Page<Entry>, Problem> {
    let limit = limit(asked.limit)?;
    let before = cursor(asked.cursor.as_deref())?;
    let entries = door.db.audit_list(before, limit.saturating_add(1)).await?;
    let cursor = |entry: &AuditEntry| entry.sequence.to_string();
    Ok(Page::of(entries, limit, cursor, told))
}

fn told(entry: AuditEntry) -> Entry {
    Entry {
        sequence: entry.sequence,
        at: At(entry.at),
        who: entry.who,
        via: entry.via,
        address: entry.address,
        did: entry.did,
        about: entry.about,
        outcome: entry.outcome.as_str(),
        detail: entry.detail,
        digest: entry.digest,
    }
}
