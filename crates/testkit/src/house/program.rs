//! The program, run as a user runs it.

use std::{
    io::{self, Read as _},
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use anyhow::{Context as _, bail};
use tokio::{process::Command, time::timeout};

/// How long a verb may take before it counts as hanging.
const LONGEST: Duration = Duration::from_mins(2);

/// The program in a house, with an environment that holds nothing of its user's.
#[derive(Clone, Debug)]
pub struct Program {
    path: PathBuf,
    root: PathBuf,
}

/// A run of the program that is over.
#[derive(Clone, Debug)]
pub struct Finished {
    /// What was typed.
    pub line: String,
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Finished {
    /// The run, if it ended with this exit status.
    ///
    /// # Errors
    /// If it ended otherwise; what it printed is in the error.
    pub fn expect(self, status: i32) -> anyhow::Result<Self> {
        if self.status.code() == Some(status) {
            return Ok(self);
        }
        bail!(
            "`{}` ended with {} and not with {status}:\n{}{}",
            self.line,
            self.status,
            self.stdout,
            self.stderr
        )
    }

    /// The run, if it was killed in the middle, by a signal.
    ///
    /// # Errors
    /// If it ended by itself.
    pub fn expect_killed(self) -> anyhow::Result<Self> {
        if self.status.signal().is_some() {
            return Ok(self);
        }
        bail!(
            "`{}` should have been killed, but ended with {}:\n{}{}",
            self.line,
            self.status,
            self.stdout,
            self.stderr
        )
    }

    /// Standard output as one JSON value a line.
    ///
    /// # Errors
    /// If a line is none.
    pub fn json_lines(&self) -> anyhow::Result<Vec<serde_json::Value>> {
        let lines = self.stdout.lines().filter(|line| !line.trim().is_empty());
        let read = |line| {
            serde_json::from_str(line)
                .with_context(|| format!("not JSON, of `{}`: {line}", self.line))
        };
        lines.map(read).collect()
    }
}

impl Program {
    pub(super) fn new(path: &Path, root: &Path) -> anyhow::Result<Self> {
        let path =
            fs_err::canonicalize(path).context("the program is not there: build it first")?;
        Ok(Self {
            path,
            root: root.to_owned(),
        })
    }

    /// The program with `arguments`, ready to be started.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.path);
        command
            .args(arguments)
            .current_dir(&self.root)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.root.join("home"))
            .env("AUTO_UPDATE_CONFIG", self.root.join("auto-update.toml"))
            .env("USER", "engineer")
            .env("NO_COLOR", "1")
            .envs(crate::database_variables(&self.root))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    /// Runs the program to its end.
    ///
    /// # Errors
    /// If it cannot be started, or hangs.
    pub async fn run(&self, arguments: &[&str]) -> anyhow::Result<Finished> {
        self.run_with(arguments, &[]).await
    }

    /// As [`Program::run`], with more in the environment.
    ///
    /// # Errors
    /// As [`Program::run`].
    pub async fn run_with(
        &self,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> anyhow::Result<Finished> {
        let mut command = self.command(arguments);
        command.envs(environment.iter().copied());
        let line = shown(arguments);
        let child = command
            .spawn()
            .with_context(|| format!("`{line}` cannot be started"))?;
        let Ok(output) = timeout(LONGEST, child.wait_with_output()).await else {
            bail!("`{line}` hangs: it was stopped after {LONGEST:?}");
        };
        let output = output?;
        Ok(Finished {
            line,
            status: output.status,
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// As [`Program::run_with`], with standard error among standard output, as a terminal shows them.
    ///
    /// # Errors
    /// As [`Program::run`].
    pub async fn run_as_seen(
        &self,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> anyhow::Result<Finished> {
        let line = shown(arguments);
        let (mut reader, writer) = io::pipe()?;
        let mut command = self.command(arguments);
        command
            .envs(environment.iter().copied())
            .stdout(writer.try_clone()?)
            .stderr(writer);
        let mut child = command
            .spawn()
            .with_context(|| format!("`{line}` cannot be started"))?;
        // It holds the pipe's other end as well; while it does, the pipe has no end.
        drop(command);
        let reading = tokio::task::spawn_blocking(move || {
            let mut bytes = Vec::new();
            reader.read_to_end(&mut bytes).map(|_| bytes)
        });
        let Ok(status) = timeout(LONGEST, child.wait()).await else {
            bail!("`{line}` hangs: it was stopped after {LONGEST:?}");
        };
        Ok(Finished {
            line,
            status: status?,
            stdout: String::from_utf8_lossy(&reading.await??).into_owned(),
            stderr: String::new(),
        })
    }

    /// Where the program is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// What a user would have typed.
fn shown(arguments: &[&str]) -> String {
    let mut line = "auto-update".to_owned();
    for argument in arguments {
        line.push(' ');
        if argument.contains([' ', '"', '\'', '(', '*']) {
            line.extend(["'", argument, "'"]);
        } else {
            line.push_str(argument);
        }
    }
    line
}
