//! What a run is asked to do.

use std::path::PathBuf;

use model::{FailureClass, RunId};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// What a run is asked to do; it waits in the queue as JSON.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Request {
    /// The override, as it was typed: a name, an identifier or a path.
    pub name: String,
    /// Where recipes are sought, in place of the preferences' folders; empty: there.
    pub search_dirs: Vec<String>,
    /// Where overrides are sought, in place of the preferences' folders; empty: there.
    pub override_dirs: Vec<String>,
    /// Whether to stop at the last `EndOfCheckPhase`.
    pub check_only: bool,
    /// Variables that are set after everything else, in order (`-k`, and the other keys of a recipe list).
    pub variables: Vec<(String, Json)>,
    /// A file to use in place of the download (`-p`).
    pub pkg: Option<PathBuf>,
    /// Processors to run before the recipe's own.
    pub preprocessors: Vec<String>,
    /// Processors to run after the recipe's own.
    pub postprocessors: Vec<String>,
    /// Whether to carry the steps out although trust could not be verified; nothing is published then.
    pub ignore_trust: bool,
    /// What a person has looked at and lets pass in this run.
    pub accepted: Vec<FailureClass>,
    /// The run that is carried out again, to be held against; nothing is published or remembered then.
    pub replays: Option<RunId>,
    /// Whether it is carried out with the recipes of today, and not with those that it went by.
    pub todays_recipes: bool,
    /// How much is told, 0 to 4; recipes see it as `verbose`.
    pub verbosity: u8,
}

impl Request {
    /// A plain run of `name`.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }

    /// Whether this is the title's regular run, the one whose end the service desk hears of: a look at what is new,
    /// a file given by hand and a run without trust say nothing about the title.
    pub const fn is_regular(&self) -> bool {
        !self.check_only && !self.ignore_trust && self.pkg.is_none() && self.replays.is_none()
    }

    /// Whether a person lets failures of `class` pass.
    pub fn accepts(&self, class: FailureClass) -> bool {
        self.accepted.contains(&class)
    }
}
