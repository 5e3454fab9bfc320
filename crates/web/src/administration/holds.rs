//! What waits for a person.

use askama::Template;
use axum::{extract::Query, response::Response};
use model::RunId;
use pipeline::Hold;
use serde::Deserialize;

use super::{
    gate::Asking,
    page::{self, Top},
    works::{Works, not_done},
};

/// How many are on a page: what there is to decide on is looked at anew for each.
const ON_A_PAGE: u32 = 25;

#[derive(Template)]
#[template(path = "administration/holds.html")]
struct List {
    top: Top,
    holds: Vec<Hold>,
    /// Behind which one there may be more.
    next: Option<RunId>,
}

#[derive(Deserialize)]
pub(super) struct Asked {
    after: Option<RunId>,
}

/// What waits longest, or what has waited less long than one.
pub(super) async fn list(
    Works(engine): Works,
    asking: Asking,
    Query(asked): Query<Asked>,
) -> Response {
    match engine.holds_page(asked.after, ON_A_PAGE).await {
        Ok(holds) => {
            let is_full = u32::try_from(holds.len()).is_ok_and(|count| count == ON_A_PAGE);
            let last = holds.last().map(|hold| hold.run.id);
            page::show(&List {
                top: Top::of(&asking.session),
                next: last.filter(|_| is_full),
                holds,
            })
        }
        Err(failure) => not_done(&failure.message),
    }
}
