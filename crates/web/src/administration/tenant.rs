//! One tenant, and what can be done with it.

use askama::Template;
use axum::{
    body::Bytes,
    extract::{Path, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Redirect, Response},
};
use model::TenantId;
use redact::Secret;
use serde::Deserialize;
use store::{CheckIn, Tenant, TenantState};
use tenancy::{
    Credential, SecretKind, TenancyError,
    administration::Deed,
    profile::{ProfileError, profile as profile_of},
};

use super::{
    AdministrationDoor,
    gate::{Asking, form},
    page::{self, Top},
    tenants::{Secrets, is_suspended, names_in, not_done},
};

/// How many check-ins are shown.
const CHECK_INS: u32 = 20;

#[derive(Template)]
#[template(path = "administration/tenant.html")]
struct Show<'a> {
    top: Top,
    tenant: &'a Tenant,
    ring: String,
    rings: &'a [String],
    items: String,
    is_suspended: bool,
    has_profile: bool,
    check_ins: Vec<CheckIn>,
}

/// The tenant of that id, if there is one still.
///
/// # Errors
/// A page that says that there is none.
async fn find(door: &AdministrationDoor, id: &str) -> Result<Tenant, Box<Response>> {
    let Ok(id) = id.parse::<TenantId>() else {
        return Err(Box::new(page::nothing_here().await));
    };
    let tenants = door.tenants.list(false).await;
    let tenants = tenants.map_err(|error| Box::new(page::failed(&error)))?;
    match tenants.into_iter().find(|tenant| tenant.id == id) {
        Some(tenant) => Ok(tenant),
        None => Err(Box::new(page::nothing_here().await)),
    }
}

/// The tenant.
pub(super) async fn show(
    State(door): State<AdministrationDoor>,
    asking: Asking,
    Path(id): Path<String>,
) -> Response {
    let tenant = match find(&door, &id).await {
        Ok(tenant) => tenant,
        Err(response) => return *response,
    };
    let told = async {
        let ring = door.tenants.ring_of(&tenant).await?;
        let check_ins = door.tenants.check_ins(&tenant, CHECK_INS).await?;
        Ok::<_, TenancyError>((ring, check_ins))
    };
    let (ring, check_ins) = match told.await {
        Ok(told) => told,
        Err(error) => return page::failed(&error),
    };
    page::show(&Show {
        top: Top::of(&asking.session),
        ring: ring.unwrap_or_default(),
        rings: &door.rings,
        items: tenant.entitled.clone().unwrap_or_default().join("\n"),
        is_suspended: is_suspended(&tenant),
        has_profile: door.profile.is_some() && tenant.state == TenantState::Active,
        check_ins,
        tenant: &tenant,
    })
}

