//! The program `auto-update-client` below a root folder that stands for a Mac, against servers with real TLS.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests"
)]

mod files;
mod mac;
mod policy;
mod postflight;
mod preflight;
mod server;
mod upkeep;
mod verify;
mod wrong;
