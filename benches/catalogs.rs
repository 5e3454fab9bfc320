//! Catalogs of large repositories: all of them made anew, and one item published, against Munki's own `makecatalogs`.
//!
//! A repository of `AUTO_UPDATE_BENCH_ITEMS` items (10,000 by default; pkginfos of about 1.9 kB, an icon for every tenth)
//! is made in `AUTO_UPDATE_BENCH_FOLDER` or the system's folder of temporary files. `AUTO_UPDATE_BENCH_MUNKI` names the
//! `makecatalogs` of Munki 6, which is run by `python3` on the same repository; without it the ratio is left out.

#![expect(clippy::print_stdout, reason = "the numbers are what it is for")]

mod usage;

use std::{
    env,
    fmt::Display,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use model::{Sha256, SystemClock};
use munki::CatalogOptions;
use publication::{FolderRepository, Kind, Staging, Unobserved, publish};

use self::usage::{Usage, watch};

/// How often each is measured; the median counts.
const ROUNDS: usize = 5;

/// How long files take to be taken for settled.
const SETTLE: Duration = Duration::from_millis(1200);

fn main() -> anyhow::Result<()> {
    // `cargo test --benches` only wants to know that it starts.
    if env::args().any(|argument| argument == "--test") {
        return Ok(());
    }
    let items: usize = match env::var("AUTO_UPDATE_BENCH_ITEMS") {
        Ok(text) => text
            .parse()
            .context("AUTO_UPDATE_BENCH_ITEMS is no number")?,
        Err(_) => 10_000,
    };
    let folder = match env::var_os("AUTO_UPDATE_BENCH_FOLDER") {
        Some(folder) => tempfile::tempdir_in(folder)?,
        None => tempfile::tempdir()?,
    };
    let root = folder.path().join("repo");
    make_repository(&root, items)?;
    let ours = median(|| {
        forget(&root)?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_auto-update"));
        measure(command.args(["-q", "munki", "makecatalogs"]).arg(&root))
    })?;
    let line = |what: &str, value: &dyn Display| println!("{what:<44}{value}");
    line("items", &items);
    line("all catalogs made", &shown(ours));
    if let Some(munki) = env::var_os("AUTO_UPDATE_BENCH_MUNKI") {
        let theirs = median(|| {
            forget(&root)?;
            let mut command = Command::new("python3");
            measure(command.arg(&munki).arg("--repo-url").arg(url(&root)))
        })?;
        line("  by Munki", &shown(theirs));
        let ratio = theirs.time.as_secs_f64() / ours.time.as_secs_f64();
        line("  times as long", &format!("{ratio:.1}"));
    }
    let published = publish_items(folder.path(), &root)?;
    line(
        "one item published, ms",
        &format!("{:.0}", published.as_secs_f64() * 1000.0),
    );
    Ok(())
}

fn url(root: &Path) -> String {
    format!("file://{}", root.display())
}

fn shown(usage: Usage) -> String {
    format!(
        "{:.2} s, {} MiB",
        usage.time.as_secs_f64(),
        usage.peak_bytes >> 20
    )
}

/// Nothing is known from before.
fn forget(root: &Path) -> anyhow::Result<()> {
    for folder in ["catalogs", ".auto-update"] {
        let folder = root.join(folder);
        if folder.exists() {
            fs_err::remove_dir_all(&folder)?;
        }
    }
    Ok(fs_err::create_dir(root.join("catalogs"))?)
}

fn median(mut once: impl FnMut() -> anyhow::Result<Usage>) -> anyhow::Result<Usage> {
    let mut usages = (0..ROUNDS).map(|_| once()).collect::<Result<Vec<_>, _>>()?;
    usages.sort_by_key(|usage| usage.time);
    usages.get(ROUNDS / 2).copied().context("there are rounds")
}

fn measure(command: &mut Command) -> anyhow::Result<Usage> {
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let usage = watch(child.id())?;
    let status = child.wait()?;
    ensure!(status.success(), "{command:?} ended with {status}");
    Ok(usage)
}

/// Publishes one item after the other into the repository, and answers how long one takes.
fn publish_items(folder: &Path, root: &Path) -> anyhow::Result<Duration> {
    let repository = Arc::new(FolderRepository::open(root)?);
    publication::make_catalogs(&*repository, CatalogOptions::default())?;
    let mut taken = Vec::new();
    for round in 0..=ROUNDS {
        std::thread::sleep(SETTLE);
        let staging = Staging::new(
            repository.clone(),
            &folder.join(format!("workspace{round}")),
        );
        let item = Item::new(&format!("New{round}"), "1.0", round);
        staging.stage_bytes(Kind::Pkgs, &item.package, item.package.as_bytes())?;
        staging.stage_bytes(Kind::Pkgsinfo, &item.pkginfo, item.text.as_bytes())?;
        let (set, now) = (staging.take(), model::Clock::now(&SystemClock));
        let began = Instant::now();
        publish(
            &*repository,
            &set,
            CatalogOptions::default(),
            &Unobserved,
            now,
        )?;
        taken.push(began.elapsed());
    }
    // The first one learns what the others know.
    let mut rest = taken.split_off(1);
    rest.sort();
    rest.get(ROUNDS / 2).copied().context("there are rounds")
}

fn make_repository(root: &Path, items: usize) -> anyhow::Result<()> {
    for kind in Kind::ALL {
        fs_err::create_dir_all(root.join(kind.as_str()))?;
    }
    for number in 0..items {
        let version = format!("{}.{}.{}", 1 + number % 5, number % 17, number % 7);
        let item = Item::new(&format!("App{:05}", number / 5), &version, number);
        write(
            &root.join("pkgs").join(&item.package),
            item.package.as_bytes(),
        )?;
        write(
            &root.join("pkgsinfo").join(&item.pkginfo),
            item.text.as_bytes(),
        )?;
        if number % 10 == 0 {
            let icon = Sha256::of(item.package.as_bytes()).to_string().repeat(300);
            write(
                &root.join("icons").join(format!("{number}.png")),
                icon.as_bytes(),
            )?;
        }
    }
    Ok(())
}

fn write(path: &Path, contents: &[u8]) -> anyhow::Result<()> {
    fs_err::create_dir_all(path.parent().map_or_else(PathBuf::new, Path::to_owned))?;
    Ok(fs_err::write(path, contents)?)
}

/// An item of usual size.
struct Item {
    package: String,
    pkginfo: String,
    text: String,
}

impl Item {
    fn new(name: &str, version: &str, number: usize) -> Self {
        const CATALOGS: [&str; 4] = [
            "<string>testing</string>",
            "<string>testing</string><string>production</string>",
            "<string>production</string>",
            "<string>early</string><string>testing</string>",
        ];
        let folder = format!("group{:02}", number % 40);
        let package = format!("{folder}/{name}-{version}.dmg");
        let catalogs = CATALOGS.get(number % 4).copied().unwrap_or_default();
        let digest = Sha256::of(package.as_bytes());
        let key = |key: &str, value: &str| format!("<key>{key}</key><string>{value}</string>");
        let keys = [
            key("name", name),
            key("version", version),
            key("display_name", &format!("Application {number}")),
            key(
                "description",
                &"What this is good for, in words. ".repeat(12),
            ),
            key("category", "Utilities"),
            key("developer", "Example"),
            key("installer_type", "copy_from_dmg"),
            key("uninstall_method", "remove_copied_items"),
            key("installer_item_location", &package),
            key("installer_item_hash", &digest.to_string()),
            key("minimum_os_version", "12.0"),
            key("notes", &"What administrators know. ".repeat(6)),
        ];
        let text = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\"><dict>{}\
             <key>catalogs</key><array>{catalogs}</array><key>uninstallable</key><true/>\
             <key>installer_item_size</key><integer>12345</integer>\
             <key>installs</key><array><dict>{}{}{}</dict></array>\
             <key>items_to_copy</key><array><dict>{}{}</dict></array></dict></plist>\n",
            keys.concat(),
            key("path", &format!("/Applications/{name}.app")),
            key("CFBundleIdentifier", &format!("com.example.{name}")),
            key("CFBundleShortVersionString", version),
            key("source_item", &format!("{name}.app")),
            key("destination_path", "/Applications"),
        );
        let pkginfo = format!("{folder}/{name}-{version}.plist");
        Self {
            package,
            pkginfo,
            text,
        }
    }
}
