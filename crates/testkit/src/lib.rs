//! A whole house in a temporary folder, for tests and the demo.
#![forbid(unsafe_code)]

pub mod demo;
pub mod house;
pub mod minisign;
pub mod package;
pub mod signing;
pub mod smtp;
pub mod sparkle;
pub mod vendor;
pub mod virus_total;
pub mod webhook_receiver;
