//! What a step says is written down while it goes on, so that people on any node can follow it.

use std::{convert::Infallible, sync::Arc, time::Duration};

use store::{Db, Lease};

use crate::messages::Messages;

/// How often it is looked whether there is something new: a step that is silent costs nothing.
const LOOK: Duration = Duration::from_secs(1);

/// Writes down what one step says.
pub(crate) struct Scribe {
    pub(crate) db: Db,
    pub(crate) lease: Lease,
    pub(crate) position: u32,
    pub(crate) messages: Arc<Messages>,
}

impl Scribe {
    /// Writes until the step is done. What it has said in the end comes with its end.
    pub(crate) async fn write_while<T>(self, step: impl Future<Output = T>) -> T {
        tokio::select! {
            done = step => done,
            never = self.write() => match never {},
        }
    }

    async fn write(&self) -> Infallible {
        let mut written = String::new();
        loop {
            tokio::time::sleep(LOOK).await;
            let said = self.messages.so_far();
            if said == written {
                continue;
            }
            match self.db.step_say(self.lease, self.position, &said).await {
                Ok(()) => written = said,
                // Nobody can follow it now; what is written at its end counts.
                Err(error) => {
                    let error: &dyn std::error::Error = &error;
                    tracing::warn!(error, "what a step says is not written down");
                }
            }
        }
    }
}
