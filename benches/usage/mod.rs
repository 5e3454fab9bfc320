//! What a process used, as the kernel counts it.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use rustix::{
    param::clock_ticks_per_second,
    process::{Pid, WaitId, WaitIdOptions, waitid},
};

/// How often a process is asked for its memory; its own high-water mark never falls.
const SAMPLE: Duration = Duration::from_millis(5);

/// What a process used.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    pub(crate) time: Duration,
    /// Processor time, that of its children too.
    pub(crate) cpu: Duration,
    pub(crate) peak_bytes: u64,
    pub(crate) read_bytes: u64,
    pub(crate) written_bytes: u64,
}

/// Follows a process to its end, without taking its exit status from who started it.
pub(crate) fn watch(id: u32) -> anyhow::Result<Usage> {
    let pid = i32::try_from(id).ok().and_then(Pid::from_raw);
    let pid = pid.context("no such process")?;
    let began = Instant::now();
    // The time is taken when it ends, not when that is next looked at.
    let waiting = thread::spawn(move || {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        waitid(WaitId::Pid(pid), options).map(|_| began.elapsed())
    });
    let mut usage = Usage::default();
    loop {
        let ended = waiting.is_finished();
        // What has ended has no memory any more, but its counters are there until it is waited for.
        usage.peak_bytes = usage.peak_bytes.max(field(id, "status", "VmHWM:")? * 1024);
        usage.read_bytes = field(id, "io", "rchar:")?;
        usage.written_bytes = field(id, "io", "wchar:")?;
        if ended {
            usage.time = waiting.join().ok().context("nobody waited for it")??;
            usage.cpu = cpu(id)?;
            return Ok(usage);
        }
        thread::sleep(SAMPLE);
    }
}

/// A number in a file of `/proc`; zero if it is not there.
pub(crate) fn field(id: u32, file: &str, name: &str) -> anyhow::Result<u64> {
    let text = fs_err::read_to_string(format!("/proc/{id}/{file}"))?;
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.map_or(Ok(0), str::parse)?)
}

/// The processor time of a process that was not waited for yet.
pub(crate) fn cpu(id: u32) -> anyhow::Result<Duration> {
    let text = fs_err::read_to_string(format!("/proc/{id}/stat"))?;
    // The name may hold anything; the fields behind it are numbered from 3.
    let fields = text.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: u64 = fields
        .split_whitespace()
        .skip(11)
        .take(4)
        .map(|field| field.parse::<u64>().unwrap_or_default())
        .sum();
    Ok(Duration::from_secs(ticks) / u32::try_from(clock_ticks_per_second())?)
}
