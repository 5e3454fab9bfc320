//! How many small items are published in a second: into a folder, and into a server that speaks S3; against Munki's own
//! way, which is to copy both files and run its `makecatalogs`.
//!
//! `AUTO_UPDATE_BENCH_PUBLICATIONS` sets how many (100 by default), `AUTO_UPDATE_BENCH_FOLDER` where (the system's folder
//! of temporary files by default). `AUTO_UPDATE_BENCH_MUNKI` names the `makecatalogs` of Munki 6; without it that is
//! left out, and where no Python has moto there is no server.

#![expect(clippy::print_stdout, reason = "the numbers are what it is for")]

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use munki::CatalogOptions;
use publication::{
    Backend, ChangeSet, FolderRepository, Held, Kind, Locks, ObjectRepository, ObjectSettings,
    RepositoryError, Staging, Unobserved, publish,
};
use redact::Secret;
use testkit::s3::{BUCKET, KEY_ID, S3Server, SECRET};

/// The length of a package, in bytes.
const PACKAGE_LEN: usize = 1 << 16;

fn main() -> anyhow::Result<()> {
    // `cargo test --benches` only wants to know that it starts.
    if env::args().any(|argument| argument == "--test") {
        return Ok(());
    }
    let count: usize = match env::var("AUTO_UPDATE_BENCH_PUBLICATIONS") {
        Ok(text) => text
            .parse()
            .context("AUTO_UPDATE_BENCH_PUBLICATIONS is no number")?,
        Err(_) => 100,
    };
    let folder = match env::var_os("AUTO_UPDATE_BENCH_FOLDER") {
        Some(folder) => tempfile::tempdir_in(folder)?,
        None => tempfile::tempdir()?,
    };
    println!("{count} items, one after the other");
    let repository = FolderRepository::create(&folder.path().join("repo"))?;
    let repository: Arc<dyn Backend> = Arc::new(repository);
    let ours = publish_all(&repository, folder.path(), count)?;
    say("folder", count, ours);
    match env::var_os("AUTO_UPDATE_BENCH_MUNKI") {
        Some(munki) => {
            let theirs = copy_all(Path::new(&munki), folder.path(), count)?;
            say("  Munki's own way", count, theirs);
            let ratio = theirs.as_secs_f64() / ours.as_secs_f64();
            println!("{:<24}{ratio:.1}", "  times as long");
        }
        None => println!(
            "{:<24}skipped: AUTO_UPDATE_BENCH_MUNKI is not set",
            "  Munki's own way"
        ),
    }
    match S3Server::start()? {
        Some(server) => {
            let repository = connect(server.endpoint())?;
            let repository: Arc<dyn Backend> = Arc::new(repository);
            let taken = publish_all(&repository, folder.path(), count)?;
            say("S3 (moto)", count, taken);
        }
        None => println!("{:<24}skipped: no Python has moto", "S3 (moto)"),
    }
    println!("{:<24}{} MiB", "peak memory", peak_mib()?);
    Ok(())
}

fn say(what: &str, count: usize, taken: Duration) {
    let each = taken / u32::try_from(count.max(1)).unwrap_or(u32::MAX);
    println!(
        "{what:<24}{:.1} a second, {:.1} ms each",
        1.0 / each.as_secs_f64(),
        each.as_secs_f64() * 1000.0
    );
}

/// Publishes one item after the other; what it takes without the staging, which is part of a run.
fn publish_all(
    repository: &Arc<dyn Backend>,
    folder: &Path,
    count: usize,
) -> anyhow::Result<Duration> {
    let mut taken = Duration::ZERO;
    for number in 0..count {
        let workspace = folder.join("workspace");
        let set = staged(Arc::clone(repository), &workspace, number)?;
        let now = model::Clock::now(&model::SystemClock);
        let began = Instant::now();
        let published = publish(
            &**repository,
            &set,
            CatalogOptions::default(),
            &Unobserved,
            now,
        )?;
        taken = taken.saturating_add(began.elapsed());
        ensure!(published.report.notes.is_empty(), "{:?}", published.report);
        fs_err::remove_dir_all(workspace)?;
    }
    Ok(taken)
}

