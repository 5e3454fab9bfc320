//! Two things at once.

use std::{panic::resume_unwind, thread};

/// Does `there` on a thread of its own while `here` is done; one after the other where there are no more threads.
pub(crate) fn beside<A: Send, B>(there: impl Fn() -> A + Sync, here: impl FnOnce() -> B) -> (A, B) {
    thread::scope(
        |scope| match thread::Builder::new().spawn_scoped(scope, &there) {
            Ok(thread) => {
                let done = here();
                (
                    thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
                    done,
                )
            }
            Err(_none_left) => (there(), here()),
        },
    )
}
