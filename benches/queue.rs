//! The queue: how many unchanged titles a service works through in a second, what it takes to claim a run beside many
//! others, and what a service costs that waits for its schedules.
//!
//! `AUTO_UPDATE_BENCH_TITLES` sets how many overrides and schedules there are (10,000 by default),
//! `AUTO_UPDATE_BENCH_SECONDS` how long the waiting service is watched (30). With `AUTO_UPDATE_TEST_POSTGRES` everything
//! is done on that server, too. The state lies where `TMPDIR` says: of a disk the numbers are others than of memory.

#![expect(clippy::print_stdout, reason = "the numbers are what it is for")]

mod fleet;
mod rounds;
#[expect(
    dead_code,
    reason = "services are asked while they live, never followed to their end"
)]
mod usage;

use std::{
    io, thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use model::{Clock as _, SystemClock};
use serde_json::{Value, json};
use store::{Db, Worker};
use tempfile::TempDir;

use self::fleet::{Engine, Fleet};

/// So many runs are in the queue when one is claimed.
const QUEUES: [usize; 3] = [1_000, 10_000, 100_000];

/// So often one is claimed of each.
const CLAIMS: usize = 500;

/// How long a service may go on with what its start brings, before it counts as waiting.
const SETTLING: Duration = Duration::from_secs(15);

fn main() -> anyhow::Result<()> {
    // `cargo test --benches` only wants to know that it starts.
    if rounds::rounds(1)?.is_none() {
        return Ok(());
    }
    let titles = number("AUTO_UPDATE_BENCH_TITLES", 10_000)?;
    let seconds = number("AUTO_UPDATE_BENCH_SECONDS", 30)?;
    let runtime = tokio::runtime::Runtime::new()?;
    for engine in Engine::all() {
        for runs in QUEUES {
            runtime.block_on(claim(engine, runs))?;
        }
        let fleet = Fleet::stand(&runtime, engine, titles)?;
        work(&runtime, &fleet, titles)?;
        wait(&fleet, titles, seconds)?;
    }
    Ok(())
}

fn number(name: &str, usual: usize) -> anyhow::Result<usize> {
    match std::env::var(name) {
        Ok(text) => text.parse().with_context(|| format!("{name} is no number")),
        Err(_) => Ok(usual),
    }
}

/// Claims one run after the other of a queue that stays as long as it is.
async fn claim(engine: Engine, runs: usize) -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let db = engine.open(folder.path()).await?;
    let mut head = None;
    let mut keep = |line: &str| {
        head.get_or_insert_with(|| line.to_owned());
        io::Result::Ok(())
    };
    db.dump(&mut keep).await?;
    let head = head.context("the empty state has no head")?;
    let mut lines = std::iter::once(Ok(head)).chain((0..runs).map(|it| Ok(queued(it).to_string())));
    db.restore(&mut lines).await?;
    let worker = Worker::named("bench");
    let mut times = Vec::new();
    for _ in 0..CLAIMS {
        let now = SystemClock.now();
        let began = Instant::now();
        let claimed = db.run_claim(&worker, now, now.plus(SETTLING)).await?;
        times.push(began.elapsed());
        let (_run, lease) = claimed.context("nothing is due")?;
        ensure!(db.run_release(lease, now).await?, "the run was lost");
    }
    times.sort_unstable();
    let at = |share: usize| times.get(times.len() * share / 100).copied();
    println!(
        "{engine}: claim beside {runs} queued{:>10.2?} (median){:>10.2?} (p99)",
        at(50).unwrap_or_default(),
        at(99).unwrap_or_default()
    );
    db.close().await;
    Ok(())
}

/// A line of a dump: a run that is due. What is left out is as it is of a new one.
fn queued(number: usize) -> Value {
    let id = model::RunId::new();
    json!({"table": "run", "row": {
        "id": id, "title": format!("Bench{number:06}.download"), "trigger_word": "manual", "request": "{}",
        "state": "queued", "queued_at": number, "due_at": number,
    }})
}

/// All titles are due: the first time they are downloaded, the second time nothing has changed.
fn work(runtime: &tokio::runtime::Runtime, fleet: &Fleet, titles: usize) -> anyhow::Result<()> {
    let db = runtime.block_on(fleet.open())?;
    for pass in 1..=2_usize {
        fleet.queue()?;
        let service = fleet.serve("schedules: []\n")?;
        let ended = || runtime.block_on(ended(&db));
        let before = titles * (pass - 1);
        // What its start takes is not what a title takes.
        while ended()? == before {
            thread::sleep(Duration::from_millis(20));
        }
        let (first, cpu, began) = (ended()?, service.cpu()?, Instant::now());
        while ended()? < titles * pass {
            thread::sleep(Duration::from_millis(100));
        }
        let (took, cpu) = (began.elapsed(), service.cpu()?.saturating_sub(cpu));
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let done = (titles * pass - first) as f64;
        println!(
            "{}: {titles} titles, {}{:>8.0} a second{:>8.1} ms of processor time each",
            fleet.engine,
            if pass == 1 { "new      " } else { "unchanged" },
            done / took.as_secs_f64(),
            cpu.as_secs_f64() * 1e3 / done
        );
    }
    let failed = runtime.block_on(db.run_counts())?;
    let failed: u64 = failed
        .iter()
        .filter(|it| it.class.is_some())
        .map(|it| it.count)
        .sum();
    ensure!(failed == 0, "{failed} runs failed");
    runtime.block_on(db.close());
    Ok(())
}

async fn ended(db: &Db) -> anyhow::Result<usize> {
    let counts = db.run_counts().await?;
    let over = counts.iter().filter(|it| it.state.is_final());
    Ok(usize::try_from(over.map(|it| it.count).sum::<u64>())?)
}

/// Nothing is due for long.
fn wait(fleet: &Fleet, titles: usize, seconds: usize) -> anyhow::Result<()> {
    let service = fleet.serve(&fleet.yearly)?;
    thread::sleep(SETTLING);
    let (before, began) = (service.cpu()?, Instant::now());
    thread::sleep(Duration::from_secs(u64::try_from(seconds)?));
    let (cpu, took) = (service.cpu()?.saturating_sub(before), began.elapsed());
    println!(
        "{}: {titles} schedules, waiting{:>8.2} % of a processor{:>8.0} MiB of memory",
        fleet.engine,
        cpu.as_secs_f64() * 100.0 / took.as_secs_f64(),
        service.memory_mib()?
    );
    Ok(())
}
