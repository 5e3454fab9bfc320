//! Work that blocks, but is over in a moment.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::{
    runtime::{Handle, RuntimeFlavor},
    task,
};

/// Work that blocks was not finished: it panicked, or the process is about to end.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the work ended unexpectedly")]
pub struct Unfinished;

/// Whether all that this process does waits for its turn on this one thread, as with a verb at a terminal.
///
/// Then another thread, which has to be woken and wakes this one again, takes longer than what is over in a moment.
pub fn is_on_one_thread() -> bool {
    Handle::try_current().is_ok_and(|it| it.runtime_flavor() == RuntimeFlavor::CurrentThread)
}

/// Does `work`, which blocks for a moment only, where it holds up nobody: on this thread if there is only one, else on
/// one that may block. Whatever may take as long as its input is large does not belong here.
///
/// # Errors
/// If it panics.
///
/// # Cancellation
/// What was begun is carried out all the same.
pub async fn briefly<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Unfinished> {
    if is_on_one_thread() {
        return caught(work);
    }
    task::spawn_blocking(work)
        .await
        .map_err(|_stopped| Unfinished)
}

/// Does `work` on this thread.
///
/// # Errors
/// If it panics; what it holds may then be half done, and is for nobody to use any more.
pub fn caught<T>(work: impl FnOnce() -> T) -> Result<T, Unfinished> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|_panic| Unfinished)
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    fn panics() {
        panic!("on purpose");
    }

    #[tokio::test]
    async fn one_thread_does_it_itself() {
        assert!(is_on_one_thread());
        let done = briefly(|| thread::current().id()).await;
        assert_eq!(done, Ok(thread::current().id()));
        assert_eq!(briefly(panics).await, Err(Unfinished));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn several_threads_have_one_more_for_it() {
        assert!(!is_on_one_thread());
        let done = briefly(|| thread::current().id()).await;
        assert_ne!(done, Ok(thread::current().id()));
        assert_eq!(briefly(panics).await, Err(Unfinished));
    }
}
