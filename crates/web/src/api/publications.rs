//! What went into the repository.

use axum::extract::State;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use store::Publication as Stored;

use super::{
    answer::Asked,
    operation::{Endpoint, Operation},
    paging::{Page, PageQuery, cursor, limit},
    problem::Problem,
    words::{At, Id, publication_state},
};
use crate::AdministrationDoor;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Operation::look(
            "publication_list",
            "/publications",
            "The change sets of runs, newest first",
        )
        .asking::<PageQuery>()
        .answering::<Page<Publication>>(200)
        .by(list),
    ]
}

/// A change set of a run.
#[derive(JsonSchema, Serialize)]
struct Publication {
    /// The change set.
    change_set: Id,
    /// The run that made it.
    run: Id,
    /// The title.
    title: String,
    /// What became of it.
    #[schemars(schema_with = "publication_state")]
    state: &'static str,
    /// When it began.
    started_at: At,
    /// When it was over.
    finished_at: Option<At>,
    /// What it adds.
    items: Vec<Item>,
}

/// An item of the repository.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "PublishedItem")]
struct Item {
    /// Its name, by which Munki knows it.
    name: String,
    /// Its version.
    version: String,
    /// The digest of its installer item; of the pkginfo for an item without one.
    sha256: Option<String>,
    /// Where its pkginfo is, below `pkgsinfo`.
    pkginfo: Option<String>,
}

async fn list(
    State(door): State<AdministrationDoor>,
    Asked(asked): Asked<PageQuery>,
) -> Result<Page<Publication>, Problem> {
    let limit = limit(asked.limit)?;
    let before = cursor(asked.cursor.as_deref())?;
    let more = limit.saturating_add(1);
    let publications = door.db.publication_page(before, more).await?;
    let cursor = |publication: &Stored| publication.change_set.to_string();
    Ok(Page::of(publications, limit, cursor, |it| told(&it)))
}

fn told(publication: &Stored) -> Publication {
    let items = publication.items.as_array().map_or(&[][..], Vec::as_slice);
    Publication {
        items: items.iter().map(item).collect(),
        change_set: Id::of(publication.change_set),
        run: Id::of(publication.run),
        title: publication.title.to_string(),
        state: publication.state.as_str(),
        started_at: At(publication.started_at),
        finished_at: publication.finished_at.map(At),
    }
}

fn item(item: &Value) -> Item {
    let text = |key: &str| item.get(key).and_then(Value::as_str).map(str::to_owned);
    Item {
        name: text("name").unwrap_or_default(),
        version: text("version").unwrap_or_default(),
        sha256: text("sha256"),
        pkginfo: text("pkginfo"),
    }
}
