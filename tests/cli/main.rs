//! Drives the built program as people and other programs do.
#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says on standard error what it skips"
)]

mod administration;
mod audit;
mod client;
mod codesign;
mod community;
mod companion;
mod corpus;
mod documents;
mod encrypted;
mod envquery;
mod evidence;
mod git;
mod identity;
mod import_autopkg;
mod incidents;
mod lists;
mod media;
mod munki;
mod overrides;
mod pods;
mod program;
mod reports;
mod repositories;
mod resolve;
mod ring;
mod schedule;
mod search;
mod serve;
mod settings;
mod stopping;
mod tenant;
mod tools;
mod trust;
mod tuf;
