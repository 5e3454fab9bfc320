//! The HTTP edge of the service: is it well, and how much does it do.
//!
//! - `GET /healthz`: 200 if the database answers, all workers are there and the scheduler has looked lately; 503 and
//!   which part is not well otherwise.
//! - `GET /metrics`: figures in the text format of Prometheus.
//!
//! [`router`] needs no socket; [`serve`] puts it on one. The loops of the service tell [`Vitals`] that they live.
//!
//! **Invariants:** decides nothing and changes nothing; nobody is asked for a secret and none is shown; connections
//! are limited in number and time, so that a watcher that hangs takes nothing from the service.
//!
//! # Source
//! Prometheus text exposition format 0.0.4.
#![forbid(unsafe_code)]

mod health;
mod listen;
mod metrics;
mod router;
mod vitals;

#[cfg(test)]
mod tests;

pub use listen::serve;
pub use router::{Watched, router};
pub use vitals::{Vitals, WorkerSign};
