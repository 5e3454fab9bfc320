//! Why something is not done, for programs.
//!
//! # Source
//! RFC 9457 (problem details).

use std::{fmt, time::Duration};

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use desk::DeskError;
use model::FailureClass;
use pipeline::Failure;
use schemars::JsonSchema;
use serde::Serialize;
use store::StoreError;
use tenancy::{TenancyError, administration::AdministrationError};

/// Why something is not done.
#[derive(Debug, JsonSchema, Serialize)]
pub(super) struct Problem {
    /// What kind of problem it is; `about:blank`: the status says all there is to say.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The status in words.
    title: &'static str,
    /// The status.
    status: u16,
    /// What is wrong this time, for people.
    detail: String,
    #[serde(skip)]
    retry_after: Option<Duration>,
}

impl Problem {
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or_default(),
            status: status.as_u16(),
            detail: detail.into(),
            retry_after: None,
        }
    }

    /// The same, where it may be tried again after a while.
    pub(super) fn after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    pub(super) fn nothing_here() -> Self {
        Self::new(StatusCode::NOT_FOUND, "There is nothing here.")
    }

    pub(super) fn no_such_method() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "This cannot be done here; the header `Allow` says what can.",
        )
    }

    pub(super) fn not_understood(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    pub(super) fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, detail)
    }

    /// Something went wrong here; what it was is for the log.
    pub(super) fn fault(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error, "the API could not answer");
        Self::hidden()
    }

    fn hidden() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "Something went wrong. The log of the service says what.",
        )
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_string(&self).unwrap_or_default();
        let kind = HeaderValue::from_static(KIND);
        let mut response = (status, [(header::CONTENT_TYPE, kind)], body).into_response();
        let headers = response.headers_mut();
        if let Some(wait) = self.retry_after {
            headers.insert(header::RETRY_AFTER, wait.as_secs().max(1).into());
        }
        if status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer");
            headers.insert(header::WWW_AUTHENTICATE, scheme);
        }
        response
    }
}

/// How a problem document is called.
pub(super) const KIND: &str = "application/problem+json";

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::fault(&error)
    }
}

impl From<AdministrationError> for Problem {
    fn from(error: AdministrationError) -> Self {
        let status = match &error {
            AdministrationError::Last { .. } => StatusCode::CONFLICT,
            AdministrationError::Unknown { .. } | AdministrationError::TokenUnknown { .. } => {
                StatusCode::NOT_FOUND
            }
            _ => return Self::fault(&error),
        };
        Self::new(status, format!("{error}."))
    }
}

impl From<TenancyError> for Problem {
    fn from(error: TenancyError) -> Self {
        let status = match &error {
            TenancyError::Customer { .. } | TenancyError::NoRing { .. } => StatusCode::BAD_REQUEST,
            TenancyError::Exists { .. } | TenancyError::Suspended { .. } => StatusCode::CONFLICT,
            TenancyError::Unknown { .. } => StatusCode::NOT_FOUND,
            TenancyError::Changed => StatusCode::PRECONDITION_FAILED,
            _ => return Self::fault(&error),
        };
        Self::new(status, format!("{error}."))
    }
}

impl From<DeskError> for Problem {
    fn from(error: DeskError) -> Self {
        let status = match &error {
            DeskError::NoIncident { .. } | DeskError::NoConnector { .. } => StatusCode::NOT_FOUND,
            DeskError::Test { .. } => StatusCode::BAD_GATEWAY,
            DeskError::Resolved { .. } | DeskError::NotResolved { .. } => StatusCode::CONFLICT,
            _ => return Self::fault(&error),
        };
        Self::new(status, format!("{error}."))
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        if failure.class == FailureClass::Internal {
            tracing::error!(error = failure.cause(), "the API could not answer");
            return Self::hidden();
        }
        let message = failure.message.trim_end_matches('.');
        Self::conflict(format!("{message}. {}", failure.next_step()))
    }
}
