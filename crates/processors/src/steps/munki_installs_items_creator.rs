//! `MunkiInstallsItemsCreator`.

use proplist::{Dict, Value};

use crate::{
    Call, Env, Input, Output, Outputs, StepContext, StepError, disk::DiskStep, place::Place,
    variables, version_order,
};
use model::chain;

/// Makes the items by which clients see what is installed.
#[derive(Clone, Copy)]
pub(crate) struct MunkiInstallsItemsCreator;

const MINIMUM_OS: &str = "minimum_os_version";

impl DiskStep for MunkiInstallsItemsCreator {
    fn name(self) -> &'static str {
        "MunkiInstallsItemsCreator"
    }

    fn description(self) -> &'static str {
        "Makes the installs items of the pkginfo that is to be imported."
    }

    fn inputs(self) -> Vec<Input> {
        vec![
            Input::required("installs_item_paths"),
            Input::optional("faux_root"),
            Input::optional("derive_minimum_os_version"),
            Input::optional("version_comparison_key"),
        ]
    }

    fn outputs(self) -> Vec<Output> {
        vec![Output {
            name: "additional_pkginfo",
        }]
    }

    fn also_reads(self) -> &'static [&'static str] {
        &["additional_pkginfo", MINIMUM_OS]
    }

    fn work(
        self,
        _call: &Call,
        context: &StepContext,
        env: &mut Env,
    ) -> Result<Outputs, StepError> {
        let root = variables::some_text(env, "faux_root")?.unwrap_or_default();
        let root = root.trim_end_matches('/');
        let mut items = Vec::new();
        for path in variables::texts(env, "installs_item_paths")? {
            match create(root, &path)? {
                Some(item) => {
                    context
                        .messages
                        .say(&format!("Created installs item for {path}"));
                    items.push(item);
                }
                None => context
                    .messages
                    .warn(&format!("Item {root}{path} doesn't exist. Skipping.")),
            }
        }
        if !root.is_empty() && variables::is_true(env, "derive_minimum_os_version") {
            derive_minimum_os(&items, context, env)?;
        }
        if let Some(keys) = env.get("version_comparison_key") {
            set_comparison_keys(keys, &mut items)?;
        }
        let mut pkginfo = variables::dict(env, "additional_pkginfo")?;
        pkginfo.insert("installs".to_owned(), items.into());
        if let Some(version) = variables::some_text(env, MINIMUM_OS)? {
            pkginfo.insert(MINIMUM_OS.to_owned(), version.into());
        }
        env.insert("additional_pkginfo".to_owned(), pkginfo.into());
        Ok(Outputs::Declared)
    }
}

/// The installs item of what is at `path` below `root`; nothing if there is nothing.
fn create(root: &str, path: &str) -> Result<Option<Dict>, StepError> {
    let Some(place) = Place::find(format!("{root}{path}").trim_end_matches('/'))? else {
        return Ok(None);
    };
    let (tree, inner) = place.in_tree();
    let shown = path.trim_end_matches('/');
    munki::installs_item(tree, inner, shown, munki::Compat::Munki7).map_err(|error| {
        let text = format!("creating pkginfo failed: {}", chain(&error));
        StepError::package(text).caused_by(error)
    })
}

/// Raises `minimum_os_version` to the newest that an item asks for.
fn derive_minimum_os(
    items: &[Dict],
    context: &StepContext,
    env: &mut Env,
) -> Result<(), StepError> {
    let minimums = items
        .iter()
        .filter_map(|item| item.get("minosversion").and_then(Value::as_str));
    for minimum in minimums {
        let text = match variables::some_text(env, MINIMUM_OS)? {
            None => format!("Derived minimum os version as: {minimum}"),
            Some(prior) if version_order::compare(minimum, &prior).is_gt() => format!(
                "Setting minimum os version to: {minimum}, as greater than prior value of: {prior}"
            ),
            Some(prior) => {
                context.messages.say(&format!(
                    "Minimum os version: {minimum}, is lower than prior value of: {prior}... skipping..."
                ));
                continue;
            }
        };
        context.messages.say(&text);
        env.insert(MINIMUM_OS.to_owned(), minimum.into());
    }
    Ok(())
}

/// Sets the key that each item is compared by: one for all, or one by path.
fn set_comparison_keys(keys: &Value, items: &mut [Dict]) -> Result<(), StepError> {
    for item in items {
        let path = item.get("path").and_then(Value::as_str).unwrap_or_default();
        let key = match keys {
            Value::String(key) => Some(key.as_str()),
            Value::Dict(keys) => keys.get(path).and_then(Value::as_str),
            _ => None,
        };
        if let Some(key) = key.filter(|key| !key.is_empty()) {
            set_comparison_key(item, key)?;
        }
    }
    Ok(())
}

/// Sets the key that the item is compared by.
///
/// # Errors
/// If the item has no such key.
pub(crate) fn set_comparison_key(item: &mut Dict, key: &str) -> Result<(), StepError> {
    if !item.contains_key(key) {
        let path = item.get("path").and_then(Value::as_str).unwrap_or_default();
        return Err(StepError::package(format!(
            "version_comparison_key '{key}' could not be found in the installs item for path '{path}'"
        )));
    }
    item.insert("version_comparison_key".to_owned(), key.into());
    Ok(())
}
