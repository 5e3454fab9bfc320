//! `list-recipes`: every recipe and override that can be found by name.

use std::{collections::HashSet, path::Path};

use proplist::{Dict, KeyOrder, Value};
use recipe::{Library, Listed};
use serde_json::json;

use crate::{cli::list_recipes::ListRecipes, exit::ExitStatus, house::House, printer::Printer};

/// Does what was asked.
pub(crate) fn run(
    arguments: &ListRecipes,
    house: &House,
    printer: Printer,
) -> anyhow::Result<ExitStatus> {
    let augmented =
        arguments.with_identifiers || arguments.with_paths || arguments.plist || arguments.json;
    if arguments.show_all && !augmented {
        printer.complaint(
            "The '--show-all' option is only valid when used with '--with-paths', '--with-identifiers', or '--plist' options.",
        );
        return Ok(ExitStatus::Usage);
    }
    let library = house.library(
        &arguments.folders.search_dirs,
        &arguments.folders.override_dirs,
    )?;
    let mut listed = library.list();
    for warning in sorted(library.unreadable()) {
        printer.warning(warning);
    }
    if augmented && !arguments.show_all {
        listed = without_overridden(listed);
    }
    listed.sort_by_key(|listed| listed.name.to_lowercase());
    if arguments.plist {
        let all = listed.iter().filter_map(|listed| whole(listed, &library));
        let all = Value::Array(all.collect());
        printer.data(proplist::to_xml(&all, KeyOrder::Sorted)?)?;
    } else if arguments.json {
        for listed in &listed {
            printer.data(json!({
                "name": listed.name,
                "identifier": listed.identifier,
                "path": listed.path,
                "is_override": listed.is_override,
                "parent": listed.parent,
            }))?;
        }
    } else {
        print(&listed, arguments, library.home(), printer)?;
    }
    Ok(ExitStatus::Done)
}

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

/// An override stands for the recipe of the same name that it points to.
fn without_overridden(listed: Vec<Listed>) -> Vec<Listed> {
    let overridden: HashSet<(String, String)> = listed
        .iter()
        .filter(|listed| listed.is_override)
        .filter_map(|listed| Some((listed.name.clone(), listed.parent.clone()?)))
        .collect();
    let is_overridden = |listed: &Listed| {
        let identifier = listed.identifier.clone().unwrap_or_default();
        !listed.is_override && overridden.contains(&(listed.name.clone(), identifier))
    };
    listed
        .into_iter()
        .filter(|listed| !is_overridden(listed))
        .collect()
}

/// All that the file says, and what the list knows of it; nothing if it is gone.
fn whole(listed: &Listed, library: &Library) -> Option<Value> {
    let mut keys = library.read(&listed.path).ok()?.keys().clone();
    let mut set = |key: &str, value: Value| {
        keys.insert(key.to_owned(), value);
    };
    set("Name", listed.name.as_str().into());
    set("Path", listed.path.display().to_string().into());
    if listed.is_override {
        set("IsOverride", true.into());
    }
    if let Some(identifier) = &listed.identifier {
        set("Identifier", identifier.as_str().into());
    }
    Some(without_nulls(Value::Dict(keys)))
}

/// Property lists have no null, which YAML recipes may hold.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Null => "".into(),
        Value::Array(values) => Value::Array(values.into_iter().map(without_nulls).collect()),
        Value::Dict(dict) => {
            let dict: Dict = dict
                .into_iter()
                .map(|(key, value)| (key, without_nulls(value)))
                .collect();
            dict.into()
        }
        other => other,
    }
}

/// `AutoPkg`'s columns: names, then identifiers and paths if they are wanted; equal lines once.
fn print(
    listed: &[Listed],
    arguments: &ListRecipes,
    home: Option<&Path>,
    printer: Printer,
) -> anyhow::Result<()> {
    let widest = |text: fn(&Listed) -> &str| {
        let widths = listed.iter().map(|listed| text(listed).chars().count());
        widths.max().unwrap_or_default().saturating_add(1)
    };
    let augmented = arguments.with_identifiers || arguments.with_paths;
    let names = widest(|listed| &listed.name);
    let identifiers = if arguments.with_identifiers {
        widest(|listed| listed.identifier.as_deref().unwrap_or_default())
    } else {
        1
    };
    let home = home.map(|home| home.display().to_string());
    let mut seen = HashSet::new();
    for listed in listed {
        let line = if augmented {
            let identifier = Some(listed.identifier.as_deref().unwrap_or_default())
                .filter(|_| arguments.with_identifiers)
                .unwrap_or_default();
            let path = Some(listed.path.display().to_string())
                .filter(|_| arguments.with_paths)
                .unwrap_or_default();
            let path = home
                .as_ref()
                .map_or(path.clone(), |home| path.replace(home, "~"));
            let name = &listed.name;
            format!("{name:<names$} {identifier:<identifiers$} {path:<20}")
        } else {
            listed.name.clone()
        };
        if seen.insert(line.clone()) {
            printer.data(line)?;
        }
    }
    Ok(())
}
