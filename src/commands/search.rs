//! `search`: recipes of AutoPkg's organisation on GitHub, by its index.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use fetch::{Fetcher, Request};
use recipe::{Preferences, expand_user, strip_extension};
use serde::Deserialize;
use serde_json::json;

use crate::{cli::search::Search, exit::ExitStatus, house::House, printer::Printer};

/// Where the index lies in the API of GitHub.
const INDEX: &str = "repos/autopkg/index/contents/v1/index.json?ref=main";
const GITHUB: &str = "https://api.github.com";
/// As many as `AutoPkg` shows.
const MOST_SHOWN: usize = 100;

/// Does what was asked.
pub(crate) async fn run(
    arguments: &Search,
    house: &House,
    printer: Printer,
) -> anyhow::Result<ExitStatus> {
    if arguments.term.trim().is_empty() {
        printer.complaint("ERROR: No search query specified!");
        return Ok(ExitStatus::Failed);
    }
    let index = Cache::of(house)?.index(printer).await?;
    let found = index.search(&arguments.term, arguments.path_only);
    if arguments.json {
        for recipe in found {
            printer.data(json!({
                "name": recipe.file_name(), "repo": recipe.repo, "path": recipe.path,
            }))?;
        }
        return Ok(ExitStatus::Done);
    }
    if found.is_empty() {
        printer.complaint("Nothing found.");
        return Ok(ExitStatus::Done);
    }
    print(&found, printer)?;
    Ok(ExitStatus::Done)
}

/// The names of recipes that `AutoPkg` publishes.
#[derive(Debug, Deserialize)]
struct Index {
    shortnames: BTreeMap<String, Vec<String>>,
    identifiers: BTreeMap<String, Indexed>,
}

/// A recipe of the index.
#[derive(Debug, Deserialize)]
struct Indexed {
    name: Option<String>,
    app_display_name: Option<String>,
    repo: String,
    path: String,
}

impl Indexed {
    fn file_name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    fn short_repo(&self) -> String {
        match self.repo.strip_prefix("autopkg/") {
            Some(short) => short.replace("autopkg/", ""),
            None => self.repo.clone(),
        }
    }
}

impl Index {
    /// What holds `term`, by repository and then path.
    fn search(&self, term: &str, path_only: bool) -> Vec<&Indexed> {
        let term = normal(term);
        let holds = |text: &str| normal(text).contains(&term);
        let by_short_name = self
            .shortnames
            .iter()
            .filter(|(name, _)| holds(name))
            .flat_map(|(_, identifiers)| identifiers);
        let by_content = self.identifiers.iter().filter(|(_, recipe)| {
            let names = [recipe.name.as_deref(), recipe.app_display_name.as_deref()];
            if path_only {
                holds(&recipe.path)
            } else {
                names.into_iter().flatten().any(holds)
            }
        });
        let identifiers: BTreeSet<&String> = by_short_name
            .chain(by_content.map(|(identifier, _)| identifier))
            .collect();
        let mut found: Vec<&Indexed> = identifiers
            .into_iter()
            .filter_map(|identifier| self.identifiers.get(identifier))
            .collect();
        found.sort_by_cached_key(|recipe| (recipe.short_repo().to_lowercase(), &recipe.path));
        found
    }
}

/// A name without its extension, its case and what people leave out.
fn normal(name: &str) -> String {
    let name = name.to_lowercase();
    strip_extension(&name).replace([' ', '.', ',', '-'], "")
}

fn print(found: &[&Indexed], printer: Printer) -> anyhow::Result<()> {
    const TITLES: [&str; 3] = ["Name", "Repo", "Path"];
    let shown: Vec<[String; 3]> = found
        .iter()
        .take(MOST_SHOWN)
        .map(|recipe| {
            [
                recipe.file_name().to_owned(),
                recipe.short_repo(),
                recipe.path.clone(),
            ]
        })
        .collect();
    let widths: Vec<usize> = TITLES
        .iter()
        .enumerate()
        .map(|(column, title)| {
            let cells = shown.iter().filter_map(|row| row.get(column));
            let widest = cells.map(|cell| cell.chars().count()).max();
            widest
                .unwrap_or_default()
                .max(title.len())
                .saturating_add(4)
        })
        .collect();
    let row = |cells: [&str; 3]| -> String {
        let padded = cells.iter().zip(&widths);
        let cells: Vec<String> = padded
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        cells.concat()
    };
    printer.data("")?;
    printer.data(row(TITLES))?;
    printer.data(row(["----", "----", "----"]))?;
    for [name, repo, path] in &shown {
        printer.data(row([name, repo, path]))?;
    }
    printer.data("\nTo add a new recipe repo, use `auto-update repo-add <repo name>`")?;
    if found.len() > MOST_SHOWN {
        printer.complaint(format!(
            "WARNING: Only showing first {MOST_SHOWN} out of {} total results. Please try a more specific search term.",
            found.len()
        ));
    }
    Ok(())
}

