//! `make-override`: makes a recipe's title ours.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use proplist::Dict;
use recipe::{Format, Library, Resolved, Scope, TrustInfo};
use repos::GitHistory;
use serde_json::json;

use super::lookup;
use crate::{
    cli::make_override::{MakeOverride, OverrideFormat},
    exit::ExitStatus,
    house::House,
    printer::Printer,
};

/// Does what was asked.
pub(crate) fn run(
    arguments: &MakeOverride,
    house: &House,
    printer: Printer,
) -> anyhow::Result<ExitStatus> {
    let name = &arguments.recipe;
    if Path::new(name).is_file() {
        printer.complaint(
            "make-override doesn't work with absolute recipe paths, as it may not be able to correctly determine the value for 'name' that would be searched in recipe directories.",
        );
        return Ok(ExitStatus::Failed);
    }
    let format = format(arguments, house)?;
    let library = house.library(
        &arguments.folders.search_dirs,
        &arguments.folders.override_dirs,
    )?;
    let parent = match library.resolve_in(name, Scope::Recipes, &[]) {
        Ok(parent) => parent,
        Err(error) => {
            lookup::tell(&error, &library, printer, arguments.json)?;
            not_found(name, &library, printer);
            if arguments.pull {
                lookup::tell_of_pull(printer);
            }
            lookup::tell_of_repositories(printer);
            return Ok(ExitStatus::Failed);
        }
    };
    if !may_be_overridden(&parent, arguments.ignore_deprecation, printer) {
        return Ok(ExitStatus::Failed);
    }
    let Some(identifier) = parent
        .identifier()
        .filter(|identifier| !identifier.is_empty())
    else {
        printer.complaint(format!(
            "{} is missing an Identifier. Cannot make an override.",
            parent.path().display()
        ));
        return Ok(ExitStatus::Failed);
    };
    let own_name = match &arguments.name {
        Some(name) => name.clone(),
        None => file_stem(&parent),
    };
    let keys = keys(&own_name, &parent, identifier, &library, printer)?;
    let path = place(&own_name, format, &library)?;
    if path.exists() && !arguments.force {
        printer.complaint(format!(
            "A recipe override already exists at {}, will not overwrite it. Use --force to overwrite anyway.",
            path.display()
        ));
        return Ok(ExitStatus::Failed);
    }
    recipe::write_override(&keys, &path)?;
    if arguments.json {
        printer.data(json!({"schema": 1, "path": path, "parent": identifier}))?;
    } else {
        printer.data(format!("Override file saved to {}", path.display()))?;
    }
    Ok(ExitStatus::Done)
}

/// The form that was asked for, here or in the preferences.
fn format(arguments: &MakeOverride, house: &House) -> anyhow::Result<Format> {
    match arguments.format {
        Some(OverrideFormat::Plist) => Ok(Format::Plist),
        Some(OverrideFormat::Yaml) => Ok(Format::Yaml),
        None => house
            .preferences()?
            .override_format()
            .context("the preference RECIPE_OVERRIDE_FORMAT is neither `plist` nor `yaml`"),
    }
}

/// What the override says, trust in its parents as they are now included.
fn keys(
    name: &str,
    parent: &Resolved,
    identifier: &str,
    library: &Library,
    printer: Printer,
) -> anyhow::Result<Dict> {
    let (trust, missing) = TrustInfo::compute(parent, library, &GitHistory::new())?;
    for processor in missing {
        printer.complaint(format!(
            "WARNING: processor path not found for processor: {processor}"
        ));
    }
    Ok(recipe::new_override(name, parent, identifier, &trust))
}

fn not_found(name: &str, library: &Library, printer: Printer) {
    printer.complaint(format!("No valid recipe found for {name}"));
    let searched: Vec<String> = library
        .search_dirs()
        .iter()
        .map(|dir| dir.display().to_string())
        .collect();
    printer.complaint(format!("Dir(s) searched:\n\t{}", searched.join("\n\t")));
}

fn may_be_overridden(parent: &Resolved, ignore_deprecation: bool, printer: Printer) -> bool {
    if !parent.has_step("DeprecationWarning") {
        return true;
    }
    let path = parent.path().display();
    if ignore_deprecation {
        printer.complaint(format!(
            "WARNING: {path} or one of its parents is deprecated. Making an override anyway, because --ignore-deprecation is specified."
        ));
    } else {
        printer.complaint(format!(
            "{path} or one of its parents is deprecated. Will not make an override. Use --ignore-deprecation to make an override regardless of deprecation status."
        ));
    }
    ignore_deprecation
}

fn file_stem(parent: &Resolved) -> String {
    let name = parent.path().file_name().unwrap_or_default();
    recipe::strip_extension(&name.to_string_lossy()).to_owned()
}

/// Where the override goes; its folder is made.
fn place(name: &str, format: Format, library: &Library) -> anyhow::Result<PathBuf> {
    if name.is_empty() || name.contains('/') {
        bail!("`{name}` cannot be the name of an override: it is the name of its file");
    }
    let dir = library
        .override_dirs()
        .first()
        .context("there is no folder for overrides")?;
    fs_err::create_dir_all(dir)?;
    Ok(dir.join(format!("{name}{}", format.extension())))
}
