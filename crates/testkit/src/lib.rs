//! A whole house in a temporary folder, for tests and the demo.
#![forbid(unsafe_code)]

pub mod vendor;
