//! `update-trust-info`: records what an override's parents are now.

use std::{
    io::{self, IsTerminal as _},
    path::Path,
};

use anyhow::Context as _;
use proplist::Value;
use recipe::{Library, Preferences, Scope, TrustInfo, absolute};
use repos::GitHistory;
use serde_json::json;

use super::{lookup, verify_trust_info::external_repos};
use crate::{
    cli::update_trust_info::UpdateTrustInfo, exit::ExitStatus, house::House, printer::Printer,
};

/// Does what was asked.
pub(crate) fn run(
    arguments: &UpdateTrustInfo,
    house: &House,
    printer: Printer,
) -> anyhow::Result<ExitStatus> {
    let updater = Updater {
        library: house.library(
            &arguments.folders.search_dirs,
            &arguments.folders.override_dirs,
        )?,
        preferences: house.preferences()?,
        history: GitHistory::new(),
        json: arguments.json,
        printer,
    };
    let mut status = ExitStatus::Done;
    for name in &arguments.overrides {
        if !updater.update(name)? {
            status = ExitStatus::Failed;
        }
    }
    Ok(status)
}

struct Updater {
    library: Library,
    preferences: Preferences,
    history: GitHistory,
    json: bool,
    printer: Printer,
}

impl Updater {
    /// Updates one override; says whether that was done.
    fn update(&self, name: &str) -> anyhow::Result<bool> {
        let Some(path) = self.library.locate(name, Scope::Overrides, &[]) else {
            let error = recipe::ResolveError::NotFound {
                name: name.to_owned(),
                seekers: Vec::new(),
            };
            lookup::tell(&error, &self.library, self.printer, self.json)?;
            self.printer
                .complaint(format!("Cannot find a recipe for {name}."));
            return Ok(false);
        };
        let path = absolute(&path);
        let override_ = match self.library.read(&path) {
            Ok(override_) => override_,
            Err(error) => {
                self.printer.complaint(model::chain(&error));
                return Ok(false);
            }
        };
        let mut keys = override_.keys().clone();
        let parent = keys.get("ParentRecipe").and_then(Value::as_str);
        let Some(parent) = parent.map(str::to_owned) else {
            self.printer.complaint(format!(
                "{name} is not a recipe override and has no parent recipe."
            ));
            self.printer.complaint(format!("Path: {}", path.display()));
            return Ok(false);
        };
        let has_trust_info = keys.contains_key("ParentRecipeTrustInfo");
        if !has_trust_info
            && !self.library.is_in_override_dir(&path)
            && !self.allowed(name, &path)?
        {
            return Ok(false);
        }
        let parent = match self.library.resolve_in(&parent, Scope::Overrides, &[]) {
            Ok(parent) => parent,
            Err(error) => {
                lookup::tell(&error, &self.library, self.printer, self.json)?;
                self.printer
                    .complaint(format!("Could not find parent recipe {parent} for {name}."));
                return Ok(false);
            }
        };
        let (trust, missing) = TrustInfo::compute(&parent, &self.library, &self.history)?;
        for processor in missing {
            self.printer.complaint(format!(
                "WARNING: processor path not found for processor: {processor}"
            ));
        }
        keys.insert("ParentRecipeTrustInfo".to_owned(), trust.to_value());
        recipe::write_override(&keys, &path)?;
        if self.json {
            self.printer
                .data(json!({"schema": 1, "override": name, "path": path}))?;
        } else {
            self.printer
                .data(format!("Wrote updated {}", path.display()))?;
        }
        Ok(true)
    }

    /// Whether trust information may be put into a recipe that is no override: only if somebody at a terminal says so.
    fn allowed(&self, name: &str, path: &Path) -> anyhow::Result<bool> {
        self.printer
            .complaint(format!("{name} does not appear to be a recipe override."));
        let external = external_repos(&self.preferences);
        if external.iter().any(|repo| path.starts_with(repo)) {
            return Ok(false);
        }
        if !io::stdin().is_terminal() {
            self.printer
                .hint("move it into an override folder, or name its folder with `--override-dir`");
            return Ok(false);
        }
        self.printer
            .complaint("Add parent trust info anyway? [y/n]: ");
        let mut answer = String::new();
        io::stdin()
            .read_line(&mut answer)
            .context("cannot read the answer")?;
        Ok(answer.to_lowercase().starts_with('y'))
    }
}
