//! The catalogue: pages on which people at a tenant see what its Macs can have, and feeds of what is new.
//!
//! Every page but the one for signing in stands behind [`gate::signed_in`]; every change comes by `POST` and passes
//! [`gate::changes`], too. Feeds are opened by a part of their address, which opens nothing else. Pages are whole without
//! scripts.

mod feeds;
mod gate;
mod page;
mod sign_in;
#[cfg(test)]
mod tests;
mod title;
mod titles;

use axum::{
    Router, middleware,
    routing::{get, post},
};
use tenancy::catalogue::{Access, Catalogue};

use crate::visit;

/// What the pages of the catalogue are made of.
#[derive(Clone, Debug)]
pub struct CatalogueDoor {
    /// Who is let in.
    pub access: Access,
    /// What they see.
    pub catalogue: Catalogue,
    /// Under which address people know it, without a slash at its end.
    pub url: Option<String>,
    /// Whether it is reached over TLS.
    pub is_tls: bool,
}

/// Answers for the pages of the catalogue, and for its feeds.
pub fn catalogue_router(door: CatalogueDoor) -> Router {
    let signed_in = || middleware::from_fn_with_state(door.clone(), gate::signed_in);
    let looks = Router::new()
        .route("/", get(titles::list))
        .route("/evidence/{*location}", get(title::evidence))
        .route("/icons/{*location}", get(title::icon))
        .route("/news", get(feeds::news))
        .route("/titles/{name}", get(title::show))
        .route_layer(signed_in());
    let changes = Router::new()
        .route("/feeds", post(feeds::open))
        .route("/sign-out", post(sign_in::leave))
        .route_layer(middleware::from_fn(gate::changes))
        .route_layer(signed_in());
    let enters = Router::new()
        .route("/sign-in", get(sign_in::show).post(sign_in::enter))
        .route("/assets/style.css", get(visit::style))
        .route("/feeds/{secret}/feed.json", get(feeds::json))
        .route("/feeds/{secret}/feed.rss", get(feeds::rss));
    Router::new()
        .merge(looks)
        .merge(changes)
        .merge(enters)
        .fallback(page::nothing_here)
        .layer(middleware::from_fn_with_state(
            door.clone(),
            gate::outermost,
        ))
        .with_state(door)
}
