//! What is the same for all pages that people visit with a browser: headers, cookies, forms.

use std::{convert::Infallible, time::Duration};

use axum::{
    body::{Body, to_bytes},
    extract::{FromRequestParts, Request},
    http::{HeaderMap, HeaderValue, Method, Uri, header, request::Parts, uri::Authority},
    response::{IntoResponse, Response},
};
use redact::Secret;
use serde::{Deserialize, de::DeserializeOwned};
use tenancy::administration::Way;

use crate::Peer;

/// The longest form.
const LONGEST_FORM: usize = 64 << 10;

/// Nothing but what this host itself gives is shown or asked, nobody shows a page within theirs, and no script runs.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";

/// As [`POLICY`], on a page that has a script of this host's, which asks this host.
const SCRIPT_POLICY: &str = "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; \
                                img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// htmx 2.0.11, as its authors publish it (0BSD, `assets/htmx.LICENSE`): lists that are searched change while somebody
/// types. Without it the same forms are sent by their buttons.
const HTMX: &str = include_str!("../assets/htmx.min.js");

/// The style of all pages.
const STYLE: &str = include_str!("../assets/style.css");

/// The style.
pub(crate) async fn style() -> impl IntoResponse {
    asset("text/css; charset=utf-8", STYLE)
}

/// htmx.
pub(crate) async fn htmx() -> impl IntoResponse {
    asset("text/javascript; charset=utf-8", HTMX)
}

/// What pages are made of, which changes with the program only.
pub(crate) fn asset(kind: &'static str, text: &'static str) -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (
            header::CACHE_CONTROL,
            HeaderValue::from_static("max-age=300"),
        ),
    ];
    (headers, text)
}

/// Lets a page have the script that it has.
pub(crate) fn with_script(mut response: Response) -> Response {
    let policy = HeaderValue::from_static(SCRIPT_POLICY);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}

/// Puts before every answer what a browser has to keep to; it may have been let more already.
pub(crate) fn guard(response: &mut Response, is_tls: bool) {
    let headers = response.headers_mut();
    let mut set = |name, value| headers.insert(name, HeaderValue::from_static(value));
    set(header::REFERRER_POLICY, "same-origin");
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::X_FRAME_OPTIONS, "DENY");
    if is_tls {
        set(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
    for (name, usual) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
    ] {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(usual));
        }
    }
}

/// Whether another site has a browser send this. Browsers say so themselves; what says nothing is no browser, and holds
/// no one's cookie.
pub(crate) fn comes_from_elsewhere(method: &Method, headers: &HeaderMap) -> bool {
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

/// A question with its form read, and what came with it to show that the form is one of ours; nothing if it is too long.
pub(crate) async fn with_form(request: Request) -> Option<(Request, String)> {
    #[derive(Deserialize)]
    struct Token {
        #[serde(default)]
        form_token: String,
    }
    let (parts, body) = request.into_parts();
    let bytes = to_bytes(body, LONGEST_FORM).await.ok()?;
    let token = form(&bytes).map_or_else(String::new, |Token { form_token }| form_token);
    Some((Request::from_parts(parts, Body::from(bytes)), token))
}

/// What is in a form; nothing if it is not filled in as it has to be. Nobody types U+0000, which not every database can
/// keep.
pub(crate) fn form<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    if body.contains(&0) || body.windows(3).any(|three| three == b"%00") {
        return None;
    }
    serde_urlencoded::from_bytes(body).ok()
}

/// What the browser holds under this name.
pub(crate) fn cookie_of(headers: &HeaderMap, name: &str) -> Option<Secret<String>> {
    let lines = headers.get_all(header::COOKIE).iter();
    let texts = lines.filter_map(|line| line.to_str().ok());
    texts
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(held, _)| *held == name)
        .map(|(_, value)| Secret::new(value.to_owned()))
}

/// What has the browser hold `cookie` under this name; nothing any more without one.
pub(crate) fn holding(name: &str, cookie: Option<&Secret<String>>) -> HeaderValue {
    let value = cookie.map_or("", |cookie| cookie.expose().as_str());
    let until = if cookie.is_some() { "" } else { "; Max-Age=0" };
    let text = format!("{name}={value}; Path=/; Secure; HttpOnly; SameSite=Strict{until}");
    let mut header =
        HeaderValue::from_str(&text).unwrap_or_else(|_no_letters| HeaderValue::from_static("none"));
    header.set_sensitive(true);
    header
}

/// What has the browser hold `cookie` for a while, also where it comes from another site by a link; nothing any more without
/// one.
pub(crate) fn lending(
    name: &str,
    cookie: Option<&Secret<String>>,
    lasting: Duration,
) -> HeaderValue {
    let value = cookie.map_or("", |cookie| cookie.expose().as_str());
    let seconds = cookie.map_or(0, |_| lasting.as_secs());
    let text = format!("{name}={value}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={seconds}");
    let mut header =
        HeaderValue::from_str(&text).unwrap_or_else(|_no_letters| HeaderValue::from_static("none"));
    header.set_sensitive(true);
    header
}

/// Where it comes from, as the audit log says it.
pub(crate) fn way_of(peer: Option<&Peer>) -> Way {
    let address = peer.map_or_else(|| "this machine".to_owned(), |peer| peer.0.ip().to_string());
    Way::Pages { address }
}

/// Who is at the other end, if it is known.
pub(crate) struct From(pub(crate) Option<Peer>);

impl<S: Sync> FromRequestParts<S> for From {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.extensions.get().copied()))
    }
}
