//! Recipe repositories of other people, made with git as they make them.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, ensure};

/// A recipe repository that can be cloned.
#[derive(Debug)]
pub(super) struct Upstream {
    folder: PathBuf,
}

impl Upstream {
    /// Makes a repository in `folder` with these files: the path of each in it, and its text.
    ///
    /// # Errors
    /// If git is not there, or does not do it.
    pub(super) fn create(folder: &Path, files: &[(&str, &str)]) -> anyhow::Result<Self> {
        fs_err::create_dir_all(folder)?;
        let upstream = Self {
            folder: folder.to_owned(),
        };
        upstream.git(&["init", "--quiet", "--initial-branch=main"])?;
        for (path, text) in files {
            let target = upstream.folder.join(path);
            fs_err::create_dir_all(target.parent().unwrap_or(folder))?;
            fs_err::write(target, text)?;
        }
        upstream.commit("Add recipes")?;
        Ok(upstream)
    }

    /// What `git clone` and `auto-update repo-add` take.
    pub(super) fn url(&self) -> String {
        format!("file://{}", self.folder.display())
    }

    /// Commits a change of one file.
    ///
    /// # Errors
    /// If the file does not have what is to be replaced, or git does not do it.
    pub(super) fn change(&self, path: &str, from: &str, to: &str, why: &str) -> anyhow::Result<()> {
        let file = self.folder.join(path);
        let text = fs_err::read_to_string(&file)?;
        ensure!(text.contains(from), "`{path}` does not have `{from}`");
        fs_err::write(&file, text.replacen(from, to, 1))?;
        self.commit(why)
    }

    /// Takes the last commit back with another one.
    ///
    /// # Errors
    /// If git does not do it.
    pub(super) fn revert(&self) -> anyhow::Result<()> {
        self.git(&["revert", "--no-edit", "HEAD"])
    }

    fn commit(&self, message: &str) -> anyhow::Result<()> {
        self.git(&["add", "--all"])?;
        self.git(&["commit", "--quiet", "--message", message])
    }

    fn git(&self, arguments: &[&str]) -> anyhow::Result<()> {
        let output = Command::new("git")
            .arg("-C")
            .arg(&self.folder)
            .args(arguments)
            // Nothing of the user's: no hooks, no signing, no templates.
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_TEMPLATE_DIR", "")
            .env("GIT_AUTHOR_NAME", "A recipe author")
            .env("GIT_AUTHOR_EMAIL", "author@recipes.example")
            .env("GIT_COMMITTER_NAME", "A recipe author")
            .env("GIT_COMMITTER_EMAIL", "author@recipes.example")
            .env_remove("GIT_DIR")
            .env_remove("GIT_WORK_TREE")
            .env_remove("GIT_INDEX_FILE")
            .output()
            .context("git cannot be started: install it")?;
        ensure!(
            output.status.success(),
            "`git {}` failed: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(())
    }
}
