//! Signing in through the identity provider.

use askama::Template;
use axum::{
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Redirect, Response},
};
use redact::Secret;
use store::AuditOutcome;
use tenancy::{
    administration::{Audit, Deed},
    oidc::{Answer, Claimant, Oidc, OidcError, PATIENCE},
};

use super::{
    AdministrationDoor,
    gate::holding,
    page,
    sign_in::{address_of, too_many, trouble},
};
use crate::{
    Peer,
    visit::{self, From, cookie_of, way_of},
};

/// What the browser holds while somebody is at the identity provider.
const COOKIE: &str = "__Host-sign-on";

/// A page from which the browser goes on by itself. What leads straight from another site to a page is not sent the cookie
/// of the session; what leads there from a page of ours is.
#[derive(Template)]
#[template(path = "administration/onward.html")]
struct Onward<'a> {
    title: &'a str,
    text: &'a str,
    link: &'a str,
    address: &'a str,
}

/// Sends the browser to the identity provider.
pub(super) async fn begin(State(door): State<AdministrationDoor>, From(peer): From) -> Response {
    let Some(oidc) = door.administration.oidc() else {
        return page::nothing_here().await;
    };
    if let Err(wait) = door.administration.admit_try(address_of(peer)) {
        return too_many(&door, wait);
    }
    match oidc.begin().await {
        Ok(beginning) => {
            let held = visit::lending(COOKIE, Some(&beginning.cookie), PATIENCE);
            let held = [(header::SET_COOKIE, held)];
            (held, Redirect::to(&beginning.address)).into_response()
        }
        Err(error) => refused(&door, &error),
    }
}

/// Signs in whom the identity provider sends back.
pub(super) async fn finish(
    State(door): State<AdministrationDoor>,
    From(peer): From,
    headers: HeaderMap,
    answer: Result<Query<Answer>, QueryRejection>,
) -> Response {
    let Some(oidc) = door.administration.oidc() else {
        return page::nothing_here().await;
    };
    if let Err(wait) = door.administration.admit_try(address_of(peer)) {
        return too_many(&door, wait);
    }
    let cookie = cookie_of(&headers, COOKIE);
    let mut response = match known(oidc, cookie, answer).await {
        Ok(claimant) => welcome(&door, peer, &claimant).await,
        Err(error) => {
            let audit = door.administration.audit(way_of(peer.as_ref()));
            match note(&audit, &error).await {
                Ok(()) => refused(&door, &error),
                Err(response) => *response,
            }
        }
    };
    // It counted once.
    let over = visit::lending(COOKIE, None, PATIENCE);
    response.headers_mut().append(header::SET_COOKIE, over);
    response
}

async fn known(
    oidc: &Oidc,
    cookie: Option<Secret<String>>,
    answer: Result<Query<Answer>, QueryRejection>,
) -> Result<Claimant, OidcError> {
    let (Some(cookie), Ok(Query(answer))) = (cookie, answer) else {
        return Err(OidcError::NotBegun);
    };
    oidc.finish(&cookie, &answer).await
}

async fn welcome(door: &AdministrationDoor, peer: Option<Peer>, claimant: &Claimant) -> Response {
    let admitted = match door.administration.welcome(claimant).await {
        Ok(admitted) => admitted,
        Err(error) => return page::failed(&error),
    };
    let (outcome, who, why) = match &admitted {
        Some((_, name)) => (AuditOutcome::Done, name.as_str(), ""),
        None => (
            AuditOutcome::Refused,
            claimant.name.as_str(),
            "the name is another person's",
        ),
    };
    let deed = Deed {
        who,
        did: "session.begin",
        about: "administration",
        detail: format!("through the identity provider, as {}", claimant.office),
    };
    let audit = door.administration.audit(way_of(peer.as_ref()));
    if let Err(error) = audit.note(&deed, outcome, why).await {
        return page::failed(&error);
    }
    let Some((cookie, _)) = admitted else {
        return trouble(
            door,
            StatusCode::FORBIDDEN,
            "Your user ID was somebody else's here before. Ask somebody who administers the identity provider.",
        );
    };
    let mut response = onward(&Onward {
        title: "You are signed in",
        text: "One moment, please.",
        link: "Go on",
        address: "/",
    });
    let held = holding(Some(&cookie));
    response.headers_mut().insert(header::SET_COOKIE, held);
    response
}

/// Writes down that nobody came in, where somebody came from the identity provider at all: whoever likes could fill the log
/// with answers that were never asked for.
async fn note(audit: &Audit, error: &OidcError) -> Result<(), Box<Response>> {
    let who = match error {
        OidcError::NotBegun => return Ok(()),
        OidcError::NoRole { name } => name.as_str(),
        _ => "somebody",
    };
    let deed = Deed {
        who,
        did: "session.begin",
        about: "administration",
        detail: "through the identity provider".to_owned(),
    };
    let why = error.to_string();
    let noted = audit.note(&deed, AuditOutcome::Refused, &why).await;
    noted.map_err(|error| Box::new(page::failed(&error)))
}

/// The page for signing in, with what can be done about it; what it was is for the log.
fn refused(door: &AdministrationDoor, error: &OidcError) -> Response {
    let (status, text) = match error {
        OidcError::NotBegun => (
            StatusCode::BAD_REQUEST,
            "This sign-in was begun in another browser, or too long ago. Begin again.",
        ),
        OidcError::Denied { .. } => (
            StatusCode::UNAUTHORIZED,
            "The identity provider did not sign you in. Begin again.",
        ),
        OidcError::NoRole { .. } => (
            StatusCode::FORBIDDEN,
            "The identity provider knows you, but none of your groups has a role here. Ask somebody who administers.",
        ),
        OidcError::Name { .. } => (
            StatusCode::FORBIDDEN,
            "The identity provider tells no user ID that can be used here. Ask somebody who administers.",
        ),
        OidcError::Unreachable { .. } => (
            StatusCode::BAD_GATEWAY,
            "The identity provider does not answer. Try again in a while.",
        ),
        _ => (
            StatusCode::BAD_GATEWAY,
            "The identity provider's answer cannot be used. The log of the service says why.",
        ),
    };
    let error: &dyn std::error::Error = error;
    tracing::warn!(error, "nobody was signed in through the identity provider");
    trouble(door, status, text)
}

/// After somebody has signed out here: the way to sign out at the identity provider, if it has one.
pub(super) async fn end(oidc: &Oidc) -> Option<Response> {
    match oidc.end_address().await {
        Ok(address) => address.map(|address| {
            onward(&Onward {
                title: "You are signed out here",
                text: "The identity provider is told, too.",
                link: "Go on to it",
                address: &address,
            })
        }),
        Err(error) => {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(
                error,
                "the identity provider is not told that somebody signed out"
            );
            None
        }
    }
}

fn onward(page: &Onward<'_>) -> Response {
    page::show(page)
}
