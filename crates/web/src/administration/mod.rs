//! The administration pages: who is let in, and what they see and may change.
//!
//! Every page but the one for signing in stands behind [`gate`], which knows who asks and whether they may; every change
//! comes by `POST` and passes [`gate::changes`], too. Pages are whole without scripts; that of a run that is not over follows
//! it by one ([`live`]), and lists that are searched change by htmx while somebody types.

mod connectors;
mod figures;
mod gate;
mod holds;
mod live;
mod log;
mod page;
mod plot;
mod recipes;
mod runs;
mod schedules;
pub(crate) mod settings;
mod sign_in;
mod sign_on;
mod tenant;
mod tenants;
#[cfg(test)]
mod tests;
mod timetables;
mod titles;
mod users;
mod weeks;
mod works;

use std::{path::PathBuf, sync::Arc, time::Duration};

use axum::{
    Extension, Router, middleware,
    routing::{get, post},
};
use pipeline::Engine;
use redact::Scrubber;
use store::Db;
use tenancy::{
    Tenants, administration::Administration, administration::Permit, profile::ProfileSettings,
};

pub use self::settings::{Settings, SettingsFinding, SettingsLook, SettingsSection};
use self::weeks::Weeks;
use crate::{figures::Recent, visit};

/// What the administration pages are made of.
#[derive(Clone, Debug)]
pub struct AdministrationDoor {
    /// Who may sign in.
    pub administration: Administration,
    /// The tenants.
    pub tenants: Tenants,
    /// The state.
    pub db: Db,
    /// What carries runs out; without it there are pages of tenants only.
    pub engine: Option<Engine>,
    /// Takes secrets out of what people write.
    pub scrubber: Scrubber,
    /// The catalogs that are rings; without any, tenants may have every catalog.
    pub rings: Vec<String>,
    /// What tenants' profiles say, if there can be any.
    pub profile: Option<ProfileSettings>,
    /// How long a secret is taken beside its successor.
    pub overlap: Duration,
    /// The file of schedules.
    pub schedules: PathBuf,
    /// After how long without a good run a scheduled title is stale; never if that is nothing.
    pub stale: Duration,
    /// How the house is set up, if there is a page of it.
    pub settings: Option<Arc<dyn Settings>>,
    /// Whether it is reached over TLS.
    pub is_tls: bool,
}

/// Answers for the administration pages, and for programs below `/api/v1`.
pub fn administration_router(door: AdministrationDoor) -> Router {
    let looks = works_pages(&door);
    let follows = Router::new()
        .route("/runs/{id}/live", get(live::stream))
        .route("/runs/{id}/part", get(live::part))
        .route_layer(middleware::from_fn_with_state(
            door.clone(),
            gate::following,
        ));
    let house = house(&door);
    let reads = Router::new()
        .route("/log", get(log::show))
        .route_layer(gate::needing(&door, Permit::ReadAuditLog));
    let changes = tenants_changed(&door);
    let decides = Router::new()
        .route("/holds/{id}", post(works::decide))
        .route("/incidents/{id}", post(works::look_after))
        .route_layer(middleware::from_fn(gate::changes))
        .route_layer(gate::needing(&door, Permit::Decide));
    let leaves = Router::new()
        .route("/sign-out", post(sign_in::leave))
        .route_layer(middleware::from_fn(gate::changes))
        .route_layer(gate::needing(&door, Permit::Look));
    let enters = Router::new()
        .route("/sign-in", get(sign_in::show).post(sign_in::enter))
        .route("/assets/htmx.min.js", get(visit::htmx))
        .route("/assets/live.js", get(live::script))
        .route("/sign-in/oidc", get(sign_on::begin))
        .route(tenancy::oidc::CALLBACK, get(sign_on::finish))
        .route("/assets/style.css", get(visit::style));
    let api = crate::api::router(&door);
    let pages = Router::new()
        .merge(looks)
        .merge(follows)
        .merge(reads)
        .merge(changes)
        .merge(decides)
        .merge(leaves)
        .merge(enters)
        .merge(house)
        .fallback(page::nothing_here)
        .layer(middleware::from_fn_with_state(
            door.clone(),
            gate::outermost,
        ))
        .with_state(door);
    // Programs have no cookies: what browsers must be kept from does not concern them.
    pages.merge(api).layer(Extension(Recent::default()))
}

