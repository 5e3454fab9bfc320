//! Verifying the signature of a large application, against hashing the same bytes with SHA-256 in one thread.
//!
//! An application with a large program and many resources is made up and signed; `auto-update codesign verify` judges it
//! on one processor and on two, and the peer, this very process, hashes all of its files one after the other. A ratio
//! below 1 means that the judgement takes less time than the hashing. Memory is measured for two sizes of the program.
//!
//! `AUTO_UPDATE_BENCH_ROUNDS` says how often each is done (5 by default; the median counts).

#![expect(clippy::print_stdout, reason = "the numbers are what it is for")]

mod rounds;
mod usage;

use std::{
    env, fs,
    io::Read as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use sha2::{Digest as _, Sha256};
use testkit::signing::{
    program_for_newer_systems, self_signed_certificate, sign_for_newer_systems, write_app,
};

use self::{
    rounds::rounds,
    usage::{Usage, watch},
};

const MIB: usize = 1 << 20;
const RESOURCES: usize = 2000;
const RESOURCE_LEN: usize = 64 << 10;

fn main() -> anyhow::Result<()> {
    let Some(rounds) = rounds(5)? else {
        return Ok(());
    };
    // In memory where that can be had: it is the programs that are compared, not the disk.
    let memory = Path::new("/dev/shm");
    let house = if memory.is_dir() {
        tempfile::tempdir_in(memory)?
    } else {
        tempfile::tempdir()?
    };
    println!(
        "| program, MiB | all, MiB | one processor | two processors | SHA-256, s | peak memory, MiB |"
    );
    println!("|---|---|---|---|---|---|");
    for megabytes in [32, 256] {
        let app = signed_app(house.path(), megabytes)?;
        println!("{}", compare(&app, megabytes, rounds)?);
        fs::remove_dir_all(&app)?;
    }
    Ok(())
}

/// An application whose program has that many MiB, signed.
fn signed_app(house: &Path, megabytes: usize) -> anyhow::Result<PathBuf> {
    let app = house.join("Large.app");
    write_app(&app, "com.example.large", "1.0")?;
    let mut random = fastrand::Rng::with_seed(7);
    let mut code = vec![0; megabytes * MIB];
    random.fill(&mut code);
    fs::write(
        app.join("Contents/MacOS/Sample"),
        program_for_newer_systems(&code),
    )?;
    let mut resource = vec![0; RESOURCE_LEN];
    for number in 0..RESOURCES {
        random.fill(&mut resource);
        let folder = app.join(format!("Contents/Resources/{:02}.lproj", number % 40));
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(format!("{number}.strings")), &resource)?;
    }
    let signer = self_signed_certificate("ABCDE12345", "Somebody")?;
    sign_for_newer_systems(&app, &signer, "com.example.large")?;
    Ok(app)
}

/// A line of the table.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
fn compare(app: &Path, megabytes: usize, rounds: usize) -> anyhow::Result<String> {
    let (mut one, mut two, mut peer) = (Vec::new(), Vec::new(), Vec::new());
    let (mut bytes, mut peak) = (0, 0);
    for _ in 0..rounds {
        one.push(verify(app, "0")?.time);
        let used = verify(app, "0,1")?;
        two.push(used.time);
        peak = peak.max(used.peak_bytes);
        let began = Instant::now();
        bytes = hash_all(app)?;
        peer.push(began.elapsed());
    }
    let [one, two, peer] = [one, two, peer].map(median);
    Ok(format!(
        "| {megabytes} | {:.0} | {:.2} | {:.2} | {peer:.3} | {:.1} |",
        bytes as f64 / MIB as f64,
        one / peer,
        two / peer,
        peak as f64 / MIB as f64,
    ))
}

/// Runs the program on those processors only; who signed is nobody that Apple knows, which must be all that is wrong.
fn verify(app: &Path, processors: &str) -> anyhow::Result<Usage> {
    let mut child = Command::new("taskset")
        .args(["--cpu-list", processors, env!("CARGO_BIN_EXE_auto-update")])
        .args(["codesign", "verify", "--json"])
        .arg(app)
        .stdout(Stdio::piped())
        .spawn()
        .context("`taskset` (of util-linux) is needed")?;
    let used = watch(child.id())?;
    let mut report = String::new();
    if let Some(mut output) = child.stdout.take() {
        output.read_to_string(&mut report)?;
    }
    child.wait()?;
    let report: serde_json::Value = serde_json::from_str(&report)?;
    ensure!(
        report
            .get("verdict")
            .is_some_and(|verdict| verdict == "not-trusted"),
        "the verdict is {report}"
    );
    Ok(used)
}

/// Hashes every file below `folder`, one after the other, and gives how many bytes they have.
fn hash_all(folder: &Path) -> anyhow::Result<u64> {
    let mut bytes = 0;
    let mut block = vec![0; 256 << 10];
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            bytes += hash_all(&path)?;
            continue;
        }
        let mut file = fs::File::open(&path)?;
        let mut hasher = Sha256::new();
        loop {
            let len = file.read(&mut block)?;
            let Some(read) = block.get(..len).filter(|read| !read.is_empty()) else {
                break;
            };
            hasher.update(read);
            bytes += len as u64;
        }
        std::hint::black_box(hasher.finalize());
    }
    Ok(bytes)
}

/// In seconds.
fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times
        .get(times.len() / 2)
        .map_or(f64::NAN, Duration::as_secs_f64)
}
