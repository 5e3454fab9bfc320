//! Waiting for what an object store does, on threads that may or may not belong to a runtime.

use std::{fmt, future::Future, io, sync::mpsc::sync_channel};

use tokio::runtime::{Builder, Runtime};

use crate::RepositoryError;

/// A runtime of its own. A thread of another one could not wait on that without the risk of waiting for itself.
pub(super) struct Bridge {
    runtime: Option<Runtime>,
}

impl Bridge {
    pub(super) fn new() -> Result<Self, RepositoryError> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("object-store")
            .enable_all()
            .build()
            .map_err(RepositoryError::store("starting a thread"))?;
        Ok(Self {
            runtime: Some(runtime),
        })
    }

    /// What comes of `work`.
    pub(super) fn wait<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, RepositoryError> {
        let (done, outcome) = sync_channel(1);
        if let Some(runtime) = &self.runtime {
            runtime.spawn(async move {
                // Nobody waits any more if this fails.
                done.send(work.await).ok();
            });
        }
        outcome
            .recv()
            .map_err(|error| RepositoryError::store("waiting")(io::Error::other(error)))
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        // Waiting for it is not allowed on a thread of another runtime.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for Bridge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bridge")
    }
}
