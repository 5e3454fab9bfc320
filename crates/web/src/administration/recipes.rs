//! Recipes: a search over all repositories that there are here, and one of them with what an audit says of it.

use askama::Template;
use axum::{
    extract::{Path, Query, State},
    response::Response,
};
use model::{Timestamp, Title};
use pipeline::{RecipeEntry, RecipeLook, RecipeQuery, Runs};
use serde::Deserialize;
use store::StoreError;

use super::{
    AdministrationDoor,
    gate::Asking,
    page::{self, Top},
    works::{Works, not_done},
};
use crate::{administration::schedules::Cut, visit};

/// How many recipes are on a page.
const ON_A_PAGE: usize = 50;

/// The longest list of what an audit found that stands in a row.
const MARKS: usize = 3;

/// A recipe, as the list shows it.
struct Row {
    key: String,
    name: String,
    app: String,
    description: String,
    repository: String,
    /// How it runs, in a word, and as a class of its mark.
    runs: (&'static str, &'static str),
    is_override: bool,
    is_whole: bool,
    counts: [usize; 3],
    /// What an audit found, in words; the worst first.
    marks: Vec<&'static str>,
    /// How many more kinds it found.
    more: usize,
    /// When and by whom the override was approved.
    approved: Option<(Timestamp, String)>,
}

impl Row {
    fn of(entry: &RecipeEntry) -> Self {
        let mut found = entry.found.clone();
        found.sort_by_key(|rule| std::cmp::Reverse(rule.severity));
        Self {
            key: entry.key.clone(),
            name: entry.name.clone(),
            app: entry.app.clone().unwrap_or_default(),
            description: entry.description.chars().take(120).collect(),
            repository: entry.repository.clone(),
            runs: mark_of(entry.runs),
            is_override: entry.is_override,
            is_whole: entry.is_whole,
            counts: entry.counts,
            more: found.len().saturating_sub(MARKS),
            marks: found.iter().take(MARKS).map(|rule| rule.title).collect(),
            approved: None,
        }
    }
}

/// In words, and as a class of a mark.
const fn mark_of(runs: Runs) -> (&'static str, &'static str) {
    match runs {
        Runs::Cannot => ("cannot run here", "failed"),
        Runs::Native => ("native", "done"),
        Runs::Sandbox => ("in the sandbox", "asked"),
    }
}

#[derive(Template)]
#[template(path = "administration/recipes.html")]
struct List {
    top: Top,
    asked: Asked,
    rows: Vec<Row>,
    /// How many were found, and how many there are.
    found: usize,
    total: usize,
    unreadable: usize,
    /// When they were looked over; nothing if nobody has yet.
    looked_at: Option<Timestamp>,
    /// What was asked for, without the page.
    query: String,
    newer: Option<usize>,
    older: Option<usize>,
}

#[derive(Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    q: String,
    #[serde(default)]
    runs: String,
    #[serde(default)]
    only: String,
    #[serde(default)]
    page: usize,
}

impl Asked {
    fn query(&self) -> RecipeQuery<'_> {
        RecipeQuery {
            words: &self.q,
            runs: Runs::ALL.into_iter().find(|it| it.name() == self.runs),
            only_clean: self.only == "clean",
            only_overrides: self.only == "overrides",
        }
    }

    /// As it stands behind a question mark.
    fn written(&self) -> String {
        let pairs = [("q", &self.q), ("runs", &self.runs), ("only", &self.only)];
        serde_urlencoded::to_string(pairs).unwrap_or_default()
    }
}

/// The recipes that are sought.
pub(super) async fn list(
    State(door): State<AdministrationDoor>,
    Works(engine): Works,
    asking: Asking,
    Query(asked): Query<Asked>,
) -> Response {
    let index = engine.recipe_index();
    let (mut rows, mut found, mut total) = (Vec::new(), 0, 0);
    if let Some(index) = &index {
        let hits = index.search(&asked.query());
        (found, total) = (hits.len(), index.entries().len());
        let skip = asked.page.saturating_mul(ON_A_PAGE);
        let shown = hits.into_iter().skip(skip).take(ON_A_PAGE);
        rows = shown.map(Row::of).collect();
    }
    if let Err(error) = tell_approvals(&door, &mut rows).await {
        return page::failed(&error);
    }
    let cut = Cut::of(found, asked.page);
    visit::with_script(page::show(&List {
        top: Top::of(&asking.session),
        rows,
        found,
        total,
        unreadable: index.as_ref().map_or(0, |index| index.unreadable()),
        looked_at: index.map(|index| index.looked_at()),
        query: asked.written(),
        newer: cut.newer,
        older: cut.older,
        asked,
    }))
}

/// Says of overrides when and by whom they were approved.
async fn tell_approvals(door: &AdministrationDoor, rows: &mut [Row]) -> Result<(), StoreError> {
    let overrides = rows.iter().filter(|row| row.is_override);
    let mut titles: Vec<Title> = overrides.filter_map(|row| row.name.parse().ok()).collect();
    titles.sort();
    let (Some(first), Some(last)) = (titles.first(), titles.last()) else {
        return Ok(());
    };
    for (title, at, by) in door.db.approval_between(first, last).await? {
        let same = |row: &&mut Row| row.is_override && row.name == title.as_str();
        for row in rows.iter_mut().filter(same) {
            row.approved = Some((at, by.clone()));
        }
    }
    Ok(())
}

/// How an override stands to its approval, as the page says it.
struct Trust {
    words: String,
    mark: &'static str,
    changes: Vec<String>,
}

#[derive(Template)]
#[template(path = "administration/recipe.html")]
struct One {
    top: Top,
    look: RecipeLook,
    runs: (&'static str, &'static str),
    trust: Option<Trust>,
}

/// A recipe as it is now.
pub(super) async fn show(
    Works(engine): Works,
    asking: Asking,
    Path(key): Path<String>,
) -> Response {
    match Box::pin(engine.look_at_recipe(&key)).await {
        Ok(Some(look)) => page::show(&One {
            top: Top::of(&asking.session),
            runs: mark_of(look.entry.runs),
            trust: trust(&look),
            look,
        }),
        Ok(None) => page::nothing_here().await,
        Err(failure) => not_done(&failure.message),
    }
}

fn trust(look: &RecipeLook) -> Option<Trust> {
    if !look.entry.is_override {
        return None;
    }
    let Some(standing) = &look.standing else {
        return Some(Trust {
            words: "what it reaches cannot be told".to_owned(),
            mark: "failed",
            changes: Vec::new(),
        });
    };
    let changes: Vec<String> = standing.changes().iter().map(ToString::to_string).collect();
    Some(match &standing.approval {
        None => Trust {
            words: "never approved: nothing of it is run".to_owned(),
            mark: "failed",
            changes: Vec::new(),
        },
        Some(approval) if changes.is_empty() => Trust {
            words: format!(
                "as {} approved it on {}",
                approval.approved_by, approval.approved_at
            ),
            mark: "done",
            changes,
        },
        Some(approval) => Trust {
            words: format!(
                "changed since {} approved it on {}",
                approval.approved_by, approval.approved_at
            ),
            mark: "failed",
            changes,
        },
    })
}
