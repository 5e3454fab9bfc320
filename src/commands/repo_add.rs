//! `repo-add`: clones recipe repositories, and has recipes looked for in them.

use proplist::{Dict, Value};
use recipe::Preferences;
use repos::{Limits, RepoAddress};
use serde_json::json;

use super::repo_update::told;
use crate::{cli::repo_add::RepoAdd, exit::ExitStatus, house::House, printer::Printer};

/// Does what was asked.
pub(crate) fn run(
    arguments: &RepoAdd,
    house: &House,
    printer: Printer,
) -> anyhow::Result<ExitStatus> {
    let mut preferences = house.preferences()?;
    let mut status = ExitStatus::Done;
    for given in &arguments.repositories {
        if let Err(error) = add(given, &mut preferences, arguments.json, printer) {
            status = ExitStatus::Failed;
            match error.downcast_ref() {
                Some(error) => told(error, printer),
                None => printer.error(&error),
            }
        }
    }
    if !arguments.json {
        printer.data("Updated search path:")?;
        for dir in house.preferences()?.search_dirs() {
            printer.data(format!("  '{dir}'"))?;
        }
    }
    Ok(status)
}

/// Adds one repository, and keeps that it was added before the next one is tried.
fn add(
    given: &str,
    preferences: &mut Preferences,
    json: bool,
    printer: Printer,
) -> anyhow::Result<()> {
    let address = RepoAddress::parse(given)?;
    let repo_dir = preferences.repo_dir();
    let talk = |line: String| -> anyhow::Result<()> {
        if !json {
            printer.data(line)?;
        }
        Ok(())
    };
    let folder = repo_dir.join(address.folder_name()?);
    if folder.exists() {
        talk(format!("Attempting git pull for {}...", folder.display()))?;
    } else {
        talk(format!("Attempting git clone for {address}..."))?;
    }
    let home = preferences.home().map(std::path::Path::to_owned);
    let (folder, update) = repos::add(&address, &repo_dir, home.as_deref(), Limits::default())?;
    talk(super::repo_update::summary(update.as_ref()))?;
    let shown = folder.display().to_string();
    if !preferences.search_dirs().contains(&shown) {
        talk(format!("Adding {shown} to RECIPE_SEARCH_DIRS..."))?;
        let mut search_dirs = preferences.kept_search_dirs();
        search_dirs.push(shown.clone());
        preferences.set("RECIPE_SEARCH_DIRS", search_dirs.into())?;
    }
    let mut repos = registered(preferences);
    let entry: Dict = [("URL".to_owned(), Value::from(address.expose()))]
        .into_iter()
        .collect();
    repos.insert(shown.clone(), entry.into());
    preferences.set("RECIPE_REPOS", repos.into())?;
    if json {
        printer.data(json!({"path": shown, "url": address.to_string()}))?;
    }
    Ok(())
}

/// `RECIPE_REPOS`: by folder, what is known of the repository in it.
pub(super) fn registered(preferences: &Preferences) -> Dict {
    preferences
        .get("RECIPE_REPOS")
        .and_then(Value::as_dict)
        .cloned()
        .unwrap_or_default()
}
