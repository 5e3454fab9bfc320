//! What the verbs share, opened when it is first needed.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use anyhow::Context as _;
use daemon::{Config, Outfit, RepositoryPlace, Surroundings};
use desk::Desk;
use pipeline::Engine;
use publication::{Backend, FolderRepository};
use recipe::{Library, Memory, Preferences, expand_user};
use store::Db;
use tokio::runtime::Runtime;

use crate::{cli::Global, power_cut};

/// What the verbs share: configuration and state, opened when they are first needed, so that a verb which needs
/// neither works in any folder.
#[derive(Debug)]
pub(crate) struct House {
    global: Global,
    config: OnceLock<Config>,
    /// What is known of recipe files.
    memory: OnceLock<Memory>,
    /// Keeps the database of an object store's lock going.
    runtime: OnceLock<Runtime>,
}

impl House {
    /// A house as the global flags say.
    pub(crate) fn new(global: &Global) -> Self {
        Self {
            global: global.clone(),
            config: OnceLock::new(),
            memory: OnceLock::new(),
            runtime: OnceLock::new(),
        }
    }

    /// The configuration.
    ///
    /// # Errors
    /// If its file cannot be read or understood; the error names it.
    pub(crate) fn config(&self) -> anyhow::Result<&Config> {
        if let Some(config) = self.config.get() {
            return Ok(config);
        }
        let config = in_surroundings(|surroundings| {
            Config::load(self.global.config.as_deref(), surroundings)
        })??;
        Ok(self.config.get_or_init(|| config))
    }

    /// The preferences of `AutoPkg`: of the file that `--prefs` names, else the configuration, else of the user; what
    /// the configuration says of recipes goes before them, and is not kept in their file.
    ///
    /// # Errors
    /// If the configuration or the preferences cannot be read; the error names the file.
    pub(crate) fn preferences(&self) -> anyhow::Result<Preferences> {
        let config = self.config()?;
        let mut preferences = in_surroundings(|surroundings| {
            Preferences::of_user(&surroundings.config_dir(), surroundings.home().as_deref())
        })?;
        let given = self.global.prefs.as_ref();
        if let Some(file) = given.or(config.autopkg.prefs.as_ref()) {
            preferences.overlay(file)?;
        }
        config.put_before(&mut preferences);
        Ok(preferences)
    }

    /// The file of preferences that `--prefs` names.
    pub(crate) fn prefs(&self) -> Option<&Path> {
        self.global.prefs.as_deref()
    }

    /// The home folder of whoever calls the program.
    ///
    /// # Errors
    /// If there is none.
    pub(crate) fn home() -> anyhow::Result<PathBuf> {
        in_surroundings(|surroundings| surroundings.home().context("there is no home folder"))?
    }

    /// A path of the command line, from the root. Its `~` may be there still: a shell puts the home folder into
    /// `--pkg ~/x`, and not into `--pkg=~/x`.
    ///
    /// # Errors
    /// If the current folder is gone.
    pub(crate) fn given(path: &Path) -> anyhow::Result<PathBuf> {
        let home = Self::home().ok();
        let path = path.to_str().map_or_else(
            || path.to_owned(),
            |text| expand_user(text, home.as_deref()),
        );
        std::path::absolute(path).context("the current folder is gone")
    }

    /// The library of recipes; folders that were given on the command line replace all others.
    ///
    /// # Errors
    /// As [`House::preferences`].
    pub(crate) fn library(
        &self,
        search_dirs: &[String],
        override_dirs: &[String],
    ) -> anyhow::Result<Library> {
        let library = self.preferences()?.library(search_dirs, override_dirs);
        Ok(library.with_memory(self.memory()?))
    }

    fn memory(&self) -> anyhow::Result<&Memory> {
        let notes = self.config()?.state_dir.join("recipes.notes");
        Ok(self.memory.get_or_init(|| Memory::noted_at(notes)))
    }

