//! Trust information: what an override's parents and processors were when somebody looked them over.

mod history;
mod verify;

use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use model::Sha256;
use proplist::{Dict, Value};

pub use self::{
    history::{History, NoHistory},
    verify::{Distrust, verify},
};
use crate::{
    Library, Recipe, ResolveError, Resolved, Scope, is_core_processor, paths::compress_user,
};

/// What `AutoPkg` writes for a processor without a file.
const NO_PROCESSOR: &str = "PROCESSOR FILEPATH NOT FOUND";
/// What `AutoPkg` writes for a path that is no regular file.
const NOT_A_FILE: &str = "NOT A FILE";

/// One file that is trusted.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct TrustEntry {
    /// The commit that last touched the file, if the file is as that commit has it.
    pub git_hash: Option<String>,
    /// Where it was, the home folder written `~`; for people only.
    pub path: String,
    /// 64 hexadecimal digits, or why there are none.
    pub sha256_hash: String,
}

/// `ParentRecipeTrustInfo` of an override.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct TrustInfo {
    /// By the processor's name as the step has it.
    pub non_core_processors: IndexMap<String, TrustEntry>,
    /// By identifier.
    pub parent_recipes: IndexMap<String, TrustEntry>,
}

impl TrustInfo {
    /// The trust information that a file carries; an empty one counts as none, as it does to `AutoPkg`.
    ///
    /// # Errors
    /// If it is not of the expected shape.
    pub fn of_recipe(recipe: &Recipe) -> Result<Option<Self>, ResolveError> {
        let Some(value) = recipe
            .keys()
            .get("ParentRecipeTrustInfo")
            .filter(|value| value.is_truthy())
        else {
            return Ok(None);
        };
        let malformed = || ResolveError::Malformed {
            path: recipe.path().to_owned(),
            what: "ParentRecipeTrustInfo is not of the expected shape".to_owned(),
        };
        let part = |key: &str| entries(value.as_dict()?.get(key)?);
        Ok(Some(Self {
            non_core_processors: part("non_core_processors").ok_or_else(malformed)?,
            parent_recipes: part("parent_recipes").ok_or_else(malformed)?,
        }))
    }

    /// What trust in `parent`, an override's parent, amounts to now; and the processors that have no file.
    ///
    /// # Errors
    /// If a recipe of the chain cannot be put together any more.
    pub fn compute(
        parent: &Resolved,
        library: &Library,
        history: &dyn History,
    ) -> Result<(Self, Vec<String>), ResolveError> {
        let mut info = Self::default();
        for path in parent
            .parents()
            .iter()
            .map(PathBuf::as_path)
            .chain([parent.path()])
        {
            let name = path.to_string_lossy();
            let recipe = library.resolve_in(&name, Scope::Recipes, parent.search_dirs())?;
            let identifier = recipe.identifier().unwrap_or("None").to_owned();
            info.parent_recipes
                .insert(identifier, entry(path, library, history));
        }
        let mut missing = Vec::new();
        for processor in parent.steps().iter().map(crate::Step::processor) {
            if is_core_processor(processor) || info.non_core_processors.contains_key(processor) {
                continue;
            }
            let entry = if let Some(path) = library.processor_path(parent, processor) {
                entry(&path, library, history)
            } else {
                missing.push(processor.to_owned());
                TrustEntry {
                    sha256_hash: NO_PROCESSOR.to_owned(),
                    ..TrustEntry::default()
                }
            };
            info.non_core_processors.insert(processor.to_owned(), entry);
        }
        Ok((info, missing))
    }

    /// As a value of an override file.
    pub fn to_value(&self) -> Value {
        let part = |entries: &IndexMap<String, TrustEntry>| -> Value {
            let named = |(name, entry): (&String, &TrustEntry)| (name.clone(), entry.to_value());
            Value::Dict(entries.iter().map(named).collect())
        };
        let parts = [
            (
                "non_core_processors".to_owned(),
                part(&self.non_core_processors),
            ),
            ("parent_recipes".to_owned(), part(&self.parent_recipes)),
        ];
        Value::Dict(parts.into_iter().collect())
    }
}

impl TrustEntry {
    fn to_value(&self) -> Value {
        let mut dict = Dict::new();
        if let Some(git_hash) = &self.git_hash {
            dict.insert("git_hash".to_owned(), git_hash.as_str().into());
        }
        dict.insert("path".to_owned(), self.path.as_str().into());
        dict.insert("sha256_hash".to_owned(), self.sha256_hash.as_str().into());
        Value::Dict(dict)
    }

    fn of_value(value: &Value) -> Option<Self> {
        let dict = value.as_dict()?;
        let text = |key: &str| dict.get(key).and_then(Value::as_str).map(str::to_owned);
        Some(Self {
            git_hash: text("git_hash"),
            path: text("path").unwrap_or_default(),
            sha256_hash: text("sha256_hash")?,
        })
    }
}

fn entries(value: &Value) -> Option<IndexMap<String, TrustEntry>> {
    value
        .as_dict()?
        .iter()
        .map(|(name, entry)| Some((name.clone(), TrustEntry::of_value(entry)?)))
        .collect()
}

fn entry(path: &Path, library: &Library, history: &dyn History) -> TrustEntry {
    TrustEntry {
        git_hash: history.last_commit(path),
        path: compress_user(path, library.home()),
        sha256_hash: digest(path)
            .map_or_else(|| NOT_A_FILE.to_owned(), |digest| digest.to_string()),
    }
}

fn digest(path: &Path) -> Option<Sha256> {
    let mut file = path
        .is_file()
        .then(|| fs_err::File::open(path).ok())
        .flatten()?;
    Sha256::of_reader(&mut file).ok().map(|(digest, _)| digest)
}
