//! A real mail server on loopback: aiosmtpd in a child process, which writes every mail to a folder.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::Context as _;
use serde::Deserialize;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

const SERVER: &str = include_str!("smtp_server.py");

/// Interpreters that may have aiosmtpd: the one of Debian's package `python3-aiosmtpd` first.
const PYTHONS: [&str; 2] = ["/usr/bin/python3", "python3"];

/// A mail as a mail program shows it; read by Python's own library, so that it is not our reader that judges our
/// writer.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize)]
pub struct Letter {
    /// `Subject`, decoded.
    pub subject: String,
    /// `From`.
    pub from: String,
    /// `To`.
    pub to: String,
    /// `Message-ID`, with its angle brackets.
    pub message_id: String,
    /// The identifiers in `References`: the mails of the thread before it.
    pub references: Vec<String>,
    /// The plain text.
    pub text: String,
    /// The HTML.
    pub html: String,
}

/// A running mail server; it ends when it is dropped.
#[derive(Debug)]
pub struct SmtpServer {
    port: u16,
    folder: PathBuf,
    // Its standard input ends with us, and so does it, even when we are killed.
    _child: Child,
}

/// A Python that has aiosmtpd, if there is any: Debian's `python3-aiosmtpd`, or `pip install aiosmtpd`.
pub async fn find_python() -> Option<&'static str> {
    for python in PYTHONS {
        let found = Command::new(python)
            .args(["-c", "import aiosmtpd"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .await;
        if found.is_ok_and(|status| status.success()) {
            return Some(python);
        }
    }
    None
}

impl SmtpServer {
    /// Starts on a free port of the loopback interface, and writes mails to `folder`.
    ///
    /// # Errors
    /// If no Python has aiosmtpd, or the server does not start.
    pub async fn start(folder: &Path) -> anyhow::Result<Self> {
        Self::launch(folder, None).await
    }

    /// As [`SmtpServer::start`], for the user `desk` with this password only.
    ///
    /// # Errors
    /// As [`SmtpServer::start`].
    pub async fn start_with_password(folder: &Path, password: &str) -> anyhow::Result<Self> {
        Self::launch(folder, Some(password)).await
    }

    async fn launch(folder: &Path, password: Option<&str>) -> anyhow::Result<Self> {
        let python = find_python()
            .await
            .context("no Python has aiosmtpd: install Debian's python3-aiosmtpd")?;
        fs_err::create_dir_all(folder)?;
        let mut child = Command::new(python)
            .args(["-W", "ignore", "-c", SERVER])
            .arg(folder)
            .args(password)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("the mail server does not start")?;
        let output = child
            .stdout
            .take()
            .context("the mail server has no output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).await?;
        let port = line.trim().parse();
        Ok(Self {
            port: port.context("the mail server ended before it listened")?,
            folder: folder.to_owned(),
            _child: child,
        })
    }

    /// Its port, at 127.0.0.1.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Every mail so far, as it came, in order.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub fn mails(&self) -> anyhow::Result<Vec<String>> {
        let read = |path: &PathBuf| Ok(fs_err::read_to_string(path)?);
        self.paths()?.iter().map(read).collect()
    }

    /// Every mail so far, as its reader sees it, in order.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub fn letters(&self) -> anyhow::Result<Vec<Letter>> {
        let read = |path: &PathBuf| {
            let text = fs_err::read_to_string(path.with_extension("json"))?;
            Ok(serde_json::from_str(&text)?)
        };
        self.paths()?.iter().map(read).collect()
    }

    /// The file of each mail, in order.
    fn paths(&self) -> anyhow::Result<Vec<PathBuf>> {
        let mut paths = Vec::new();
        for entry in fs_err::read_dir(&self.folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "eml") {
                paths.push(path);
            }
        }
        paths.sort();
        Ok(paths)
    }
}
