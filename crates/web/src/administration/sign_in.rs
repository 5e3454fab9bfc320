//! Signing in and out.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

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
    page, sign_on,
};
use crate::{
    Peer,
    visit::{From, way_of},
};

#[derive(Template)]
#[template(path = "administration/sign_in.html")]
struct SignIn<'a> {
    trouble: Option<&'a str>,
    /// Whether there is an identity provider.
    is_oidc: bool,
    /// Whether there are passwords.
    is_local: bool,
}

impl<'a> SignIn<'a> {
    const fn at(door: &AdministrationDoor, trouble: Option<&'a str>) -> Self {
        Self {
            trouble,
            is_oidc: door.administration.oidc().is_some(),
            is_local: door.administration.is_local(),
        }
    }
}

/// The form.
pub(super) async fn show(State(door): State<AdministrationDoor>) -> Response {
    page::show(&SignIn::at(&door, None))
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
    if !door.administration.is_local() {
        return page::refused(
            StatusCode::FORBIDDEN,
            "Nobody signs in with a password here. Go back and use the identity provider.",
        );
    }
    let filled: Filled = match form(&body) {
        Ok(filled) => filled,
        Err(response) => return *response,
    };
    let attempt = Attempt {
        name: filled.name.trim().to_owned(),
        password: Secret::new(filled.password),
        code: Secret::new(filled.code),
        address: address_of(peer),
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
            &door,
            StatusCode::UNAUTHORIZED,
            "That is not right, or nobody can sign in with it at the moment.",
        ),
        Entry::TooMany(wait) => too_many(&door, wait),
    }
}

/// Where somebody comes from.
pub(super) fn address_of(peer: Option<Peer>) -> IpAddr {
    peer.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |peer| peer.0.ip())
}

/// There were too many tries.
pub(super) fn too_many(door: &AdministrationDoor, wait: Duration) -> Response {
    let mut response = trouble(
        door,
        StatusCode::TOO_MANY_REQUESTS,
        "There were too many tries. Wait a minute.",
    );
    let headers = response.headers_mut();
    headers.insert(header::RETRY_AFTER, wait.as_secs().into());
    response
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

/// The form, and what is wrong.
pub(super) fn trouble(door: &AdministrationDoor, status: StatusCode, text: &str) -> Response {
    let mut response = page::show(&SignIn::at(door, Some(text)));
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
    if asking.session.is_oidc
        && let Some(oidc) = door.administration.oidc()
        && let Some(onward) = sign_on::end(oidc).await
    {
        return (held, onward).into_response();
    }
    (held, Redirect::to("/sign-in")).into_response()
}
