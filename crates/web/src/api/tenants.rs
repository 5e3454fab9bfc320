//! Tenants.

use axum::extract::State;
use model::TenantId;
use schemars::JsonSchema;
use serde::Serialize;
use store::{CheckIn as StoredCheckIn, Tenant as Stored, TenantRing};

use super::{
    answer::{Answer, Asked, Json, Named},
    operation::{Endpoint, Operation},
    paging::{Page, PageQuery},
    problem::Problem,
    words::{At, Id, tenant_state},
};
use crate::AdministrationDoor;

/// The most check-ins that are told.
const CHECK_INS: u32 = 1000;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Operation::look("tenant_list", "/tenants", "Tenants, oldest first")
            .asking::<PageQuery>()
            .answering::<Page<Tenant>>(200)
            .by(list),
        Operation::look("tenant_show", "/tenants/{tenant}", "A tenant")
            .answering::<Tenant>(200)
            .by(show),
        Operation::look(
            "tenant_check_ins",
            "/tenants/{tenant}/check-ins",
            "The newest 1000 questions of a tenant's Macs that were answered",
        )
        .asking::<PageQuery>()
        .answering::<Page<CheckIn>>(200)
        .refusing(&[404])
        .by(check_ins),
    ]
}

/// A customer.
#[derive(JsonSchema, Serialize)]
pub(super) struct Tenant {
    /// Its id, which it keeps.
    id: Id,
    /// What it is called.
    customer: String,
    /// The name of its view.
    slug: String,
    /// Whether it may read.
    #[schemars(schema_with = "tenant_state")]
    state: &'static str,
    /// The ring it reads.
    ring: Option<String>,
    /// The names of the items it may have; null: all.
    items: Option<Vec<String>>,
    /// When it was made.
    created_at: At,
    /// By whom.
    created_by: String,
}

impl Tenant {
    pub(super) fn of(tenant: Stored, ring: Option<String>) -> Self {
        Self {
            id: Id::of(tenant.id),
            customer: tenant.customer,
            slug: tenant.slug,
            state: tenant.state.as_str(),
            ring,
            items: tenant.entitled,
            created_at: At(tenant.created_at),
            created_by: tenant.created_by,
        }
    }
}

async fn list(
    State(door): State<AdministrationDoor>,
    Asked(asked): Asked<PageQuery>,
) -> Result<Page<Tenant>, Problem> {
    let rings = door.tenants.rings().await?;
    let tenants = door.tenants.list(false).await?;
    let told = |tenant: Stored| {
        // The newest is the last.
        let is_its = |ring: &&TenantRing| ring.tenant == tenant.id;
        let ring = rings.iter().rev().find(is_its);
        let ring = ring.map(|ring| ring.catalog.clone());
        Tenant::of(tenant, ring)
    };
    Page::cut(tenants, &asked, |tenant| tenant.id.to_string(), told)
}

/// The tenant of that id, if there is one still.
///
/// # Errors
/// If there is none, or the state fails.
pub(super) async fn find(door: &AdministrationDoor, id: TenantId) -> Result<Stored, Problem> {
    let tenants = door.tenants.list(false).await?;
    let found = tenants.into_iter().find(|tenant| tenant.id == id);
    found.ok_or_else(Problem::nothing_here)
}

/// A tenant, as it is told.
///
/// # Errors
/// If the state fails.
pub(super) async fn told(door: &AdministrationDoor, tenant: Stored) -> Result<Tenant, Problem> {
    let ring = door.tenants.ring_of(&tenant).await?;
    Ok(Tenant::of(tenant, ring))
}

async fn show(
    State(door): State<AdministrationDoor>,
    Named(id): Named<TenantId>,
) -> Answer<Tenant> {
    let tenant = find(&door, id).await?;
    Ok(Json::ok(told(&door, tenant).await?))
}

/// That a question of a tenant's Mac was answered.
#[derive(JsonSchema, Serialize)]
struct CheckIn {
    /// When.
    at: At,
    /// The address that it said to have.
    local_ip: String,
    /// The address that it came from.
    public_ip: String,
}

async fn check_ins(
    State(door): State<AdministrationDoor>,
    Named(id): Named<TenantId>,
    Asked(asked): Asked<PageQuery>,
) -> Result<Page<CheckIn>, Problem> {
    let tenant = find(&door, id).await?;
    let check_ins = door.tenants.check_ins(&tenant, CHECK_INS).await?;
    // The newest first: their numbers from there are their cursors.
    let numbered = check_ins.into_iter().zip(1_u32..).collect();
    let cursor = |(_, number): &(StoredCheckIn, u32)| format!("{number:05}");
    let told = |(check_in, _): (StoredCheckIn, u32)| CheckIn {
        at: At(check_in.at),
        local_ip: check_in.local_ip,
        public_ip: check_in.public_ip,
    };
    Page::cut(numbered, &asked, cursor, told)
}