/// The pages of titles, runs, what waits, incidents, figures and tenants.
fn works_pages(door: &AdministrationDoor) -> Router<AdministrationDoor> {
    Router::new()
        .route("/", get(works::first))
        .route("/evidence/{*location}", get(runs::evidence))
        .route("/figures", get(figures::show))
        .route("/holds", get(holds::list))
        .route("/holds/{id}", get(works::hold))
        .route("/incidents", get(works::incidents))
        .route("/incidents/{id}", get(works::incident))
        .route("/now", get(works::now))
        .route("/runs", get(runs::list))
        .route("/runs/{id}", get(runs::show))
        .route("/tenants", get(tenants::list))
        .route("/tenants/{id}", get(tenant::show))
        .route("/titles", get(titles::list))
        .route("/titles/{title}", get(titles::show))
        .route_layer(Extension(timetables::Timetables::new(&door.schedules)))
        .route_layer(gate::needing(door, Permit::Look))
}

/// What changes tenants.
fn tenants_changed(door: &AdministrationDoor) -> Router<AdministrationDoor> {
    Router::new()
        .route("/tenants", post(tenants::create))
        .route("/tenants/{id}/assign", post(tenant::assign))
        .route("/tenants/{id}/delete", post(tenant::delete))
        .route("/tenants/{id}/entitle", post(tenant::entitle))
        .route("/tenants/{id}/profile", post(tenant::profile))
        .route("/tenants/{id}/resume", post(tenant::resume))
        .route(
            "/tenants/{id}/rotate-credential",
            post(tenant::rotate_credential),
        )
        .route("/tenants/{id}/rotate-token", post(tenant::rotate_token))
        .route("/tenants/{id}/suspend", post(tenant::suspend))
        .route_layer(middleware::from_fn(gate::changes))
        .route_layer(gate::needing(door, Permit::ChangeTenants))
}

/// The pages of what the house is made of: schedules, recipes, connectors, users, settings.
fn house(door: &AdministrationDoor) -> Router<AdministrationDoor> {
    let looks = Router::new()
        .route("/calendar", get(schedules::calendar))
        .route("/connectors", get(connectors::list))
        .route("/recipes", get(recipes::list))
        .route("/recipes/{key}", get(recipes::show))
        .route("/schedules", get(schedules::list))
        .route("/schedules/{title}", get(schedules::show))
        .route_layer(gate::needing(door, Permit::Look));
    let sees = Router::new()
        .route("/settings", get(settings::show))
        .route("/users", get(users::list))
        .route("/users/{id}", get(users::show))
        .route_layer(gate::needing(door, Permit::SeeHouse));
    let runs = Router::new()
        .route("/schedules/{title}", post(schedules::change))
        .route_layer(middleware::from_fn(gate::changes))
        .route_layer(gate::needing(door, Permit::Run));
    let tests = Router::new()
        .route("/connectors/{name}/test-fire", post(connectors::test_fire))
        .route_layer(middleware::from_fn(gate::changes))
        .route_layer(gate::needing(door, Permit::Decide));
    let changes = Router::new()
        .route("/users/tokens/{id}/revoke", post(users::revoke))
        .route("/users/people/sign-out", post(users::sign_out))
        .route("/users/{id}", post(users::change))
        .route_layer(middleware::from_fn(gate::changes))
        .route_layer(gate::needing(door, Permit::ChangeUsers));
    Router::new()
        .merge(looks)
        .merge(sees)
        .merge(runs)
        .merge(tests)
        .merge(changes)
        .layer(Extension(Weeks::default()))
}
