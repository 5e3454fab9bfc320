//! The native steps of recipes, one file each, and the engine that carries one out.
//!
//! # Words
//! - A [`Processor`] is one kind of step. It reads and writes the run's [`Env`], as `AutoPkg`'s do; what it may touch
//!   of the outside world it gets from its [`StepContext`].
//! - A [`Call`] is one use of a processor in a plan: its name, its arguments, and the recipe that has it.
//! - The [`Registry`] knows all native processors.
//! - [`verify`] looks over a whole plan before the first step: unknown processors, required variables that nobody
//!   sets, arguments that nobody reads. [`pinned`] says what a plan pins.
//! - [`execute_step`] carries out one call and gives back its [`StepRecord`], the step's entry in a receipt.
//! - [`Downloads`] lists what a run downloaded; it is committed only after the run has succeeded.
//! - [`Identities`] lists whose signatures a run has verified.
//! - [`Proofs`] lists what vendors gave beside their downloads, and what came of it.
//!
//! # Arguments
//! `AutoPkg` merges the arguments of a step into the one environment for good, so a recipe may use any step to set
//! a variable for later ones. An argument that the step's processor does not declare is therefore accepted if
//! something after it in the plan reads it (a declared input, a `%reference%`, a predicate), or if it is a comment;
//! anything else is a misspelling, of which a run warns, and which `audit` finds.
//!
//! # Invariants
//! - A processor writes only below the run's cache folder, or where an argument of the recipe tells it to.
//! - Nothing is added to the repository here: `MunkiImporter` stages.
//! - Nothing is mounted; paths into images are read by `media`.
//! - No step can end the process, or the steps of another recipe.
//!
//! # Sources
//! `AutoPkg` 2.9.1, `autopkglib/*.py`, for names, defaults, messages and quirks that recipes rely on.
#![forbid(unsafe_code)]

#[cfg(test)]
mod bench;
mod bundles;
mod community;
mod context;
mod disk;
mod downloads;
mod error;
mod execute;
mod glob;
mod identities;
mod languages;
mod output_file;

mod packaging;
mod place;
#[cfg(test)]
mod plans;
mod processor;
mod proving;
mod regex;
mod registry;
mod removal;
#[cfg(test)]
mod runs;
mod shelf;
mod signatures;
mod steps;
#[cfg(test)]
mod tests;
mod variables;
mod verify;
mod version_order;
mod web;

pub use community::{
    Community, PythonHost, PythonSettings, STEP_TOOL, Sources, clear_fetched, clear_scratch,
    mac_tools, serve_step, works_within,
};
pub use context::{StepContext, StepMessages};
pub use downloads::{Download, Downloads};
pub use error::StepError;
pub use execute::{StepRecord, execute_step, summaries};
pub use identities::Identities;
pub use languages::{options_fault, pattern_fault, predicate_fault, requirement_fault};
pub use processor::{Call, Env, Input, Output, Outputs, Processor};
pub use proving::{AskedProof, ProofBy, Proofs};
pub use registry::Registry;
pub use signatures::SignaturePolicy;
pub use verify::{pinned, verify};
