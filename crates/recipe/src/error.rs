//! What can be wrong with recipes.

use std::{io, path::PathBuf, str::Utf8Error, string::FromUtf16Error};

/// Why bytes are not YAML as recipes use it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum YamlError {
    /// The text holds a character that YAML does not allow, such as a control character.
    #[error("not text: it holds {letter:?}")]
    Control {
        /// The character.
        letter: char,
    },
    /// It begins as UTF-16 does, but is not.
    #[error("not text")]
    NotUtf16(#[source] FromUtf16Error),
    /// It is not UTF-8.
    #[error("not text")]
    NotUtf8(#[source] Utf8Error),
    /// It is YAML, but not for a recipe.
    #[error("line {line} holds {what}")]
    Refused {
        /// The line, from 1.
        line: usize,
        /// What is there, in words.
        what: String,
    },
    /// It is not YAML.
    #[error("not well-formed near line {line}: {what}")]
    Syntax {
        /// The line, from 1.
        line: usize,
        /// The parser's own words.
        what: String,
    },
}

/// Why a file is not a recipe.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// It could not be read.
    #[error("cannot read `{}`", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It holds something, but no dictionary.
    #[error("`{}` does not hold a dictionary", path.display())]
    NotADictionary {
        /// The file.
        path: PathBuf,
    },
    /// It is no property list.
    #[error("plist error for `{}`", path.display())]
    Plist {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: proplist::ReadError,
    },
    /// It is larger than any recipe.
    #[error("`{}` has {len_bytes} bytes; a recipe has at most {limit_bytes}", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        len_bytes: u64,
        /// The limit.
        limit_bytes: u64,
    },
    /// It is not YAML as recipes use it.
    #[error("yaml error for `{}`", path.display())]
    Yaml {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: YamlError,
    },
}

/// Why a recipe could not be put together.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// A recipe is its own ancestor.
    #[error("recipe `{name}` is its own ancestor: {}", chain.join(" -> "))]
    Cycle {
        /// What was asked for.
        name: String,
        /// The names as each file wrote them, nearest first.
        chain: Vec<String>,
    },
    /// A file of the chain breaks a rule that merging relies on.
    #[error("`{}`: {what}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong, in words.
        what: String,
    },
    /// There is no recipe of this name or identifier where recipes are looked for.
    #[error("{}", not_found(name, seekers))]
    NotFound {
        /// The name or identifier.
        name: String,
        /// Who sought it as a parent, nearest first; empty if it was asked for directly.
        seekers: Vec<String>,
    },
    /// A file of the chain could not be read.
    #[error("recipe `{name}` cannot be loaded")]
    Read {
        /// What was asked for.
        name: String,
        /// What is wrong.
        source: ReadError,
    },
}

fn not_found(name: &str, seekers: &[String]) -> String {
    match seekers.first() {
        Some(seeker) => format!("could not find the parent recipe `{name}` of `{seeker}`"),
        None => format!("no valid recipe found for `{name}`"),
    }
}

/// Why an override or a list could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The file could not be written.
    #[error("cannot write `{}`", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The format cannot hold a value.
    #[error("`{}` cannot be written as a property list", path.display())]
    Plist {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: proplist::WriteError,
    },
}