fn staged(
    repository: Arc<dyn Backend>,
    workspace: &Path,
    number: usize,
) -> anyhow::Result<ChangeSet> {
    let staging = Staging::new(repository, workspace);
    let (package, pkginfo) = item(number);
    staging.stage_bytes(Kind::Pkgs, &format!("{}.pkg", name(number)), &package)?;
    let location = format!("{}.plist", name(number));
    staging.stage_bytes(Kind::Pkgsinfo, &location, pkginfo.as_bytes())?;
    Ok(staging.take())
}

/// The same items, copied into a repository whose catalogs Munki makes after each.
fn copy_all(munki: &Path, folder: &Path, count: usize) -> anyhow::Result<Duration> {
    let root = folder.join("munki");
    for kind in ["catalogs", "icons", "manifests", "pkgs", "pkgsinfo"] {
        fs_err::create_dir_all(root.join(kind))?;
    }
    let staged: Vec<PathBuf> = ["package", "pkginfo"].map(|name| folder.join(name)).into();
    let mut taken = Duration::ZERO;
    for number in 0..count {
        let (package, pkginfo) = item(number);
        let places = [
            root.join("pkgs").join(format!("{}.pkg", name(number))),
            root.join("pkgsinfo")
                .join(format!("{}.plist", name(number))),
        ];
        for (path, contents) in staged.iter().zip([package.as_slice(), pkginfo.as_bytes()]) {
            fs_err::write(path, contents)?;
        }
        let began = Instant::now();
        for (path, place) in staged.iter().zip(&places) {
            fs_err::copy(path, place)?;
        }
        let status = Command::new("python3")
            .arg(munki)
            .arg("--repo-url")
            .arg(format!("file://{}", root.display()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()?;
        taken = taken.saturating_add(began.elapsed());
        ensure!(status.success(), "makecatalogs ended with {status}");
    }
    Ok(taken)
}

fn name(number: usize) -> String {
    format!("Item{number:05}-1.0")
}

fn item(number: usize) -> (Vec<u8>, String) {
    let name = name(number);
    let package = name.bytes().cycle().take(PACKAGE_LEN).collect();
    let pkginfo = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\">\n<dict>\n\t<key>catalogs</key>\n\t<array>\n\
         \t\t<string>testing</string>\n\t</array>\n\t<key>description</key>\n\t<string>{}</string>\n\
         \t<key>installer_item_location</key>\n\t<string>{name}.pkg</string>\n\t<key>name</key>\n\
         \t<string>Item{number:05}</string>\n\t<key>version</key>\n\t<string>1.0</string>\n</dict>\n</plist>\n",
        "What this is good for, in words. ".repeat(40),
    );
    (package, pkginfo)
}

fn connect(endpoint: &str) -> anyhow::Result<ObjectRepository> {
    let settings = ObjectSettings {
        address: format!("s3://{BUCKET}/bench")
            .parse()
            .map_err(anyhow::Error::msg)?,
        endpoint: Some(endpoint.to_owned()),
        region: None,
        virtual_hosted: false,
        access_key_id: Some(KEY_ID.to_owned()),
        secret: Some(Secret::new(SECRET.to_owned())),
    };
    Ok(ObjectRepository::connect(&settings, Arc::new(Alone))?)
}

/// Nobody else writes.
#[derive(Debug)]
struct Alone;

impl Locks for Alone {
    fn wait(&self) -> Result<Box<dyn Held + '_>, RepositoryError> {
        Ok(Box::new(Self))
    }
}

impl Held for Alone {
    fn check(&self) -> Result<(), RepositoryError> {
        Ok(())
    }
}

/// The most memory that this process has had.
fn peak_mib() -> anyhow::Result<u64> {
    let status = fs_err::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next());
    let kib: u64 = kib.context("the kernel does not tell")?.parse()?;
    Ok(kib / 1024)
}
