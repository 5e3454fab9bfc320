//! All titles, or those that somebody looks for.

use std::collections::BTreeSet;

use askama::Template;
use axum::{
    extract::{Query, State},
    response::Response,
};
use serde::Deserialize;
use tenancy::catalogue::{Title, Wanted};

use super::{
    CatalogueDoor,
    gate::Asking,
    page::{self, Top, size_told},
};

/// How many titles are on a page.
const ON_A_PAGE: usize = 100;

/// A title, as the list shows it.
struct Row<'a> {
    title: &'a Title,
    version: &'a str,
    rings: String,
    size: String,
    minimum_os: &'a str,
}

#[derive(Template)]
#[template(path = "catalogue/titles.html")]
struct Titles<'a> {
    top: Top,
    wanted: &'a Wanted,
    /// Whether it is not all of them.
    is_search: bool,
    categories: BTreeSet<&'a str>,
    rings: BTreeSet<&'a str>,
    rows: Vec<Row<'a>>,
    /// How many there are, on all pages.
    count: usize,
    /// The address of the next page, if there is one.
    next: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    q: String,
    #[serde(default)]
    category: String,
    #[serde(default)]
    ring: String,
    #[serde(default)]
    from: usize,
}

/// The titles.
pub(super) async fn list(
    State(door): State<CatalogueDoor>,
    asking: Asking,
    Query(asked): Query<Asked>,
) -> Response {
    let titles = match door.catalogue.titles(&asking.session.reader).await {
        Ok(titles) => titles,
        Err(error) => return page::failed(&error),
    };
    let next = |from: usize| {
        let parts = [
            ("q", asked.q.as_str()),
            ("category", &asked.category),
            ("ring", &asked.ring),
            ("from", &from.to_string()),
        ];
        serde_urlencoded::to_string(parts).map(|query| format!("/?{query}"))
    };
    let wanted = Wanted {
        text: asked.q.clone(),
        category: asked.category.clone(),
        ring: asked.ring.clone(),
    };
    let found: Vec<&Title> = titles.iter().filter(|title| title.is(&wanted)).collect();
    let count = found.len();
    let after = asked.from.saturating_add(ON_A_PAGE);
    let shown = found.into_iter().skip(asked.from).take(ON_A_PAGE);
    let categories = titles.iter().filter_map(|title| title.category.as_deref());
    let versions = titles.iter().flat_map(|title| &title.versions);
    page::show(&Titles {
        top: Top::of(&asking.session),
        is_search: wanted != Wanted::default(),
        wanted: &wanted,
        categories: categories.collect(),
        rings: versions
            .flat_map(|version| version.rings.iter().map(String::as_str))
            .collect(),
        rows: shown.filter_map(row).collect(),
        count,
        next: (after < count).then(|| next(after).ok()).flatten(),
    })
}

fn row(title: &Title) -> Option<Row<'_>> {
    let newest = title.newest()?;
    Some(Row {
        title,
        version: &newest.version,
        rings: newest.rings.join(", "),
        size: size_told(newest.size_bytes),
        minimum_os: newest.minimum_os.as_deref().unwrap_or_default(),
    })
}
