//! Whole houses: the program, real servers, and crashes.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "helpers of tests fail as tests do, and say so when they skip"
)]

mod api;
mod browser;
mod cluster;
mod crashes;
mod demo;
mod desk;
mod holds;
mod objects;
mod pages;
mod rings;
mod small;
mod traces;
