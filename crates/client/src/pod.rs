//! Whether the repository that envQUERY named opens.

use std::time::Instant;

use url::Url;

use crate::{
    Fault,
    exchange::Repository,
    net::{Answer, Method, Request, Trust, send},
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
    let url = within(&repository.url, "catalogs/all")?;
    let answer = ask(repository, (Method::Head, &url, 0), until, trust)?;
    match answer.status {
        200 => Ok(Door::Opens),
        401 => Ok(Door::Refused),
        status @ 300..=399 => Err(Fault::RepositoryRedirect { status }),
        status => Err(Fault::RepositoryStatus { status }),
    }
}

/// A file of the repository; none if it has none of that name, or not for this tenant.
///
/// # Errors
/// [`Fault`], by what is wrong, and if it is longer than `limit`.
pub(crate) fn read(
    repository: &Repository,
    path: &str,
    limit: usize,
    (until, trust): (Instant, &Trust),
) -> Result<Option<Vec<u8>>, Fault> {
    let url = within(&repository.url, path)?;
    let answer = ask(repository, (Method::Get, &url, limit), until, trust)?;
    match answer.status {
        200 => Ok(Some(answer.body)),
        404 => Ok(None),
        401 => Err(Fault::RepositoryRefused),
        status @ 300..=399 => Err(Fault::RepositoryRedirect { status }),
        status => Err(Fault::RepositoryStatus { status }),
    }
}

fn ask(
    repository: &Repository,
    (method, url, longest): (Method, &Url, usize),
    until: Instant,
    trust: &Trust,
) -> Result<Answer, Fault> {
    let request = Request {
        method,
        url,
        pins: None,
        authorization: Some(&repository.authorization),
        body: None,
        longest,
        until,
    };
    send(request, trust).map_err(Fault::Repository)
}

/// The address of what lies at `path`, of which each part is taken as the name that it is.
fn within(repository: &Url, path: &str) -> Result<Url, Fault> {
    let wrong = || Fault::RepositoryUrl {
        why: "is no address of a folder",
    };
    let mut url = repository.clone();
    let mut parts = url.path_segments_mut().map_err(|()| wrong())?;
    parts.pop_if_empty();
    for part in path.split('/') {
        if matches!(part, "" | "." | "..") {
            return Err(wrong());
        }
        parts.push(part);
    }
    drop(parts);
    Ok(url)
}
