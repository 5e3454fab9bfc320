//! The built program in a house of its own: a temporary folder, and nothing of the environment around it.

use std::{fmt, path::PathBuf, time::Duration};

use assert_cmd::Command;
use tempfile::TempDir;

/// No verb takes as long; one that hangs fails its test instead of stopping all of them.
const LONGEST: Duration = Duration::from_mins(10);

/// A temporary folder with a home folder in it.
pub(crate) struct House {
    dir: TempDir,
}

impl House {
    pub(crate) fn new() -> Self {
        let house = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        fs_err::create_dir(house.path("home")).unwrap();
        house
    }

    /// Where `name` lies in this house; an empty name is the house itself.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        // On some machines the temporary folder is reached by a link, and the program shows where it leads.
        let root = self.dir.path().canonicalize().unwrap();
        if name.is_empty() {
            root
        } else {
            root.join(name)
        }
    }

    /// As [`House::path`], as an argument.
    pub(crate) fn arg(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// Writes a file; folders on the way are made.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(&path, text).unwrap();
        path
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs_err::read_to_string(self.path(name)).unwrap()
    }

    /// The program, to be called with `arguments` parted by spaces; `[HOUSE]` in them is this house.
    pub(crate) fn program(&self, arguments: &str) -> Program {
        let mut command = Command::new(env!("CARGO_BIN_EXE_auto-update"));
        command
            .env_clear()
            .env("HOME", self.path("home"))
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("TZ", "UTC")
            .envs(testkit::database_variables(&self.path("")))
            .current_dir(self.path(""))
            .timeout(LONGEST);
        let root = self.arg("");
        command.args(
            arguments
                .split_whitespace()
                .map(|argument| argument.replace("[HOUSE]", &root)),
        );
        Program { command, root }
    }

    /// Calls the program and gives what came of it.
    pub(crate) fn run(&self, arguments: &str) -> Outcome {
        self.program(arguments).run()
    }

    /// Calls the program, which must succeed, and gives its standard output.
    #[track_caller]
    pub(crate) fn ok(&self, arguments: &str) -> String {
        let outcome = self.run(arguments);
        assert_eq!(outcome.status, Some(0), "{outcome}");
        outcome.stdout
    }
}

/// A call that is being put together.
pub(crate) struct Program {
    command: Command,
    root: String,
}

impl Program {
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn run(mut self) -> Outcome {
        let output = self.command.output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(&self.root, "[HOUSE]");
        Outcome {
            status: output.status.code(),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }
}

/// What came of a call; the path of the house is written `[HOUSE]`.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Outcome {
    /// None if a signal ended it.
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    /// Whether a word stands in anything that was printed.
    pub(crate) fn shows(&self, text: &str) -> bool {
        self.stdout.contains(text) || self.stderr.contains(text)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status {
            Some(status) => writeln!(f, "exit status: {status}")?,
            None => writeln!(f, "ended by a signal")?,
        }
        write!(
            f,
            "--- standard output\n{}--- standard error\n{}",
            self.stdout, self.stderr
        )
    }
}
