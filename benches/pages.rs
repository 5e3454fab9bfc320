//! Pages: how long the service takes for each, and how heavy it is, in a house of 10,000 titles that has carried out
//! 1,000,000 runs. On SQLite, and with `AUTO_UPDATE_TEST_POSTGRES` on that server, too.
//!
//! `AUTO_UPDATE_BENCH_ROUNDS` sets how often each page is asked for (60 by default), `AUTO_UPDATE_BENCH_TITLES` and
//! `AUTO_UPDATE_BENCH_DAYS` how many titles there are (10,000) and for how many days each ran once a day (100).

#![expect(clippy::print_stdout, reason = "the numbers are what it is for")]

mod rounds;

use std::{
    fmt::Write as _,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use model::SystemClock;
use redact::Secret;
use store::{Db, RunFilter};
use tempfile::TempDir;
use tenancy::{
    Vault,
    administration::{Administration, NewAdministrator, Office},
};
use testkit::{crowd::Crowd, pages::Pages};

const PASSWORD: &str = "correct horse battery";

/// As many recipes are in the search folders.
const RECIPES: usize = 18_000;

/// What a page may cost.
const LONGEST: Duration = Duration::from_millis(50);
const HEAVIEST: usize = 150 * 1024;

/// How long the service may take to listen.
const PATIENCE: Duration = Duration::from_mins(2);

fn main() -> anyhow::Result<()> {
    // `cargo test --benches` only wants to know that it starts.
    let Some(rounds) = rounds::rounds(60)? else {
        return Ok(());
    };
    let crowd = Crowd {
        titles: number("AUTO_UPDATE_BENCH_TITLES", 10_000)?,
        days: number("AUTO_UPDATE_BENCH_DAYS", 100)?,
    };
    let runtime = tokio::runtime::Runtime::new()?;
    let mut is_good = true;
    for on_server in [false, true] {
        if on_server && std::env::var_os(testkit::SERVER).is_none() {
            println!("PostgreSQL skipped: {} is not set", testkit::SERVER);
            continue;
        }
        let house = runtime.block_on(House::stand(crowd, on_server))?;
        is_good &= measure(&house, rounds)?;
    }
    ensure!(is_good, "a page is too slow or too heavy");
    Ok(())
}

/// Asks for each page so often; whether all are good.
fn measure(house: &House, rounds: usize) -> anyhow::Result<bool> {
    let mut is_good = true;
    for path in &house.pages {
        let mut times = Vec::new();
        let mut len_bytes = 0;
        for _ in 0..rounds.saturating_add(3) {
            let began = Instant::now();
            len_bytes = house.get(path)?;
            times.push(began.elapsed());
        }
        // The first ones find nothing in memory.
        let mut times = times.split_off(3);
        times.sort_unstable();
        let at = |percent: usize| times.get(times.len() * percent / 100).copied();
        let (median, slow) = at(50).zip(at(95)).context("it was never asked for")?;
        let is_fine = slow <= LONGEST && len_bytes <= HEAVIEST;
        is_good &= is_fine;
        let name = path.split('?').next().unwrap_or(path);
        println!(
            "{:<12}{:<28}{:>8.1} ms (median){:>8.1} ms (p95){:>8.1} KB  {}",
            house.engine,
            name.get(..28).unwrap_or(name),
            median.as_secs_f64() * 1e3,
            slow.as_secs_f64() * 1e3,
            f64::from(u32::try_from(len_bytes)?) / 1024.0,
            if is_fine { "" } else { "TOO MUCH" }
        );
    }
    Ok(is_good)
}

/// A service on such a house; it ends when this is dropped.
struct House {
    engine: &'static str,
    service: Child,
    port: u16,
    cookie: String,
    pages: Vec<String>,
    folder: TempDir,
}

impl House {
    async fn stand(crowd: Crowd, on_server: bool) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let root = folder.path();
        let file = root.join("var/auto-update.db");
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        furnish(root, crowd, port)?;
        let began = Instant::now();
        let (db, engine) = if on_server {
            let server = testkit::server(&file).context("no server")?;
            let db = Db::connect(&server).await?;
            crowd.fill_server(&server).await?;
            (db, "PostgreSQL")
        } else {
            let db = Db::open(&file).await?;
            crowd.fill_file(&file).await?;
            (db, "SQLite")
        };
        println!(
            "{engine}: {} titles, {} runs, written in {:.0} s",
            crowd.titles,
            crowd.titles * crowd.days,
            began.elapsed().as_secs_f64()
        );
        let secret = make_administrator(root, &db).await?;
        let pages = pages(&db).await?;
        db.close().await;
        let log = fs_err::File::create(root.join("log"))?.into_parts().0;
        let mut command = Command::new(env!("CARGO_BIN_EXE_auto-update"));
        command
            .args(["serve", "--listen", "127.0.0.1:0"])
            .current_dir(root)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        if on_server {
            command.envs(testkit::database_variables(root));
        }
        let mut house = Self {
            engine,
            service: command.spawn()?,
            port,
            cookie: String::new(),
            pages,
            folder,
        };
        house.wait()?;
        let pages = Pages::plain(port);
        (house.cookie, _) = pages.sign_in("ada", PASSWORD, &secret)?;
        let began = Instant::now();
        while !house.read("/recipes")?.contains("Downloads the newest") {
            ensure!(
                began.elapsed() < PATIENCE,
                "the recipes are never looked over"
            );
            thread::sleep(Duration::from_millis(200));
        }
        Ok(house)
    }

    fn wait(&self) -> anyhow::Result<()> {
        let latest = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let log = self.folder.path().join("log");
            ensure!(
                Instant::now() < latest,
                "nobody answers: {}",
                fs_err::read_to_string(log)?
            );
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Asks for a page that must be there; answers how long it is.
    fn get(&self, path: &str) -> anyhow::Result<usize> {
        Ok(self.read(path)?.len())
    }

    /// Asks for a page that must be there; answers what is on it.
    fn read(&self, path: &str) -> anyhow::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {}\r\nConnection: close\r\n\r\n",
            self.cookie
        )?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let head = answer.windows(4).position(|four| four == b"\r\n\r\n");
        let head = head.context("no answer")?;
        ensure!(
            answer.starts_with(b"HTTP/1.1 200"),
            "{path}: {}",
            String::from_utf8_lossy(&answer)
        );
        let body = answer.get(head.saturating_add(4)..).unwrap_or_default();
        Ok(String::from_utf8(body.to_vec())?)
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.service.kill().unwrap_or_default();
        self.service.wait().map(drop).unwrap_or_default();
    }
}

