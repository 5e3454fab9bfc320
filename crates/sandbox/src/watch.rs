//! Looks at a program and everything it started, and tells when they go over a limit.

use std::{
    future,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::{Breach, Limits};

/// How often it looks. A program that takes memory as fast as it can gets about a gibibyte further meanwhile.
const LOOK: Duration = Duration::from_millis(100);

/// How long it takes for what was ended to be gone.
const SHORTLY: Duration = Duration::from_millis(1);

/// How many threads there may be for each process that may be.
const THREADS: usize = 16;

const MIB: u64 = 1 << 20;

/// How long a program has run, without the time that it waited for others.
#[derive(Debug)]
pub(crate) struct Stopwatch(Mutex<Times>);

#[derive(Debug)]
struct Times {
    /// Time that counts, up to when it was stopped last.
    counted: Duration,
    /// When it was started last; none while it is stopped.
    since: Option<Instant>,
}

impl Stopwatch {
    /// One that runs.
    pub(crate) fn started() -> Self {
        Self(Mutex::new(Times {
            counted: Duration::ZERO,
            since: Some(Instant::now()),
        }))
    }

    /// From now on time does not count.
    pub(crate) fn stop(&self) {
        let mut times = self.times();
        if let Some(since) = times.since.take() {
            times.counted = times.counted.saturating_add(since.elapsed());
        }
    }

    /// From now on time counts.
    pub(crate) fn start(&self) {
        let mut times = self.times();
        times.since = times.since.or_else(|| Some(Instant::now()));
    }

    fn counted(&self) -> Duration {
        let times = self.times();
        let running = times.since.map_or(Duration::ZERO, |since| since.elapsed());
        times.counted.saturating_add(running)
    }

    fn times(&self) -> MutexGuard<'_, Times> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a program and its descendants use.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Usage {
    processes: usize,
    threads: usize,
    memory_bytes: u64,
}

/// Returns when the process or its descendants go over a limit.
pub(crate) async fn until_breach(
    process: Option<u32>,
    limits: Limits,
    stopwatch: &Stopwatch,
) -> Breach {
    let Some(process) = process else {
        return future::pending().await;
    };
    loop {
        tokio::time::sleep(LOOK).await;
        if stopwatch.counted() > limits.time {
            return Breach::Time { limit: limits.time };
        }
        // The files of /proc are in memory: to read them does not block.
        let used = usage(process, limits.processes.saturating_mul(2));
        let threads = limits.processes.saturating_mul(THREADS);
        if used.processes > limits.processes || used.threads > threads {
            return Breach::Processes {
                limit: limits.processes,
            };
        }
        if used.memory_bytes > limits.memory_bytes {
            return Breach::Memory {
                limit_mib: limits.memory_bytes / MIB,
            };
        }
    }
}

/// What `process` and its descendants use; the count ends at `most`, since no more need be known.
fn usage(process: u32, most: usize) -> Usage {
    let mut used = Usage::default();
    let mut open = vec![process];
    while let Some(process) = open.pop() {
        if used.processes > most {
            break;
        }
        used.processes = used.processes.saturating_add(1);
        used.threads = used.threads.saturating_add(threads(process));
        used.memory_bytes = used.memory_bytes.saturating_add(memory_bytes(process));
        open.extend(children(process));
    }
    used
}

/// How many threads it has: field 20 of `/proc/PID/stat`. None if it has ended.
fn threads(process: u32) -> usize {
    let fields = fields(process);
    let threads = fields
        .as_ref()
        .and_then(|fields| fields.get(17)?.parse().ok());
    threads.unwrap_or_default()
}

/// What a process holds in memory, pages that it shares with others by its share only: a program and the copies
/// that it forks are not counted as many times as there are copies. Nothing for a process that has ended.
fn memory_bytes(process: u32) -> u64 {
    proportional_bytes(process).unwrap_or_else(|| resident_bytes(process))
}

/// `Pss` of `/proc/PID/smaps_rollup`; nothing where the kernel does not let us read it (the process ended, or
/// changed its identity).
fn proportional_bytes(process: u32) -> Option<u64> {
    let text = fs_err::read_to_string(format!("/proc/{process}/smaps_rollup")).ok()?;
    let mut fields = text
        .lines()
        .find_map(|line| line.strip_prefix("Pss:"))?
        .split_ascii_whitespace();
    let kib: u64 = fields.next()?.parse().ok()?;
    Some(kib.saturating_mul(1024))
}

/// Second field of `/proc/PID/statm`, in bytes.
fn resident_bytes(process: u32) -> u64 {
    let text = fs_err::read_to_string(format!("/proc/{process}/statm")).unwrap_or_default();
    let resident = text.split_ascii_whitespace().nth(1);
    let pages: u64 = resident
        .and_then(|pages| pages.parse().ok())
        .unwrap_or_default();
    let page_bytes = u64::try_from(rustix::param::page_size()).unwrap_or(4096);
    pages.saturating_mul(page_bytes)
}

/// `/proc/PID/task/TID/children` of every thread.
fn children(process: u32) -> Vec<u32> {
    let Ok(threads) = fs_err::read_dir(format!("/proc/{process}/task")) else {
        return Vec::new();
    };
    threads
        .flatten()
        .filter_map(|thread| fs_err::read_to_string(thread.path().join("children")).ok())
        .flat_map(|text| {
            text.split_ascii_whitespace()
                .filter_map(|word| word.parse().ok())
                .collect::<Vec<u32>>()
        })
        .collect()
}

/// A process, told from a later one of the same number by when it was started.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Process {
    number: u32,
    /// In ticks since the machine was started.
    started: u64,
}

