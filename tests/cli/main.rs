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

mod corpus;
mod documents;
mod git;
mod lists;
mod overrides;
mod program;
mod repositories;
mod resolve;
mod trust;
