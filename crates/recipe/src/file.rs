//! One recipe or override file.

use std::{
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use model::Sha256;
use proplist::{Dict, Value};

use crate::{ReadError, yaml};

/// What recipe files end in; longer endings are named after the shorter one they begin with.
pub const EXTENSIONS: [&str; 3] = [".recipe", ".recipe.plist", ".recipe.yaml"];

/// The largest public recipe has half a megabyte.
const MOST_BYTES: u64 = 16 << 20;

/// A file that was read: what it says, and the digest of the very bytes that said it.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipe {
    path: PathBuf,
    sha256: Sha256,
    keys: Dict,
}

impl Recipe {
    /// Reads a recipe: YAML if its name ends in `.yaml`, otherwise a property list.
    ///
    /// # Errors
    /// If the file cannot be read, or is neither a dictionary nor empty.
    pub fn read(path: &Path) -> Result<Self, ReadError> {
        let bytes = bounded(path)?;
        Self::parse(path, &bytes)
    }

    /// Reads a recipe from the bytes that `path` holds.
    ///
    /// # Errors
    /// If they are no dictionary.
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Self, ReadError> {
        let path = path.to_owned();
        let value = if path.as_os_str().as_encoded_bytes().ends_with(b".yaml") {
            yaml::from_bytes(bytes).map_err(|source| ReadError::Yaml {
                path: path.clone(),
                source,
            })?
        } else {
            proplist::from_bytes_strict(bytes).map_err(|source| ReadError::Plist {
                path: path.clone(),
                source,
            })?
        };
        match value {
            Value::Dict(keys) => Ok(Self {
                path,
                sha256: Sha256::of(bytes),
                keys,
            }),
            _ => Err(ReadError::NotADictionary { path }),
        }
    }

    /// Where it was read from, as it was named.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The digest of the bytes that were read.
    pub const fn sha256(&self) -> Sha256 {
        self.sha256
    }

    /// All its keys, in file order.
    pub const fn keys(&self) -> &Dict {
        &self.keys
    }

    /// Its identifier, in the place of today or of old.
    pub fn identifier(&self) -> Option<&str> {
        match self.keys.get("Identifier") {
            Some(identifier) => identifier.as_str(),
            None => self
                .keys
                .get("Input")?
                .as_dict()?
                .get("IDENTIFIER")?
                .as_str(),
        }
    }

    /// The identifier or name of its parent: `ParentRecipe`, or of old `Recipe` with `identifier` or `name`.
    pub fn parent(&self) -> Option<&str> {
        let text = |value: &'_ Value| value.as_str().is_some_and(|text| !text.is_empty());
        if let Some(parent) = self.keys.get("ParentRecipe").filter(|value| text(value)) {
            return parent.as_str();
        }
        let legacy = self.keys.get("Recipe")?.as_dict()?;
        ["identifier", "name"]
            .into_iter()
            .filter_map(|key| legacy.get(key))
            .find(|value| text(value))
            .and_then(Value::as_str)
    }

    /// Whether it may stand on its own or on a parent: it has `Input`, and `Process` or a parent.
    pub fn is_valid(&self) -> bool {
        self.has("Input") && (self.has("Process") || self.has("ParentRecipe") || self.has("Recipe"))
    }

    /// Whether it may be an override: it has `Input` and a parent.
    pub fn is_valid_override(&self) -> bool {
        self.has("Input") && (self.has("ParentRecipe") || self.has("Recipe"))
    }

    fn has(&self, key: &str) -> bool {
        self.keys.contains_key(key)
    }
}

/// `name` without the recipe extension it may end in.
pub fn strip_extension(name: &str) -> &str {
    EXTENSIONS
        .iter()
        .find_map(|extension| name.strip_suffix(extension))
        .unwrap_or(name)
}

pub(crate) fn bounded(path: &Path) -> Result<Vec<u8>, ReadError> {
    let io = |source: io::Error| ReadError::Io {
        path: path.to_owned(),
        source,
    };
    let file = fs_err::File::open(path).map_err(io)?;
    let len_bytes = file.metadata().map_err(io)?.len();
    let mut bytes = Vec::new();
    file.take(MOST_BYTES.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(io)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MOST_BYTES {
        return Err(ReadError::TooLarge {
            path: path.to_owned(),
            len_bytes,
            limit_bytes: MOST_BYTES,
        });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn yaml(text: &str) -> Recipe {
        Recipe::parse(Path::new("x.recipe.yaml"), text.as_bytes()).unwrap()
    }

    #[test]
    fn the_identifier_may_stand_in_its_old_place() {
        assert_eq!(
            yaml("Identifier: a\nInput: {IDENTIFIER: b}\n").identifier(),
            Some("a")
        );
        assert_eq!(yaml("Input: {IDENTIFIER: b}\n").identifier(), Some("b"));
        assert_eq!(
            yaml("Identifier: 1\nInput: {IDENTIFIER: b}\n").identifier(),
            None
        );
    }

    #[test]
    fn the_parent_may_be_named_in_the_old_way() {
        assert_eq!(yaml("ParentRecipe: a\n").parent(), Some("a"));
        assert_eq!(
            yaml("Recipe: {identifier: '', name: b}\n").parent(),
            Some("b")
        );
        assert_eq!(yaml("ParentRecipe: ''\n").parent(), None);
    }

    #[test]
    fn validity_asks_for_keys_only() {
        assert!(yaml("Input:\nProcess:\n").is_valid());
        assert!(!yaml("Process: []\n").is_valid());
        assert!(!yaml("Input: {}\n").is_valid());
        assert!(yaml("Input: {}\nParentRecipe: a\n").is_valid_override());
        assert!(!yaml("Input: {}\nProcess: []\n").is_valid_override());
    }

    #[test]
    fn one_extension_is_stripped() {
        assert_eq!(strip_extension("A.munki.recipe.plist"), "A.munki");
        assert_eq!(strip_extension("A.recipe.recipe"), "A.recipe");
        assert_eq!(strip_extension("A.munki"), "A.munki");
    }

    #[test]
    fn an_error_names_the_file() {
        let error = Recipe::parse(Path::new("/a/x.recipe"), b"a: b").unwrap_err();
        assert_eq!(error.to_string(), "plist error for `/a/x.recipe`");
        let error = Recipe::parse(Path::new("/a/x.recipe.yaml"), b"- a").unwrap_err();
        assert_eq!(
            error.to_string(),
            "`/a/x.recipe.yaml` does not hold a dictionary"
        );
    }
}
