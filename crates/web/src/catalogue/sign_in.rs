//! Signing in to the catalogue, and out.

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
use tenancy::{
    administration::{Deed, Entry, Refusal},
    catalogue::Attempt,
};

use super::{
    CatalogueDoor,
    gate::{Asking, holding},
    page,
};
use crate::{
    Peer,
    visit::{From, form, way_of},
};

/// What the audit log says of coming and going.
const ABOUT: &str = "catalogue";

#[derive(Template)]
#[template(path = "catalogue/sign_in.html")]
struct SignIn<'a> {
    trouble: Option<&'a str>,
}

/// The form.
pub(super) async fn show() -> Response {
    page::show(&SignIn { trouble: None })
}

#[derive(Deserialize)]
struct Filled {
    customer: String,
    code: String,
}

/// Signs somebody in.
pub(super) async fn enter(
    State(door): State<CatalogueDoor>,
    From(peer): From,
    body: Bytes,
) -> Response {
    let Some(filled) = form::<Filled>(&body) else {
        return page::refused(
            StatusCode::BAD_REQUEST,
            "The form is not filled in as it has to be.",
        );
    };
    let attempt = Attempt {
        customer: filled.customer.trim().to_owned(),
        code: Secret::new(filled.code),
        address: peer.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |peer| peer.0.ip()),
    };
    let customer = attempt.customer.clone();
    let entry = match door.access.sign_in(attempt).await {
        Ok(entry) => entry,
        Err(error) => return page::failed(&error),
    };
    if let Err(response) = note(&door, peer, &customer, &entry).await {
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
    door: &CatalogueDoor,
    peer: Option<Peer>,
    customer: &str,
    entry: &Entry,
) -> Result<(), Box<Response>> {
    let (outcome, why) = match entry {
        Entry::Welcome(_) => (AuditOutcome::Done, ""),
        Entry::Refused(refusal) => (AuditOutcome::Refused, refusal.as_str()),
        Entry::TooMany(_) => {
            tracing::info!(?peer, "too many tries to sign in to a catalogue");
            return Ok(());
        }
    };
    // What is typed as a customer that there is not may be a code.
    let is_unknown = matches!(entry, Entry::Refused(Refusal::Unknown));
    let deed = Deed {
        who: if is_unknown { "somebody" } else { customer },
        did: "session.begin",
        about: ABOUT,
        detail: String::new(),
    };
    let audit = door.access.audit(way_of(peer.as_ref()));
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
pub(super) async fn leave(State(door): State<CatalogueDoor>, asking: Asking) -> Response {
    let deed = Deed {
        who: &asking.session.reader.tenant.customer,
        did: "session.end",
        about: ABOUT,
        detail: String::new(),
    };
    if let Err(error) = door.access.sign_out(&asking.session).await {
        return page::failed(&error);
    }
    if let Err(error) = asking.audit.note(&deed, AuditOutcome::Done, "").await {
        return page::failed(&error);
    }
    let held = [(header::SET_COOKIE, holding(None))];
    (held, Redirect::to("/sign-in")).into_response()
}
