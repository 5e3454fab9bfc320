//! What pages of the catalogue have in common.

use askama::Template;
use axum::{
    http::{StatusCode, header},
    response::{Html, IntoResponse as _, Response},
};
use tenancy::catalogue::Session;

/// What stands at the top of a page.
#[derive(Clone, Debug)]
pub(super) struct Top {
    /// At which tenant somebody is signed in.
    pub(super) customer: String,
    /// What comes with every form.
    pub(super) form_token: String,
}

impl Top {
    pub(super) fn of(session: &Session) -> Self {
        Self {
            customer: session.reader.tenant.customer.clone(),
            form_token: session.form_token.expose().clone(),
        }
    }
}

/// A page.
pub(super) fn show(page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => Html(text).into_response(),
        Err(error) => failed(&error),
    }
}

#[derive(Template)]
#[template(path = "catalogue/message.html")]
struct Message<'a> {
    title: &'a str,
    text: &'a str,
}

/// A page that says why something is not done.
pub(super) fn refused(status: StatusCode, text: &str) -> Response {
    let title = status.canonical_reason().unwrap_or("Not done");
    let message = Message { title, text };
    // Without its frame the sentence still says what there is to say.
    let body = message.render().unwrap_or_else(|_error| text.to_owned());
    let headers = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
    (status, headers, body).into_response()
}

/// A page that says that something went wrong; what it was is for the log.
pub(super) fn failed(error: &(dyn std::error::Error + 'static)) -> Response {
    tracing::error!(error, "a page of the catalogue could not be made");
    refused(
        StatusCode::INTERNAL_SERVER_ERROR,
        "Something went wrong. Try again, and tell whoever looks after this if it stays so.",
    )
}

/// There is no such page.
pub(super) async fn nothing_here() -> Response {
    refused(StatusCode::NOT_FOUND, "There is nothing here.")
}

/// A size for people: three digits at most.
pub(super) fn size_told(bytes: Option<u64>) -> String {
    let Some(bytes) = bytes else {
        return String::new();
    };
    let (mut whole, mut tenths) = (bytes / 1024, bytes % 1024 * 10 / 1024);
    let mut unit = "KiB";
    for larger in ["MiB", "GiB", "TiB"] {
        if whole < 1024 {
            break;
        }
        (whole, tenths, unit) = (whole / 1024, whole % 1024 * 10 / 1024, larger);
    }
    if whole < 10 {
        format!("{whole}.{tenths} {unit}")
    } else {
        format!("{whole} {unit}")
    }
}
