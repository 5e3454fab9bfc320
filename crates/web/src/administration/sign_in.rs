//! Signing in and out.

use std::net::{IpAddr, Ipv4Addr};

use askama::Template;
use axum::{
    body::Bytes,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse as _, Redirect, Response},
};
use redact::Secret;
use serde::Deserialize;
use store::AuditOutcome;
use tenancy::administration::{Attempt, Deed, Entry};

use super::{
    AdministrationDoor,
    gate::{Asking, form, holding},
    page,
};
use crate::{
    Peer,
    visit::{From, way_of},
};

#[derive(Template)]
#[template(path = "administration/sign_in.html")]
struct SignIn<'a> {
    trouble: Option<&'a str>,
}

/// The form.
pub(super) async fn show() -> Response {
    page::show(&SignIn { trouble: None })
}

#[derive(Deserialize)]
struct Filled {
    name: String,
    password: String,
    code: String,
}

/// Signs somebody in.
pub(super) async fn enter(
    State(door): State<AdministrationDoor>,
    From(peer): From,
    body: Bytes,
) -> Response {
    let filled: Filled = match form(&body) {
        Ok(filled) => filled,
        Err(response) => return *response,
    };
    let attempt = Attempt {
        name: filled.name.trim().to_owned(),
        password: Secret::new(filled.password),
        code: Secret::new(filled.code),
        address: peer.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |peer| peer.0.ip()),
    };
    let name = attempt.name.clone();
    let entry = match door.administration.sign_in(attempt).await {
        Ok(entry) => entry,
        Err(error) => return page::failed(&error),
    };
    if let Err(response) = note(&door, peer, &name, &entry).await {
        return *response;
    }
    match entry {
        Entry::Welcome(cookie) => {
            let held = [(header::SET_COOKIE, holding(Some(&cookie)))];
            (held, Redirect::to("/")).into_response()
        }
        Entry::Refused(_) => trouble(
            StatusCode::UNAUTHORIZED,
            "That is not right, or nobody can sign in with it at the moment.",
        ),
        Entry::TooMany(wait) => {
            let mut response = trouble(
                StatusCode::TOO_MANY_REQUESTS,
                "There were too many tries. Wait a minute.",
            );
            let headers = response.headers_mut();
            headers.insert(header::RETRY_AFTER, wait.as_secs().into());
            response
        }
    }
}

/// Writes down who came in, or did not. Too many tries are not: whoever likes could fill the log with them.
async fn note(
    door: &AdministrationDoor,
    peer: Option<Peer>,
    name: &str,
    entry: &Entry,
) -> Result<(), Box<Response>> {
    let (outcome, why) = match entry {
        Entry::Welcome(_) => (AuditOutcome::Done, ""),
        Entry::Refused(refusal) => (AuditOutcome::Refused, refusal.as_str()),
        Entry::TooMany(_) => {
            tracing::info!(?peer, "too many tries to sign in");
            return Ok(());
        }
    };
    // What is typed as a name that there is not may be a password.
    let is_known = matches!(door.administration.find(name).await, Ok(_known));
    let deed = Deed {
        who: if is_known { name } else { "somebody" },
        did: "session.begin",
        about: "administration",
        detail: String::new(),
    };
    let audit = door.administration.audit(way_of(peer.as_ref()));
    let noted = audit.note(&deed, outcome, why).await;
    noted.map_err(|error| Box::new(page::failed(&error)))
}

fn trouble(status: StatusCode, text: &str) -> Response {
    let mut response = page::show(&SignIn {
        trouble: Some(text),
    });
    *response.status_mut() = status;
    response
}

/// Signs somebody out.
pub(super) async fn leave(State(door): State<AdministrationDoor>, asking: Asking) -> Response {
    let deed = Deed {
        who: &asking.session.name,
        did: "session.end",
        about: "administration",
        detail: String::new(),
    };
    if let Err(error) = door.administration.sign_out(&asking.session).await {
        return page::failed(&error);
    }
    if let Err(error) = asking.audit.note(&deed, AuditOutcome::Done, "").await {
        return page::failed(&error);
    }
    let held = [(header::SET_COOKIE, holding(None))];
    (held, Redirect::to("/sign-in")).into_response()
}
