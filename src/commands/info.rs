//! `info`: what a recipe is, or what `AutoPkg` is set to.

use pipeline::pretty_indented;
use proplist::{Dict, Value};
use recipe::Resolved;

use super::{lookup, repo_list, resolved};
use crate::{cli::info::Info, exit::ExitStatus, house::House, printer::Printer};

/// How far the values stand in.
const INDENT: usize = 4;

/// Does what was asked.
pub(crate) fn run(arguments: &Info, house: &House, printer: Printer) -> anyhow::Result<ExitStatus> {
    let Some(name) = &arguments.recipe else {
        return preferences(arguments, house, printer);
    };
    let library = house.library(
        &arguments.folders.search_dirs,
        &arguments.folders.override_dirs,
    )?;
    let recipe = match library.resolve(name) {
        Ok(recipe) => recipe,
        Err(error) => {
            lookup::tell(&error, &library, printer, arguments.json)?;
            printer.complaint(format!("No valid recipe found for {name}"));
            if arguments.pull {
                lookup::tell_of_pull(printer);
            }
            lookup::tell_of_repositories(printer);
            return Ok(ExitStatus::Failed);
        }
    };
    if arguments.resolve || arguments.json {
        let json = resolved::as_json(&recipe, None);
        if arguments.json {
            printer.data(json)?;
        } else {
            printer.data(serde_json::to_string_pretty(&json)?)?;
        }
    } else {
        describe(&recipe, printer)?;
    }
    Ok(ExitStatus::Done)
}

fn preferences(arguments: &Info, house: &House, printer: Printer) -> anyhow::Result<ExitStatus> {
    let preferences = Value::Dict(shown(house.preferences()?.values()));
    if arguments.json {
        printer.data(serde_json::Value::from(&preferences))?;
    } else {
        printer.data("Current preferences:")?;
        printer.data(pipeline::pretty(&preferences))?;
    }
    Ok(ExitStatus::Done)
}

/// The preferences without secrets: those whose names say so, and those in addresses of repositories.
fn shown(preferences: &Dict) -> Dict {
    let mut shown = preferences.clone();
    for (name, value) in &mut shown {
        if redact::is_secret_name(name) {
            *value = "***".into();
        }
    }
    let repos = shown.get_mut("RECIPE_REPOS").and_then(Value::as_dict_mut);
    for repo in repos.into_iter().flat_map(Dict::values_mut) {
        if let Some(url) = repo.as_dict_mut().and_then(|repo| repo.get_mut("URL")) {
            *url = repo_list::shown(url.as_str().unwrap_or_default()).into();
        }
    }
    shown
}

fn describe(recipe: &Resolved, printer: Printer) -> anyhow::Result<()> {
    let several = |lines: Vec<String>| lines.join(&format!("\n{:21}", ""));
    let yes = |yes: bool| if yes { "True" } else { "False" }.to_owned();
    let description = recipe.description().lines().map(str::to_owned).collect();
    let mut facts = vec![
        ("Description:", several(description)),
        (
            "Identifier:",
            recipe.identifier().unwrap_or("None").to_owned(),
        ),
        (
            "Munki import recipe:",
            yes(recipe.has_step("MunkiImporter")),
        ),
        ("Has check phase:", yes(recipe.has_step("EndOfCheckPhase"))),
        ("Builds package:", yes(recipe.has_step("PkgCreator"))),
        ("Recipe file path:", recipe.path().display().to_string()),
    ];
    if !recipe.parents().is_empty() {
        let parents = recipe.parents().iter();
        let parents = parents.map(|path| path.display().to_string()).collect();
        facts.push(("Parent recipe(s):", several(parents)));
    }
    for (name, value) in facts {
        printer.data(format!("{name:<20} {value}"))?;
    }
    printer.data("Input values: ")?;
    let input = pretty_indented(&Value::Dict(recipe.input().clone()), INDENT);
    let inside = input
        .strip_prefix('{')
        .and_then(|input| input.strip_suffix('}'))
        .unwrap_or(&input);
    printer.data(format!(" {inside}"))?;
    Ok(())
}
