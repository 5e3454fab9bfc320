//! What a step is.

use std::borrow::Cow;

use async_trait::async_trait;
use proplist::{Dict, Value};

use crate::{StepContext, StepError};

/// The variables of a run, in the order they were set: preferences, input, arguments, outputs.
pub type Env = Dict;

/// One use of a processor in a plan.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Call {
    /// The processor as the recipe names it: `URLDownloader`, `com.example.shared/Foo`.
    pub processor: String,
    /// Its arguments in file order, before substitution.
    pub arguments: Dict,
    /// The recipe file that has the step, for people.
    pub origin: String,
}

/// A variable that a processor reads.
#[derive(Clone, Debug)]
pub struct Input {
    /// Its name.
    pub name: Cow<'static, str>,
    /// Whether the step cannot go without it.
    pub required: bool,
    /// What it is taken to be when absent.
    pub default: Option<Value>,
}

impl Input {
    /// A variable without which the step fails.
    pub const fn required(name: &'static str) -> Self {
        Self {
            name: Cow::Borrowed(name),
            required: true,
            default: None,
        }
    }

    /// A variable that may be absent.
    pub const fn optional(name: &'static str) -> Self {
        Self {
            name: Cow::Borrowed(name),
            required: false,
            default: None,
        }
    }

    /// A variable that is set to `default` when absent, and stays set.
    pub fn defaulted(name: &'static str, default: impl Into<Value>) -> Self {
        Self {
            name: Cow::Borrowed(name),
            required: false,
            default: Some(default.into()),
        }
    }
}

/// A variable that a processor sets.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    /// Its name.
    pub name: &'static str,
}

/// Which variables a step has set.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outputs {
    /// Those that its processor declares.
    Declared,
    /// These instead: the recipe chose the names.
    Named(Vec<String>),
}

/// One kind of step.
#[async_trait]
pub trait Processor: Send + Sync {
    /// Its name in recipes.
    fn name(&self) -> &str;

    /// What it does, in one sentence.
    fn description(&self) -> &str;

    /// What it reads.
    fn inputs(&self) -> Vec<Input>;

    /// What it sets, besides names that its arguments choose.
    fn outputs(&self) -> Vec<Output>;

    /// The names of [`Processor::outputs`]; a processor that learns them only when it is loaded gives them here.
    fn output_names(&self) -> Vec<Cow<'static, str>> {
        let outputs = self.outputs().into_iter();
        outputs.map(|output| Cow::Borrowed(output.name)).collect()
    }

    /// What it reads besides [`Processor::inputs`], where it finds them set by earlier steps.
    fn also_reads(&self) -> &'static [&'static str] {
        &[]
    }

    /// Whether its arguments exist only to set variables.
    fn takes_any_argument(&self) -> bool {
        false
    }

    /// Carries the step out.
    ///
    /// The arguments of `call` have been substituted and put into `env`, defaults too, and required inputs are known
    /// to be there.
    ///
    /// # Cancellation
    /// Dropping the future may leave files in the workspace, and nothing anywhere else.
    ///
    /// # Errors
    /// What stopped it; `AutoPkg`'s own words where recipes' authors know them.
    async fn run(
        &self,
        call: &Call,
        context: &StepContext,
        env: &mut Env,
    ) -> Result<Outputs, StepError>;
}
