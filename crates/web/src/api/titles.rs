//! Titles, how their runs went, and who approved them.

use std::collections::BTreeMap;

use axum::extract::State;
use schemars::JsonSchema;
use serde::Serialize;
use store::{Approval, TitleRuns};

use super::{
    answer::Asked,
    operation::{Endpoint, Operation},
    paging::{Page, PageQuery},
    problem::Problem,
    runs::Run,
    words::At,
};
use crate::AdministrationDoor;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Operation::look(
            "title_list",
            "/titles",
            "Titles that were approved or run, by name, and how fresh they are",
        )
        .asking::<PageQuery>()
        .answering::<Page<Title>>(200)
        .by(list),
    ]
}

/// A piece of software that is looked after.
#[derive(JsonSchema, Serialize)]
#[expect(
    clippy::struct_field_names,
    reason = "verbs call it the same in their JSON"
)]
struct Title {
    /// Its name, which is its override's.
    title: String,
    /// When what its override reaches was approved last.
    approved_at: Option<At>,
    /// By whom.
    approved_by: Option<String>,
    /// When one of its runs last came to a good end: how fresh it is.
    good_at: Option<At>,
    /// When one of its runs last published something.
    published_at: Option<At>,
    /// Its newest run.
    last_run: Option<Run>,
}

/// What is known of a title.
#[derive(Default)]
struct Known {
    title: String,
    approval: Option<Approval>,
    runs: Option<TitleRuns>,
}

async fn list(
    State(door): State<AdministrationDoor>,
    Asked(asked): Asked<PageQuery>,
) -> Result<Page<Title>, Problem> {
    let mut known: BTreeMap<String, Known> = BTreeMap::new();
    for approval in door.db.approval_list().await? {
        let title = approval.title.to_string();
        known.entry(title).or_default().approval = Some(approval);
    }
    for runs in door.db.run_titles().await? {
        let title = runs.title.to_string();
        known.entry(title).or_default().runs = Some(runs);
    }
    let named = |(title, known)| Known { title, ..known };
    let titles = known.into_iter().map(named).collect();
    Page::cut(titles, &asked, |known| known.title.clone(), told)
}

fn told(known: Known) -> Title {
    let (good_at, published_at) = known
        .runs
        .as_ref()
        .map_or((None, None), |runs| (runs.good_at, runs.published_at));
    Title {
        title: known.title,
        approved_at: known.approval.as_ref().map(|it| At(it.approved_at)),
        approved_by: known.approval.map(|it| it.approved_by),
        good_at: good_at.map(At),
        published_at: published_at.map(At),
        last_run: known.runs.map(|runs| Run::of(runs.last)),
    }
}
