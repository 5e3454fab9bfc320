//! What a step may touch of the outside world.

use std::{path::PathBuf, sync::Arc};

use model::Clock;
use proplist::Dict;
use tokio_util::sync::CancellationToken;

use crate::{Downloads, Identities, Proofs, SignaturePolicy};

/// What a step may touch of the outside world.
#[derive(Clone)]
pub struct StepContext {
    /// Downloads.
    pub fetcher: Arc<fetch::Fetcher>,
    /// What this run has downloaded; the pipeline commits it after a good run.
    pub downloads: Arc<Downloads>,
    /// Whose signatures this run has verified; the pipeline compares them with those it accepted before.
    pub identities: Arc<Identities>,
    /// What vendors gave beside their downloads, and what came of it.
    pub proofs: Arc<Proofs>,
    /// What the plan pins ([`crate::pinned`]); without it nothing is fetched over plain `http`.
    pub pin: Option<fetch::Pin>,
    /// Whether a processor in the sandbox chooses what is asked; the pin vouches for less of it.
    pub from_sandbox: bool,
    /// The repository as it is, to be read, and the change set that the run stages.
    pub staging: Arc<publication::Staging>,
    /// What the operator decides about signatures.
    pub signatures: SignaturePolicy,
    /// Where the step's messages go.
    pub messages: Arc<dyn StepMessages>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The run's private folder, `RECIPE_CACHE_DIR`.
    pub workspace: PathBuf,
    /// Cancelled when the run must stop.
    pub cancelled: CancellationToken,
}

/// Where a step's messages go: console, run log.
pub trait StepMessages: Send + Sync {
    /// A message for verbosity 1 and above, without the processor's name before it.
    fn say(&self, text: &str);

    /// A warning that is always shown.
    fn warn(&self, text: &str);

    /// What the step was given: the declared inputs that are there, before it begins.
    fn reads(&self, _input: &Dict) {}

    /// How far a download has come; the total if it is known.
    fn progress(&self, done_bytes: u64, total_bytes: Option<u64>);
}
