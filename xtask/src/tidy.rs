//! The rules of the house that no compiler checks.

use std::path::{Path, PathBuf};

use anyhow::bail;

use crate::command;

/// The rooms from the ground up: a room may depend only on rooms before it.
const FLOORS: [&str; 26] = [
    "model",
    "redact",
    "wire",
    "proplist",
    "media",
    "codesign",
    "proofs",
    "predicate",
    "munki",
    "recipe",
    "evidence",
    "store",
    "fetch",
    "repos",
    "sandbox",
    "scan",
    "desk",
    "publication",
    "processors",
    "pipeline",
    "tenancy",
    "web",
    "daemon",
    "client",
    "testkit",
    "auto-update",
];

/// Rooms that are pure: no tokio, no network, no database.
const PURE: [&str; 11] = [
    "model",
    "redact",
    "wire",
    "proplist",
    "media",
    "codesign",
    "proofs",
    "predicate",
    "munki",
    "recipe",
    "evidence",
];

/// What pure rooms may not name.
const HEAVY: [&str; 6] = ["tokio", "sqlx", "reqwest", "axum", "git2", "lettre"];

/// The longest a source file may be, its tests not counted.
const LONGEST_FILE: usize = 500;

/// Checks every rule.
///
/// # Errors
/// If one is broken; every breach has been printed by then.
pub(crate) fn run() -> anyhow::Result<()> {
    let mut breaches = arrows()?;
    let sources = sources()?;
    for path in &sources {
        breaches.extend(check_source(path)?);
    }
    breaches.extend(migrations()?);
    for breach in &breaches {
        eprintln!("tidy: {breach}");
    }
    if !breaches.is_empty() {
        bail!("{} breaches of the rules of the house", breaches.len());
    }
    Ok(())
}

/// Every arrow between rooms points at an earlier one, and pure rooms stay pure.
fn arrows() -> anyhow::Result<Vec<String>> {
    let text =
        command::output(command::cargo().args(["metadata", "--format-version=1", "--no-deps"]))?;
    let metadata: serde_json::Value = serde_json::from_str(&text)?;
    let mut breaches = Vec::new();
    for package in array(&metadata, "packages") {
        let name = text_of(package, "name");
        if name == "xtask" {
            continue;
        }
        let Some(floor) = floor_of(name) else {
            breaches.push(format!(
                "the room `{name}` has no floor in xtask/src/tidy.rs"
            ));
            continue;
        };
        for dependency in array(package, "dependencies") {
            if text_of(dependency, "kind") == "dev" {
                continue;
            }
            let on = text_of(dependency, "name");
            if floor_of(on).is_some_and(|other| other >= floor) {
                breaches.push(format!("`{name}` depends on `{on}`, which is not below it"));
            }
            if PURE.contains(&name) && HEAVY.contains(&on) {
                breaches.push(format!("`{name}` is pure and may not depend on `{on}`"));
            }
        }
    }
    Ok(breaches)
}

fn floor_of(name: &str) -> Option<usize> {
    FLOORS.iter().position(|room| *room == name)
}

fn array<'a>(value: &'a serde_json::Value, key: &str) -> &'a [serde_json::Value] {
    value
        .get(key)
        .and_then(serde_json::Value::as_array)
        .map_or(&[], Vec::as_slice)
}

fn text_of<'a>(value: &'a serde_json::Value, key: &str) -> &'a str {
    value
        .get(key)
        .and_then(serde_json::Value::as_str)
        .unwrap_or_default()
}

/// Every Rust file that git knows.
fn sources() -> anyhow::Result<Vec<PathBuf>> {
    let mut git = std::process::Command::new("git");
    let listed = command::output(git.current_dir(command::root()).args(["ls-files", "*.rs"]))?;
    Ok(listed
        .lines()
        .map(|line| command::root().join(line))
        .filter(|path| path.exists())
        .collect())
}

fn check_source(path: &Path) -> anyhow::Result<Vec<String>> {
    let text = fs_err::read_to_string(path)?;
    let shown = path.strip_prefix(command::root()).unwrap_or(path).display();
    let mut breaches = Vec::new();
    let is_test = path.components().any(|part| part.as_os_str() == "tests")
        || path.file_name().is_some_and(|name| name == "tests.rs");
    let code_lines = text
        .lines()
        .take_while(|line| line.trim() != "#[cfg(test)]")
        .count();
    if code_lines > LONGEST_FILE && !is_test {
        breaches.push(format!(
            "{shown} has {code_lines} lines without its tests, more than {LONGEST_FILE}"
        ));
    }
    for (number, line) in text.lines().enumerate() {
        let number = number.saturating_add(1);
        for word in [
            concat!("TO", "DO"),
            concat!("FIX", "ME"),
            concat!("XX", "X"),
        ] {
            if line.contains(&format!("// {word}")) {
                breaches.push(format!("{shown}:{number}: a `{word}` without an issue"));
            }
        }
    }
    let is_room = path.ends_with("src/lib.rs");
    if is_room && !text.starts_with("//!") {
        breaches.push(format!(
            "{shown} does not begin by saying what the room is for"
        ));
    }
    if is_room && !text.contains("#![forbid(unsafe_code)]") {
        breaches.push(format!("{shown} does not forbid unsafe code"));
    }
    Ok(breaches)
}

/// Migrations are numbered from 0001 without a gap, and each engine has the same.
fn migrations() -> anyhow::Result<Vec<String>> {
    let sqlite = migrations_of("sqlite")?;
    let wrong = sqlite
        .iter()
        .zip(1..)
        .filter(|(name, number)| !name.starts_with(&format!("{number:04}_")));
    let mut breaches: Vec<String> = wrong
        .map(|(name, number)| {
            format!("migrations/sqlite/{name} should have the number {number:04}")
        })
        .collect();
    if migrations_of("postgres")? != sqlite {
        breaches.push("migrations/postgres has not the same files as migrations/sqlite".to_owned());
    }
    Ok(breaches)
}

fn migrations_of(engine: &str) -> anyhow::Result<Vec<String>> {
    let folder = command::root().join("migrations").join(engine);
    let mut names: Vec<String> = fs_err::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()))
        .collect::<Result<_, _>>()?;
    names.retain(|name| {
        Path::new(name)
            .extension()
            .is_some_and(|extension| extension == "sql")
    });
    names.sort();
    Ok(names)
}
