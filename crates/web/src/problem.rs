//! What clients that are programs are told when something is not done.
//!
//! # Source
//! RFC 9457 (problem details).

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde_json::json;

/// A problem document without a type of its own.
pub(crate) fn problem(status: StatusCode, detail: &'static str) -> Response {
    let title = status.canonical_reason().unwrap_or_default();
    let document = json!({
        "type": "about:blank",
        "title": title,
        "status": status.as_u16(),
        "detail": detail,
    });
    let headers = [(header::CONTENT_TYPE, "application/problem+json")];
    (status, headers, document.to_string()).into_response()
}
