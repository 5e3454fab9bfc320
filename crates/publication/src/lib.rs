//! Change sets applied to a Munki repository: staged, journalled, whole or not at all.
#![forbid(unsafe_code)]

/// The repository as it is, to be read, and the change set that a run stages.
#[derive(Debug)]
pub struct Staging {}
