//! An override becomes the steps and variables of one run.

use std::path::PathBuf;

use model::{FailureClass, Title, TitleError};
use processors::{Call, Env};
use recipe::{Closure, Library, LooseVersion, Note, Outside, ResolveError, Resolved, variables};

use crate::{
    Failure, Recipes, Request,
    recipes::{AUTOPKG_VERSION, title_named},
};

/// The step behind which a run that only looks for news stops.
const END_OF_CHECK_PHASE: &str = "EndOfCheckPhase";

/// An override, put together with its parents.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The recipe, with the processors that were asked for around it.
    pub(crate) recipe: Resolved,
    /// Where it was found.
    pub(crate) library: Library,
    /// What the run knows besides.
    pub(crate) outside: Outside,
}

/// What is found under a name.
pub(crate) struct Sought {
    /// The title that the name stands for.
    pub(crate) title: Result<Title, TitleError>,
    /// Why there is nothing, if there is not.
    pub(crate) absent: Option<Failure>,
}

impl Plan {
    /// Finds and merges what `request` names. Blocking.
    ///
    /// # Errors
    /// If there is no such override, or it cannot be merged with its parents.
    pub(crate) fn make(recipes: &Recipes, request: &Request) -> Result<Self, Failure> {
        let library = recipes.library(request);
        let recipe = library
            .resolve(&request.name)
            .map_err(|error| unresolved(&request.name, &error))?;
        Ok(Self::of(recipes, request, library, recipe))
    }

    /// The plan that `files` were, an override and its parents, nearest first. Blocking.
    ///
    /// # Errors
    /// If they cannot be merged.
    pub(crate) fn of_files(
        recipes: &Recipes,
        request: &Request,
        files: &[(PathBuf, Vec<u8>)],
    ) -> Result<Self, Failure> {
        let library = recipes.library(request);
        let recipe = library
            .resolve_files(&request.name, files)
            .map_err(|error| unresolved(&request.name, &error))?;
        Ok(Self::of(recipes, request, library, recipe))
    }

    fn of(recipes: &Recipes, request: &Request, library: Library, recipe: Resolved) -> Self {
        Self {
            recipe: recipe.with_processors(&request.preprocessors, &request.postprocessors),
            outside: recipes.outside(request, &library),
            library,
        }
    }

    /// The title that `request` is about, and why there is nothing of its name, if there is not. Blocking.
    pub(crate) fn sought(recipes: &Recipes, request: &Request) -> Sought {
        let name = &request.name;
        match recipes.library(request).resolve(name) {
            Ok(recipe) => Sought {
                title: title_named(name, Some(&recipe)),
                absent: None,
            },
            Err(error) => Sought {
                title: title_named(name, None),
                absent: is_absent(&error).then(|| unresolved(name, &error)),
            },
        }
    }

    /// The effective identifier, or what stands for it.
    pub(crate) fn identifier(&self) -> String {
        self.recipe.identifier_or_path().into_owned()
    }

    /// The title that it is of, which was asked for as `name`.
    ///
    /// # Errors
    /// If the name of its file can be no title's.
    pub(crate) fn title(&self, name: &str) -> Result<Title, Failure> {
        title_named(name, Some(&self.recipe))
            .map_err(|error| Failure::from_error(FailureClass::Configuration, &error))
    }

    /// Everything it reaches, as it is now. Blocking.
    ///
    /// # Errors
    /// If that cannot be told.
    pub(crate) fn closure(&self, history: &dyn recipe::History) -> Result<Closure, Failure> {
        Closure::of(&self.recipe, &self.library, history, &self.outside)
            .map_err(|error| Failure::from_error(FailureClass::Trust, &error))
    }

    /// The variables with which the run begins, and what there is to say about them.
    pub(crate) fn variables(&self, cache_dir: &std::path::Path) -> (Env, Vec<String>) {
        let (env, notes) = variables(&self.recipe, &self.outside, cache_dir);
        (env, notes.iter().map(note).collect())
    }

    /// The steps to carry out.
    ///
    /// # Errors
    /// If the run is to stop after its check phase, and has none.
    pub(crate) fn calls(&self, request: &Request) -> Result<Vec<Call>, Failure> {
        let mut steps = self.recipe.steps();
        if request.check_only {
            let last = steps
                .iter()
                .rposition(|step| step.processor() == END_OF_CHECK_PHASE);
            let Some(last) = last else {
                return Err(Failure::new(
                    FailureClass::Configuration,
                    format!(
                        "Recipe at {} is missing EndOfCheckPhase Processor, not possible to perform check.",
                        request.name
                    ),
                ));
            };
            steps = steps.get(..=last).unwrap_or(steps);
        }
        Ok(steps.iter().map(|step| self.call(step)).collect())
    }

    fn call(&self, step: &recipe::Step) -> Call {
        let origin = step.source().unwrap_or_else(|| self.recipe.path());
        Call {
            processor: step.processor().to_owned(),
            arguments: step.arguments().clone(),
            origin: origin.display().to_string(),
        }
    }

    /// That the recipe asks for no newer `AutoPkg` than the one we pass for.
    ///
    /// # Errors
    /// If it does, or asks for what is no version.
    pub(crate) fn check_version(&self) -> Result<(), Failure> {
        let Some(wanted) = self.recipe.minimum_version() else {
            return Ok(());
        };
        let ours = LooseVersion::new(AUTOPKG_VERSION);
        match ours.at_least(&LooseVersion::new(wanted)) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Failure::new(
                FailureClass::Configuration,
                format!(
                    "Recipe (or a parent recipe) requires at least autopkg version {wanted}, but we are autopkg version {AUTOPKG_VERSION}."
                ),
            )),
            Err(_not_comparable) => Err(Failure::new(
                FailureClass::Configuration,
                format!("MinimumVersion `{wanted}` cannot be compared with {AUTOPKG_VERSION}."),
            )
            .with_advice("Correct MinimumVersion in the recipe or its parents.")),
        }
    }

    /// The folders of cloned repositories, whose recipes cannot vouch for themselves.
    pub(crate) fn cloned_repositories(recipes: &Recipes) -> Vec<PathBuf> {
        let repos = recipes.preferences.repos();
        repos
            .into_iter()
            .map(|(path, _url)| recipe::expand_user(&path, recipes.preferences.home()))
            .collect()
    }
}

/// Notes are told as `AutoPkg` tells them.
fn note(note: &Note) -> String {
    note.to_string()
}

/// Whether what was asked for is not there itself, rather than a parent that it asks for.
fn is_absent(error: &ResolveError) -> bool {
    matches!(error, ResolveError::NotFound { seekers, .. } if seekers.is_empty())
}

fn unresolved(name: &str, error: &ResolveError) -> Failure {
    let failure = Failure::from_error(FailureClass::Configuration, error);
    match error {
        ResolveError::NotFound { .. } if is_absent(error) => Failure {
            message: format!("No valid recipe found for {name}"),
            ..failure
        }
        .with_advice(
            "Check the name with `auto-update list-recipes`, and the folders in RECIPE_SEARCH_DIRS and \
             RECIPE_OVERRIDE_DIRS.",
        ),
        ResolveError::NotFound { .. } => failure.with_advice(
            "Add the repository of the parent recipe with `auto-update repo-add`, or correct ParentRecipe.",
        ),
        _ => failure,
    }
}
