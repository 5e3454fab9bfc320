//! Pods: the ones that are built in against NGINX, in the same run, over TLS, with connections that stay and the
//! credential of a tenant; memory with many tenants and open connections; and envQUERY: exchanges in a second, and whether
//! the time of a refusal tells why.
//!
//! `wrk` has to be installed, and NGINX for the ratios. `AUTO_UPDATE_BENCH_SECONDS` sets how long each round of load takes
//! (5 by default), `AUTO_UPDATE_BENCH_ROUNDS` how many there are (3), `AUTO_UPDATE_BENCH_TENANTS` how many tenants there
//! are (1,000). With `AUTO_UPDATE_TEST_POSTGRES` exchanges are on that server, too.

#![expect(clippy::print_stdout, reason = "the numbers are what it is for")]

mod exchange;
mod load;
mod rounds;
mod site;

use anyhow::Context as _;

use self::{load::Load, site::Standing};

/// As many as ask at a time, of something small and of something large.
const CLIENTS: [usize; 2] = [16, 4];

/// As many connections as are held open.
const OPEN: usize = 1_000;

fn main() -> anyhow::Result<()> {
    // `cargo test --benches` only wants to know that it starts.
    let Some(rounds) = rounds::rounds(3)? else {
        return Ok(());
    };
    let seconds = number("AUTO_UPDATE_BENCH_SECONDS", 5)?;
    let tenants = number("AUTO_UPDATE_BENCH_TENANTS", 1_000)?;
    let runtime = tokio::runtime::Runtime::new()?;
    if load::is_there() {
        served(&runtime, tenants, seconds, rounds)?;
    } else {
        println!("pods                    skipped: `wrk` is not installed");
    }
    runtime.block_on(exchange::measure())
}

fn served(
    runtime: &tokio::runtime::Runtime,
    tenants: usize,
    seconds: usize,
    rounds: usize,
) -> anyhow::Result<()> {
    let site = runtime.block_on(Standing::stand(tenants))?;
    println!(
        "{tenants} tenants; {:.0} MiB of memory with nobody there",
        site.memory_mib()?
    );
    for (what, path, clients) in [
        ("catalog, 20 KB", "catalogs/production", CLIENTS[0]),
        ("package, 50 MB", "pkgs/Large.pkg", CLIENTS[1]),
    ] {
        compare(&site, (what, path, clients), seconds, rounds)?;
    }
    let held = site.memory_while(|| Load::ask(&site, 0, "catalogs/production", OPEN, seconds));
    println!("{OPEN} connections open{:>20.0} MiB of memory", held?);
    Ok(())
}

/// Both servers in turn; the median of each counts.
fn compare(
    site: &Standing,
    (what, path, clients): (&str, &str, usize),
    seconds: usize,
    rounds: usize,
) -> anyhow::Result<()> {
    let mut of: [Vec<Load>; 2] = [Vec::new(), Vec::new()];
    for _ in 0..rounds {
        for (server, loads) in of.iter_mut().enumerate().take(site.servers()) {
            loads.push(Load::ask(site, server, path, clients, seconds)?);
        }
    }
    let mut medians = Vec::new();
    for (name, mut loads) in ["built in", "NGINX"].into_iter().zip(of) {
        loads.sort_by(|one, other| one.bytes_a_second.total_cmp(&other.bytes_a_second));
        let Some(median) = loads.get(loads.len() / 2) else {
            println!("{what:<18}{name:<10}skipped: it is not installed");
            continue;
        };
        println!(
            "{what:<18}{name:<10}{:>9.0} a second{:>9.1} MB/s{:>9.1} ms (p99)",
            median.requests_a_second,
            median.bytes_a_second / 1e6,
            median.slowest_ms
        );
        medians.push(median.bytes_a_second);
    }
    if let [ours, theirs] = medians.as_slice() {
        println!("{what:<18}ratio     {:>9.2}", ours / theirs);
    }
    Ok(())
}

fn number(name: &str, usual: usize) -> anyhow::Result<usize> {
    match std::env::var(name) {
        Ok(text) => text.parse().with_context(|| format!("{name} is no number")),
        Err(_) => Ok(usual),
    }
}
