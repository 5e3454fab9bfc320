//! The configuration file of a service that goes on running.

use std::path::Path;

use super::{Config, ConfigError};

impl Config {
    /// Whether the file at `path` can still be understood; secrets of other files are not read.
    ///
    /// # Errors
    /// If it cannot be read or understood.
    pub(crate) fn read_again(path: &Path) -> Result<(), ConfigError> {
        let text = fs_err::read_to_string(path).map_err(|source| ConfigError::Io {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(path, &text).map(drop)
    }
}
