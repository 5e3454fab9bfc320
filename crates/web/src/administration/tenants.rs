//! All tenants.

use askama::Template;
use axum::{body::Bytes, extract::State, http::StatusCode, response::Response};
use serde::Deserialize;
use store::{Tenant, TenantState};
use tenancy::{NewTenant, TenancyError, Welcome};

use super::{
    AdministrationDoor,
    gate::{Asking, form},
    page::{self, Top},
};
use tenancy::administration::Deed;

/// A tenant, as the list shows it.
struct Row {
    tenant: Tenant,
    ring: String,
    items: String,
}

#[derive(Template)]
#[template(path = "administration/tenants.html")]
struct List<'a> {
    top: Top,
    rows: Vec<Row>,
    rings: &'a [String],
}

/// Every tenant that there is still.
pub(super) async fn list(State(door): State<AdministrationDoor>, asking: Asking) -> Response {
    let rows = match rows(&door).await {
        Ok(rows) => rows,
        Err(error) => return page::failed(&error),
    };
    page::show(&List {
        top: Top::of(&asking.session),
        rows,
        rings: &door.rings,
    })
}

async fn rows(door: &AdministrationDoor) -> Result<Vec<Row>, TenancyError> {
    let rings = door.tenants.rings().await?;
    let tenants = door.tenants.list(false).await?;
    let row = |tenant: Tenant| {
        // The newest is the last.
        let ring = rings.iter().rev().find(|ring| ring.tenant == tenant.id);
        Row {
            ring: ring.map_or_else(String::new, |ring| ring.catalog.clone()),
            items: items_of(&tenant),
            tenant,
        }
    };
    Ok(tenants.into_iter().map(row).collect())
}

/// What a tenant may have, in short.
fn items_of(tenant: &Tenant) -> String {
    match tenant.entitled.as_deref() {
        None => "all".to_owned(),
        Some([one]) => one.clone(),
        Some(items) => format!("{} titles", items.len()),
    }
}

#[derive(Deserialize)]
struct Filled {
    customer: String,
    ring: String,
    #[serde(default)]
    items: String,
}

/// What is shown once.
#[derive(Template)]
#[template(path = "administration/secrets.html")]
pub(super) struct Secrets<'a> {
    pub(super) top: Top,
    pub(super) customer: &'a str,
    pub(super) back: String,
    pub(super) shown: Vec<(&'static str, &'a str)>,
}

/// Makes a tenant.
pub(super) async fn create(
    State(door): State<AdministrationDoor>,
    asking: Asking,
    body: Bytes,
) -> Response {
    let filled: Filled = match form(&body) {
        Ok(filled) => filled,
        Err(response) => return *response,
    };
    let new = NewTenant {
        customer: filled.customer,
        ring: filled.ring,
        entitled: names_in(&filled.items),
        by: asking.session.name.clone(),
    };
    let customer = new.customer.clone();
    let deed = Deed {
        who: &asking.session.name,
        did: "tenant.create",
        about: &customer,
        detail: format!("ring {}", new.ring),
    };
    let made = asking.audit.recorded(&deed, door.tenants.create(new)).await;
    let welcome: Welcome = match made {
        Ok(welcome) => welcome,
        Err(error) => return not_done(&error),
    };
    page::show(&Secrets {
        top: Top::of(&asking.session),
        customer: &welcome.tenant.customer,
        back: format!("/tenants/{}", welcome.tenant.id),
        shown: vec![
            ("Slug", &welcome.tenant.slug),
            ("Token", welcome.token.expose()),
            ("User", &welcome.credential.user),
            ("Password", welcome.credential.password.expose()),
        ],
    })
}

/// The names in a text, one a line or parted by commas; all titles if there are none.
pub(super) fn names_in(text: &str) -> Option<Vec<String>> {
    let names = text.split([',', '\n', '\r']).map(str::trim);
    let names: Vec<String> = names
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect();
    (!names.is_empty()).then_some(names)
}

/// Why something with tenants is not done: what they can mend is said to them.
pub(super) fn not_done(error: &TenancyError) -> Response {
    let status = match error {
        TenancyError::Customer { .. } | TenancyError::NoRing { .. } => StatusCode::BAD_REQUEST,
        TenancyError::Exists { .. } | TenancyError::Suspended { .. } => StatusCode::CONFLICT,
        TenancyError::Unknown { .. } => StatusCode::NOT_FOUND,
        _ => return page::failed(error),
    };
    page::refused(status, &format!("{error}. Nothing was changed."))
}

/// Whether a tenant reads nothing for the time being.
pub(super) fn is_suspended(tenant: &Tenant) -> bool {
    tenant.state == TenantState::Suspended
}
