//! The audit log.

use askama::Template;
use axum::{
    extract::{Query, State},
    response::Response,
};
use serde::Deserialize;
use store::AuditEntry;

use super::{
    AdministrationDoor,
    gate::Asking,
    page::{self, Top},
};

/// How many entries are on a page.
const ON_A_PAGE: u32 = 100;

#[derive(Template)]
#[template(path = "administration/log.html")]
struct Log {
    top: Top,
    entries: Vec<AuditEntry>,
    /// From which one on there are older ones.
    older: Option<u64>,
}

#[derive(Deserialize)]
pub(super) struct Asked {
    before: Option<u64>,
}

/// The newest entries, or those before one.
pub(super) async fn show(
    State(door): State<AdministrationDoor>,
    asking: Asking,
    Query(asked): Query<Asked>,
) -> Response {
    let entries = match door.db.audit_list(asked.before, ON_A_PAGE).await {
        Ok(entries) => entries,
        Err(error) => return page::failed(&error),
    };
    let older = entries.last().map(|entry| entry.sequence);
    page::show(&Log {
        top: Top::of(&asking.session),
        older: older.filter(|oldest| *oldest > 1),
        entries,
    })
}
