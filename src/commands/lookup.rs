//! Telling of recipes that are not found or cannot be put together, in AutoPkg's words.

use std::path::Path;

use anyhow::Context as _;
use recipe::{Library, Recipe, RecipeList, ResolveError};

use crate::printer::Printer;
use model::chain;

/// The names of a command line, and those of a list behind them.
///
/// # Errors
/// If the list cannot be read.
pub(crate) fn names(mut given: Vec<String>, list: Option<&Path>) -> anyhow::Result<Vec<String>> {
    if let Some(list) = list {
        let list = RecipeList::read(list)
            .with_context(|| format!("cannot read the recipe list `{}`", list.display()))?;
        given.extend(list.recipes);
    }
    Ok(given)
}

/// Says why there is no such recipe: what was sought by whom, and which files could not be read on the way. With `json`
/// standard output is for objects, and also what `AutoPkg` prints there is talk.
///
/// # Errors
/// If standard output cannot be written.
pub(crate) fn tell(
    error: &ResolveError,
    library: &Library,
    printer: Printer,
    json: bool,
) -> anyhow::Result<()> {
    match error {
        ResolveError::NotFound { name, seekers } => {
            let not_found = format!("Didn't find a recipe for {name}.");
            for line in [Some(not_found), suggestion(name, library)]
                .into_iter()
                .flatten()
            {
                if json {
                    printer.complaint(line);
                } else {
                    printer.data(line)?;
                }
            }
            for seeker in seekers {
                printer.complaint(format!("Could not find parent recipe for {seeker}"));
            }
            tell_unreadable(name, library, printer);
        }
        other => {
            printer.complaint(chain(other));
        }
    }
    Ok(())
}

/// Says why `--pull` did not bring a recipe that is nowhere here.
pub(crate) fn tell_of_pull(printer: Printer) {
    printer.warning("GitHub is not searched for recipes, so `--pull` could not help");
}

/// Says how a recipe that is nowhere here can be had.
pub(crate) fn tell_of_repositories(printer: Printer) {
    printer.hint("add the repository that has it: `auto-update repo-add OWNER/REPOSITORY`");
}

/// A search passes over files that are no recipes; one of them may be what was meant.
pub(crate) fn tell_unreadable(name: &str, library: &Library, printer: Printer) {
    let path = Path::new(name);
    if path.is_file() {
        if let Some(why) = why_no_recipe(path) {
            printer.warning(why);
        }
        return;
    }
    let mut unreadable = library.unreadable();
    unreadable.sort();
    for warning in unreadable {
        printer.warning(warning);
    }
}

/// What is wrong with a file that is named like a recipe, unless it is one.
pub(crate) fn why_no_recipe(path: &Path) -> Option<String> {
    match Recipe::read(path) {
        Err(error) => Some(chain(&error)),
        Ok(recipe) if !recipe.is_valid() => Some(format!(
            "`{}` is no recipe: it has no Input, or neither Process nor ParentRecipe",
            path.display()
        )),
        Ok(_) => None,
    }
}

/// Names recipes of this kind with a name that holds the one that was sought.
fn suggestion(name: &str, library: &Library) -> Option<String> {
    let name = recipe::strip_extension(name).to_lowercase();
    let (stem, kind) = split_kind(&name);
    if stem.len() <= 3 {
        return None;
    }
    let mut matches: Vec<String> = library
        .list()
        .into_iter()
        .map(|listed| listed.name)
        .filter(|name| {
            let name = name.to_lowercase();
            let (other_stem, other_kind) = split_kind(&name);
            other_stem.contains(stem) && other_kind.contains(kind)
        })
        .collect();
    matches.sort();
    matches.dedup();
    match matches.as_slice() {
        [] => None,
        [only] => Some(format!("Maybe you meant {only}?")),
        several => Some(format!("Maybe you meant one of: {}?", several.join(", "))),
    }
}

/// `("firefox", ".munki")`
fn split_kind(name: &str) -> (&str, &str) {
    match name.rfind('.') {
        Some(0) | None => (name, ""),
        Some(dot) => name.split_at_checked(dot).unwrap_or((name, "")),
    }
}
