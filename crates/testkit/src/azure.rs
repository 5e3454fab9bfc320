//! A real server that speaks as Azure Blob Storage does, on loopback: Azurite in a child process.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::Context as _;

const SERVER: &str = include_str!("azure_server.js");

/// The container that there is.
pub const CONTAINER: &str = "munki";
/// The account that the server knows.
pub const ACCOUNT: &str = "account1";
/// Its key, which must not be seen.
pub const KEY: &str = "bm90LWEtc2VjcmV0LWJ1dC1pdC1tdXN0LW5vdC1iZS1zZWVu";

/// A running server; it ends when it is dropped.
#[derive(Debug)]
pub struct AzureServer {
    endpoint: String,
    child: Child,
}

impl AzureServer {
    /// Starts it on a free port of the loopback interface, with an empty container; nothing where Azurite is not
    /// installed.
    ///
    /// # Errors
    /// If it does not start; in CI also where it is not installed.
    pub fn start() -> anyhow::Result<Option<Self>> {
        let Some(azurite) = find_azurite() else {
            anyhow::ensure!(
                std::env::var_os("CI").is_none(),
                "Azurite is not there: `cargo xtask setup` installs it"
            );
            return Ok(None);
        };
        // Its standard input ends with us, and so does it, even when we are killed.
        let mut child = Command::new("node")
            .args(["-e", SERVER])
            .arg(azurite)
            .args([CONTAINER, ACCOUNT, KEY])
            .env("NO_PROXY", "127.0.0.1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("Azurite does not start")?;
        let output = child.stdout.take().context("Azurite has no output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let port: u16 = line
            .trim()
            .parse()
            .context("Azurite ended before it listened")?;
        Ok(Some(Self {
            endpoint: format!("http://127.0.0.1:{port}/{ACCOUNT}"),
            child,
        }))
    }

    /// Its address, with the account in the path as no server of Azure's own has it.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }
}

impl Drop for AzureServer {
    fn drop(&mut self) {
        // The end of its input has it stop the server that it started; being killed would leave that behind.
        drop(self.child.stdin.take());
        self.child.wait().ok();
    }
}

/// What `cargo xtask setup` installs.
fn find_azurite() -> Option<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../target/azurite/node_modules/azurite/dist/src/blob/main.js");
    own.is_file().then_some(own)
}
