//! Changing tenants, and the secrets that are shown once when they are made.

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use model::TenantId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::Tenant as Stored;
use tenancy::{Credential, NewTenant as Wanted, TenancyError, Tenants, administration::Permit};

use super::{
    ROOT,
    answer::{Answer, Json, Named, Sent, etag, names},
    gate::Calling,
    operation::{Endpoint, Method, Operation},
    problem::Problem,
    tenants::{Tenant, find, told},
};
use crate::AdministrationDoor;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let mut all = views();
    all.extend(secrets());
    all
}

/// By `POST`.
fn post(id: &'static str, path: &'static str, summary: &'static str) -> Operation {
    Operation::change((Method::Post, Permit::ChangeTenants), id, path, summary)
}

/// Those that say who there is, and what each may read.
fn views() -> Vec<Endpoint> {
    let of = |method| (method, Permit::ChangeTenants);
    let put = |id, path, summary| {
        Operation::change(of(Method::Put), id, path, summary)
            .answering::<Tenant>(200)
            .refusing(&[409, 412])
    };
    let delete = Operation::change(
        of(Method::Delete),
        "tenant_delete",
        "/tenants/{tenant}",
        "Lets a tenant go",
    );
    vec![
        post("tenant_create", "/tenants", "Makes a tenant")
            .taking::<NewTenant>()
            .answering::<Welcome>(201)
            .refusing(&[409])
            .by(create),
        delete.answering_nothing().refusing(&[412]).by(remove),
        put(
            "tenant_assign",
            "/tenants/{tenant}/ring",
            "Gives a tenant another ring",
        )
        .taking::<NewRing>()
        .by(assign),
        put(
            "tenant_entitle",
            "/tenants/{tenant}/items",
            "Says which items a tenant may have",
        )
        .taking::<NewItems>()
        .by(entitle),
        post(
            "tenant_suspend",
            "/tenants/{tenant}/suspend",
            "Lets a tenant read nothing for the time being",
        )
        .answering::<Tenant>(200)
        .by(suspend),
        post(
            "tenant_resume",
            "/tenants/{tenant}/resume",
            "Lets a tenant read again",
        )
        .answering::<Tenant>(200)
        .by(resume),
    ]
}

/// Those that replace what is kept secret.
fn secrets() -> Vec<Endpoint> {
    vec![
        post(
            "tenant_rotate_token",
            "/tenants/{tenant}/rotate-token",
            "Gives a tenant a new token, shown once",
        )
        .answering::<Token>(200)
        .refusing(&[409])
        .by(rotate_token),
        post(
            "tenant_rotate_credential",
            "/tenants/{tenant}/rotate-credential",
            "Gives a tenant a new user and password, shown once",
        )
        .answering::<UserAndPassword>(200)
        .refusing(&[409])
        .by(rotate_credential),
    ]
}

/// A tenant that is to be made.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewTenant {
    /// What it is called.
    customer: String,
    /// The ring it reads.
    ring: String,
    /// The names of the items it may have; all if not given.
    #[serde(default)]
    items: Option<Vec<String>>,
}

/// A tenant that was made, and its secrets.
#[derive(JsonSchema, Serialize)]
struct Welcome {
    #[serde(flatten)]
    tenant: Tenant,
    /// What its Macs prove with whose they are. Shown once.
    token: String,
    /// The user its view is opened with. Shown once.
    user: String,
    /// The password its view is opened with. Shown once.
    password: String,
}

async fn create(
    State(door): State<AdministrationDoor>,
    calling: Calling,
    Sent(wanted): Sent<NewTenant>,
) -> Result<Response, Problem> {
    let new = Wanted {
        customer: wanted.customer,
        ring: wanted.ring,
        entitled: wanted.items,
        by: calling.caller.who(),
    };
    let customer = new.customer.clone();
    let deed = (
        "tenant.create",
        customer.as_str(),
        format!("ring {}", new.ring),
    );
    let made = calling.recorded(deed, door.tenants.create(new)).await?;
    let place = format!("{ROOT}/tenants/{}", made.tenant.id);
    let welcome = Welcome {
        tenant: told(&door, made.tenant).await?,
        token: made.token.expose().clone(),
        user: made.credential.user.clone(),
        password: made.credential.password.expose().clone(),
    };
    let mut response = Json::with(StatusCode::CREATED, welcome).into_response();
    if let Ok(place) = HeaderValue::from_str(&place) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    Ok(response)
}

