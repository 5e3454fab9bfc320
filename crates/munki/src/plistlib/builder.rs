//! Makes values of elements, as the parser of `plistlib` does.

use proplist::{Dict, Value};

use super::{
    expat::Handler,
    scalars::{data, date, integer, real},
};

/// What is nested deeper is an attack on the stack.
const DEEPEST: usize = 128;

enum Open {
    Array(Vec<Value>),
    Dict(Dict),
}

/// Makes values of elements.
///
/// # Source
/// `_PlistParser` in `plistlib.py` of `CPython` 3.11.
#[derive(Default)]
pub(super) struct Builder {
    /// What is open, and under which key it goes into what it is in.
    stack: Vec<(Open, Option<String>)>,
    key: Option<String>,
    text: String,
    root: Option<Value>,
}

impl Builder {
    /// The last value that was whole.
    pub(super) fn finish(self) -> Option<Value> {
        self.root
    }

    fn begin(&mut self, open: Open, line: usize) -> Result<(), String> {
        self.may_add(line)?;
        if self.stack.len() >= DEEPEST {
            return Err("too deeply nested".to_owned());
        }
        let key = self.key.take();
        self.stack.push((open, key));
        Ok(())
    }

    /// A value with a key belongs into a dictionary, one without into an array.
    fn may_add(&self, line: usize) -> Result<(), String> {
        let sound = match (self.stack.last(), &self.key) {
            (None, None) => true,
            (Some((Open::Dict(_), _)), key) => key.is_some(),
            (Some((Open::Array(_), _)), key) => key.is_none(),
            (None, Some(_)) => false,
        };
        if sound {
            return Ok(());
        }
        Err(format!("unexpected element at line {line}"))
    }

    fn add(&mut self, value: Value, line: usize) -> Result<(), String> {
        self.may_add(line)?;
        let key = self.key.take();
        self.put(value, key);
        Ok(())
    }

    fn put(&mut self, value: Value, key: Option<String>) {
        match (self.stack.last_mut(), key) {
            (Some((Open::Dict(dict), _)), Some(key)) => {
                dict.insert(key, value);
            }
            (Some((Open::Array(values), _)), _) => values.push(value),
            _ => self.root = Some(value),
        }
    }

    fn end_key(&mut self, text: String, line: usize) -> Result<(), String> {
        // An empty key is none to Python.
        let has_key = self.key.as_ref().is_some_and(|key| !key.is_empty());
        match self.stack.last() {
            None if !has_key => Err("list index out of range".to_owned()),
            Some((Open::Dict(_), _)) if !has_key => {
                self.key = Some(text);
                Ok(())
            }
            _ => Err(format!("unexpected key at line {line}")),
        }
    }

    fn end_container(&mut self, line: usize) -> Result<(), String> {
        if let (Some((Open::Dict(_), _)), Some(key)) = (self.stack.last(), &self.key)
            && !key.is_empty()
        {
            return Err(format!("missing value for key '{key}' at line {line}"));
        }
        match self.stack.pop() {
            Some((Open::Array(values), key)) => self.put(Value::Array(values), key),
            Some((Open::Dict(dict), key)) => self.put(Value::Dict(dict), key),
            None => {}
        }
        Ok(())
    }
}

impl Handler for Builder {
    fn start(&mut self, name: &str, line: usize) -> Result<(), String> {
        self.text.clear();
        match name {
            "dict" => self.begin(Open::Dict(Dict::new()), line),
            "array" => self.begin(Open::Array(Vec::new()), line),
            _ => Ok(()),
        }
    }

    fn end(&mut self, name: &str, line: usize) -> Result<(), String> {
        let mut text = || std::mem::take(&mut self.text);
        let value = match name {
            "dict" | "array" => return self.end_container(line),
            "key" => {
                let key = text();
                return self.end_key(key, line);
            }
            "string" => Value::String(text()),
            "integer" => integer(&text())?,
            "real" => real(&text())?,
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            "date" => date(&text())?,
            "data" => data(&text())?,
            // An unknown element is passed over, what is in it is not.
            _ => return Ok(()),
        };
        self.add(value, line)
    }

    fn text(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn entity_declaration(&mut self) -> Result<(), String> {
        Err("XML entity declarations are not supported in plist files".to_owned())
    }
}
