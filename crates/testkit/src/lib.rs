//! A whole house in a temporary folder, for tests and the demo.
//!
//! What is a remote company is stood in for by a server on loopback that speaks the documented protocol, with its errors and
//! quotas; everything else is real.
//!
//! - [`house::TestHouse`] furnishes a folder with configuration, recipes and overrides, starts the stand-ins, and drives the
//!   program as its user does.
//! - [`vendor`] is a vendor's web server: files, feeds, redirects, cut and slow answers, conditional requests.
//! - [`virus_total`] is `VirusTotal`'s API, with verdicts, quotas and faults to arrange; [`webhook_receiver`] takes the
//!   incidents, and [`smtp`] is a real SMTP server in Python that keeps what it gets.
//! - [`clamd`] is a real `ClamAV` daemon with signatures of the test's.
//! - [`desks`] are service desks with their own states and errors: Jira, `ServiceNow`, Zendesk, Freshservice, `PagerDuty`,
//!   Slack and Teams.
//! - [`signing`] makes programs and bundles and signs them with `apple-codesign`, by a certificate that signed itself;
//!   [`package`] makes flat packages; [`tls`] makes certificates of servers.
//! - [`browser`] is a real Chromium that is led through pages, and axe to judge them; [`pages`] asks for them by curl.
//! - [`identity_provider`] signs people in by `OpenID` Connect.
//! - [`nginx`] is a real NGINX, and [`s3`] a real server that speaks S3.
//! - [`database()`] opens a database for a test, on SQLite or in a schema of the PostgreSQL server that the tests were given.
//! - [`demo`] is what `cargo xtask demo` tells: two publications and five incidents, step by step.
//!
//! **Invariants:** nothing listens on anything but loopback, nothing is written outside the given folder, and everything
//! that was started ends when its handle is dropped. Used by tests and the demo only; the program does not link it.
#![forbid(unsafe_code)]

pub mod api;
pub mod azure;
pub mod browser;
pub mod clamd;
pub mod collector;
pub mod crowd;
mod database;
pub mod demo;
pub mod desks;
pub mod google;
pub mod house;
pub mod identity_provider;
pub mod minisign;
pub mod nginx;
pub mod package;
pub mod pages;
pub mod s3;
pub mod signing;
pub mod smtp;
pub mod sparkle;
pub mod tls;
pub mod vendor;
pub mod virus_total;
pub mod webhook_receiver;

pub use database::{SERVER, database, database_variables, server};
