//! A house with many overrides of one recipe, whose vendor has nothing new.

use std::{
    fmt::{self, Write as _},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, ensure};
use store::Db;
use tempfile::TempDir;
use testkit::vendor::{Resource, Vendor};
use tokio::runtime::Runtime;

use super::usage;

const PROGRAM: &str = env!("CARGO_BIN_EXE_auto-update");

/// As many overrides as one command is given.
const AT_A_TIME: usize = 1_000;

/// Where the state lies.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "SQLite    ",
            Self::Postgres => "PostgreSQL",
        })
    }
}

impl Engine {
    /// Those that are at hand.
    pub(crate) fn all() -> Vec<Self> {
        let server = std::env::var_os(testkit::SERVER).map(|_| Self::Postgres);
        std::iter::once(Self::Sqlite).chain(server).collect()
    }

    /// The state of the house in `root`.
    pub(crate) async fn open(self, root: &Path) -> anyhow::Result<Db> {
        let file = root.join("var/auto-update.db");
        match self {
            Self::Sqlite => Ok(Db::open(&file).await?),
            Self::Postgres => {
                let server = testkit::server(&file).context("no server was named")?;
                Ok(Db::connect(&server).await?)
            }
        }
    }
}

/// A house with many overrides, which are trusted.
pub(crate) struct Fleet {
    pub(crate) engine: Engine,
    folder: TempDir,
    names: Vec<String>,
    /// Schedules of all of them, each once a year.
    pub(crate) yearly: String,
    /// It answers for as long as this lives.
    _vendor: Vendor,
}

impl Fleet {
    pub(crate) fn stand(runtime: &Runtime, engine: Engine, titles: usize) -> anyhow::Result<Self> {
        let vendor = runtime.block_on(Vendor::start())?;
        vendor.put(
            "/Widget.pkg",
            Resource::file(b"widget".to_vec()).with_header("ETag", "\"1\""),
        );
        let url = vendor.url("/Widget.pkg");
        let mut fleet = Self {
            engine,
            yearly: "schedules:\n".to_owned(),
            folder: TempDir::new()?,
            names: (0..titles)
                .map(|it| format!("Bench{it:05}.download"))
                .collect(),
            _vendor: vendor,
        };
        fleet.write("recipes/Bench.download.recipe.yaml", &recipe(&url))?;
        for (number, name) in fleet.names.iter().enumerate() {
            fleet.write(
                &format!("overrides/{name}.recipe.yaml"),
                &format!(
                    "Identifier: local.bench.{number}\nParentRecipe: com.example.bench\nInput: {{NAME: Bench{number:05}}}\n"
                ),
            )?;
            let (minute, hour) = (number % 60, number / 60 % 24);
            writeln!(
                fleet.yearly,
                "- {{cron: '{minute} {hour} 1 1 *', overrides: [{name}]}}"
            )?;
        }
        fleet.write(
            "auto-update.toml",
            "[autopkg]\nrecipe-search-dirs = ['recipes']\nrecipe-override-dirs = ['overrides']\n\
             [fetch]\nplain-http-hosts = ['127.0.0.1']\n[serve]\nworkers = 4\n",
        )?;
        for names in fleet.names.chunks(AT_A_TIME) {
            fleet.run(&[&["trust", "approve", "--by", "bench"][..], &texts(names)].concat())?;
        }
        Ok(fleet)
    }

    /// Its state.
    pub(crate) async fn open(&self) -> anyhow::Result<Db> {
        self.engine.open(self.folder.path()).await
    }

    /// Puts all of them into the queue.
    pub(crate) fn queue(&self) -> anyhow::Result<()> {
        for names in self.names.chunks(AT_A_TIME) {
            self.run(&[&["runs", "queue"][..], &texts(names)].concat())?;
        }
        Ok(())
    }

    /// Starts a service with these schedules.
    pub(crate) fn serve(&self, schedules: &str) -> anyhow::Result<Service> {
        self.write("schedules.yaml", schedules)?;
        let log = fs_err::File::create(self.folder.path().join("log"))?
            .into_parts()
            .0;
        let mut command = self.command();
        command
            .args(["serve", "--listen", "127.0.0.1:0"])
            .stderr(log);
        Ok(Service(command.spawn()?))
    }

    fn run(&self, words: &[&str]) -> anyhow::Result<()> {
        let status = self.command().args(words).status()?;
        ensure!(
            status.success(),
            "`{}` ended with {status}",
            words.first().unwrap_or(&"")
        );
        Ok(())
    }

    fn command(&self) -> Command {
        let mut command = Command::new(PROGRAM);
        command
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        if self.engine == Engine::Postgres {
            command.envs(testkit::database_variables(self.folder.path()));
        }
        command
    }

    fn write(&self, name: &str, text: &str) -> anyhow::Result<()> {
        let path = self.folder.path().join(name);
        fs_err::create_dir_all(path.parent().unwrap_or(Path::new("")))?;
        Ok(fs_err::write(path, text)?)
    }
}

fn texts(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}

/// A download that the vendor says has not changed, and the end of the recipe.
fn recipe(url: &str) -> String {
    format!(
        "Identifier: com.example.bench\nInput: {{NAME: Bench}}\nProcess:\n\
         - Processor: URLDownloader\n  Arguments: {{url: '{url}', filename: '%NAME%.pkg'}}\n\
         - Processor: EndOfCheckPhase\n\
         - Processor: StopProcessingIf\n  Arguments: {{predicate: 'download_changed == False'}}\n"
    )
}

/// A service; it ends when it is dropped.
pub(crate) struct Service(Child);

impl Service {
    /// The processor time that it has used.
    pub(crate) fn cpu(&self) -> anyhow::Result<Duration> {
        usage::cpu(self.0.id())
    }

    /// How much memory it has.
    pub(crate) fn memory_mib(&self) -> anyhow::Result<f64> {
        let kib = u32::try_from(usage::field(self.0.id(), "status", "VmRSS:")?)?;
        Ok(f64::from(kib) / 1024.0)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.0.kill().unwrap_or_default();
        self.0.wait().map(drop).unwrap_or_default();
    }
}
