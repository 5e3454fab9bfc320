//! What a service does for the others that share its state: it says that it is there, and hears what they say.

use std::{sync::Arc, time::Duration};

use pipeline::Engine;
use store::{Node, StoreError};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use web::Vitals;

use super::trouble::Trouble;
use crate::ServeConfig;

/// How often a node says that it is alive while a lease lasts; it is gone after two.
const SIGNS: u64 = 3;

/// Says that this node is alive, until `end`; then that it is gone. Whoever asks for its health hears whether that could be
/// written.
pub(super) async fn be_seen(
    engine: Engine,
    config: ServeConfig,
    vitals: Arc<Vitals>,
    end: CancellationToken,
) {
    let mut trouble = Trouble::none("sign of life");
    let pause = Duration::from_secs(config.lease_seconds / SIGNS);
    let node = engine.node();
    let started_at = engine.clock().now();
    let roles = config.roles.iter().map(|role| role.as_str().to_owned());
    let mut sign = Node {
        name: node.name.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        roles: roles.collect(),
        labels: node.labels.clone(),
        started_at,
        seen_at: started_at,
    };
    loop {
        sign.seen_at = engine.clock().now();
        let wait = match engine.db().node_seen(&sign).await {
            Ok(()) => {
                vitals.state_written();
                trouble.over();
                pause
            }
            Err(error) => trouble.again(&error).min(pause),
        };
        tokio::select! {
            () = end.cancelled() => break,
            () = tokio::time::sleep(wait) => {}
        }
    }
    if let Err(error) = engine.db().node_gone(&sign.name).await {
        tracing::warn!(%error, "the others learn only by and by that this node is gone");
    }
}

/// Wakes the workers when another process has queued a run, until `end`. Workers look by themselves as well.
pub(super) async fn hear(engine: Engine, wake: Arc<Notify>, end: CancellationToken) {
    let mut trouble = Trouble::none("listener");
    loop {
        let heard = tokio::select! {
            () = end.cancelled() => return,
            heard = listen(&engine, &wake) => heard,
        };
        let Err(error) = heard else {
            // The state is a file: nobody announces anything.
            return;
        };
        tokio::select! {
            () = end.cancelled() => return,
            () = tokio::time::sleep(trouble.again(&error)) => {}
        }
    }
}

async fn listen(engine: &Engine, wake: &Notify) -> Result<(), StoreError> {
    let Some(mut announcements) = engine.db().announcements().await? else {
        return Ok(());
    };
    loop {
        announcements.next().await?;
        wake.notify_waiters();
    }
}
