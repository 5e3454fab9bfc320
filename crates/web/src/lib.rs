//! The HTTP edges of the service: is it well, how much does it do, and where are the views of tenants.
//!
//! - **[`envquery_router`]**: `POST /v1/repository`, as [`tenancy::envquery`] decides.
//! - **[`pods_router`]**: `GET` and `HEAD` below `/SLUG/`, as [`tenancy::pods`] decides.
//! - **[`administration_router`]**: the pages on which people see and change tenants, behind a sign-in; and the same for
//!   programs, as JSON, behind a token.
//! - **[`catalogue_router`]**: the pages on which people at a tenant see what its Macs can have, behind a sign-in.
//! - **[`serve_tls`]** puts a router on a socket that speaks TLS, with a [`ServerCertificate`] that can be replaced.
//! - `GET /healthz`: 200 if the database answers, all workers are there and the scheduler has looked lately; 503 and
//!   which part is not well otherwise.
//! - `GET /metrics`: figures in the text format of Prometheus.
//!
//! [`router`] needs no socket; [`serve`] puts it on one. The loops of the service tell [`Vitals`] that they live.
//!
//! **Invariants:** decides nothing; of health and metrics nobody is asked for a secret and none is shown; no secret is
//! logged; connections are limited in number and time, so that one that hangs takes nothing from the service.
//!
//! # Source
//! Prometheus text exposition format 0.0.4.
#![forbid(unsafe_code)]

mod administration;
mod api;
mod catalogue;
mod envquery;
mod figures;
mod health;
mod listen;
mod metrics;
mod pods;
mod problem;
mod router;
mod tls;
mod visit;
mod vitals;

#[cfg(test)]
mod tests;

pub use administration::{
    AdministrationDoor, Settings, SettingsFinding, SettingsLook, SettingsSection,
    administration_router,
};
pub use catalogue::{CatalogueDoor, catalogue_router};
pub use envquery::{EnvQueryDoor, LoadBalancers, UnknownNetwork, envquery_router};
pub use listen::serve;
pub use pods::pods_router;
pub use router::{Watched, router};
pub use tls::{CertificateError, Peer, ServerCertificate, TlsListener, serve_tls};
pub use vitals::{Vitals, WorkerSign};
