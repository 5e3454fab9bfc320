//! What pages have in common.

use askama::Template;
use axum::{
    http::{StatusCode, header},
    response::{Html, IntoResponse as _, Response},
};
use tenancy::administration::{Office, Permit, Session};

/// What stands at the top of a page.
#[derive(Clone, Debug)]
pub(super) struct Top {
    /// Who is signed in.
    pub(super) name: String,
    /// As what.
    pub(super) office: &'static str,
    /// What comes with every form.
    pub(super) form_token: String,
    /// Whether the audit log may be read.
    pub(super) reads_log: bool,
    /// Whether they decide about what waits.
    pub(super) decides: bool,
    /// Whether tenants may be changed.
    pub(super) changes_tenants: bool,
    /// What they are here for, which says the rest.
    here_for: Office,
}

impl Top {
    pub(super) fn of(session: &Session) -> Self {
        Self {
            name: session.name.clone(),
            office: session.office.as_str(),
            form_token: session.form_token.expose().clone(),
            reads_log: session.office.may(Permit::ReadAuditLog),
            decides: session.office.may(Permit::Decide),
            changes_tenants: session.office.may(Permit::ChangeTenants),
            here_for: session.office,
        }
    }

    /// Whether titles may be run, and schedules paused.
    pub(super) const fn runs(&self) -> bool {
        self.here_for.may(Permit::Run)
    }

    /// Whether it is shown who may sign in, and how the house is set up.
    pub(super) const fn sees_house(&self) -> bool {
        self.here_for.may(Permit::SeeHouse)
    }

    /// Whether it may be said who may sign in.
    pub(super) const fn changes_users(&self) -> bool {
        self.here_for.may(Permit::ChangeUsers)
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
#[template(path = "administration/message.html")]
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
    (
        status,
        [(header::CONTENT_TYPE, "text/html; charset=utf-8")],
        body,
    )
        .into_response()
}

/// A page that says that something went wrong; what it was is for the log.
pub(super) fn failed(error: &(dyn std::error::Error + 'static)) -> Response {
    tracing::error!(error, "an administration page could not be made");
    refused(
        StatusCode::INTERNAL_SERVER_ERROR,
        "Something went wrong. The log of the service says what.",
    )
}

/// There is no such page.
pub(super) async fn nothing_here() -> Response {
    refused(StatusCode::NOT_FOUND, "There is nothing here.")
}