/// Does something with a tenant and writes it down; then the tenant is shown again.
async fn change<T>(
    (door, asking, id): (&AdministrationDoor, &Asking, &str),
    (did, detail): (&'static str, String),
    act: impl AsyncFnOnce(&Tenant) -> Result<T, TenancyError>,
) -> Result<(Tenant, T), Box<Response>> {
    let tenant = find(door, id).await?;
    let deed = Deed {
        who: &asking.session.name,
        did,
        about: &tenant.customer,
        detail,
    };
    let changed = asking.audit.recorded(&deed, act(&tenant)).await;
    match changed {
        Ok(changed) => Ok((tenant, changed)),
        Err(error) => Err(Box::new(not_done(&error))),
    }
}

fn shown_again<T>(changed: Result<(Tenant, T), Box<Response>>) -> Response {
    match changed {
        Ok((tenant, _)) => Redirect::to(&format!("/tenants/{}", tenant.id)).into_response(),
        Err(response) => *response,
    }
}

/// Lets it read nothing for the time being.
pub(super) async fn suspend(
    State(door): State<AdministrationDoor>,
    asking: Asking,
    Path(id): Path<String>,
) -> Response {
    let suspend = async |tenant: &Tenant| door.tenants.suspend(&tenant.customer).await;
    let what = ("tenant.suspend", String::new());
    shown_again(change((&door, &asking, &id), what, suspend).await)
}

/// Lets it read again.
pub(super) async fn resume(
    State(door): State<AdministrationDoor>,
    asking: Asking,
    Path(id): Path<String>,
) -> Response {
    let resume = async |tenant: &Tenant| door.tenants.resume(&tenant.customer).await;
    let what = ("tenant.resume", String::new());
    shown_again(change((&door, &asking, &id), what, resume).await)
}

#[derive(Deserialize)]
struct Certain {
    customer: String,
}

/// Lets it go, if its name was typed to say so.
pub(super) async fn delete(
    State(door): State<AdministrationDoor>,
    asking: Asking,
    Path(id): Path<String>,
    body: Bytes,
) -> Response {
    let certain: Certain = match form(&body) {
        Ok(certain) => certain,
        Err(response) => return *response,
    };
    let tenant = match find(&door, &id).await {
        Ok(tenant) => tenant,
        Err(response) => return *response,
    };
    if certain.customer != tenant.customer {
        return page::refused(
            StatusCode::BAD_REQUEST,
            "The name that was typed is not the tenant's. Nothing was changed.",
        );
    }
    let delete = async |tenant: &Tenant| door.tenants.delete(&tenant.customer).await;
    let what = ("tenant.delete", String::new());
    match change((&door, &asking, &id), what, delete).await {
        Ok(_) => Redirect::to("/tenants").into_response(),
        Err(response) => *response,
    }
}

#[derive(Deserialize)]
struct Assigned {
    ring: String,
}

/// Gives it another ring.
pub(super) async fn assign(
    State(door): State<AdministrationDoor>,
    asking: Asking,
    Path(id): Path<String>,
    body: Bytes,
) -> Response {
    let Assigned { ring } = match form(&body) {
        Ok(assigned) => assigned,
        Err(response) => return *response,
    };
    let what = ("tenant.assign", format!("ring {ring}"));
    let assign = async |tenant: &Tenant| door.tenants.assign(&tenant.customer, &ring).await;
    shown_again(change((&door, &asking, &id), what, assign).await)
}

#[derive(Deserialize)]
struct Entitled {
    #[serde(default)]
    items: String,
}

/// Says which titles it may have.
pub(super) async fn entitle(
    State(door): State<AdministrationDoor>,
    asking: Asking,
    Path(id): Path<String>,
    body: Bytes,
) -> Response {
    let Entitled { items } = match form(&body) {
        Ok(entitled) => entitled,
        Err(response) => return *response,
    };
    let entitled = names_in(&items);
    let detail = entitled
        .as_ref()
        .map_or_else(|| "all titles".to_owned(), |names| names.join(", "));
    let entitle = async |tenant: &Tenant| door.tenants.entitle(&tenant.customer, entitled).await;
    shown_again(change((&door, &asking, &id), ("tenant.entitle", detail), entitle).await)
}

/// Gives it a new token, and shows it once.
pub(super) async fn rotate_token(
    State(door): State<AdministrationDoor>,
    asking: Asking,
    Path(id): Path<String>,
) -> Response {
    let rotate = async |tenant: &Tenant| {
        let overlap = door.overlap;
        door.tenants.rotate_token(&tenant.customer, overlap).await
    };
    let what = ("tenant.rotate-token", String::new());
    let rotated = change((&door, &asking, &id), what, rotate).await;
    let (tenant, token): (Tenant, Secret<String>) = match rotated {
        Ok(rotated) => rotated,
        Err(response) => return *response,
    };
    shown_once(&asking, &tenant, vec![("Token", token.expose())])
}

/// Gives it a new user and password, and shows them once.
pub(super) async fn rotate_credential(
    State(door): State<AdministrationDoor>,
    asking: Asking,
    Path(id): Path<String>,
) -> Response {
    let rotate = async |tenant: &Tenant| {
        let overlap = door.overlap;
        let rotating = door.tenants.rotate_credential(&tenant.customer, overlap);
        rotating.await
    };
    let what = ("tenant.rotate-credential", String::new());
    let rotated = change((&door, &asking, &id), what, rotate).await;
    let (tenant, credential): (Tenant, Credential) = match rotated {
        Ok(rotated) => rotated,
        Err(response) => return *response,
    };
    let password = credential.password.expose();
    shown_once(
        &asking,
        &tenant,
        vec![("User", &credential.user), ("Password", password)],
    )
}

fn shown_once(asking: &Asking, tenant: &Tenant, secrets: Vec<(&'static str, &str)>) -> Response {
    page::show(&Secrets {
        top: Top::of(&asking.session),
        customer: &tenant.customer,
        back: format!("/tenants/{}", tenant.id),
        shown: secrets,
    })
}

/// The configuration profile for its Macs; it holds the token, so that getting it is written down like a change.
pub(super) async fn profile(
    State(door): State<AdministrationDoor>,
    asking: Asking,
    Path(id): Path<String>,
) -> Response {
    let Some(settings) = &door.profile else {
        return page::refused(
            StatusCode::CONFLICT,
            "There can be no profile: the configuration does not say envquery.url.",
        );
    };
    let take = async |tenant: &Tenant| {
        let mut tokens = door.tenants.valid(tenant, SecretKind::Token).await?;
        if tokens.is_empty() {
            return Err(TenancyError::Suspended {
                customer: tenant.customer.clone(),
            });
        }
        Ok(tokens.swap_remove(0))
    };
    let what = ("tenant.profile", String::new());
    let (tenant, token) = match change((&door, &asking, &id), what, take).await {
        Ok(taken) => taken,
        Err(response) => return *response,
    };
    let name = format!("attachment; filename=\"{}.mobileconfig\"", tenant.slug);
    let Ok(disposition) = HeaderValue::from_str(&name) else {
        return page::nothing_here().await;
    };
    match profile_of(&tenant, &token, settings) {
        Ok(text) => {
            let kind = HeaderValue::from_static("application/x-apple-aspen-config");
            let headers = [
                (header::CONTENT_TYPE, kind),
                (header::CONTENT_DISPOSITION, disposition),
            ];
            (headers, text.expose().clone()).into_response()
        }
        Err(error @ ProfileError::Pins { .. }) => {
            page::refused(StatusCode::CONFLICT, &error.to_string())
        }
        Err(error) => page::failed(&error),
    }
}
