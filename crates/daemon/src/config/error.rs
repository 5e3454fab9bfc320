//! Why a configuration cannot be used.

use std::{
    io,
    path::{Path, PathBuf},
};

use publication::RingsError;

/// Why a configuration cannot be used. No text of the file is repeated, because secrets may stand in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration `{}`", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is not TOML, or not what a configuration holds.
    #[error("the configuration `{}` is wrong in line {line}: {why}", path.display())]
    Toml {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong there.
        why: String,
    },
    /// A value is of the right type, but cannot be.
    #[error("the configuration `{}` is wrong in `{key}`: {why}", path.display())]
    Value {
        /// The file.
        path: PathBuf,
        /// The key.
        key: &'static str,
        /// What is wrong with its value.
        why: &'static str,
    },
    /// The rings make no sense.
    #[error("the configuration `{}` is wrong in `rings`: {source}", path.display())]
    Rings {
        /// The file.
        path: PathBuf,
        /// What is wrong with them.
        source: RingsError,
    },
    /// A secret cannot be read from the file that is named for it.
    #[error("cannot read the secret of `{key}` from `{}`", path.display())]
    SecretFile {
        /// The key that names the file.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file that ought to hold a secret holds nothing.
    #[error("`{}`, which `{key}` names, holds no secret", path.display())]
    EmptySecret {
        /// The key that names the file.
        key: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// A secret is given twice.
    #[error("both `{key}` and `{other}` are given: leave one of them out")]
    TwoSecrets {
        /// The key that holds the secret.
        key: &'static str,
        /// The key that names a file.
        other: &'static str,
    },
    /// A variable of the environment is not text.
    #[error("the variable `{name}` of the environment is not UTF-8")]
    Variable {
        /// The variable.
        name: &'static str,
    },
}

impl ConfigError {
    /// The decoder's own text quotes the line, so only its message and its place are taken.
    pub(super) fn toml(path: &Path, text: &str, error: &toml::de::Error) -> Self {
        let start = error.span().map_or(0, |span| span.start);
        let before = text.bytes().take(start);
        let breaks = before.filter(|byte| *byte == b'\n').count();
        Self::Toml {
            path: path.to_owned(),
            line: breaks.saturating_add(1),
            why: error.message().replace('\n', "; "),
        }
    }
}
