//! A real `ClamAV` daemon, with signatures that the test gives it.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use fs_err as fs;

/// What its signature finds.
pub const MARKER: &str = "auto-update test marker";
/// By which name.
pub const FOUND: &str = "AutoUpdate.Marker.UNOFFICIAL";
/// What its YARA rule finds.
pub const YARA_MARKER: &str = "auto-update yara marker";

/// How long it may take to listen.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running daemon; it ends, and its folder goes, when it is dropped.
#[derive(Debug)]
pub struct Clamd {
    child: Child,
    folder: tempfile::TempDir,
}

impl Clamd {
    /// Starts it with one signature and one YARA rule, and a limit of 1 MiB; nothing where it is not installed.
    ///
    /// # Errors
    /// If it does not listen; in CI also where it is not installed.
    pub fn start() -> anyhow::Result<Option<Self>> {
        let Some(program) = find() else {
            anyhow::ensure!(
                std::env::var_os("CI").is_none(),
                "ClamAV's daemon is not installed: `cargo xtask setup` installs it"
            );
            return Ok(None);
        };
        let folder = tempfile::tempdir()?;
        let (path, signatures) = (folder.path(), folder.path().join("signatures"));
        fs::create_dir(&signatures)?;
        let marker = hex::encode(MARKER);
        fs::write(
            signatures.join("marker.ndb"),
            format!("AutoUpdate.Marker:0:*:{marker}\n"),
        )?;
        fs::write(
            signatures.join("marker.yar"),
            format!("rule Marker {{ strings: $a = \"{YARA_MARKER}\" condition: $a }}\n"),
        )?;
        let settings = format!(
            "LocalSocket {}\nDatabaseDirectory {}\nForeground yes\nStreamMaxLength 1M\nMaxThreads 2\n",
            path.join("socket").display(),
            signatures.display()
        );
        fs::write(path.join("clamd.conf"), settings)?;
        let child = Command::new(program)
            .arg("--config-file")
            .arg(path.join("clamd.conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("ClamAV's daemon does not start")?;
        let mut started = Self { child, folder };
        started.wait()?;
        Ok(Some(started))
    }

    /// The socket that it listens on.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    /// Ends it; the socket stays, and nobody listens.
    pub fn stop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }

    fn wait(&mut self) -> anyhow::Result<()> {
        let until = Instant::now() + PATIENCE;
        while std::os::unix::net::UnixStream::connect(self.socket()).is_err() {
            if let Some(status) = self.child.try_wait()? {
                anyhow::bail!("ClamAV's daemon ended with {status}");
            }
            anyhow::ensure!(Instant::now() < until, "ClamAV's daemon does not listen");
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

impl Drop for Clamd {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Where it is installed; Debian keeps it where only root looks.
fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path);
    folders
        .chain(["/usr/sbin".into(), "/usr/local/sbin".into()])
        .map(|folder| folder.join("clamd"))
        .find(|path| Path::is_file(path))
}
