//! Who may call what.

use std::net::{IpAddr, Ipv4Addr};

use axum::{
    extract::{FromRequestParts, Request, State},
    http::{HeaderMap, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use redact::Secret;
use store::{AuditOutcome, StoreError};
use tenancy::administration::{Audit, Call, Caller, Deed, Permit, Way};

use super::problem::Problem;
use crate::{AdministrationDoor, Peer};

/// Lets through who calls with a token that may do this.
pub(super) async fn pass(
    State((door, needs)): State<(AdministrationDoor, Permit)>,
    mut request: Request,
    next: Next,
) -> Response {
    let peer = request.extensions().get::<Peer>();
    let knocking = Knocking {
        sent: sent(request.headers()),
        address: peer.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |peer| peer.0.ip()),
        what: format!("{} {}", request.method(), request.uri().path()),
    };
    match admit(&door, needs, knocking).await {
        Ok(calling) => {
            request.extensions_mut().insert(calling);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

/// Somebody who is not let in yet.
struct Knocking {
    sent: Option<Secret<String>>,
    address: IpAddr,
    what: String,
}

/// What is sent as a token.
fn sent(headers: &HeaderMap) -> Option<Secret<String>> {
    let sent = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = sent.split_once(' ')?;
    let is_bearer = scheme.eq_ignore_ascii_case("bearer");
    is_bearer.then(|| Secret::new(token.trim().to_owned()))
}

async fn admit(
    door: &AdministrationDoor,
    needs: Permit,
    knocking: Knocking,
) -> Result<Calling, Problem> {
    let Knocking {
        sent,
        address,
        what,
    } = knocking;
    let caller = match door.administration.call(sent.as_ref(), address).await? {
        Call::Known(caller) => caller,
        Call::Unknown => {
            return Err(Problem::new(
                StatusCode::UNAUTHORIZED,
                "A token is needed that is taken: `Authorization: Bearer TOKEN`.",
            ));
        }
        Call::TooMany(wait) => {
            let detail = "There were too many calls; `Retry-After` says how long to wait.";
            return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, detail).after(wait));
        }
    };
    let way = Way::Api {
        address: address.to_string(),
    };
    let calling = Calling {
        audit: door.administration.audit(way),
        caller,
    };
    if calling.caller.office.may(needs) {
        return Ok(calling);
    }
    let who = calling.caller.who();
    let deed = Deed {
        who: &who,
        did: "api.ask",
        about: &what,
        detail: format!("as {}", calling.caller.office),
    };
    calling.audit.note(&deed, AuditOutcome::Refused, "").await?;
    Err(Problem::new(
        StatusCode::FORBIDDEN,
        "The role of this token does not let it do this.",
    ))
}

/// Who calls, and where it is written down what they do.
#[derive(Clone, Debug)]
pub(super) struct Calling {
    pub(super) caller: Caller,
    audit: Audit,
}

impl Calling {
    /// Writes down that something is about to be done, has it done, and writes down what became of it.
    ///
    /// # Errors
    /// Those of `act`, or if the log cannot be written.
    pub(super) async fn recorded<T, E>(
        &self,
        (did, about, detail): (&'static str, &str, String),
        act: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Problem>
    where
        Problem: From<E>,
    {
        let who = self.caller.who();
        let deed = Deed {
            who: &who,
            did,
            about,
            detail,
        };
        let act = async { act.await.map_err(|error| Said(error.into())) };
        let done: Result<T, Said> = self.audit.recorded(&deed, act).await;
        done.map_err(|said| said.0)
    }
}

/// A problem, as the audit log takes it.
struct Said(Problem);

impl From<StoreError> for Said {
    fn from(error: StoreError) -> Self {
        Self(error.into())
    }
}

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl<S: Sync> FromRequestParts<S> for Calling {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Response> {
        let calling = parts.extensions.get::<Self>().cloned();
        // An endpoint that stands behind no gate answers nobody.
        calling.ok_or_else(|| {
            Problem::new(StatusCode::UNAUTHORIZED, "A token is needed.").into_response()
        })
    }
}
