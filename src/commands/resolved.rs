//! What a recipe becomes when it is put together with its parents, as JSON.

use std::path::Path;

use recipe::{Resolved, absolute};
use serde_json::{Value, json};

/// One object. Paths below `root` are shown relative to it.
pub(crate) fn as_json(resolved: &Resolved, root: Option<&Path>) -> Value {
    let parents: Vec<String> = resolved
        .parents()
        .iter()
        .map(|path| shown(path, root))
        .collect();
    let input: serde_json::Map<String, Value> = resolved
        .input()
        .iter()
        .map(|(key, value)| (key.clone(), Value::from(value)))
        .collect();
    json!({
        "path": shown(resolved.path(), root),
        "identifier": resolved.identifier(),
        "parents": parents,
        "input": input,
        "process": Value::from(&resolved.process()),
        "minimum_version": resolved.minimum_version(),
    })
}

/// The path from the root, or from `root` if it lies there.
pub(crate) fn shown(path: &Path, root: Option<&Path>) -> String {
    let path = absolute(path);
    let relative = root.and_then(|root| path.strip_prefix(root).ok());
    relative.unwrap_or(&path).display().to_string()
}
