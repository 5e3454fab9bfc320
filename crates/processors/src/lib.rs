//! The native steps of recipes, one file each, and their registry.
//!
//! A [`Processor`] reads and writes the run's [`Env`], as `AutoPkg`'s do. What it may touch of the outside world it
//! gets from its [`StepContext`]; what it wants to add to the repository it stages there.
//!
//! **Invariants:** a processor writes only below the run's cache folder, or where a recipe argument tells it to;
//! nothing is added to the repository here.
#![forbid(unsafe_code)]

mod context;
mod error;
mod processor;

pub use context::{StepContext, StepMessages};
pub use error::StepError;
pub use processor::{Env, Input, Output, Processor};
