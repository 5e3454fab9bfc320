//! What the process was started with.

use std::{
    ffi::OsString,
    fmt,
    path::{Path, PathBuf},
};

/// What the process was started with; tests bring their own.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// The current folder.
    pub current_dir: &'a Path,
    /// The environment.
    pub variable: &'a dyn Fn(&str) -> Option<OsString>,
}

impl fmt::Debug for Surroundings<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surroundings")
            .field("current_dir", &self.current_dir)
            .finish_non_exhaustive()
    }
}

impl Surroundings<'_> {
    /// The home folder of the user.
    pub fn home(&self) -> Option<PathBuf> {
        (self.variable)("HOME")
            .filter(|home| !home.is_empty())
            .map(PathBuf::from)
    }

    /// The folder of the user's settings, as the XDG base directories have it.
    pub fn config_dir(&self) -> PathBuf {
        (self.variable)("XDG_CONFIG_HOME")
            .map(PathBuf::from)
            .filter(|dir| dir.is_absolute())
            .or_else(|| self.home().map(|home| home.join(".config")))
            .unwrap_or_default()
    }
}
