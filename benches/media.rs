//! Opening media, against 7-Zip: the same files, both programs in turn, two threads each.
//!
//! One folder with a large program and many small files is put into an image of every compression, a zip archive and a
//! package; each is then extracted and listed by both programs, and one `Info.plist` is read out of it. Ratios above
//! 1 mean that 7-Zip takes that many times as long. What is printed is a table for `docs/benchmarks.md`.
//!
//! `AUTO_UPDATE_BENCH_MEDIA` is a folder with files to take as the contents; without one they are made up.
//! `AUTO_UPDATE_BENCH_ROUNDS` says how often each is done (3 by default; the median counts).

#![expect(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "the numbers are what it is for"
)]

mod rounds;
mod usage;

use std::{
    env,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::ensure;
use media::write::{Compression, Package};

use self::{rounds::rounds, usage::watch};

const PEER: &str = "7zz";
/// Of the two processors that are compared on, as many as there are here at most.
const THREADS: &str = "-mmt2";
/// The file that is read out of every medium, from the root of its contents.
const SMALL: &str = "Suite.app/Contents/Info.plist";

fn main() -> anyhow::Result<()> {
    let Some(rounds) = rounds(3)? else {
        return Ok(());
    };
    if Command::new(PEER).stdout(Stdio::null()).status().is_err() {
        println!("`{PEER}` is not here: install the package `7zip` to compare with it.");
        return Ok(());
    }
    // In memory where that can be had: it is the programs that are compared, not the disk.
    let memory = Path::new("/dev/shm");
    let house = if memory.is_dir() {
        tempfile::tempdir_in(memory)?
    } else {
        tempfile::tempdir()?
    };
    let contents = contents(house.path())?;
    println!("| medium | MB | extract | list | `media cat` reads | extract, s | 7-Zip, s |");
    println!("|---|---|---|---|---|---|---|");
    for medium in media_of(house.path(), &contents)? {
        println!("{}", compare(&medium, house.path(), rounds)?);
        fs::remove_file(&medium.path)?;
    }
    Ok(())
}

/// One medium.
struct Medium {
    name: &'static str,
    path: PathBuf,
    /// Where in it the contents begin.
    root: &'static str,
}

/// A folder with an application of one large program and many small files.
fn contents(house: &Path) -> anyhow::Result<PathBuf> {
    let folder = house.join("contents");
    let app = folder.join("Suite.app/Contents");
    fs::create_dir_all(app.join("MacOS"))?;
    fs::create_dir_all(app.join("Resources"))?;
    let plist = "<plist version=\"1.0\"><dict><key>CFBundleName</key><string>Suite</string></dict></plist>\n";
    fs::write(app.join("Info.plist"), plist)?;
    let program = app.join("MacOS/Suite");
    match env::var_os("AUTO_UPDATE_BENCH_MEDIA").map(PathBuf::from) {
        Some(given) => {
            let copied = Command::new("cp")
                .arg("-rL")
                .arg(&given)
                .arg(app.join("Given"))
                .status()?;
            ensure!(
                copied.success(),
                "`{}` could not be copied",
                given.display()
            );
        }
        None => fs::write(&program, made_up(160 << 20))?,
    }
    for number in 0..4000_usize {
        let text = format!("// file {number}\n").repeat(number % 400);
        let folder = app.join(format!("Resources/{:02}.lproj", number % 40));
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(format!("{number}.strings")), text)?;
    }
    Ok(folder)
}

/// Bytes of which a compressor makes half.
fn made_up(len: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(7);
    let mut bytes = Vec::with_capacity(len);
    while bytes.len() < len {
        let number = random.u64(..);
        bytes.extend(number.to_le_bytes());
        bytes.extend([0x48, 0x89, 0xe5, 0x90, 0, 0, 0, 0]);
    }
    bytes
}

/// The contents in every medium.
fn media_of(house: &Path, contents: &Path) -> anyhow::Result<Vec<Medium>> {
    let mut found = Vec::new();
    let tree = media::HostTree::new(contents)?;
    for (name, file, compression) in [
        ("HFS+ image, raw", "raw.dmg", Compression::Stored),
        ("HFS+ image, zlib", "zlib.dmg", Compression::default()),
        ("HFS+ image, lzfse", "lzfse.dmg", Compression::Lzfse),
        ("HFS+ image, bzip2", "bzip2.dmg", Compression::Bzip2),
        ("HFS+ image, lzma", "lzma.dmg", Compression::Lzma),
    ] {
        let path = house.join(file);
        media::write::dmg_of(&tree, "Suite", compression, &path)?;
        found.push(Medium {
            name,
            path,
            root: "",
        });
    }
    let path = house.join("suite.zip");
    let zipped = Command::new(PEER)
        .args(["a", "-tzip", "-mx5", "-bso0", "-bsp0"])
        .arg(&path)
        .arg("Suite.app")
        .current_dir(contents)
        .status()?;
    ensure!(zipped.success(), "no zip archive could be made");
    found.push(Medium {
        name: "zip, deflate",
        path,
        root: "",
    });
    found.push(package(house, contents)?);
    Ok(found)
}

fn package(house: &Path, contents: &Path) -> anyhow::Result<Medium> {
    let path = house.join("suite.pkg");
    let package = Package {
        identifier: "com.example.suite",
        version: "1.0",
        install_location: "/Applications",
        postinstall_action: "none",
        scripts: None,
        owners: &[],
    };
    media::write::flat_pkg(contents, &package, &path)?;
    Ok(Medium {
        name: "flat package, gzip",
        path,
        root: "Payload",
    })
}

