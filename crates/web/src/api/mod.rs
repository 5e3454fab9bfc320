//! The API for programs: what the pages and verbs show and do, as JSON, below `/api/v1`.
//!
//! Every endpoint is an [`operation::Operation`] in the list of [`endpoints`], from which both the router and the `OpenAPI`
//! document are made: what is answered is what is documented. Each stands behind [`gate`], which knows the token and
//! whether it may; changes pass [`once`], too.

mod answer;
mod audit_log;
mod catalogue;
mod connectors;
mod document;
mod events;
mod figures;
mod gate;
mod holds;
mod incidents;
mod me;
mod once;
mod operation;
mod paging;
mod people;
mod problem;
mod publications;
mod recipes;
mod runs;
mod schedules;
mod settings;
mod tenant_changes;
mod tenants;
#[cfg(test)]
mod tests;
mod titles;
mod users;
mod words;

use axum::{Router, middleware, response::IntoResponse as _, routing::get};

use self::{operation::Endpoint, problem::Problem};
use crate::AdministrationDoor;

/// Where the API is.
const ROOT: &str = "/api/v1";

/// Every endpoint.
fn endpoints() -> Vec<Endpoint> {
    [
        audit_log::endpoints(),
        catalogue::endpoints(),
        connectors::endpoints(),
        events::endpoints(),
        figures::endpoints(),
        holds::endpoints(),
        incidents::endpoints(),
        me::endpoints(),
        people::endpoints(),
        publications::endpoints(),
        recipes::endpoints(),
        runs::endpoints(),
        schedules::endpoints(),
        settings::endpoints(),
        tenants::endpoints(),
        tenant_changes::endpoints(),
        titles::endpoints(),
        users::endpoints(),
        users::token_endpoints(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Answers for everything below `/api/v1`.
pub(crate) fn router(door: &AdministrationDoor) -> Router {
    let mut api = Router::new().route("/openapi.json", get(document::show));
    for Endpoint { operation, route } in endpoints() {
        let mut route = route;
        if operation.method.is_change() {
            route = route.route_layer(middleware::from_fn_with_state(door.clone(), once::once));
        }
        let behind = (door.clone(), operation.needs);
        let gate = middleware::from_fn_with_state(behind, gate::pass);
        api = api.route(operation.path, route.route_layer(gate));
    }
    let api = api
        .fallback(async || Problem::nothing_here().into_response())
        .method_not_allowed_fallback(async || Problem::no_such_method().into_response())
        .layer(middleware::from_fn_with_state(
            door.is_tls,
            answer::outermost,
        ))
        .with_state(door.clone());
    Router::new().nest(ROOT, api)
}
