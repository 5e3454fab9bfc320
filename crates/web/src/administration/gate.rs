//! Who is let through to the pages, and with what.

use std::{convert::Infallible, pin::Pin};

use axum::{
    body::{Body, to_bytes},
    extract::{FromRequestParts, Request, State},
    http::{
        HeaderMap, HeaderValue, Method, StatusCode, Uri, header, request::Parts, uri::Authority,
    },
    middleware::{FromFnLayer, Next, from_fn_with_state},
    response::{IntoResponse as _, Redirect, Response},
};
use redact::Secret;
use serde::{Deserialize, de::DeserializeOwned};
use store::AuditOutcome;
use tenancy::administration::{Audit, Deed, Permit, Session, Way};

use super::{AdministrationDoor, page};
use crate::Peer;

/// What the browser holds while somebody is signed in. The prefix has browsers see to it that it comes from this host
/// alone, and over nothing but TLS.
const COOKIE: &str = "__Host-session";

/// The longest form.
const LONGEST_FORM: usize = 64 << 10;

/// Nothing but what this host itself gives is shown or asked, nobody shows a page within theirs, and no script runs.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";

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
    let headers = response.headers_mut();
    let mut set = |name, value| headers.insert(name, HeaderValue::from_static(value));
    set(header::CONTENT_SECURITY_POLICY, POLICY);
    set(header::REFERRER_POLICY, "same-origin");
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::X_FRAME_OPTIONS, "DENY");
    if door.is_tls {
        set(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

/// Whether another site has a browser send this. Browsers say so themselves; what says nothing is no browser, and holds
/// no one's cookie.
fn comes_from_elsewhere(method: &Method, headers: &HeaderMap) -> bool {
    if method == Method::GET || method == Method::HEAD {
        return false;
    }
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    if let Some(site) = text("sec-fetch-site") {
        return site != "same-origin";
    }
    let Some(origin) = text("origin") else {
        return false;
    };
    let origin: Option<Uri> = origin.parse().ok();
    let from = origin.as_ref().and_then(Uri::authority);
    from.map(Authority::as_str) != text("host")
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
    let session = match cookie_of(request.headers()) {
        Some(cookie) => match door.administration.session(&cookie).await {
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

/// Lets through what comes from a form of our own; it stands behind [`needing`].
pub(super) async fn changes(request: Request, next: Next) -> Response {
    #[derive(Deserialize)]
    struct Token {
        #[serde(default)]
        form_token: String,
    }
    let (parts, body) = request.into_parts();
    let Ok(bytes) = to_bytes(body, LONGEST_FORM).await else {
        return page::refused(StatusCode::PAYLOAD_TOO_LARGE, "The form is too long.");
    };
    let token: Option<Token> = serde_urlencoded::from_bytes(&bytes).ok();
    let asking = parts.extensions.get::<Asking>();
    let is_ours = token
        .zip(asking)
        .is_some_and(|(token, asking)| asking.session.is_form_token(&token.form_token));
    if !is_ours {
        return page::refused(
            StatusCode::FORBIDDEN,
            "The form is not one of this session's. Load the page again. Nothing was changed.",
        );
    }
    next.run(Request::from_parts(parts, Body::from(bytes)))
        .await
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

/// Where it comes from, as the audit log says it.
pub(super) fn way_of(peer: Option<&Peer>) -> Way {
    let address = peer.map_or_else(|| "this machine".to_owned(), |peer| peer.0.ip().to_string());
    Way::Pages { address }
}

/// Who is at the other end, if it is known.
pub(super) struct From(pub(super) Option<Peer>);

impl<S: Sync> FromRequestParts<S> for From {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.extensions.get().copied()))
    }
}

/// What is in a form.
///
/// # Errors
/// A page that says that it is none.
pub(super) fn form<T: DeserializeOwned>(body: &[u8]) -> Result<T, Box<Response>> {
    serde_urlencoded::from_bytes(body).map_err(|_what| {
        Box::new(page::refused(
            StatusCode::BAD_REQUEST,
            "The form is not filled in as it has to be.",
        ))
    })
}

/// What the browser holds, if it is signed in.
fn cookie_of(headers: &HeaderMap) -> Option<Secret<String>> {
    let lines = headers.get_all(header::COOKIE).iter();
    let texts = lines.filter_map(|line| line.to_str().ok());
    texts
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == COOKIE)
        .map(|(_, value)| Secret::new(value.to_owned()))
}

/// What has the browser hold `cookie`; nothing any more without one.
pub(super) fn holding(cookie: Option<&Secret<String>>) -> HeaderValue {
    let value = cookie.map_or("", |cookie| cookie.expose().as_str());
    let until = if cookie.is_some() { "" } else { "; Max-Age=0" };
    let text = format!("{COOKIE}={value}; Path=/; Secure; HttpOnly; SameSite=Strict{until}");
    let mut header =
        HeaderValue::from_str(&text).unwrap_or_else(|_no_letters| HeaderValue::from_static("none"));
    header.set_sensitive(true);
    header
}
