//! Sends what lies in the repository, as it is taken.

use std::io::{self, Read};

use axum::body::{Body, Bytes};
use futures_util::{StreamExt as _, stream};
use tenancy::pods::{Contents, Exhibit, Pods};
use tokio::task::spawn_blocking;

use super::conditions::Part;

/// How much is read at once. No thread waits for who is slow to take it.
const CHUNK: u64 = 256 << 10;

struct Rest {
    reader: Box<dyn Read + Send>,
    len: u64,
}

/// The part of an exhibit; nothing if it cannot be had.
pub(super) async fn open(pods: Pods, exhibit: Exhibit, part: Part) -> Option<Body> {
    if part.len == 0 {
        return Some(Body::empty());
    }
    let opened = spawn_blocking(move || begin(&pods, &exhibit, part));
    let (first, rest) = opened.await.ok().flatten()?;
    if rest.len == 0 {
        return Some(Body::from(first));
    }
    let others = stream::try_unfold(rest, |rest| async {
        spawn_blocking(|| next(rest))
            .await
            .map_err(io::Error::other)?
    });
    let first = stream::iter([Ok(first)]);
    Some(Body::from_stream(first.chain(others)))
}

/// Opens it and reads its first bytes, which of most that is asked for are all, in one go on one thread.
fn begin(pods: &Pods, exhibit: &Exhibit, part: Part) -> Option<(Bytes, Rest)> {
    let Contents::Stored { location } = &exhibit.contents else {
        return None;
    };
    let reader = pods
        .read((exhibit.kind, location), &exhibit.look, part.from)
        .map_err(unreadable)
        .ok()?;
    let rest = Rest {
        reader,
        len: part.len,
    };
    next(rest).map_err(unreadable).ok()?
}

fn unreadable(error: impl std::error::Error + 'static) {
    let error: &(dyn std::error::Error + 'static) = &error;
    tracing::warn!(error, "what a pod was to send cannot be read");
}

/// The next bytes; what ends too early is an error, so that nobody takes a piece for the whole.
fn next(mut rest: Rest) -> io::Result<Option<(Bytes, Rest)>> {
    if rest.len == 0 {
        return Ok(None);
    }
    let wanted = rest.len.min(CHUNK);
    // One byte more, by which the end is found without asking for more room.
    let mut chunk = Vec::with_capacity(usize::try_from(wanted).unwrap_or(0).saturating_add(1));
    let read = rest.reader.by_ref().take(wanted).read_to_end(&mut chunk)?;
    let read = u64::try_from(read).unwrap_or(u64::MAX);
    if read < wanted {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    rest.len = rest.len.saturating_sub(read);
    Ok(Some((chunk.into(), rest)))
}