/// Both programs on one medium: a line of the table.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
fn compare(medium: &Medium, house: &Path, rounds: usize) -> anyhow::Result<String> {
    let ours = env!("CARGO_BIN_EXE_auto-update");
    let path = medium.path.as_os_str();
    let len = fs::metadata(&medium.path)?.len();
    let out = house.join("out");
    let (mut extract, mut list) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
    let [extract_ours, extract_peer] = &mut extract;
    let [list_ours, list_peer] = &mut list;
    let inner = medium.path.join(medium.root);
    for _ in 0..rounds {
        let arguments = [
            "media".as_ref(),
            "extract".as_ref(),
            inner.as_os_str(),
            out.as_os_str(),
        ];
        extract_ours.push(timed(ours, &arguments)?);
        fs::remove_dir_all(&out)?;
        match extract_by_peer(medium, &out) {
            Ok(taken) => extract_peer.push(taken),
            Err(error) => eprintln!("7-Zip cannot extract the {}: {error:#}", medium.name),
        }
        if out.exists() {
            fs::remove_dir_all(&out)?;
        }
        let arguments = [
            "media".as_ref(),
            "ls".as_ref(),
            "--tsv".as_ref(),
            inner.as_os_str(),
        ];
        list_ours.push(timed(ours, &arguments)?);
        list_peer.push(list_by_peer(path, medium, &out)?);
    }
    let read = read_by_cat(&inner.join(SMALL))?;
    let [ours, peer, list_ours, list_peer] =
        [extract_ours, extract_peer, list_ours, list_peer].map(|times| median(times));
    let ratio = |peer: Option<f64>, ours: Option<f64>| {
        let ratio = peer.zip(ours).map(|(peer, ours)| peer / ours);
        ratio.map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.2}"))
    };
    let seconds =
        |time: Option<f64>| time.map_or_else(|| "–".to_owned(), |time| format!("{time:.2}"));
    Ok(format!(
        "| {} | {:.0} | {} | {} | {:.2} % | {} | {} |",
        medium.name,
        len as f64 / 1e6,
        ratio(peer, ours),
        ratio(list_peer, list_ours),
        100.0 * read as f64 / len as f64,
        seconds(ours),
        seconds(peer),
    ))
}

/// 7-Zip goes through a package as far as the one archive that its payload is, and takes that apart when asked again.
fn extract_by_peer(medium: &Medium, out: &Path) -> anyhow::Result<Duration> {
    let out_switch = format!("-o{}", out.display());
    let switches = ["x", "-y", THREADS, "-bso0", "-bsp0", &out_switch].map(OsStr::new);
    let mut taken = timed(PEER, &[&switches[..], &[medium.path.as_os_str()]].concat())?;
    let made: Vec<_> = fs::read_dir(out)?.collect::<Result<_, _>>()?;
    if let [only] = made.as_slice()
        && only.file_type()?.is_file()
    {
        taken += timed(PEER, &[&switches[..], &[only.path().as_os_str()]].concat())?;
    }
    Ok(taken)
}

/// What is in the medium, down to its files: of a package its payload has to be taken out first.
fn list_by_peer(path: &OsStr, medium: &Medium, out: &Path) -> anyhow::Result<Duration> {
    let list = |path: &OsStr| timed(PEER, &["l".as_ref(), "-slt".as_ref(), path]);
    let taken = list(path)?;
    if medium.root.is_empty() {
        return Ok(taken);
    }
    let out_switch = format!("-o{}", out.display());
    let switches = ["x", "-y", THREADS, "-bso0", "-bsp0", &out_switch].map(OsStr::new);
    let taken = taken + timed(PEER, &[&switches[..], &[path]].concat())?;
    let made: Vec<_> = fs::read_dir(out)?.collect::<Result<_, _>>()?;
    let [payload] = made.as_slice() else {
        anyhow::bail!("7-Zip makes more of a package than its payload");
    };
    let taken = taken + list(payload.path().as_os_str())?;
    fs::remove_dir_all(out)?;
    Ok(taken)
}

fn timed(program: &str, arguments: &[&OsStr]) -> anyhow::Result<Duration> {
    let began = Instant::now();
    let output = Command::new(program)
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output()?;
    let taken = began.elapsed();
    ensure!(
        output.status.success(),
        "`{program} {arguments:?}` ended with {}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(taken)
}

/// How many bytes of files the program reads to write that small file, without those that every verb reads.
fn read_by_cat(inner: &Path) -> anyhow::Result<u64> {
    let [idle, cat] = [
        vec![OsStr::new("version")],
        vec![OsStr::new("media"), OsStr::new("cat"), inner.as_os_str()],
    ]
    .map(|arguments| -> anyhow::Result<u64> {
        let mut child = Command::new(env!("CARGO_BIN_EXE_auto-update"))
            .args(&arguments)
            .stdout(Stdio::null())
            .spawn()?;
        let used = watch(child.id())?;
        let status = child.wait()?;
        ensure!(status.success(), "`{arguments:?}` ended with {status}");
        Ok(used.read_bytes)
    });
    Ok(cat?.saturating_sub(idle?))
}

/// In seconds.
fn median(times: &mut [Duration]) -> Option<f64> {
    times.sort_unstable();
    times.get(times.len() / 2).map(Duration::as_secs_f64)
}
