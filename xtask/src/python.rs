//! Programs that only Python's package index has, each in a folder of its own below `target`.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::command;

/// Programs that are installed together.
pub(crate) struct Tools {
    /// The folder below `target`.
    pub(crate) folder: &'static str,
    /// What they are, as pip knows them, with their versions.
    pub(crate) packages: &'static [&'static str],
    /// Python that fails where they are not.
    pub(crate) probe: &'static str,
}

impl Tools {
    /// Where their programs are.
    pub(crate) fn programs(&self) -> PathBuf {
        let target: PathBuf = command::root().join("target");
        target.join(self.folder).join("bin")
    }

    /// Installs them, unless they are there.
    ///
    /// # Errors
    /// If the folder cannot be made, or the index does not give them.
    pub(crate) fn install(&self) -> anyhow::Result<()> {
        let python = self.programs().join("python");
        if command::succeeds(&python.to_string_lossy(), &["-c", self.probe]) {
            return Ok(());
        }
        let folder = self.programs();
        let folder = folder.parent().unwrap_or(Path::new("."));
        command::run(Command::new("python3").args(["-m", "venv"]).arg(folder))?;
        command::run(
            Command::new(&python)
                .args([
                    "-m",
                    "pip",
                    "install",
                    "--quiet",
                    "--disable-pip-version-check",
                ])
                .args(self.packages),
        )
    }
}
