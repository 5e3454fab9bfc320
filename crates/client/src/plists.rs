//! Property lists as they lie on a Mac: binary or XML, and written back as they were found.

use std::io::Cursor;

use proplist::{Dict, KeyOrder, Value};

use crate::{Access, Fault, Files};

/// The longest property list that is read: reports of Macs with a thousand titles stay below 4 MB.
const LONGEST: usize = 16 * 1024 * 1024;

/// How a file is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Form {
    /// As `cfprefsd` writes preferences.
    Binary,
    /// As Munki writes its own files on a server.
    Xml,
    /// As some make manifests.
    Json,
}

/// A dictionary and how its file was written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Document {
    /// How.
    pub(crate) form: Form,
    /// What it holds, in file order.
    pub(crate) dict: Dict,
}

impl Document {
    /// One that holds nothing yet.
    pub(crate) fn new(form: Form) -> Self {
        Self {
            form,
            dict: Dict::new(),
        }
    }

    /// Reads the file at `path`; none if there is none.
    ///
    /// # Errors
    /// [`Fault::Form`] if it holds no dictionary, and as [`Files::read`].
    pub(crate) fn read(files: &Files, path: &str) -> Result<Option<Self>, Fault> {
        let Some(bytes) = files.read(path, LONGEST)? else {
            return Ok(None);
        };
        let wrong = |why: String| Fault::Form {
            path: path.to_owned(),
            why,
        };
        let form = if bytes.starts_with(b"bplist") {
            Form::Binary
        } else if bytes.trim_ascii_start().starts_with(b"{") {
            Form::Json
        } else {
            Form::Xml
        };
        // What a reader says of a value may repeat it, and these values may be secret.
        let value = match form {
            Form::Json => serde_json::from_slice::<serde_json::Value>(&bytes)
                .map(|json| Value::from(&json))
                .map_err(|_may_show| wrong("is no JSON".to_owned()))?,
            Form::Binary | Form::Xml => proplist::from_bytes(&bytes)
                .map_err(|_may_show| wrong("is no property list".to_owned()))?,
        };
        match value {
            Value::Dict(dict) => Ok(Some(Self { form, dict })),
            _ => Err(wrong("holds no dictionary".to_owned())),
        }
    }

    /// The bytes of the file, in the form it has.
    ///
    /// # Errors
    /// [`Fault::Form`] if the form cannot hold a value.
    pub(crate) fn to_bytes(&self, path: &str) -> Result<Vec<u8>, Fault> {
        let wrong = |why: String| Fault::Form {
            path: path.to_owned(),
            why,
        };
        match self.form {
            Form::Xml => proplist::to_xml(&Value::Dict(self.dict.clone()), KeyOrder::AsIs)
                .map(String::into_bytes)
                .map_err(|_may_show| wrong("would hold what XML cannot say".to_owned())),
            Form::Json => {
                let json = serde_json::Value::from(&Value::Dict(self.dict.clone()));
                let mut text = serde_json::to_vec_pretty(&json)
                    .map_err(|_may_show| wrong("would hold what JSON cannot say".to_owned()))?;
                text.push(b'\n');
                Ok(text)
            }
            Form::Binary => {
                let mut bytes = Cursor::new(Vec::new());
                plist::Value::Dictionary(foreign_dict(&self.dict))
                    .to_writer_binary(&mut bytes)
                    .map_err(|_may_show| wrong("would hold what cannot be said".to_owned()))?;
                Ok(bytes.into_inner())
            }
        }
    }

    /// Writes the file.
    ///
    /// # Errors
    /// As [`Self::to_bytes`] and [`Files::write`].
    pub(crate) fn write(&self, files: &Files, path: &str, access: Access) -> Result<(), Fault> {
        files.write(path, &self.to_bytes(path)?, access)
    }
}

fn foreign_dict(dict: &Dict) -> plist::Dictionary {
    dict.iter()
        .map(|(key, value)| (key.clone(), foreign(value)))
        .collect()
}

/// The value in the words of the `plist` crate, which writes the binary form.
fn foreign(value: &Value) -> plist::Value {
    match value {
        Value::Array(values) => plist::Value::Array(values.iter().map(foreign).collect()),
        Value::Bool(yes) => plist::Value::Boolean(*yes),
        Value::Data(bytes) => plist::Value::Data(bytes.clone()),
        Value::Date(date) => plist::Value::Date(std::time::SystemTime::from(*date).into()),
        Value::Dict(dict) => plist::Value::Dictionary(foreign_dict(dict)),
        Value::Integer(number) => i64::try_from(*number).map_or_else(
            |_| plist::Value::Integer(u64::try_from(*number).unwrap_or(u64::MAX).into()),
            |number| plist::Value::Integer(number.into()),
        ),
        // Property lists have no null; only JSON is read with one, and it is written as JSON.
        Value::Null => plist::Value::String(String::new()),
        Value::Real(number) => plist::Value::Real(*number),
        Value::String(text) => plist::Value::String(text.clone()),
    }
}

/// The texts of an array; nothing where there is none.
pub(crate) fn texts(value: Option<&Value>) -> Vec<String> {
    let values = value.and_then(Value::as_array).unwrap_or_default();
    values
        .iter()
        .filter_map(Value::as_str)
        .map(ToOwned::to_owned)
        .collect()
}

/// How many values an array holds; none where there is none.
pub(crate) fn count(value: Option<&Value>) -> usize {
    value.and_then(Value::as_array).map_or(0, <[Value]>::len)
}