/// Every title is scheduled, once a year; nothing is carried out.
fn furnish(root: &Path, crowd: Crowd, port: u16) -> anyhow::Result<()> {
    fs_err::create_dir_all(root.join("var"))?;
    let config = format!(
        "[serve]\nroles = ['scheduler']\n[autopkg]\nrecipe-search-dirs = ['recipes']\n\
         [administration]\nlisten = '127.0.0.1:{port}'\n"
    );
    fs_err::write(root.join("auto-update.toml"), config)?;
    let mut schedules = String::from("schedules:\n- cron: '0 3 1 1 *'\n  overrides:\n");
    for title in 0..crowd.titles {
        writeln!(schedules, "  - Title-{title:05}.munki")?;
    }
    fs_err::write(root.join("schedules.yaml"), schedules)?;
    fs_err::create_dir_all(root.join("recipes"))?;
    for number in 0..RECIPES {
        let recipe = format!(
            "Description: Downloads the newest Widget {number}.\nIdentifier: com.example.recipe.{number}\n\
             Input: {{NAME: Widget{number}}}\nProcess:\n\
             - {{Processor: URLDownloader, Arguments: {{url: 'https://example.com/{number}.dmg'}}}}\n\
             - {{Processor: EndOfCheckPhase}}\n"
        );
        let name = format!("recipes/Widget{number}.download.recipe.yaml");
        fs_err::write(root.join(name), recipe)?;
    }
    Ok(())
}

/// Answers what codes are made of.
async fn make_administrator(root: &Path, db: &Db) -> anyhow::Result<String> {
    let vault = Vault::in_folder(&root.join("var/keys/tenants"));
    let administration = Administration::new(db.clone(), vault, Arc::new(SystemClock));
    let new = NewAdministrator {
        name: "ada".to_owned(),
        office: Office::Administrator,
        password: Secret::new(PASSWORD.to_owned()),
        by: "bench".to_owned(),
    };
    Ok(administration.add(new).await?.secret.expose().clone())
}

/// Every page there is.
async fn pages(db: &Db) -> anyhow::Result<Vec<String>> {
    let runs = db.run_page(&RunFilter::default(), 10_000).await?;
    let run = runs
        .iter()
        .find(|run| run.finished_at.is_some())
        .context("no run")?;
    let middle = runs.last().context("no run")?;
    let hold = db.hold_page(None, 1).await?;
    let incident = db.incident_list(store::IncidentFilter::Unresolved).await?;
    let mut pages: Vec<String> = [
        "/now",
        "/titles",
        "/titles?from=Title-05000.munki",
        "/titles?q=999",
        "/titles/Title-05000.munki",
        "/figures",
        "/runs",
        "/runs?state=failed",
        "/runs?title=Title-05000.munki",
        "/holds",
        "/incidents",
        "/tenants",
        "/log",
        "/schedules",
        "/schedules?q=999",
        "/schedules/Title-05000.munki",
        "/recipes",
        "/recipes?q=Widget999",
        "/connectors",
        "/users",
        "/settings",
    ]
    .map(str::to_owned)
    .to_vec();
    pages.push(format!("/runs?before={}", middle.id));
    pages.push(format!("/runs/{}", run.id));
    pages.extend(hold.first().map(|run| format!("/holds/{}", run.id)));
    pages.extend(incident.first().map(|it| format!("/incidents/{}", it.id)));
    Ok(pages)
}

fn number(name: &str, usual: u64) -> anyhow::Result<u64> {
    match std::env::var(name) {
        Ok(text) => text.parse().with_context(|| format!("{name} is no number")),
        Err(_) => Ok(usual),
    }
}
