//! The receipt of a run, as `AutoPkg` writes it.

use std::{
    io,
    path::{Path, PathBuf},
};

use chrono::{Local, TimeZone as _};
use model::Timestamp;
use processors::{Env, StepRecord};
use proplist::{Dict, KeyOrder, Value, to_xml};
use redact::Scrubber;

use crate::secrets;

/// What a run did: its variables at the start, what each step read and set, and why it failed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Receipt(Vec<Value>);

impl Receipt {
    /// A run begins with the variables `env`.
    pub(crate) fn new(env: &Env) -> Self {
        Self(vec![entry("Recipe input", without_nulls(env))])
    }

    /// A step has done what it should.
    pub(crate) fn add_step(&mut self, record: &StepRecord) {
        self.0.push(record.to_receipt());
    }

    /// The run failed.
    pub(crate) fn add_error(&mut self, message: &str) {
        self.0.push(entry("RecipeError", message.into()));
    }

    /// The whole, without secrets.
    pub(crate) fn to_value(&self, scrubber: &Scrubber) -> Value {
        secrets::scrubbed(scrubber, &Value::Array(self.0.clone()))
    }
}

/// Writes `receipt` into the folder `receipts` of the run's `workspace`, and answers where. Blocking.
///
/// # Errors
/// If it cannot be written.
///
/// # Source
/// `AutoPkg` 2.9.1, `AutoPackager`: `NAME-receipt-YYYYmmdd-HHMMSS.plist`, local time, of the name as it was typed.
pub(crate) fn write(
    receipt: &Value,
    workspace: &Path,
    name: &str,
    now: Timestamp,
) -> io::Result<PathBuf> {
    let folder = workspace.join("receipts");
    fs_err::create_dir_all(&folder)?;
    let stem = Path::new(name).file_stem().unwrap_or_default();
    let when = Local.from_utc_datetime(&now.to_utc().naive_utc());
    let path = folder.join(format!(
        "{}-receipt-{}.plist",
        stem.to_string_lossy(),
        when.format("%Y%m%d-%H%M%S")
    ));
    let text = to_xml(&receipt.for_property_list(), KeyOrder::Sorted).map_err(io::Error::other)?;
    fs_err::write(&path, text)?;
    Ok(path)
}

fn entry(key: &str, value: Value) -> Value {
    Value::Dict([(key.to_owned(), value)].into_iter().collect())
}

/// A receipt has empty text where Python has `None`.
fn without_nulls(env: &Env) -> Value {
    let plain = |(name, value): (&String, &Value)| {
        let value = match value {
            Value::Null => Value::from(""),
            Value::Dict(dict) => without_nulls(dict),
            Value::Array(values) => Value::Array(values.iter().map(plain_item).collect()),
            other => other.clone(),
        };
        (name.clone(), value)
    };
    Value::Dict(env.iter().map(plain).collect::<Dict>())
}

fn plain_item(value: &Value) -> Value {
    match value {
        Value::Null => Value::from(""),
        Value::Dict(dict) => without_nulls(dict),
        Value::Array(values) => Value::Array(values.iter().map(plain_item).collect()),
        other => other.clone(),
    }
}
