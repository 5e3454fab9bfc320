//! A PostgreSQL server for the tests, in a folder of its own.

use std::{
    env,
    os::unix::fs::chown,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};

use crate::command;

/// How long it may take to start.
const PATIENCE: Duration = Duration::from_mins(1);

/// User and group `nobody`: as root the server refuses to run.
const NOBODY: u32 = 65_534;

/// A server that ends, and whose folder goes, when this is dropped.
pub(crate) struct Postgres {
    server: Child,
    folder: PathBuf,
}

impl Postgres {
    /// Starts one that listens on a socket in its folder only.
    ///
    /// # Errors
    /// If it is not installed, or does not start.
    pub(crate) fn start() -> anyhow::Result<Self> {
        let folder = env::temp_dir().join(format!("auto-update-postgres-{}", std::process::id()));
        fs_err::create_dir_all(&folder)?;
        let as_root = command::output(Command::new("id").arg("-u"))?.trim() == "0";
        if as_root {
            chown(&folder, Some(NOBODY), Some(NOBODY))?;
        }
        let data = folder.join("data");
        let mut init = program("initdb", as_root)?;
        init.args(["--username=postgres", "--auth=trust", "--encoding=UTF8"])
            .args(["--no-sync", "--locale=C", "--pgdata"])
            .arg(&data)
            .current_dir(&folder)
            .stdout(Stdio::null());
        command::run(&mut init)?;
        let log = fs_err::File::create(folder.join("log"))?;
        // Nothing here outlives the tests: it need not be safe from a power cut.
        let server = program("postgres", as_root)?
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(&folder)
            .args(["-c", "listen_addresses=", "-c", "fsync=off"])
            .args(["-c", "max_connections=300", "-c", "shared_buffers=64MB"])
            .current_dir(&folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log.into_parts().0)
            .spawn()
            .context("the PostgreSQL server cannot be started")?;
        let mut started = Self { server, folder };
        started.wait()?;
        Ok(started)
    }

    /// Its address.
    pub(crate) fn address(&self) -> String {
        format!(
            "postgres://postgres@localhost/postgres?host={}",
            self.folder.display()
        )
    }

    fn wait(&mut self) -> anyhow::Result<()> {
        let socket = self.folder.join(".s.PGSQL.5432");
        let until = Instant::now() + PATIENCE;
        while !socket.exists() {
            if let Some(status) = self.server.try_wait()? {
                let log = fs_err::read_to_string(self.folder.join("log")).unwrap_or_default();
                bail!("the PostgreSQL server ended with {status}:\n{log}");
            }
            if Instant::now() > until {
                bail!("the PostgreSQL server does not start");
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // An immediate shutdown: the state is thrown away.
        let number = self.server.id().to_string();
        command::succeeds("kill", &["-QUIT", &number]);
        self.server.wait().ok();
        fs_err::remove_dir_all(&self.folder).ok();
    }
}

/// Whether a server is installed.
pub(crate) fn is_installed() -> bool {
    find("initdb").is_some() && find("postgres").is_some()
}

/// One of its programs, as another user where we are root.
fn program(name: &str, as_root: bool) -> anyhow::Result<Command> {
    let path = find(name).with_context(|| format!("`{name}` of PostgreSQL is not installed"))?;
    if !as_root {
        return Ok(Command::new(path));
    }
    let mut command = Command::new("setpriv");
    command
        .arg(format!("--reuid={NOBODY}"))
        .arg(format!("--regid={NOBODY}"))
        .arg("--clear-groups")
        .arg(path);
    Ok(command)
}

/// Debian keeps these programs beside the path, one folder a version.
fn find(name: &str) -> Option<PathBuf> {
    let paths = env::var_os("PATH").unwrap_or_default();
    let in_path = env::split_paths(&paths).map(|folder| folder.join(name));
    let mut versions: Vec<PathBuf> = fs_err::read_dir("/usr/lib/postgresql")
        .map(|folder| folder.flatten().map(|entry| entry.path()).collect())
        .unwrap_or_default();
    versions.sort();
    let debian = versions.into_iter().rev();
    in_path
        .chain(debian.map(|version| version.join("bin").join(name)))
        .find(|path| Path::is_file(path))
}
