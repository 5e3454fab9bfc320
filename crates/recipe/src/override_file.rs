//! Override files as AutoPkg writes them.

use std::path::Path;

use proplist::{Dict, KeyOrder, Value, to_xml};

use crate::{Resolved, TrustInfo, WriteError, yaml};

/// In what form an override is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Format {
    /// A property list: `NAME.recipe`.
    Plist,
    /// `NAME.recipe.yaml`.
    Yaml,
}

impl Format {
    /// The form of a file with this name.
    pub fn of_path(path: &Path) -> Self {
        if path
            .as_os_str()
            .as_encoded_bytes()
            .ends_with(b".recipe.yaml")
        {
            Self::Yaml
        } else {
            Self::Plist
        }
    }

    /// The extension of files in this form.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Plist => ".recipe",
            Self::Yaml => ".recipe.yaml",
        }
    }
}

/// The override `name` of `parent`: all its input, and trust in it as it is now.
///
/// The identifier is `local.` and the name with the parts between its full stops in reverse.
pub fn new_override(
    name: &str,
    parent: &Resolved,
    parent_identifier: &str,
    trust: &TrustInfo,
) -> Dict {
    let mut reversed: Vec<&str> = name.split('.').collect();
    reversed.reverse();
    let mut input = parent.input().clone();
    input.shift_remove("IDENTIFIER");
    let keys = [
        (
            "Identifier",
            Value::String(format!("local.{}", reversed.join("."))),
        ),
        ("Input", Value::Dict(input)),
        ("ParentRecipe", parent_identifier.into()),
        ("ParentRecipeTrustInfo", trust.to_value()),
    ];
    keys.map(|(key, value)| (key.to_owned(), value))
        .into_iter()
        .collect()
}

/// The bytes of a recipe file.
///
/// # Errors
/// If a value cannot be written in this form; `path` is for the message only.
pub fn to_bytes(keys: &Dict, format: Format, path: &Path) -> Result<Vec<u8>, WriteError> {
    let value = Value::Dict(keys.clone());
    match format {
        Format::Yaml => Ok(yaml::to_yaml(&value).into_bytes()),
        Format::Plist => to_xml(&without_nulls(value), KeyOrder::Sorted)
            .map(String::into_bytes)
            .map_err(|source| WriteError::Plist {
                path: path.to_owned(),
                source,
            }),
    }
}

/// Writes a recipe file: beside its place, then renamed, so that nobody reads half of it.
///
/// # Errors
/// If a value cannot be written in the form that the name asks for, or the file cannot be written.
pub fn write(keys: &Dict, path: &Path) -> Result<(), WriteError> {
    let bytes = to_bytes(keys, Format::of_path(path), path)?;
    crate::paths::replace(path, &bytes).map_err(|source| WriteError::Io {
        path: path.to_owned(),
        source,
    })
}

/// Property lists have no null; `AutoPkg` writes empty text instead.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Null => Value::from(""),
        Value::Array(values) => Value::Array(values.into_iter().map(without_nulls).collect()),
        Value::Dict(dict) => Value::Dict(
            dict.into_iter()
                .map(|(key, value)| (key, without_nulls(value)))
                .collect(),
        ),
        other => other,
    }
}
