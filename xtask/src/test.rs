//! Every test, and the benchmark.

use std::process::Command;

use crate::{command, media, setup, tidy};

/// Sets up, then runs every test and the house rules; `options` go to `cargo test`.
///
/// # Errors
/// If anything fails.
pub(crate) fn run(options: &[&str]) -> anyhow::Result<()> {
    setup::install()?;
    tidy::run()?;
    let mut command = command::cargo();
    command.args(["test", "--workspace"]).args(options);
    with_corpus(&mut command);
    command::run(&mut command)
}

/// Measures the main job, opening media, verifying signatures, unchanged recipes and catalogs, in a release build.
///
/// # Errors
/// If anything fails.
pub(crate) fn bench() -> anyhow::Result<()> {
    setup::install()?;
    let mut command = command::cargo();
    command.args([
        "bench",
        "--workspace",
        "--bench",
        "publish",
        "--bench",
        "media",
        "--bench",
        "verify",
        "--bench",
        "recipes",
        "--bench",
        "catalogs",
        "--bench",
        "publications",
    ]);
    match media::large() {
        Ok(folder) => {
            command.env("AUTO_UPDATE_BENCH_MEDIA", folder);
        }
        Err(error) => eprintln!("The signature of the image's program is not measured: {error:#}"),
    }
    command::run(&mut command)
}

fn with_corpus(command: &mut Command) {
    match media::corpus() {
        Some(corpus) => {
            command.env("AUTO_UPDATE_CORPUS", corpus);
        }
        None => eprintln!(
            "There is no corpus of real recipes and media here: tests that read it are skipped."
        ),
    }
}
