//! `plutil`, `PlistBuddy` and `defaults read`: property lists.

use std::path::{Path, PathBuf};

use proplist::{Dict, KeyOrder, Value};

use super::{Refusal, Words};
use crate::printer::Printer;

/// `plutil -lint`, `-convert FORM` and `-extract KEYPATH FORM`.
pub(super) fn plutil(words: &[String], printer: Printer) -> Result<u8, Refusal> {
    let (extract, words) = match words.split_first() {
        Some((verb, rest)) if verb == "-extract" => match rest {
            [path, form, rest @ ..] => (Some((path.as_str(), form.as_str())), rest),
            _ => return Err(Refusal::failed("-extract takes a key path and a format")),
        },
        _ => (None, words),
    };
    let words = Words::read(words, &["-lint", "-n", "-r", "-s"], &["-convert", "-o"])?;
    let file = words.only("one file")?;
    let value = read(Path::new(file)).map_err(|why| Refusal::failed(format!("{file}: {why}")))?;
    let (value, form) = match (extract, words.value("-convert")) {
        (Some((path, form)), _) => {
            let found = at(&value, path.split('.'));
            let missing = || {
                Refusal::failed(format!(
                    "Could not extract value, error: No value at that key path or invalid key path: {path}"
                ))
            };
            (found.ok_or_else(missing)?.clone(), form)
        }
        (None, Some(form)) => (value, form),
        (None, None) => {
            printer.data(format!("{file}: OK"))?;
            return Ok(0);
        }
    };
    let text = in_form(&value, form, &words)?;
    match words.value("-o") {
        Some("-") => printer.bytes(text.as_bytes())?,
        None if form == "raw" => printer.data(text)?,
        place => fs_err::write(place.unwrap_or(file), text)?,
    }
    Ok(0)
}

fn in_form(value: &Value, form: &str, words: &Words) -> Result<String, Refusal> {
    match form {
        "xml1" => proplist::to_xml(value, KeyOrder::Sorted).map_err(Refusal::failed),
        "json" => {
            let json = serde_json::Value::from(value);
            let text = if words.has("-r") {
                serde_json::to_string_pretty(&json)
            } else {
                serde_json::to_string(&json)
            };
            text.map_err(Refusal::failed)
        }
        "raw" => Ok(match value {
            Value::Array(values) => values.len().to_string(),
            Value::Dict(dict) => dict.keys().cloned().collect::<Vec<_>>().join("\n"),
            Value::Bool(truth) => truth.to_string(),
            value => scalar(value),
        }),
        other => Err(Refusal::NotServed(format!("the format {other}"))),
    }
}

/// `PlistBuddy -c "Print :Key:0" FILE`.
pub(super) fn plist_buddy(words: &[String], printer: Printer) -> Result<u8, Refusal> {
    let words = Words::read(words, &["-x"], &["-c"])?;
    let file = words.only("a file")?;
    if words.values.is_empty() {
        return Err(Refusal::NotServed("working without -c".to_owned()));
    }
    let value = read(Path::new(file)).map_err(Refusal::failed)?;
    for (_, command) in &words.values {
        let (verb, path) = command.split_once(' ').unwrap_or((command, ""));
        if !verb.eq_ignore_ascii_case("print") {
            return Err(Refusal::NotServed(format!("the command `{verb}`")));
        }
        let path = path
            .trim()
            .trim_matches(['"', '\''])
            .trim_start_matches(':');
        let Some(found) = at(&value, path.split(':').filter(|part| !part.is_empty())) else {
            printer.complaint(format!("Print: Entry, \":{path}\", Does Not Exist"));
            return Ok(1);
        };
        if words.has("-x") {
            let xml = proplist::to_xml(found, KeyOrder::AsIs).map_err(Refusal::failed)?;
            printer.bytes(xml.as_bytes())?;
        } else {
            printer.data(outline(found, 0))?;
        }
    }
    Ok(0)
}

/// `defaults read FILE [KEY]`: values that are no collections.
pub(super) fn defaults(words: &[String], printer: Printer) -> Result<u8, Refusal> {
    let [verb, domain, rest @ ..] = words else {
        return Err(Refusal::NotServed("that".to_owned()));
    };
    if verb != "read" || !domain.starts_with('/') {
        return Err(Refusal::NotServed(format!("{verb} {domain}")));
    }
    let mut file = PathBuf::from(domain);
    if !file.is_file() {
        file = PathBuf::from(format!("{domain}.plist"));
    }
    let value = read(&file).unwrap_or(Value::Dict(Dict::new()));
    let [key] = rest else {
        return Err(Refusal::NotServed("a whole domain".to_owned()));
    };
    match value.as_dict().and_then(|dict| dict.get(key)) {
        None => {
            printer.complaint(format!(
                "\nThe domain/default pair of ({domain}, {key}) does not exist"
            ));
            Ok(1)
        }
        Some(Value::Array(_) | Value::Dict(_) | Value::Data(_)) => Err(Refusal::NotServed(
            "a value that is a list, a dictionary or data".to_owned(),
        )),
        Some(Value::Bool(truth)) => {
            printer.data(u8::from(*truth))?;
            Ok(0)
        }
        Some(value) => {
            printer.data(scalar(value))?;
            Ok(0)
        }
    }
}

fn read(file: &Path) -> Result<Value, String> {
    let bytes = fs_err::read(file).map_err(|error| error.to_string())?;
    if let Ok(value) = proplist::from_bytes(&bytes) {
        return Ok(value);
    }
    let json: Result<serde_json::Value, _> = serde_json::from_slice(&bytes);
    json.map(|json| Value::from(&json)).map_err(|_neither| {
        "Property List error: neither a property list in XML or binary form, nor JSON".to_owned()
    })
}

/// The value behind keys and indices.
fn at<'v, 'p>(value: &'v Value, path: impl Iterator<Item = &'p str>) -> Option<&'v Value> {
    let mut at = value;
    for part in path {
        at = match at {
            Value::Dict(dict) => dict.get(part)?,
            Value::Array(values) => values.get(part.parse::<usize>().ok()?)?,
            _ => return None,
        };
    }
    Some(at)
}

fn scalar(value: &Value) -> String {
    match value {
        Value::Bool(truth) => truth.to_string(),
        Value::Date(date) => date.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
        value => proplist::str_form(value),
    }
}

/// As `PlistBuddy` prints: braces, four spaces a level.
fn outline(value: &Value, depth: usize) -> String {
    let indent = "    ".repeat(depth.saturating_add(1));
    let end = "    ".repeat(depth);
    let deeper = depth.saturating_add(1);
    match value {
        Value::Dict(dict) => {
            let lines: Vec<String> = dict
                .iter()
                .map(|(key, value)| format!("{indent}{key} = {}\n", outline(value, deeper)))
                .collect();
            format!("Dict {{\n{}{end}}}", lines.concat())
        }
        Value::Array(values) => {
            let lines: Vec<String> = values
                .iter()
                .map(|value| format!("{indent}{}\n", outline(value, deeper)))
                .collect();
            format!("Array {{\n{}{end}}}", lines.concat())
        }
        value => scalar(value),
    }
}