    /// Notes for the next process what this one has read of recipes, where there is a state.
    pub(crate) fn close(mut self) {
        let memory = self.memory.take();
        if let Some(Err(error)) = memory.as_ref().map(Memory::note) {
            tracing::debug!(error = %error, "what was read of recipes is not noted");
        }
        // The process ends, and the system takes back at once what would be given back in many thousand pieces.
        std::mem::forget(memory);
    }

    /// The engine, with everything that runs need; what is missing of the state is made.
    ///
    /// # Errors
    /// As [`House::preferences`], or if a part of the house cannot be opened.
    pub(crate) async fn engine(&self) -> anyhow::Result<Engine> {
        let preferences = self.preferences()?;
        let outfit = Outfit {
            library: preferences.library(&[], &[]).with_memory(self.memory()?),
            preferences,
            // Only text can be a variable of a recipe.
            environment: std::env::vars_os()
                .filter_map(|(name, value)| {
                    Some((name.into_string().ok()?, value.into_string().ok()?))
                })
                .collect(),
            // Without it the tools are not there, and a processor that calls one says so.
            tools: std::env::current_exe().ok(),
            observer: power_cut::observer(),
        };
        Ok(daemon::open_engine(self.config()?, outfit).await?)
    }

    /// The state, without anything else.
    ///
    /// # Errors
    /// If the configuration cannot be read or the state cannot be opened.
    pub(crate) async fn database(&self) -> anyhow::Result<Db> {
        Ok(daemon::open_database(self.config()?).await?)
    }

    /// The repository in the folder that was named, else the configured one. What is missing of a folder is not made.
    /// It is for verbs that do not run on a runtime themselves, and is good as long as the house is.
    ///
    /// # Errors
    /// If there is none, or its store does not answer or does not let us.
    pub(crate) fn repository(&self, named: Option<&PathBuf>) -> anyhow::Result<Arc<dyn Backend>> {
        let folder = match named {
            Some(path) => path.clone(),
            None => match self.config()?.repository_place()? {
                RepositoryPlace::Folder(path) => path,
                RepositoryPlace::Objects(_) => return self.objects(),
            },
        };
        Ok(Arc::new(FolderRepository::open(&folder)?))
    }

    /// The configured repository; what is missing of a folder is made. Otherwise as [`House::repository`].
    ///
    /// # Errors
    /// If it cannot be made, or its store does not answer or does not let us.
    pub(crate) fn own_repository(&self) -> anyhow::Result<Arc<dyn Backend>> {
        match self.config()?.repository_place()? {
            RepositoryPlace::Folder(path) => Ok(Arc::new(FolderRepository::create(&path)?)),
            RepositoryPlace::Objects(_) => self.objects(),
        }
    }

    /// The configured repository in an object store, which is locked by the database.
    fn objects(&self) -> anyhow::Result<Arc<dyn Backend>> {
        let runtime = if let Some(runtime) = self.runtime.get() {
            runtime
        } else {
            let runtime = Runtime::new().context("no threads can be started")?;
            self.runtime.get_or_init(|| runtime)
        };
        runtime.block_on(async {
            let db = self.database().await?;
            Ok(daemon::open_repository(self.config()?, &db)?)
        })
    }

    /// The service desk over `db`.
    ///
    /// # Errors
    /// If the configuration cannot be read, or a connector cannot work as it is configured.
    pub(crate) fn desk(&self, db: Db) -> anyhow::Result<Desk> {
        Ok(daemon::open_desk(self.config()?, db)?)
    }
}

/// The only place where the program asks for its current folder and its environment.
fn in_surroundings<T>(ask: impl FnOnce(&Surroundings<'_>) -> T) -> anyhow::Result<T> {
    let current_dir = std::env::current_dir().context("the current folder is gone")?;
    Ok(ask(&Surroundings {
        current_dir: &current_dir,
        variable: &|name| std::env::var_os(name),
    }))
}
