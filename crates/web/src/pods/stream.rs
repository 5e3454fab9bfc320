//! Sends what lies in the repository, as it is taken.

use std::io::{self, Read};

use axum::body::{Body, Bytes};
use futures_util::stream;
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
    let opened = spawn_blocking(move || {
        let Contents::Stored { location } = &exhibit.contents else {
            return None;
        };
        match pods.read((exhibit.kind, location), &exhibit.look, part.from) {
            Ok(reader) => Some(reader),
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "what a pod was to send cannot be read");
                None
            }
        }
    });
    let reader = opened.await.ok().flatten()?;
    let rest = Rest {
        reader,
        len: part.len,
    };
    let chunks = stream::try_unfold(rest, |rest| async {
        spawn_blocking(|| next(rest))
            .await
            .map_err(io::Error::other)?
    });
    Some(Body::from_stream(chunks))
}

/// The next bytes; what ends too early is an error, so that nobody takes a piece for the whole.
fn next(mut rest: Rest) -> io::Result<Option<(Bytes, Rest)>> {
    if rest.len == 0 {
        return Ok(None);
    }
    let mut chunk = Vec::new();
    let wanted = rest.len.min(CHUNK);
    let read = rest.reader.by_ref().take(wanted).read_to_end(&mut chunk)?;
    let read = u64::try_from(read).unwrap_or(u64::MAX);
    if read < wanted {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    rest.len = rest.len.saturating_sub(read);
    Ok(Some((chunk.into(), rest)))
}
