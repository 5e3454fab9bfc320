//! Who is let through to the catalogue.

use axum::{
    extract::{FromRequestParts, Request, State},
    http::{HeaderValue, Method, StatusCode, request::Parts},
    middleware::Next,
    response::{IntoResponse as _, Redirect, Response},
};
use redact::Secret;
use tenancy::{administration::Audit, catalogue::Session};

use super::{CatalogueDoor, page};
use crate::visit::{self, comes_from_elsewhere, cookie_of, way_of};

/// What the browser holds while somebody is signed in. It is another one than that of the administration pages, which
/// may be on the same host: cookies do not know ports.
const COOKIE: &str = "__Host-catalogue";

/// Sees to what is the same for every question and answer.
pub(super) async fn outermost(
    State(door): State<CatalogueDoor>,
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

/// Lets through who is signed in.
pub(super) async fn signed_in(
    State(door): State<CatalogueDoor>,
    mut request: Request,
    next: Next,
) -> Response {
    let session = match cookie_of(request.headers(), COOKIE) {
        Some(cookie) => match door.access.session(&cookie).await {
            Ok(session) => session,
            Err(error) => return page::failed(&error),
        },
        None => None,
    };
    let Some(session) = session else {
        return if request.method() == Method::GET {
            Redirect::to("/sign-in").into_response()
        } else {
            page::refused(
                StatusCode::UNAUTHORIZED,
                "You are not signed in any more. Nothing was changed.",
            )
        };
    };
    let audit = door.access.audit(way_of(request.extensions().get()));
    request.extensions_mut().insert(Asking { session, audit });
    next.run(request).await
}

/// Lets through what comes from a form of our own; it stands behind [`signed_in`].
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

/// What has the browser hold `cookie`; nothing any more without one.
pub(super) fn holding(cookie: Option<&Secret<String>>) -> HeaderValue {
    visit::holding(COOKIE, cookie)
}
