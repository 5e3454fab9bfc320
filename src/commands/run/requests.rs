//! What a call of `run` asks for.

use anyhow::Context as _;
use pipeline::Request;
use recipe::RecipeList;

use crate::{cli::run::Run, house::House, printer::Printer};

/// What the command line and its recipe list ask for, in order.
///
/// # Errors
/// If the list cannot be read, or what is asked for cannot be.
pub(super) fn of(arguments: &Run, printer: Printer) -> anyhow::Result<Vec<Request>> {
    let list = match &arguments.recipe_list {
        Some(path) => RecipeList::read(path)
            .with_context(|| format!("the recipe list `{}` cannot be read", path.display()))?,
        None => RecipeList::default(),
    };
    let names: Vec<&String> = arguments.names.iter().chain(&list.recipes).collect();
    if names.is_empty() {
        anyhow::bail!("nothing to run: name an override, or a list with `--recipe-list`");
    }
    if arguments.pkg.is_some() && names.len() > 1 {
        anyhow::bail!("`--pkg` is for one override, and {} are named", names.len());
    }
    let keys = arguments.keys.iter();
    let variables: Vec<(String, serde_json::Value)> = list
        .variables
        .iter()
        .map(|(key, value)| (key.clone(), serde_json::Value::from(value)))
        .chain(keys.map(|(key, value)| (key.clone(), value.as_str().into())))
        .collect();
    let both = |own: &[String], list: &[String]| [own, list].concat();
    let pkg = arguments.pkg.as_deref().map(House::given);
    let common = Request {
        name: String::new(),
        search_dirs: arguments.folders.search_dirs.clone(),
        override_dirs: arguments.folders.override_dirs.clone(),
        check_only: arguments.check,
        variables,
        pkg: pkg.transpose()?,
        preprocessors: both(&arguments.around.before, &list.preprocessors),
        postprocessors: both(&arguments.around.after, &list.postprocessors),
        ignore_trust: arguments.ignore_parent_trust_verification_errors,
        accepted: arguments.accepted.clone(),
        verbosity: printer.verbosity,
        replays: None,
        todays_recipes: false,
    };
    let of_name = |name: &&String| Request {
        name: (*name).clone(),
        ..common.clone()
    };
    Ok(names.iter().map(of_name).collect())
}
