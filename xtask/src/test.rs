//! Every test, and the benchmark.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::{command, media, postgres::Postgres, setup, tidy};

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
    command::run(&mut command)?;
    on_postgres(options)
}

/// Tests of these rooms keep state: they run a second time, on a server.
const STATEFUL: [&str; 9] = [
    "store", "desk", "scan", "pipeline", "tenancy", "web", "daemon", "cli", "service",
];

/// Runs every test that keeps state once more, on a PostgreSQL server that is started for them.
fn on_postgres(options: &[&str]) -> anyhow::Result<()> {
    let server = Postgres::start()?;
    let mut command = command::cargo();
    command.args(["test", "--workspace", "--no-run", "--message-format=json"]);
    let filters = options.iter().filter(|option| !option.starts_with('-'));
    let filters: Vec<&&str> = filters.collect();
    for message in command::output(&mut command)?.lines() {
        let Some((program, folder)) = stateful(message) else {
            continue;
        };
        eprintln!("     Running {} on PostgreSQL", program.display());
        let mut test = Command::new(&program);
        test.args(&filters)
            .arg("--quiet")
            .current_dir(folder)
            .env("AUTO_UPDATE_TEST_POSTGRES", server.address());
        with_corpus(&mut test);
        command::run(&mut test)?;
    }
    Ok(())
}

/// The test program that a message of cargo tells of, and the folder it is to run in, if it keeps state.
fn stateful(message: &str) -> Option<(PathBuf, PathBuf)> {
    let message: serde_json::Value = serde_json::from_str(message).ok()?;
    let text = |pointer| message.pointer(pointer)?.as_str();
    let is_test = message.pointer("/profile/test")?.as_bool()?;
    if !is_test || !STATEFUL.contains(&text("/target/name")?) {
        return None;
    }
    let manifest = Path::new(text("/manifest_path")?);
    Some((
        text("/executable")?.into(),
        manifest.parent()?.to_path_buf(),
    ))
}

/// Measures the main job, opening media, verifying signatures, unchanged recipes, catalogs, pods and pages, in a release build.
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
        "--bench",
        "pods",
        "--bench",
        "pages",
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
