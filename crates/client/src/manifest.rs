//! The manifest of this Mac's own, which Munki reads besides the one from the repository.

use proplist::{Dict, Value};

use crate::{
    Access, Fault, Files,
    plists::{self, Document, Form},
    preferences::Munki,
};

const FOLDER: u32 = 0o755;

/// One of its two lists that are changed here.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum List {
    /// `managed_installs`.
    Installs,
    /// `managed_uninstalls`.
    Uninstalls,
}

impl List {
    /// As people say it.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Installs => "installs",
            Self::Uninstalls => "uninstalls",
        }
    }

    const fn key(self) -> &'static str {
        match self {
            Self::Installs => "managed_installs",
            Self::Uninstalls => "managed_uninstalls",
        }
    }
}

/// The manifest; all of it but what is changed is written as it was read.
#[derive(Clone, Debug)]
pub(crate) struct Manifest {
    path: String,
    document: Document,
    changed: bool,
}

impl Manifest {
    /// Reads it; one that is not there holds nothing.
    ///
    /// # Errors
    /// If none is set for this Mac, or it is not safe to read or of no form that Munki reads.
    pub(crate) fn read(files: &Files, munki: &Munki) -> Result<Self, Fault> {
        let path = munki.local_manifest()?;
        let document = Document::read(files, &path)?;
        Ok(Self {
            path,
            document: document.unwrap_or_else(|| Document::new(Form::Xml)),
            changed: false,
        })
    }

    /// Writes it, if it was changed.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(crate) fn write(&self, files: &Files, munki: &Munki) -> Result<(), Fault> {
        if !self.changed {
            return Ok(());
        }
        files.make_folder(&munki.file("manifests"), FOLDER)?;
        self.document
            .write(files, &self.path, Access::EveryoneReads)
    }

    /// The names on a list.
    pub(crate) fn names(&self, list: List) -> Vec<String> {
        plists::texts(self.document.dict.get(list.key()))
    }

    /// Puts `name` on a list; whether it was not there yet.
    pub(crate) fn add(&mut self, list: List, name: &str) -> bool {
        if self.names(list).iter().any(|there| there == name) {
            return false;
        }
        self.changed = true;
        if let Some(values) = list_of(&mut self.document.dict, list) {
            values.push(Value::from(name));
        } else {
            let values = Value::from(vec![name]);
            self.document.dict.insert(list.key().to_owned(), values);
        }
        true
    }

    /// Takes what `is_meant` says off a list; whether there was any.
    pub(crate) fn remove(&mut self, list: List, is_meant: impl Fn(&str) -> bool) -> bool {
        let Some(values) = list_of(&mut self.document.dict, list) else {
            return false;
        };
        let before = values.len();
        values.retain(|value| !value.as_str().is_some_and(&is_meant));
        let removed = values.len() != before;
        self.changed |= removed;
        removed
    }
}

fn list_of(dict: &mut Dict, list: List) -> Option<&mut Vec<Value>> {
    match dict.get_mut(list.key()) {
        Some(Value::Array(values)) => Some(values),
        _ => None,
    }
}

/// Whether an entry of a manifest means the title `name`: it is its name, or that and a version, as in `Firefox-128.0`.
///
/// # Source
/// Munki, `nameAndVersion`: what follows the last `--`, or else the last `-`, is a version if it begins with a digit.
pub(crate) fn means(entry: &str, name: &str) -> bool {
    entry == name
        || ["--", "-"].iter().any(|mark| {
            entry.rsplit_once(mark).is_some_and(|(before, version)| {
                before == name && version.starts_with(|c: char| c.is_ascii_digit())
            })
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_names_with_versions() {
        assert!(means("Firefox", "Firefox"));
        assert!(means("Firefox-128.0", "Firefox"));
        assert!(means("Firefox--128.0-beta", "Firefox"));
        assert!(means("some-tool-1.2", "some-tool"));
        assert!(!means("some-tool", "some"));
        assert!(!means("Firefox-ESR", "Firefox"));
        assert!(!means("Firefox-", "Firefox"));
    }
}
