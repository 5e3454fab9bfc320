//! What a step is.

use async_trait::async_trait;
use proplist::{Dict, Value};

use crate::{StepContext, StepError};

/// The variables of a run, in the order they were set: preferences, input, arguments, outputs.
pub type Env = Dict;

/// A variable that a processor reads.
#[derive(Clone, Debug)]
pub struct Input {
    /// Its name.
    pub name: &'static str,
    /// Whether the step cannot go without it.
    pub required: bool,
    /// What it is taken to be when absent.
    pub default: Option<Value>,
}

/// A variable that a processor sets.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    /// Its name.
    pub name: &'static str,
}

/// One kind of step.
#[async_trait]
pub trait Processor: Send + Sync {
    /// Its name in recipes.
    fn name(&self) -> &'static str;

    /// What it reads; any other argument is an error.
    fn inputs(&self) -> Vec<Input>;

    /// What it sets, besides names that its arguments choose.
    fn outputs(&self) -> Vec<Output>;

    /// Carries the step out.
    ///
    /// Defaults have been put into `env`, and required inputs are known to be there.
    ///
    /// # Cancellation
    /// Dropping the future may leave files in the workspace, and nothing anywhere else.
    ///
    /// # Errors
    /// What stopped it; `AutoPkg`'s own words where recipes' authors know them.
    async fn run(&self, context: &StepContext, env: &mut Env) -> Result<(), StepError>;
}
