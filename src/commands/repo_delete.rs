//! `repo-delete`: takes recipe repositories away.

use recipe::{Preferences, absolute, expand_user};

use super::{
    repo_add::registered,
    repo_update::{installed, not_installed, told},
};
use crate::{cli::repo_delete::RepoDelete, exit::ExitStatus, house::House, printer::Printer};

/// Does what was asked.
pub(crate) fn run(
    arguments: &RepoDelete,
    house: &House,
    printer: Printer,
) -> anyhow::Result<ExitStatus> {
    let mut preferences = house.preferences()?;
    let mut status = ExitStatus::Done;
    for given in &arguments.repositories {
        let Some(folder) = installed(given, &preferences) else {
            not_installed(given, printer);
            status = ExitStatus::Failed;
            continue;
        };
        printer.data(format!("Removing repo at {folder}..."))?;
        let path = absolute(&expand_user(&folder, preferences.home()));
        match repos::delete(&path) {
            Ok(()) => forget(&folder, &mut preferences)?,
            Err(error) => {
                told(&error, printer);
                status = ExitStatus::Failed;
            }
        }
    }
    Ok(status)
}

/// Has recipes no longer looked for in `folder`.
fn forget(folder: &str, preferences: &mut Preferences) -> anyhow::Result<()> {
    let mut search_dirs = preferences.kept_search_dirs();
    if search_dirs.iter().any(|dir| dir == folder) {
        search_dirs.retain(|dir| dir != folder);
        preferences.set("RECIPE_SEARCH_DIRS", search_dirs.into())?;
    }
    let mut repos = registered(preferences);
    repos.shift_remove(folder);
    preferences.set("RECIPE_REPOS", repos.into())?;
    Ok(())
}
