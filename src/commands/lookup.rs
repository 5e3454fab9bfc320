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

/// Says why there is no such recipe: what was sought by whom, and which files could not be read on the way.
///
/// # Errors
/// If standard output cannot be written.
pub(crate) fn tell(
    error: &ResolveError,
    library: &Library,
    printer: Printer,
) -> anyhow::Result<()> {
    match error {
        ResolveError::NotFound { name, seekers } => {
            printer.data(format!("Didn't find a recipe for {name}."))?;
            suggest(name, library, printer)?;
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
        match Recipe::read(path) {
            Err(error) => printer.warning(chain(&error)),
            Ok(recipe) if !recipe.is_valid() => printer.warning(format!(
                "`{name}` is no recipe: it has no Input, or neither Process nor ParentRecipe"
            )),
            Ok(_) => {}
        }
        return;
    }
    let mut unreadable = library.unreadable();
    unreadable.sort();
    for warning in unreadable {
        printer.warning(warning);
    }
}

/// Names recipes of this kind with a name that holds the one that was sought.
fn suggest(name: &str, library: &Library, printer: Printer) -> anyhow::Result<()> {
    let name = recipe::strip_extension(name).to_lowercase();
    let (stem, kind) = split_kind(&name);
    if stem.len() <= 3 {
        return Ok(());
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
        [] => {}
        [only] => printer.data(format!("Maybe you meant {only}?"))?,
        several => printer.data(format!("Maybe you meant one of: {}?", several.join(", ")))?,
    }
    Ok(())
}

/// `("firefox", ".munki")`
fn split_kind(name: &str) -> (&str, &str) {
    match name.rfind('.') {
        Some(0) | None => (name, ""),
        Some(dot) => name.split_at_checked(dot).unwrap_or((name, "")),
    }
}
