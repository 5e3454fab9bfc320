//! A place of several, had of the state while it is kept.

use std::time::{Duration, Instant};

use store::{Claimed, Db, Right, StoreError};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::owner::Owner;

/// How long a place is had after its process was heard of last: one that dies gives it up by that.
const LASTING: Duration = Duration::from_secs(30);

/// How often a process that has a place says so.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// A place; it is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    /// Since when it is had.
    pub(super) since: Instant,
    _kept: DropGuard,
}

impl Place {
    /// One of the `most` places that are called `name`, for `owner`; none if all are taken.
    ///
    /// # Errors
    /// If the database fails.
    ///
    /// # Cancellation
    /// A place that was claimed and not yet answered is free when its time is over.
    pub(super) async fn claim(
        db: &Db,
        owner: &Owner,
        most: u16,
        name: &(dyn Fn(u16) -> String + Send + Sync),
    ) -> Result<Option<Self>, StoreError> {
        let own = owner.to_string();
        for number in 1..=most {
            let name = name(number);
            let mut claimed = db.right_claim(&name, &own, LASTING).await?;
            if let Claimed::Taken { owner: other } = &claimed
                && owner.is_gone(other)
            {
                db.right_lapse(&name, other).await?;
                claimed = db.right_claim(&name, &own, LASTING).await?;
            }
            if let Claimed::Had(right) = claimed {
                return Ok(Some(Self {
                    since: Instant::now(),
                    _kept: kept(db.clone(), right),
                }));
            }
        }
        Ok(None)
    }
}

/// Keeps `right` until the answer is dropped, and gives it back then.
fn kept(db: Db, right: Right) -> DropGuard {
    let over = CancellationToken::new();
    let guard = over.clone().drop_guard();
    tokio::spawn(async move {
        while over
            .run_until_cancelled(tokio::time::sleep(HEARTBEAT))
            .await
            .is_some()
        {
            // A place that was lost is somebody else's by now; what has it goes on, and the next one waits again.
            if let Err(error) = db.right_renew(&right, LASTING).await {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "a place could not be kept");
            }
        }
        if let Err(error) = db.right_release(&right).await {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "a place is free only by and by");
        }
    });
    guard
}
