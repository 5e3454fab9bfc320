//! Titles, what was released of them, how their runs went, and who approved them.

use std::collections::HashMap;

use axum::extract::State;
use model::{Timestamp, Title as Name};
use schemars::JsonSchema;
use serde::Serialize;
use store::{RunTime as StoredTime, TitleFilter, TitleLine};

use super::{
    answer::Asked,
    operation::{Endpoint, Operation},
    paging::{Page, PageQuery, cursor, limit},
    problem::Problem,
    runs::Run,
    words::{At, run_state},
};
use crate::AdministrationDoor;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Operation::look(
            "title_list",
            "/titles",
            "Titles that were approved or run, by name: what is out, where, and how fresh they are",
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
    /// The item that was released last.
    item: Option<String>,
    /// Its version.
    version: Option<String>,
    /// When that was.
    released_at: Option<At>,
    /// The catalogs in which that is now, as it came into them.
    catalogs: Vec<String>,
    /// How its last runs that have ended went, the oldest first; 20 at the most.
    run_times: Vec<RunTime>,
    /// Its newest run.
    last_run: Option<Run>,
}

/// How a run went that has ended.
#[derive(JsonSchema, Serialize)]
struct RunTime {
    /// How it ended.
    #[schemars(schema_with = "run_state")]
    state: &'static str,
    /// How long it took from when it was taken up, in milliseconds.
    took_ms: u64,
}

impl RunTime {
    fn of(time: StoredTime) -> Self {
        Self {
            state: time.state.as_str(),
            took_ms: u64::try_from(time.took.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

async fn list(
    State(door): State<AdministrationDoor>,
    Asked(asked): Asked<PageQuery>,
) -> Result<Page<Title>, Problem> {
    let limit = limit(asked.limit)?;
    let after: Option<Name> = cursor(asked.cursor.as_deref())?;
    let filter = TitleFilter {
        from: after.clone(),
        ..TitleFilter::default()
    };
    // The page before ended with the first of these; and one more tells that there is another page.
    let mut lines = door.db.title_page(&filter, limit.saturating_add(2)).await?;
    lines.retain(|line| Some(&line.title) != after.as_ref());
    let mut approvals = HashMap::new();
    if let (Some(first), Some(last)) = (lines.first(), lines.last()) {
        let found = door.db.approval_between(&first.title, &last.title).await?;
        approvals.extend(found.into_iter().map(|(title, at, by)| (title, (at, by))));
    }
    let told = |line: TitleLine| {
        let approved = approvals.remove(&line.title);
        told(line, approved)
    };
    Ok(Page::of(lines, limit, |line| line.title.to_string(), told))
}

fn told(line: TitleLine, approved: Option<(Timestamp, String)>) -> Title {
    let (approved_at, approved_by) = approved.unzip();
    let (item, version) = line.item.unzip();
    Title {
        title: line.title.to_string(),
        approved_at: approved_at.map(At),
        approved_by,
        good_at: line.good_at.map(At),
        published_at: line.published_at.map(At),
        item,
        version,
        released_at: line.released_at.map(At),
        catalogs: line.catalogs,
        run_times: line.times.into_iter().map(RunTime::of).collect(),
        last_run: line.last.map(Run::of),
    }
}
