//! A program that runs in a room.

use std::{io, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, BufReader},
    process::{Child, ChildStderr, ChildStdin, ChildStdout},
    task::JoinHandle,
};

use crate::{
    Breach, Limits, Room, filter,
    watch::{self, Stopwatch},
};

/// How much of what a program says on its standard error is kept: the beginning.
const KEPT_BYTES: u64 = 16 * 1024;

/// How long dropping one waits for its processes to be gone. A process that was ended takes a few milliseconds, unless it
/// waits for a disk that does not answer.
const TO_BE_GONE: Duration = Duration::from_secs(1);

/// A program that runs in a room. Dropping it ends it and everything it started, and waits for that where it may write
/// what others go on with; [`Confined::end`] and [`Confined::ended`] do so without holding anybody up.
#[derive(Debug)]
pub struct Confined {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Option<BufReader<ChildStdout>>,
    errors: JoinHandle<String>,
    limits: Limits,
    /// Whether it may write what is there when it is gone.
    leaves_something: bool,
    stopwatch: Arc<Stopwatch>,
}

impl Drop for Confined {
    fn drop(&mut self) {
        // None where its end was waited for.
        let first = watch::first_of(self.child.id());
        let killed = self.child.start_kill();
        if killed.is_ok() && self.leaves_something {
            watch::wait_until_gone(&first, TO_BE_GONE);
        }
    }
}

/// While this is held, the program waits for whoever holds it, and its time does not count.
#[derive(Debug)]
#[must_use = "time counts again when it is dropped"]
pub struct Excused(Arc<Stopwatch>);

impl Drop for Excused {
    fn drop(&mut self) {
        self.0.start();
    }
}

/// Excuses a program while others keep it waiting.
#[derive(Clone, Debug)]
pub struct Excuse(Arc<Stopwatch>);

impl Excuse {
    /// From now on, until the answer is dropped, time does not count.
    pub fn begin(&self) -> Excused {
        self.0.stop();
        Excused(Arc::clone(&self.0))
    }
}

/// How a program ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Ended {
    /// Its exit status; none if it was ended by a signal.
    pub status: Option<i32>,
    /// What it said on its standard error.
    pub errors: String,
}

impl Ended {
    /// What bubblewrap said if it could not make the room, or the shell if it could not hand the filter on.
    pub fn refusal(&self) -> Option<&str> {
        let first = self.errors.lines().next()?;
        let of_room = first.starts_with("bwrap: ") || first.starts_with(filter::PROCESSES);
        of_room.then_some(first)
    }
}

impl Confined {
    pub(crate) fn new(mut child: Child, room: &Room) -> io::Result<Self> {
        let missing = || io::Error::other("a pipe is missing");
        let stdin = child.stdin.take().ok_or_else(missing)?;
        let stdout = child.stdout.take().ok_or_else(missing)?;
        let stderr = child.stderr.take().ok_or_else(missing)?;
        Ok(Self {
            child,
            stdin: Some(stdin),
            stdout: Some(BufReader::new(stdout)),
            errors: tokio::spawn(keep(stderr)),
            limits: room.limits,
            leaves_something: !room.write.is_empty() || room.scratch.is_some(),
            stopwatch: Arc::new(Stopwatch::started()),
        })
    }

    /// Excuses the program while it waits for its caller.
    pub fn excuse(&self) -> Excuse {
        Excuse(Arc::clone(&self.stopwatch))
    }

    /// Its standard input; none after it was taken.
    pub const fn take_stdin(&mut self) -> Option<ChildStdin> {
        self.stdin.take()
    }

    /// Its standard output; none after it was taken.
    pub const fn take_stdout(&mut self) -> Option<BufReader<ChildStdout>> {
        self.stdout.take()
    }

    /// Returns when the program has gone over a limit; never if it keeps to them. It still runs then: end it.
    pub async fn breach(&self) -> Breach {
        watch::until_breach(self.child.id(), self.limits, &self.stopwatch).await
    }

    /// Everything that runs in the room.
    #[cfg(test)]
    pub(crate) fn processes(&self) -> Vec<watch::Process> {
        watch::all_of(self.child.id())
    }

    /// Waits for the end of the program and of everything that it started and that is there when this is called.
    ///
    /// # Errors
    /// If the system cannot tell.
    pub fn ended(mut self) -> impl Future<Output = io::Result<Ended>> {
        // The first process of the room is gone only when all others in it are.
        let first = watch::first_of(self.child.id());
        async move {
            drop(self.stdin.take());
            let status = self.child.wait().await?;
            let errors = (&mut self.errors).await.unwrap_or_default();
            watch::until_gone(&first).await;
            Ok(Ended {
                status: status.code(),
                errors,
            })
        }
    }

    /// Ends the program and everything it started, and waits until all of it is gone.
    ///
    /// # Errors
    /// If the system refuses.
    pub async fn end(&mut self) -> io::Result<()> {
        let first = watch::first_of(self.child.id());
        self.child.kill().await?;
        watch::until_gone(&first).await;
        Ok(())
    }
}

/// Reads all of it, so that the program never waits for us, and keeps the beginning.
async fn keep(mut stderr: ChildStderr) -> String {
    let mut kept = Vec::new();
    let read = (&mut stderr).take(KEPT_BYTES).read_to_end(&mut kept).await;
    if read.is_ok() {
        tokio::io::copy(&mut stderr, &mut tokio::io::sink())
            .await
            .unwrap_or_default();
    }
    String::from_utf8_lossy(&kept).into_owned()
}