/// Does something with a tenant and writes it down.
async fn change<T>(
    calling: &Calling,
    tenant: &Stored,
    (did, detail): (&'static str, String),
    act: impl Future<Output = Result<T, TenancyError>>,
) -> Result<T, Problem> {
    let deed = (did, tenant.customer.as_str(), detail);
    calling.recorded(deed, act).await
}

/// How often it is looked again whether a tenant is as `If-Match` says, when others change tenants meanwhile.
const LOOKS: u32 = 16;

/// What is to become of a tenant.
enum Wish {
    Gone,
    Ring(String),
    Items(Option<Vec<String>>),
}

impl Wish {
    /// Does it; `tenants` may be those of a moment ([`Tenants::as_of_now`]).
    async fn done(&self, tenants: &Tenants, customer: &str) -> Result<Stored, TenancyError> {
        match self {
            Self::Gone => tenants.delete(customer).await,
            Self::Ring(ring) => tenants.assign(customer, ring).await,
            Self::Items(items) => tenants.entitle(customer, items.clone()).await,
        }
    }
}

/// Changes a tenant if it is as it was when it was looked at, if `If-Match` says how that was: what is compared and what
/// is changed is the same.
async fn as_seen(
    door: &AdministrationDoor,
    customer: &str,
    headers: &HeaderMap,
    wish: Wish,
) -> Result<Stored, TenancyError> {
    let Some(seen) = headers.get(header::IF_MATCH) else {
        return wish.done(&door.tenants, customer).await;
    };
    for _ in 0..LOOKS {
        let tenants = door.tenants.as_of_now().await?;
        let now = tenants.find(customer).await?;
        let ring = tenants.ring_of(&now).await?;
        if !etag(&Tenant::of(now, ring)).is_ok_and(|etag| names(seen, &etag)) {
            return Err(TenancyError::Changed);
        }
        match wish.done(&tenants, customer).await {
            // It may have been another tenant.
            Err(TenancyError::Changed) => {}
            done => return done,
        }
    }
    Err(TenancyError::Changed)
}

async fn remove(
    State(door): State<AdministrationDoor>,
    calling: Calling,
    Named(id): Named<TenantId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let tenant = find(&door, id).await?;
    let what = ("tenant.delete", String::new());
    let deleting = as_seen(&door, &tenant.customer, &headers, Wish::Gone);
    change(&calling, &tenant, what, deleting).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The ring that a tenant is to read.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewRing {
    /// Its name.
    ring: String,
}

async fn assign(
    State(door): State<AdministrationDoor>,
    calling: Calling,
    Named(id): Named<TenantId>,
    headers: HeaderMap,
    Sent(wanted): Sent<NewRing>,
) -> Answer<Tenant> {
    let tenant = find(&door, id).await?;
    let what = ("tenant.assign", format!("ring {}", wanted.ring));
    let wish = Wish::Ring(wanted.ring);
    let assigning = as_seen(&door, &tenant.customer, &headers, wish);
    let changed = change(&calling, &tenant, what, assigning).await?;
    Ok(Json::ok(told(&door, changed).await?))
}

/// The items that a tenant may have.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewItems {
    /// Their names; null: all.
    items: Option<Vec<String>>,
}

async fn entitle(
    State(door): State<AdministrationDoor>,
    calling: Calling,
    Named(id): Named<TenantId>,
    headers: HeaderMap,
    Sent(wanted): Sent<NewItems>,
) -> Answer<Tenant> {
    let tenant = find(&door, id).await?;
    let detail = wanted
        .items
        .as_ref()
        .map_or_else(|| "all titles".to_owned(), |names| names.join(", "));
    let what = ("tenant.entitle", detail);
    let wish = Wish::Items(wanted.items);
    let entitling = as_seen(&door, &tenant.customer, &headers, wish);
    let changed = change(&calling, &tenant, what, entitling).await?;
    Ok(Json::ok(told(&door, changed).await?))
}

async fn suspend(
    State(door): State<AdministrationDoor>,
    calling: Calling,
    Named(id): Named<TenantId>,
) -> Answer<Tenant> {
    let tenant = find(&door, id).await?;
    let what = ("tenant.suspend", String::new());
    let suspending = door.tenants.suspend(&tenant.customer);
    let changed = change(&calling, &tenant, what, suspending).await?;
    Ok(Json::ok(told(&door, changed).await?))
}

async fn resume(
    State(door): State<AdministrationDoor>,
    calling: Calling,
    Named(id): Named<TenantId>,
) -> Answer<Tenant> {
    let tenant = find(&door, id).await?;
    let what = ("tenant.resume", String::new());
    let resuming = door.tenants.resume(&tenant.customer);
    let changed = change(&calling, &tenant, what, resuming).await?;
    Ok(Json::ok(told(&door, changed).await?))
}

/// A tenant's new token.
#[derive(JsonSchema, Serialize)]
struct Token {
    /// What its Macs prove with whose they are. Shown once.
    token: String,
}

async fn rotate_token(
    State(door): State<AdministrationDoor>,
    calling: Calling,
    Named(id): Named<TenantId>,
) -> Answer<Token> {
    let tenant = find(&door, id).await?;
    let what = ("tenant.rotate-token", String::new());
    let rotating = door.tenants.rotate_token(&tenant.customer, door.overlap);
    let token = change(&calling, &tenant, what, rotating).await?;
    Ok(Json::ok(Token {
        token: token.expose().clone(),
    }))
}

/// A tenant's new user and password.
#[derive(JsonSchema, Serialize)]
struct UserAndPassword {
    /// The user its view is opened with. Shown once.
    user: String,
    /// The password its view is opened with. Shown once.
    password: String,
}

async fn rotate_credential(
    State(door): State<AdministrationDoor>,
    calling: Calling,
    Named(id): Named<TenantId>,
) -> Answer<UserAndPassword> {
    let tenant = find(&door, id).await?;
    let what = ("tenant.rotate-credential", String::new());
    let rotating = door
        .tenants
        .rotate_credential(&tenant.customer, door.overlap);
    let credential: Credential = change(&calling, &tenant, what, rotating).await?;
    Ok(Json::ok(UserAndPassword {
        user: credential.user.clone(),
        password: credential.password.expose().clone(),
    }))
}
