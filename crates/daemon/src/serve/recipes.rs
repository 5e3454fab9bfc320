//! Keeps the index of recipes that the pages search, off the way of whoever asks.

use std::time::Duration;

use pipeline::Engine;
use tokio_util::sync::CancellationToken;

/// How often it is looked whether a recipe came, went or changed.
const LOOK: Duration = Duration::from_mins(1);

/// Looks recipes over whenever one has changed, until `end`. A look that is under way then goes on to its end on its
/// thread, and changes nothing but memory.
pub(super) async fn keep(engine: Engine, end: CancellationToken) {
    loop {
        let looking = engine.index_recipes();
        tokio::select! {
            () = end.cancelled() => return,
            looked = looking => if let Err(failure) = looked {
                tracing::error!(cause = failure.cause(), "the recipes could not be looked over");
            },
        }
        tokio::select! {
            () = end.cancelled() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}
