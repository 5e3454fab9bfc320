//! Whether the repository that envQUERY named opens.

use std::time::Instant;

use url::Url;

use crate::{
    Fault,
    exchange::Repository,
    net::{Method, Request, Trust, send},
};

/// What the repository says to the credential.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Door {
    /// It opens.
    Opens,
    /// The credential is not, or no longer, one of its own.
    Refused,
}

/// Asks for the head of the catalog of everything, as Munki would with this credential.
///
/// # Errors
/// [`Fault`], by what is wrong; a refusal is none.
pub(crate) fn try_door(
    repository: &Repository,
    until: Instant,
    trust: &Trust,
) -> Result<Door, Fault> {
    let url = catalog(&repository.url)?;
    let request = Request {
        method: Method::Head,
        url: &url,
        pins: None,
        authorization: Some(&repository.authorization),
        body: None,
        until,
    };
    let answer = send(request, trust).map_err(Fault::Repository)?;
    match answer.status {
        200 => Ok(Door::Opens),
        401 => Ok(Door::Refused),
        status @ 300..=399 => Err(Fault::RepositoryRedirect { status }),
        status => Err(Fault::RepositoryStatus { status }),
    }
}

fn catalog(repository: &Url) -> Result<Url, Fault> {
    let address = format!("{}/catalogs/all", repository.as_str().trim_end_matches('/'));
    Url::parse(&address).map_err(|_shows| Fault::RepositoryUrl {
        why: "is no address",
    })
}
