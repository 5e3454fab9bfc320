//! Recipes whose vendor has nothing new: how long the program takes to find that out, alone and beside other recipes.
//!
//! Fifty recipes of seven steps each, with an override, are run until nothing changes, against a vendor on loopback; then
//! again with 2,000 other recipes on the search path. What is printed is a table for `docs/benchmarks.md`. Processor time
//! is that of the whole process; the machine may be shared, and then the time on the clock says little.
//!
//! `AUTO_UPDATE_BENCH_AUTOPKG` may hold the words that start AutoPkg (`python /place/of/Code/autopkg`): it then runs the
//! same recipes, and a ratio above 1 means that it takes that many times the processor time.
//! `AUTO_UPDATE_CORPUS` may name the folder of a corpus with `recipes/recipes.tar.xz`, in which each folder holds the recipes
//! of one repository: a name is then sought in all of them, by a process that knows nothing of them and by one that finds
//! notes. `AUTO_UPDATE_BENCH_ROUNDS` says how often each is done (5 by default; the median counts).

#![expect(clippy::print_stdout, reason = "the numbers are what it is for")]

mod rounds;
mod usage;

use std::{
    env,
    fmt::Write as _,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, ensure};
use testkit::vendor::{Resource, Vendor};

use self::{
    rounds::rounds,
    usage::{Usage, watch},
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_auto-update");
const TITLES: usize = 50;
const OTHERS: usize = 2000;
/// A recipe of the corpus; its parent lies in the same folder.
const SOUGHT: &str = "Firefox.munki";

fn main() -> anyhow::Result<()> {
    let Some(rounds) = rounds(5)? else {
        return Ok(());
    };
    let runtime = tokio::runtime::Runtime::new()?;
    let vendor = runtime.block_on(Vendor::start())?;
    let house = House::build(&vendor)?;
    let peer = env::var("AUTO_UPDATE_BENCH_AUTOPKG").ok();
    println!("| case | processor time, ms | on the clock, ms | AutoPkg's processor time |");
    println!("|---|---|---|---|");
    let list = format!("run -l {}", house.place("list.txt"));
    for (case, settings, words) in [
        ("start (`version`)", "few", "version"),
        ("1 unchanged title", "few", "run Bench00.download"),
        ("50 unchanged titles", "few", list.as_str()),
        ("50 beside 2,000 others", "many", list.as_str()),
    ] {
        let ours = median(rounds, || house.ours(settings, words))?;
        let ratio = match &peer {
            Some(peer) => {
                let theirs = median(rounds, || house.theirs(peer, settings, words))?;
                format!(
                    "{:.1}",
                    theirs.cpu.as_secs_f64() / ours.cpu.as_secs_f64().max(0.01)
                )
            }
            None => "–".to_owned(),
        };
        println!(
            "| {case} | {} | {} | {ratio} |",
            ours.cpu.as_millis(),
            ours.time.as_millis()
        );
    }
    match env::var_os("AUTO_UPDATE_CORPUS") {
        Some(corpus) => index(&house, Path::new(&corpus), rounds),
        None => Ok(()),
    }
}

/// A name that is sought in all folders of public recipes.
fn index(house: &House, corpus: &Path, rounds: usize) -> anyhow::Result<()> {
    let folders = house.public(corpus)?;
    let words = format!("info {SOUGHT}");
    let cold = median(rounds, || {
        // Notes are kept where there is a state.
        let state = house.place("public-var");
        fs_err::create_dir_all(&state)?;
        fs_err::remove_dir_all(&state)?;
        fs_err::create_dir(&state)?;
        house.ours("public", &words)
    })?;
    let warm = median(rounds, || house.ours("public", &words))?;
    for (case, used) in [("nothing noted", cold), ("noted", warm)] {
        println!(
            "| a name in {folders} folders, {case} | {} | {} | – |",
            used.cpu.as_millis(),
            used.time.as_millis()
        );
    }
    Ok(())
}

/// A folder with recipes, overrides that are approved, and settings for both programs.
struct House(tempfile::TempDir);

impl House {
    fn build(vendor: &Vendor) -> anyhow::Result<Self> {
        let house = Self(tempfile::tempdir()?);
        vendor.put("/page", Resource::page("<a href=\"Widget-1.2.tar\">"));
        let file = Resource::file(archive()?).with_header("ETag", "\"1.2\"");
        vendor.put("/Widget-1.2.tar", file);
        let mut list = String::new();
        for number in 0..TITLES {
            let name = format!("Bench{number:02}.download");
            writeln!(list, "{name}")?;
            house.write(
                &format!("recipes/{name}.recipe.yaml"),
                &recipe(number, vendor),
            )?;
            house.write(
                &format!("overrides/{name}.recipe.yaml"),
                &format!("Identifier: local.bench.{number}\nInput: {{}}\nParentRecipe: com.example.bench.{number}\n"),
            )?;
        }
        for number in 0..OTHERS {
            house.write(
                &format!(
                    "others/{}/{number}/Other{number}.download.recipe",
                    number / 200
                ),
                &other(number),
            )?;
        }
        house.write("list.txt", &list)?;
        for (name, others) in [("few", 0), ("many", OTHERS / 200)] {
            house.settings(name, others)?;
        }
        for name in list.lines() {
            house.ours("few", &format!("trust approve {name} --by bench"))?;
        }
        // The first run downloads; what is measured finds nothing new.
        house.ours("few", &format!("run -l {}", house.place("list.txt")))?;
        Ok(house)
    }

    fn place(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    fn write(&self, name: &str, text: &str) -> anyhow::Result<()> {
        let path = self.0.path().join(name);
        fs_err::create_dir_all(path.parent().unwrap_or(Path::new("")))?;
        Ok(fs_err::write(path, text)?)
    }

    /// The same settings for both programs, with that many folders of others.
    fn settings(&self, name: &str, others: usize) -> anyhow::Result<()> {
        let mut dirs = vec![self.place("recipes")];
        dirs.extend((0..others).map(|number| self.place(&format!("others/{number}"))));
        let overrides = [self.place("overrides")];
        self.write(
            &format!("{name}.toml"),
            &format!(
                "state-dir = \"{}\"\n[autopkg]\nrecipe-search-dirs = {dirs:?}\nrecipe-override-dirs = {overrides:?}\n[fetch]\nplain-http-hosts = [\"127.0.0.1\"]\n",
                self.place("var")
            ),
        )?;
        let preferences = serde_json::json!({
            "RECIPE_SEARCH_DIRS": dirs,
            "RECIPE_OVERRIDE_DIRS": overrides,
            "CACHE_DIR": self.place("autopkg"),
        });
        self.write(&format!("{name}.json"), &preferences.to_string())
    }

    /// Unpacks the recipes of a corpus, and writes the settings `public` with each of its folders; answers how many.
    fn public(&self, corpus: &Path) -> anyhow::Result<usize> {
        let packed = fs_err::File::open(corpus.join("recipes/recipes.tar.xz"))?;
        let place = self.place("public");
        tar::Archive::new(lzma_rust2::XzReader::new(packed, true)).unpack(&place)?;
        let folders =
            fs_err::read_dir(&place)?.map(|folder| Ok(folder?.path().display().to_string()));
        let mut folders = folders.collect::<anyhow::Result<Vec<_>>>()?;
        folders.sort();
        let state = self.place("public-var");
        let text =
            format!("state-dir = \"{state}\"\n[autopkg]\nrecipe-search-dirs = {folders:?}\n");
        self.write("public.toml", &text)?;
        Ok(folders.len())
    }

    fn ours(&self, settings: &str, words: &str) -> anyhow::Result<Usage> {
        let mut command = Command::new(PROGRAM);
        command
            .env(
                "AUTO_UPDATE_CONFIG",
                self.place(&format!("{settings}.toml")),
            )
            .args(words.split(' '));
        used(&mut command)
    }

    fn theirs(&self, program: &str, settings: &str, words: &str) -> anyhow::Result<Usage> {
        let mut all: Vec<&str> = program.split(' ').chain(words.split(' ')).collect();
        let preferences = format!("--prefs={}", self.place(&format!("{settings}.json")));
        if words != "version" {
            all.push(&preferences);
        }
        let (first, rest) = all.split_first().context("no program is named")?;
        used(Command::new(first).args(rest))
    }
}

/// An archive that both programs open on Linux.
fn archive() -> anyhow::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    let contents = b"widget";
    let mut header = tar::Header::new_gnu();
    header.set_size(contents.len() as u64);
    header.set_mode(0o644);
    archive.append_data(&mut header, "Widget.txt", contents.as_slice())?;
    Ok(archive.into_inner()?)
}

/// Seven steps, none of which needs a Mac.
fn recipe(number: usize, vendor: &Vendor) -> String {
    let (page, base) = (vendor.url("/page"), vendor.url(""));
    format!(
        "Identifier: com.example.bench.{number}\nInput: {{NAME: Bench{number:02}}}\nProcess:\n\
         - Processor: URLTextSearcher\n  Arguments: {{url: '{page}', re_pattern: 'href=\"(?P<file>Widget-([0-9.]+)\\.tar)\"'}}\n\
         - Processor: URLDownloader\n  Arguments: {{url: '{base}/%file%', filename: Widget.tar}}\n\
         - Processor: EndOfCheckPhase\n\
         - Processor: Unarchiver\n  Arguments: {{archive_path: '%pathname%', destination_path: '%RECIPE_CACHE_DIR%/x', purge_destination: true}}\n\
         - Processor: FileFinder\n  Arguments: {{pattern: '%RECIPE_CACHE_DIR%/x/*'}}\n\
         - Processor: FileCreator\n  Arguments: {{file_path: '%RECIPE_CACHE_DIR%/x/note', file_content: '%found_filename%'}}\n\
         - Processor: PathDeleter\n  Arguments: {{path_list: ['%RECIPE_CACHE_DIR%/x']}}\n"
    )
}

fn other(number: usize) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\"><dict><key>Description</key><string>Another one.</string>\
         <key>Identifier</key><string>com.example.other.{number}</string><key>Input</key><dict><key>NAME</key>\
         <string>Other{number}</string></dict><key>Process</key><array><dict><key>Processor</key>\
         <string>EndOfCheckPhase</string></dict></array></dict></plist>\n"
    )
}

fn used(command: &mut Command) -> anyhow::Result<Usage> {
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("a program cannot be started")?;
    let used = watch(child.id())?;
    let status = child.wait()?;
    ensure!(status.success(), "{command:?} ended with {status}");
    Ok(used)
}

/// The medians of both times.
fn median(rounds: usize, mut once: impl FnMut() -> anyhow::Result<Usage>) -> anyhow::Result<Usage> {
    let used = (0..rounds)
        .map(|_| once())
        .collect::<anyhow::Result<Vec<_>>>()?;
    let middle = |time: fn(&Usage) -> Duration| {
        let mut times: Vec<Duration> = used.iter().map(time).collect();
        times.sort_unstable();
        times.get(times.len() / 2).copied().unwrap_or_default()
    };
    Ok(Usage {
        time: middle(|used| used.time),
        cpu: middle(|used| used.cpu),
        ..Usage::default()
    })
}
