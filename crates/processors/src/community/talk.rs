//! The conversation with the host, as `workers/python/README.md` describes it.

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::value;
use crate::Input;

/// What the host says.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Message {
    /// It asks for something.
    Call(Asked),
    /// The step is done.
    Done {
        /// The variables.
        env: Json,
    },
    /// The class could not be loaded, or the step failed.
    Failed {
        /// What the author says.
        text: String,
        /// Where it happened, for those who look closer.
        trace: String,
    },
    /// The class is loaded.
    Loaded(Manifest),
    /// A message for people.
    Say(String),
}

/// What the host asks for.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "what")]
pub(super) enum Asked {
    /// What is at an address.
    Fetch(Fetch),
    /// What is in a disk image.
    Mount {
        /// The image.
        path: String,
    },
    /// What a core processor that asks servers does.
    Step {
        /// The processor.
        processor: String,
        /// The variables.
        env: Json,
    },
}

/// What is to be fetched.
#[derive(Debug, Deserialize)]
pub(super) struct Fetch {
    /// The address.
    pub(super) url: String,
    /// Further words of curl's command line.
    pub(super) arguments: Vec<String>,
    /// Only the headers are wanted.
    pub(super) head: bool,
    /// As text; else as a file.
    pub(super) text: bool,
    /// What a server says with a refusal is wanted, too.
    #[serde(default)]
    pub(super) any_status: bool,
}

/// What a class says of itself.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Manifest {
    /// What it does.
    pub(super) description: String,
    /// What it reads.
    pub(super) inputs: IndexMap<String, Flags>,
    /// What it sets.
    pub(super) outputs: Vec<String>,
}

/// What a class says of a variable that it reads.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Flags {
    required: bool,
    #[serde(default, flatten)]
    more: Map<String, Json>,
}

impl Manifest {
    /// What it reads. A default that is no value is none.
    pub(super) fn inputs(&self) -> Vec<Input> {
        let inputs = self.inputs.iter();
        inputs
            .map(|(name, flags)| Input {
                name: name.clone().into(),
                required: flags.required,
                default: flags.more.get("default").and_then(value::decode),
            })
            .collect()
    }
}
