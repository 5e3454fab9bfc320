//! A recipe, as the index knows it.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use model::Sha256;
use proplist::Value;
use recipe::{Finding, Library, ResolveError, Resolved, Rule, Scope, Severity, strip_extension};

use super::Runs;

/// The longest description that is kept, in characters.
const LONGEST_DESCRIPTION: usize = 300;

/// The longest name or identifier that is kept, in characters.
const LONGEST_NAME: usize = 200;

/// A recipe, as the index knows it.
#[derive(Clone, Debug)]
pub struct RecipeEntry {
    /// What it is called in addresses: a part of the digest of its path.
    pub key: String,
    /// The file's name without its extension.
    pub name: String,
    /// Its identifier.
    pub identifier: Option<String>,
    /// What it is about, as its own input or a parent's says it.
    pub app: Option<String>,
    /// The first of what it says of itself.
    pub description: String,
    /// The repository that it lies in, else the folder.
    pub repository: String,
    /// Where it lies.
    pub path: PathBuf,
    /// Whether it is an override of ours.
    pub is_override: bool,
    /// Whether it and all its parents are here, and make one.
    pub is_whole: bool,
    /// How it will run.
    pub runs: Runs,
    /// How many errors, warnings and notes an audit has.
    pub counts: [usize; 3],
    /// What an audit found, each kind once.
    pub found: Vec<&'static Rule>,
    /// The name and what it is about, for comparing.
    pub(super) names: [String; 2],
    /// Everything that is searched.
    pub(super) text: String,
}

/// What a recipe comes to: itself with its parents, or why there is no such.
pub(super) type Whole = Result<Resolved, ResolveError>;

impl RecipeEntry {
    pub(super) fn of(
        (path, scope): (&Path, Scope),
        repository: String,
        whole: &Whole,
        findings: &[Finding],
    ) -> Self {
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        let name = short(strip_extension(&file), LONGEST_NAME);
        let resolved = whole.as_ref().ok();
        let identifier = resolved.and_then(Resolved::identifier);
        let app = resolved.and_then(app).map(|app| short(&app, LONGEST_NAME));
        let description = resolved.map_or("", Resolved::description);
        let description = short(description, LONGEST_DESCRIPTION);
        let mut found: Vec<&'static Rule> = Vec::new();
        for finding in findings {
            if !found.contains(&finding.rule) {
                found.push(finding.rule);
            }
        }
        let count = |severity| {
            let same = findings.iter().filter(|it| it.severity == severity);
            same.count()
        };
        let identifier = identifier.map(|it| short(it, LONGEST_NAME));
        let texts = [
            name.as_str(),
            identifier.as_deref().unwrap_or_default(),
            app.as_deref().unwrap_or_default(),
            &description,
            &repository,
        ];
        Self {
            key: key_of(path),
            text: texts.join("\n").to_lowercase(),
            names: [name.as_str(), app.as_deref().unwrap_or_default()].map(str::to_lowercase),
            is_override: scope == Scope::Overrides,
            is_whole: resolved.is_some(),
            runs: Runs::of(findings),
            counts: [Severity::Error, Severity::Warning, Severity::Note].map(count),
            path: path.to_owned(),
            name,
            identifier,
            app,
            description,
            repository,
            found,
        }
    }
}

/// What a recipe is called in addresses.
fn key_of(path: &Path) -> String {
    let digest = Sha256::of(path.as_os_str().as_encoded_bytes()).to_string();
    digest.chars().take(24).collect()
}

/// The name of the software: as Munki shows it, else as recipes call it.
fn app(resolved: &Resolved) -> Option<String> {
    let input = resolved.input();
    let pkginfo = input.get("pkginfo").and_then(Value::as_dict);
    let shown = pkginfo.and_then(|pkginfo| pkginfo.get("display_name"));
    let names = [shown, input.get("NAME")].into_iter().flatten();
    let mut names = names.filter_map(Value::as_str);
    names
        .find(|name| !name.trim().is_empty() && !name.contains('%'))
        .map(str::to_owned)
}

/// The first characters of a text, on one line.
fn short(text: &str, most: usize) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    if line.chars().count() <= most {
        return line;
    }
    let mut short: String = line.chars().take(most.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// Tells which repository files lie in.
#[derive(Debug)]
pub(super) struct Repositories<'a> {
    library: &'a Library,
    known: HashMap<PathBuf, String>,
}

impl<'a> Repositories<'a> {
    pub(super) fn of(library: &'a Library) -> Self {
        Self {
            library,
            known: HashMap::new(),
        }
    }

    /// The name of the clone that a file lies in, else of the folder that is searched.
    pub(super) fn name(&mut self, file: &Path) -> String {
        let folder = file.parent().unwrap_or(file);
        if let Some(known) = self.known.get(folder) {
            return known.clone();
        }
        let dirs = self.library.search_dirs().iter();
        let dirs: Vec<&PathBuf> = dirs.chain(self.library.override_dirs()).collect();
        let searched = dirs.iter().find(|dir| folder.starts_with(dir));
        let cloned = folder.ancestors().find(|it| it.join(".git").exists());
        let place = cloned.or(searched.map(|dir| dir.as_path()));
        let name = place.unwrap_or(folder).file_name().unwrap_or_default();
        let name = short(&name.to_string_lossy(), LONGEST_NAME);
        self.known.insert(folder.to_owned(), name.clone());
        name
    }
}
