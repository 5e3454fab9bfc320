//! Steps that only work on files: they are synchronous, and run where blocking is allowed.

use async_trait::async_trait;
use fetch::{caught, is_on_one_thread};
use model::FailureClass;

use crate::{Call, Env, Input, Output, Outputs, Processor, StepContext, StepError};

/// A processor that waits for nothing but the disk.
pub(crate) trait DiskStep: Copy + Send + Sync + 'static {
    /// As [`Processor::name`].
    fn name(self) -> &'static str;

    /// As [`Processor::description`].
    fn description(self) -> &'static str;

    /// As [`Processor::inputs`].
    fn inputs(self) -> Vec<Input>;

    /// As [`Processor::outputs`].
    fn outputs(self) -> Vec<Output> {
        Vec::new()
    }

    /// As [`Processor::also_reads`].
    fn also_reads(self) -> &'static [&'static str] {
        &[]
    }

    /// As [`Processor::takes_any_argument`].
    fn takes_any_argument(self) -> bool {
        false
    }

    /// Whether it is over in a moment, whatever it works on.
    fn is_brief(self) -> bool {
        false
    }

    /// As [`Processor::run`]; blocking.
    fn work(self, call: &Call, context: &StepContext, env: &mut Env) -> Result<Outputs, StepError>;
}

/// Runs a [`DiskStep`] where blocking is allowed.
pub(crate) struct OnDisk<T>(pub(crate) T);

#[async_trait]
impl<T: DiskStep> Processor for OnDisk<T> {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn description(&self) -> &'static str {
        self.0.description()
    }

    fn inputs(&self) -> Vec<Input> {
        self.0.inputs()
    }

    fn outputs(&self) -> Vec<Output> {
        self.0.outputs()
    }

    fn also_reads(&self) -> &'static [&'static str] {
        self.0.also_reads()
    }

    fn takes_any_argument(&self) -> bool {
        self.0.takes_any_argument()
    }

    async fn run(
        &self,
        call: &Call,
        context: &StepContext,
        env: &mut Env,
    ) -> Result<Outputs, StepError> {
        let step = self.0;
        let unfinished = || {
            let message = format!("{} ended unexpectedly", step.name());
            StepError::new(FailureClass::Internal, message)
        };
        if step.is_brief() && is_on_one_thread() {
            let worked = caught(|| step.work(call, context, env));
            return worked.map_err(|error| unfinished().caused_by(error))?;
        }
        let (call, context, mut own) = (call.clone(), context.clone(), env.clone());
        let worked = tokio::task::spawn_blocking(move || {
            let outcome = step.work(&call, &context, &mut own);
            (own, outcome)
        });
        let (own, outcome) = worked
            .await
            .map_err(|error| unfinished().caused_by(error))?;
        *env = own;
        outcome
    }
}
