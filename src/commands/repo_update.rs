//! `repo-update`: brings recipe repositories forward.

use std::path::{Path, PathBuf};

use recipe::{Preferences, absolute, expand_user};
use repos::{Limits, RepoAddress, RepoError, Update};
use serde_json::json;

use crate::{cli::repo_update::RepoUpdate, exit::ExitStatus, house::House, printer::Printer};

/// Does what was asked.
pub(crate) fn run(
    arguments: &RepoUpdate,
    house: &House,
    printer: Printer,
) -> anyhow::Result<ExitStatus> {
    let preferences = house.preferences()?;
    let mut status = ExitStatus::Done;
    let mut folders: Vec<PathBuf> = Vec::new();
    if arguments.repositories.iter().any(|given| given == "all") {
        let home = preferences.home();
        let repos = preferences.repos().into_iter();
        folders.extend(repos.map(|(folder, _)| absolute(&expand_user(&folder, home))));
    } else {
        for given in &arguments.repositories {
            if let Some(folder) = installed(given, &preferences) {
                folders.push(absolute(&expand_user(&folder, preferences.home())));
            } else {
                not_installed(given, printer);
                status = ExitStatus::Failed;
            }
        }
    }
    for folder in folders {
        if !arguments.json {
            printer.data(format!("Attempting git pull for {}...", folder.display()))?;
        }
        match repos::update(&folder, Limits::default()) {
            Ok(update) if arguments.json => printer.data(as_json(&folder, &update))?,
            Ok(update) => printer.data(summary(Some(&update)))?,
            Err(error) => {
                told(&error, printer);
                status = ExitStatus::Failed;
            }
        }
    }
    Ok(status)
}

/// The folder of the repository that was added from this address, or that lies in this folder.
pub(super) fn installed(given: &str, preferences: &Preferences) -> Option<String> {
    let repos = preferences.repos();
    let address = RepoAddress::parse(given).ok()?;
    let by_address = repos.iter().find(|(_, url)| url == address.expose());
    let folder = absolute(&expand_user(address.expose(), preferences.home()));
    let by_folder = || {
        repos.iter().find(|(path, _)| {
            address.is_path() && absolute(&expand_user(path, preferences.home())) == folder
        })
    };
    by_address
        .or_else(by_folder)
        .map(|(folder, _)| folder.clone())
}

/// Says that no repository was added from this address.
pub(super) fn not_installed(given: &str, printer: Printer) {
    let shown = super::repo_list::shown(given);
    printer.complaint(format!("ERROR: Can't find an installed repo for {shown}"));
}

/// Says what went wrong, and what to do.
pub(super) fn told(error: &RepoError, printer: Printer) {
    printer.complaint(format!("ERROR: {}", model::chain(error)));
    if let Some(hint) = error.hint() {
        printer.hint(hint);
    }
}

/// What git itself prints of an update, in short; nothing of a clone.
pub(super) fn summary(update: Option<&Update>) -> String {
    match update {
        None => String::new(),
        Some(Update::UpToDate) => "Already up to date.\n".to_owned(),
        Some(Update::Forward { from, to, files }) => {
            let short = |commit: &str| commit.chars().take(7).collect::<String>();
            let plural = if *files == 1 { "file" } else { "files" };
            format!(
                "Updating {}..{}\nFast-forward\n {files} {plural} changed\n",
                short(from),
                short(to)
            )
        }
    }
}

fn as_json(folder: &Path, update: &Update) -> serde_json::Value {
    let path = folder.display().to_string();
    match update {
        Update::UpToDate => json!({"path": path, "updated": false}),
        Update::Forward { from, to, files } => {
            json!({"path": path, "updated": true, "from": from, "to": to, "files": files})
        }
    }
}