impl Process {
    /// Whether it has not ended.
    pub(crate) fn is_there(&self) -> bool {
        running(self.number).as_ref() == Some(self)
    }
}

/// What bubblewrap, the process `outer`, has started: the first process of the room.
pub(crate) fn first_of(outer: Option<u32>) -> Vec<Process> {
    let inner = outer.map(children).unwrap_or_default();
    inner.into_iter().filter_map(running).collect()
}

/// Everything that the process `outer` has started.
#[cfg(test)]
pub(crate) fn all_of(outer: Option<u32>) -> Vec<Process> {
    let mut open: Vec<u32> = outer.into_iter().collect();
    let mut all = Vec::new();
    while let Some(number) = open.pop() {
        let inner = children(number);
        all.extend(inner.iter().filter_map(|&inner| running(inner)));
        open.extend(inner);
    }
    all
}

/// Returns when none of `processes` is there any more.
pub(crate) async fn until_gone(processes: &[Process]) {
    for process in processes {
        while process.is_there() {
            tokio::time::sleep(SHORTLY).await;
        }
    }
}

/// As [`until_gone`], but no longer than `at_most`. Blocking.
pub(crate) fn wait_until_gone(processes: &[Process], at_most: Duration) {
    let begun = Instant::now();
    while processes.iter().any(Process::is_there) && begun.elapsed() < at_most {
        std::thread::sleep(SHORTLY);
    }
}

/// The process with that number, unless it has ended: fields 3 and 22 of `/proc/PID/stat`.
fn running(number: u32) -> Option<Process> {
    let fields = fields(number)?;
    let state = fields.first()?;
    let started = fields.get(19)?.parse().ok()?;
    (!matches!(state.as_str(), "Z" | "X")).then_some(Process { number, started })
}

/// The fields of `/proc/PID/stat` from the third on.
fn fields(number: u32) -> Option<Vec<String>> {
    let text = fs_err::read_to_string(format!("/proc/{number}/stat")).ok()?;
    // The name in brackets may hold anything.
    let (_, fields) = text.rsplit_once(')')?;
    Some(fields.split_ascii_whitespace().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_process_is_told_from_a_later_one() {
        let own = running(std::process::id()).unwrap();
        assert!(own.started > 0);
        let later = Process {
            number: own.number,
            started: own.started.saturating_add(1),
        };
        until_gone(&[later]).await;
        let mut child = tokio::process::Command::new("/bin/sleep")
            .arg("60")
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let started = running(child.id().unwrap()).unwrap();
        let waited = tokio::time::timeout(SHORTLY, until_gone(std::slice::from_ref(&started)));
        assert!(waited.await.is_err());
        child.start_kill().unwrap();
        // It is not waited for by anybody, and counts as gone all the same.
        until_gone(&[started]).await;
    }
}
