//! How each title will run here.

use std::{collections::BTreeSet, path::PathBuf};

use pipeline::{Handbook, Runs};
use recipe::{Auditor, Distrust, Finding, Library, Manual as _, Resolved, verify_trust};
use repos::GitHistory;

use super::{
    python::{self, Doubt},
    setup::Setup,
};

/// A processor of a recipe repository.
#[derive(Clone, Debug)]
pub(super) struct Foreign {
    /// As steps name it.
    pub(super) name: String,
    pub(super) path: PathBuf,
    pub(super) doubts: Vec<Doubt>,
    pub(super) loading: Loading,
}

/// What came of loading a processor in its sandbox.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Loading {
    /// It cannot be loaded; why.
    Fails(String),
    /// It can be loaded.
    Loads,
    /// It was not tried.
    Untried,
}

/// The state of the trust information.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Trust {
    /// A parent is not what it was.
    Failed(String),
    /// There is none, or it is no override.
    Missing,
    /// Parents are what they were.
    Ok,
}

/// An override, or a recipe of a list.
#[derive(Clone, Debug)]
pub(super) struct Title {
    pub(super) name: String,
    pub(super) path: Option<PathBuf>,
    pub(super) is_override: bool,
    pub(super) runs: Runs,
    pub(super) foreign: Vec<Foreign>,
    /// Why it will not run.
    pub(super) reasons: Vec<Finding>,
    pub(super) trust: Trust,
}

/// Every override, and every recipe of the lists that is none.
pub(super) fn titles(setup: &Setup) -> Vec<Title> {
    let library = setup.library();
    let variables = setup.preferences.values().keys().cloned().collect();
    let judge = Judge {
        handbook: Handbook::new(variables),
        history: GitHistory::new(),
        cloned: setup.cloned(),
        library: &library,
    };
    let listed = library.list();
    let overrides: BTreeSet<String> = listed
        .into_iter()
        .filter(|listed| listed.is_override)
        .map(|listed| listed.name)
        .collect();
    let in_lists = setup.lists.iter().flat_map(|list| &list.list.recipes);
    let others: BTreeSet<&str> = in_lists
        .map(|name| recipe::strip_extension(name.trim()))
        .filter(|name| !overrides.contains(*name))
        .collect();
    let names = overrides.iter().map(String::as_str).chain(others);
    names.map(|name| judge.title(name)).collect()
}

struct Judge<'a> {
    handbook: Handbook,
    history: GitHistory,
    cloned: Vec<PathBuf>,
    library: &'a Library,
}

impl Judge<'_> {
    fn title(&self, name: &str) -> Title {
        let auditor = Auditor::new(self.library, &self.handbook);
        let recipe = match self.library.resolve(name) {
            Ok(recipe) => recipe,
            Err(error) => {
                return Title {
                    name: name.to_owned(),
                    path: self.library.locate(name, recipe::Scope::Overrides, &[]),
                    is_override: false,
                    runs: Runs::Cannot,
                    foreign: Vec::new(),
                    reasons: vec![auditor.refused(name, &error)],
                    trust: Trust::Missing,
                };
            }
        };
        let foreign = self.foreign(&recipe);
        let findings = auditor.audit(&recipe);
        let runs = Runs::of(&findings);
        let reasons = findings.into_iter().filter(Runs::is_hindered_by).collect();
        Title {
            name: name.to_owned(),
            path: Some(recipe.path().to_owned()),
            is_override: recipe.is_override(),
            runs,
            foreign,
            reasons,
            trust: self.trust(&recipe),
        }
    }

    /// The processors that lie beside recipes, each once.
    fn foreign(&self, recipe: &Resolved) -> Vec<Foreign> {
        let mut foreign: Vec<Foreign> = Vec::new();
        for step in recipe.steps() {
            let name = step.processor();
            let is_known = foreign.iter().any(|known| known.name == name);
            if is_known || self.handbook.processor(name).is_some() {
                continue;
            }
            if let Some(path) = self.library.processor_path(recipe, name) {
                foreign.push(Foreign {
                    name: name.to_owned(),
                    doubts: python::doubts(&path),
                    path,
                    loading: Loading::Untried,
                });
            }
        }
        foreign
    }

    fn trust(&self, recipe: &Resolved) -> Trust {
        if recipe.trust_info().is_none() {
            return Trust::Missing;
        }
        let verified: Result<(), Distrust> =
            verify_trust(recipe, self.library, &self.history, &self.cloned, 0);
        match verified {
            Ok(()) => Trust::Ok,
            Err(distrust) => Trust::Failed(model::chain(&distrust)),
        }
    }
}
