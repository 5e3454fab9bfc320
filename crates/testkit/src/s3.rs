//! A real server that speaks S3 on loopback: moto in a child process.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::Context as _;

const SERVER: &str = include_str!("s3_server.py");

/// The bucket that there is.
pub const BUCKET: &str = "munki";
/// The name of a key that the server takes; it takes any.
pub const KEY_ID: &str = "AKIATESTTESTTESTTEST";
/// The key that goes with it.
pub const SECRET: &str = "not-a-secret-but-it-must-not-be-seen";

/// A running server; it ends when it is dropped.
#[derive(Debug)]
pub struct S3Server {
    endpoint: String,
    child: Child,
}

impl S3Server {
    /// Starts it on a free port of the loopback interface, with an empty bucket; nothing where no Python has moto.
    ///
    /// # Errors
    /// If it does not start; in CI also where no Python has moto.
    pub fn start() -> anyhow::Result<Option<Self>> {
        let Some(python) = find_python() else {
            anyhow::ensure!(
                std::env::var_os("CI").is_none(),
                "no Python has moto: `cargo xtask setup` installs it"
            );
            return Ok(None);
        };
        // Its standard input ends with us, and so does it, even when we are killed.
        let mut child = Command::new(python)
            .args(["-W", "ignore", "-c", SERVER, BUCKET])
            .env("NO_PROXY", "127.0.0.1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("the S3 server does not start")?;
        let output = child.stdout.take().context("the S3 server has no output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let port: u16 = line
            .trim()
            .parse()
            .context("the S3 server ended before it listened")?;
        Ok(Some(Self {
            endpoint: format!("http://127.0.0.1:{port}"),
            child,
        }))
    }

    /// Its address.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        // It may have ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A Python that has moto: that of `cargo xtask setup` first.
fn find_python() -> Option<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/s3-server/bin/python");
    [own, "python3".into()].into_iter().find(|python| {
        Command::new(python)
            .args(["-c", "import moto.server"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    })
}
