//! The log: one file of at most [`MOST`] bytes, of which the oldest lines go first.
//!
//! Any number of processes may write. Each holds the file while it does; whoever makes it shorter puts another file in
//! its place, and who waited meanwhile sees that it is another one and opens it anew.

use std::{
    fmt,
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    os::fd::OwnedFd,
};

use chrono::Local;
use model::Clock;

use crate::{Fault, Files, files};

/// The most bytes that the log may hold.
pub const MOST: u64 = 10_000_000;
/// What is kept of it when it is full: enough that this happens seldom.
const KEPT: u64 = 7_500_000;
/// The longest line; what Munki or a server says may be longer.
const LONGEST_LINE: usize = 2000;
/// How often the file may be replaced while we wait for it.
const MOST_TRIES: u32 = 100;
/// Where the last line is looked for.
const TAIL: u64 = 8192;

/// How much a line matters.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Level {
    /// Something failed.
    Error,
    /// What was done.
    Info,
    /// Something is not as it should be, and the work went on.
    Warning,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "ERROR",
            Self::Info => "INFO",
            Self::Warning => "WARNING",
        })
    }
}

/// The log at its path.
#[derive(Clone, Copy, Debug)]
pub struct Log<'a> {
    files: &'a Files,
    path: &'a str,
    clock: &'a dyn Clock,
}

impl<'a> Log<'a> {
    /// The log at `path`.
    pub const fn at(files: &'a Files, path: &'a str, clock: &'a dyn Clock) -> Self {
        Self { files, path, clock }
    }

    /// Adds a line: local time, level, and `message` with its control characters escaped.
    ///
    /// # Errors
    /// If the file cannot be written or is not safe to write.
    pub fn add(&self, level: Level, message: &str) -> Result<(), Fault> {
        let time = self.clock.now().to_utc().with_timezone(&Local);
        let time = time.format("%Y-%m-%d %H:%M:%S");
        let line = format!("{time} {level} {}\n", on_one_line(message));
        for _ in 0..MOST_TRIES {
            let file = self.files.open_to_add(self.path)?;
            let held = OwnedFd::from(file.try_clone().map_err(|source| self.failed(source))?);
            let is_ours = files::lock(&held);
            if !self.files.is_at(&file, self.path) {
                continue;
            }
            let done = if is_ours {
                self.add_held(file, &line)
            } else {
                // Better a line too many than a fault that nobody hears of.
                append(file, &line)
            };
            return done.map_err(|source| self.failed(source));
        }
        Err(self.failed(io::Error::other("it is replaced again and again")))
    }

    /// The last line; none where there is no log, or an empty one.
    ///
    /// # Errors
    /// If the file cannot be read or is not safe to read.
    pub fn last_line(&self) -> Result<Option<String>, Fault> {
        let Some(mut file) = self.files.open_to_read(self.path)? else {
            return Ok(None);
        };
        let mut read = || -> io::Result<Vec<u8>> {
            let len = file.metadata()?.len();
            file.seek(SeekFrom::Start(len.saturating_sub(TAIL)))?;
            let mut bytes = Vec::new();
            (&mut file).take(TAIL).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        let bytes = read().map_err(|source| self.failed(source))?;
        let text = String::from_utf8_lossy(&bytes);
        let last = text.lines().rev().find(|line| !line.trim().is_empty());
        Ok(last.map(ToOwned::to_owned))
    }

    fn add_held(&self, mut file: std::fs::File, line: &str) -> io::Result<()> {
        let len = file.metadata()?.len();
        let new = u64::try_from(line.len()).unwrap_or(u64::MAX);
        if len.saturating_add(new) <= MOST {
            return append(file, line);
        }
        let mut kept = Vec::new();
        file.seek(SeekFrom::Start(len.saturating_sub(KEPT)))?;
        (&mut file).take(KEPT).read_to_end(&mut kept)?;
        // The first line that is kept is a whole one.
        let start = kept.iter().position(|byte| *byte == b'\n');
        let start = start.map_or(kept.len(), |at| at.saturating_add(1));
        kept.drain(..start);
        kept.extend_from_slice(line.as_bytes());
        self.files
            .write(self.path, &kept, crate::Access::OwnerOnly)
            .map_err(io::Error::other)
    }

    fn failed(&self, source: io::Error) -> Fault {
        Fault::File {
            path: self.path.to_owned(),
            verb: "written",
            source,
        }
    }
}

fn append(mut file: std::fs::File, line: &str) -> io::Result<()> {
    file.write_all(line.as_bytes())
}

/// `text` on one line, whoever wrote it.
pub(crate) fn on_one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        if line.len() > LONGEST_LINE {
            line.push('…');
            break;
        }
        if character.is_control() || matches!(character, '\u{2028}' | '\u{2029}') {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    line
}