/// The index as it was got last, and how to get it anew.
struct Cache {
    fetcher: Fetcher,
    preferences: Preferences,
    file: PathBuf,
}

/// What GitHub says of a file.
#[derive(Debug, Deserialize)]
struct Metadata {
    sha: String,
}

impl Cache {
    fn of(house: &House) -> anyhow::Result<Self> {
        let config = house.config()?;
        let preferences = house.preferences()?;
        let folder = match preferences.get("CACHE_DIR") {
            Some(_) => preferences.cache_dir(),
            None => config.state_dir.join("cache"),
        };
        fs_err::create_dir_all(&folder)?;
        Ok(Self {
            fetcher: daemon::open_fetcher(config)?,
            preferences,
            file: folder.join("search_index.json"),
        })
    }

    fn etag_file(&self) -> PathBuf {
        PathBuf::from(format!("{}.etag", self.file.display()))
    }

    /// The index of today; if GitHub cannot be asked, the one that is there.
    async fn index(&self, printer: Printer) -> anyhow::Result<Index> {
        if let Err(error) = self.refresh(printer).await {
            if !self.file.is_file() {
                return Err(error.context("there is no search index, and none could be got"));
            }
            printer.plain_warning(format!("{error:#}. Using cached version."));
        }
        let text = fs_err::read(&self.file)?;
        serde_json::from_slice(&text)
            .with_context(|| format!("`{}` is no search index; delete it", self.file.display()))
    }

    async fn refresh(&self, printer: Printer) -> anyhow::Result<()> {
        let metadata = self.ask("application/vnd.github.v3+json").await?;
        let metadata: Metadata =
            serde_json::from_str(&metadata).context("GitHub's answer cannot be read")?;
        let known = fs_err::read_to_string(self.etag_file()).ok();
        let current = known.is_some_and(|known| known.trim_matches('"') == metadata.sha);
        if current && self.file.is_file() {
            return Ok(());
        }
        printer.talk("Refreshing local search index...");
        let index = self.ask("application/vnd.github.v3.raw").await?;
        serde_json::from_str::<Index>(&index).context("GitHub sent no search index")?;
        replace(&self.file, &index)?;
        replace(&self.etag_file(), &metadata.sha)
    }

    async fn ask(&self, accept: &str) -> anyhow::Result<String> {
        let base = self
            .preferences
            .get("GITHUB_URL")
            .and_then(|url| url.as_str());
        let base = base.unwrap_or(GITHUB).trim_end_matches('/');
        let mut request =
            Request::get(&format!("{base}/{INDEX}"))?.with_header("Accept", accept)?;
        if let Some(token) = self.token() {
            request = request.with_header("Authorization", &format!("Bearer {token}"))?;
        }
        let answer = self.fetcher.text(&request).await?;
        if answer.status != 200 {
            bail!("GitHub answers with status {}", answer.status);
        }
        Ok(answer.text)
    }

    /// The preference wins over the file; no file is no error.
    fn token(&self) -> Option<String> {
        let preference = |name| self.preferences.get(name).and_then(|value| value.as_str());
        if let Some(token) = preference("GITHUB_TOKEN").filter(|token| !token.is_empty()) {
            return Some(token.to_owned());
        }
        let path = preference("GITHUB_TOKEN_PATH").unwrap_or("~/.autopkg_gh_token");
        let path = expand_user(path, self.preferences.home());
        let token = fs_err::read_to_string(path).ok()?.trim().to_owned();
        Some(token).filter(|token| !token.is_empty())
    }
}

/// Never leaves half an index behind.
fn replace(file: &Path, text: &str) -> anyhow::Result<()> {
    let new = PathBuf::from(format!("{}.new", file.display()));
    fs_err::write(&new, text)?;
    fs_err::rename(new, file)?;
    Ok(())
}
