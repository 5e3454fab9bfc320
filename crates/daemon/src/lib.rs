//! The long-running service: configuration, wiring, roles, shutdown.
#![forbid(unsafe_code)]
