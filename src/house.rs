//! What the verbs share, opened when it is first needed.

use std::path::PathBuf;

use recipe::{Library, Preferences};

use crate::cli::Global;

/// What the verbs share: configuration and state, opened when they are first needed, so that a verb which needs
/// neither works in any folder.
#[derive(Debug)]
pub(crate) struct House {
    global: Global,
}

impl House {
    /// A house as the global flags say.
    pub(crate) fn new(global: &Global) -> Self {
        Self {
            global: global.clone(),
        }
    }

    /// What `AutoPkg` is set to: the user's preferences, and those of `--prefs` over them.
    ///
    /// # Errors
    /// If the file of `--prefs` cannot be read.
    pub(crate) fn preferences(&self) -> anyhow::Result<Preferences> {
        let home = std::env::home_dir().filter(|home| home.is_absolute());
        let config_dir = std::env::var_os("XDG_CONFIG_HOME")
            .map(PathBuf::from)
            .filter(|dir| dir.is_absolute())
            .or_else(|| home.as_ref().map(|home| home.join(".config")))
            .unwrap_or_default();
        let mut preferences = Preferences::of_user(&config_dir, home.as_deref());
        if let Some(file) = &self.global.prefs {
            preferences.overlay(file)?;
        }
        Ok(preferences)
    }

    /// Where recipes lie; folders that were given on the command line replace those of the preferences.
    ///
    /// # Errors
    /// As [`House::preferences`].
    pub(crate) fn library(
        &self,
        search_dirs: &[String],
        override_dirs: &[String],
    ) -> anyhow::Result<Library> {
        Ok(self.preferences()?.library(search_dirs, override_dirs))
    }
}
