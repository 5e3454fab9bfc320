//! Who is let through to the pages, and with what.

use std::pin::Pin;

use axum::{
    extract::{FromRequestParts, Request, State},
    http::{HeaderValue, Method, StatusCode, request::Parts},
    middleware::{FromFnLayer, Next, from_fn_with_state},
    response::{IntoResponse as _, Redirect, Response},
};
use redact::Secret;
use serde::de::DeserializeOwned;
use store::AuditOutcome;
use tenancy::administration::{Audit, Deed, Permit, Session};

use super::{AdministrationDoor, page};
use crate::visit::{self, comes_from_elsewhere, cookie_of, way_of};

/// What the browser holds while somebody is signed in. The prefix has browsers see to it that it comes from this host
/// alone, and over nothing but TLS.
const COOKIE: &str = "__Host-session";

/// Sees to what is the same for every question and answer.
pub(super) async fn outermost(
    State(door): State<AdministrationDoor>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = if comes_from_elsewhere(request.method(), request.headers()) {
        page::refused(
            StatusCode::FORBIDDEN,
            "This came from another site. Nothing was changed.",
        )
    } else {
        next.run(request).await
    };
    visit::guard(&mut response, door.is_tls);
    response
}

/// What stands before pages that need a permit.
pub(super) type Gate = FromFnLayer<
    fn(State<(AdministrationDoor, Permit)>, Request, Next) -> Passing,
    (AdministrationDoor, Permit),
    (State<(AdministrationDoor, Permit)>, Request),
>;

type Passing = Pin<Box<dyn Future<Output = Response> + Send>>;

/// Lets through who is signed in and has this permit.
pub(super) fn needing(door: &AdministrationDoor, permit: Permit) -> Gate {
    let pass: fn(State<(AdministrationDoor, Permit)>, Request, Next) -> Passing =
        |State((door, permit)), request, next| Box::pin(pass(door, permit, request, next));
    from_fn_with_state((door.clone(), permit), pass)
}

async fn pass(
    door: AdministrationDoor,
    permit: Permit,
    mut request: Request,
    next: Next,
) -> Response {
    let session = match cookie_of(request.headers(), COOKIE) {
        Some(cookie) => match door.administration.session(&cookie).await {
            Ok(session) => session,
            Err(error) => return page::failed(&error),
        },
        None => None,
    };
    let Some(session) = session else {
        return if request.headers().contains_key("hx-request") {
            // What is asked for a part of a page must not put the page for signing in there.
            let whither = [("hx-redirect", HeaderValue::from_static("/sign-in"))];
            (StatusCode::UNAUTHORIZED, whither).into_response()
        } else if request.method() == Method::GET {
            Redirect::to("/sign-in").into_response()
        } else {
            page::refused(
                StatusCode::UNAUTHORIZED,
                "You are not signed in any more. Nothing was changed.",
            )
        };
    };
    let audit = door
        .administration
        .audit(way_of(request.extensions().get()));
    if !session.office.may(permit) {
        let path = request.uri().path().to_owned();
        let deed = Deed {
            who: &session.name,
            did: "page.ask",
            about: &path,
            detail: format!("{} as {}", request.method(), session.office),
        };
        if let Err(error) = audit.note(&deed, AuditOutcome::Refused, "").await {
            return page::failed(&error);
        }
        return page::refused(
            StatusCode::FORBIDDEN,
            "Your role does not let you do this. Ask somebody who administers.",
        );
    }
    request.extensions_mut().insert(Asking { session, audit });
    next.run(request).await
}

/// Lets through what the browser of somebody asks by itself who is signed in and may look; that keeps nobody signed in.
pub(super) async fn following(
    State(door): State<AdministrationDoor>,
    mut request: Request,
    next: Next,
) -> Response {
    let session = match cookie_of(request.headers(), COOKIE) {
        Some(cookie) => match door.administration.session_unnoted(&cookie).await {
            Ok(session) => session,
            Err(error) => return page::failed(&error),
        },
        None => None,
    };
    let may_look = |session: &Session| session.office.may(Permit::Look);
    let Some(session) = session.filter(may_look) else {
        return page::refused(StatusCode::UNAUTHORIZED, "You are not signed in any more.");
    };
    let audit = door
        .administration
        .audit(way_of(request.extensions().get()));
    request.extensions_mut().insert(Asking { session, audit });
    next.run(request).await
}

/// Lets through what comes from a form of our own; it stands behind [`needing`].
pub(super) async fn changes(request: Request, next: Next) -> Response {
    let Some((request, token)) = visit::with_form(request).await else {
        return page::refused(StatusCode::PAYLOAD_TOO_LARGE, "The form is too long.");
    };
    let asking = request.extensions().get::<Asking>();
    if !asking.is_some_and(|asking| asking.session.is_form_token(&token)) {
        return page::refused(
            StatusCode::FORBIDDEN,
            "The form is not one of this session's. Load the page again. Nothing was changed.",
        );
    }
    next.run(request).await
}

/// Who asks, and where it is written down what they do.
#[derive(Clone, Debug)]
pub(super) struct Asking {
    pub(super) session: Session,
    pub(super) audit: Audit,
}

impl<S: Sync> FromRequestParts<S> for Asking {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Response> {
        let asking = parts.extensions.get::<Self>().cloned();
        // A page that stands behind no gate is shown to nobody.
        asking.ok_or_else(|| page::refused(StatusCode::UNAUTHORIZED, "You are not signed in."))
    }
}

/// What is in a form.
///
/// # Errors
/// A page that says that it is none.
pub(super) fn form<T: DeserializeOwned>(body: &[u8]) -> Result<T, Box<Response>> {
    visit::form(body).ok_or_else(|| {
        Box::new(page::refused(
            StatusCode::BAD_REQUEST,
            "The form is not filled in as it has to be.",
        ))
    })
}

/// What has the browser hold `cookie`; nothing any more without one.
pub(super) fn holding(cookie: Option<&Secret<String>>) -> HeaderValue {
    visit::holding(COOKIE, cookie)
}
