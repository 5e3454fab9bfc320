//! YARA rules of the operator's own: a third opinion, which needs nobody else.
//!
//! Rules are compiled once, when the service starts. What they say of a file is kept, and asked for again only when the
//! rules have changed. Which files of a medium they see is not decided here.
//!
//! # Source
//! YARA's documentation, "Writing YARA rules"; the `boreal` crate evaluates them. `include` is not followed: the digest
//! of the rules is to cover all of them.

mod config;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use boreal::{
    Compiler, Scanner,
    compiler::CompilerParams,
    scanner::{CallbackEvents, ScanParams},
};
use model::{Clock, Sha256, Timestamp};
use serde::{Deserialize, Serialize};
use store::{Db, ScanOpinion, StoreError};

pub use self::config::{YaraConfig, YaraPolicy};
use crate::{Action, Medium};

/// Under which name opinions of rules are kept, and which waivers name.
pub const YARA: &str = "YARA";

/// How long the rules may take over one file.
const LONGEST: Duration = Duration::from_mins(2);

/// How many findings, and how many unseen files, a sentence names.
const NAMED: usize = 20;

/// How many findings, and how many unseen files, are kept: a medium may have very many of both.
const KEPT: usize = 1_000;

/// How the medium's own bytes are called among what was not seen.
const ITSELF: &str = "the medium itself";

/// What matched where.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct Finding {
    /// The rule.
    pub rule: String,
    /// Where in the medium; empty for the medium itself.
    pub path: String,
}

/// What the rules say of a medium.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct YaraOpinion {
    /// The digest of the rules.
    pub rules: Sha256,
    /// What matched, sorted.
    pub found: Vec<Finding>,
    /// What was not looked into.
    pub unseen: Vec<String>,
    /// How many findings and unseen files there were beyond those.
    #[serde(default)]
    pub more: u64,
    /// How many files were looked into.
    pub seen: u64,
    /// When.
    pub at: Timestamp,
}

/// Why there is no opinion.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum YaraError {
    /// Rules cannot be read.
    #[error("the YARA rules `{}` cannot be read", path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong.
        source: io::Error,
    },
    /// Rules cannot be understood.
    #[error("the YARA rules `{}` cannot be understood: {why}", path.display())]
    Rules {
        /// The file.
        path: PathBuf,
        /// What is wrong where.
        why: String,
    },
    /// There are files or folders, and no rule in them.
    #[error("`scan.yara.rules` names no rule: files end in `.yar` or `.yara`")]
    NoRule,
    /// The state could not be read or kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The rules.
#[derive(Clone)]
pub struct Yara {
    config: YaraConfig,
    scanner: Scanner,
    rules: Sha256,
    db: Db,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for Yara {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Yara")
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}

impl Yara {
    /// The rules that `config` names; nothing if it names none. Blocks.
    ///
    /// # Errors
    /// If a file cannot be read or understood, or there is no rule at all.
    pub fn new(
        config: YaraConfig,
        db: Db,
        clock: Arc<dyn Clock>,
    ) -> Result<Option<Self>, YaraError> {
        if config.rules.is_empty() {
            return Ok(None);
        }
        let mut compiler = Compiler::new();
        compiler.set_params(CompilerParams::default().disable_includes(true));
        let mut digests = String::new();
        for path in files(&config.rules)? {
            let text = fs_err::read_to_string(&path).map_err(|source| unreadable(&path, source))?;
            digests.push_str(&Sha256::of(text.as_bytes()).to_string());
            // Rules of different files may have the same name.
            let namespace = path.display().to_string();
            compiler
                .add_rules_str_in_namespace(&text, namespace)
                .map_err(|error| YaraError::Rules {
                    path: path.clone(),
                    why: error.to_string().trim().to_owned(),
                })?;
        }
        let mut scanner = compiler.finalize();
        if scanner.rules().next().is_none() {
            return Err(YaraError::NoRule);
        }
        scanner.set_scan_params(
            ScanParams::default()
                .timeout_duration(Some(LONGEST))
                .callback_events(CallbackEvents::empty()),
        );
        Ok(Some(Self {
            config,
            scanner,
            rules: Sha256::of(digests.as_bytes()),
            db,
            clock,
        }))
    }

    /// What findings lead to, as configured.
    pub const fn policy(&self) -> &YaraPolicy {
        &self.config.policy
    }

    /// What these rules said of `medium` before; nothing if they were others.
    ///
    /// # Errors
    /// If the state cannot be read.
    pub async fn kept(&self, medium: &Medium) -> Result<Option<YaraOpinion>, YaraError> {
        let kept = self.db.opinion_list(medium.sha256).await?;
        Ok(yara_in(&kept).filter(|opinion| opinion.rules == self.rules))
    }

    /// Keeps what they say now.
    ///
    /// # Errors
    /// If it cannot be kept.
    pub async fn keep(&self, medium: &Medium, opinion: &YaraOpinion) -> Result<(), YaraError> {
        let kept = ScanOpinion {
            scanner: YARA.to_owned(),
            said: serde_json::json!(opinion),
            said_at: opinion.at,
        };
        Ok(self.db.opinion_keep(medium.sha256, &kept).await?)
    }

    /// Begins to look through a medium.
    pub fn look(&self) -> Look<'_> {
        Look {
            yara: self,
            found: Vec::new(),
            unseen: Vec::new(),
            more: 0,
            seen: 0,
        }
    }

    /// What `opinion` leads to.
    pub const fn action(&self, opinion: &YaraOpinion) -> Action {
        if !opinion.found.is_empty() {
            self.config.policy.found
        } else if !opinion.unseen.is_empty() {
            self.config.policy.unseen
        } else {
            Action::Release
        }
    }
}

/// A medium that is looked through, file by file.
#[derive(Debug)]
pub struct Look<'a> {
    yara: &'a Yara,
    found: Vec<Finding>,
    unseen: Vec<String>,
    more: u64,
    seen: u64,
}

impl Look<'_> {
    /// Whether a file of so many bytes is not too large.
    pub const fn takes(&self, len_bytes: u64) -> bool {
        len_bytes <= self.yara.config.max_bytes()
    }

    /// Looks into a file of so many bytes at `path` of the medium. Blocks.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn file(&mut self, path: &str, len_bytes: u64, file: impl Read) -> io::Result<()> {
        let most = self.yara.config.max_bytes();
        let named = if path.is_empty() { ITSELF } else { path };
        if !self.takes(len_bytes) {
            self.not_seen(format!("{named} ({} MiB)", len_bytes >> 20));
            return Ok(());
        }
        let mut bytes = Vec::new();
        // What says that it is small may be larger.
        file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > most {
            self.not_seen(named.to_owned());
            return Ok(());
        }
        self.seen = self.seen.saturating_add(1);
        let scanned = match self.yara.scanner.scan_mem(&bytes) {
            Ok(scanned) => scanned,
            Err((error, scanned)) => {
                self.not_seen(format!("{named} ({error})"));
                scanned
            }
        };
        for rule in &scanned.rules {
            if self.found.len() >= KEPT {
                self.more = self.more.saturating_add(1);
                continue;
            }
            self.found.push(Finding {
                rule: rule.name.to_owned(),
                path: path.to_owned(),
            });
        }
        Ok(())
    }

    /// Something of the medium cannot be looked into.
    pub fn not_seen(&mut self, what: String) {
        if self.unseen.len() >= KEPT {
            self.more = self.more.saturating_add(1);
            return;
        }
        self.unseen.push(what);
    }

    /// What the rules say of all of it.
    pub fn opinion(mut self) -> YaraOpinion {
        self.found.sort();
        self.found.dedup();
        YaraOpinion {
            rules: self.yara.rules,
            found: self.found,
            unseen: self.unseen,
            more: self.more,
            seen: self.seen,
            at: self.yara.clock.now(),
        }
    }
}

/// In plain words, as it stands in incidents and logs.
impl fmt::Display for YaraOpinion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found: Vec<String> = self.found.iter().map(ToString::to_string).collect();
        match (found.as_slice(), self.unseen.as_slice()) {
            ([], []) => write!(f, "no YARA rule matches in {} files", self.seen),
            ([], unseen) => write!(f, "YARA rules have not seen {}", named(unseen)),
            (found, _) => write!(f, "YARA rules match: {}", named(found)),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            return f.write_str(&self.rule);
        }
        write!(f, "{} in `{}`", self.rule, self.path.escape_debug())
    }
}

fn named(all: &[String]) -> String {
    let first = all.get(..NAMED).unwrap_or(all);
    match all.len().saturating_sub(NAMED) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

/// What rules said, among the opinions that are kept of a file.
pub fn yara_in(kept: &[ScanOpinion]) -> Option<YaraOpinion> {
    let own = kept.iter().find(|kept| kept.scanner == YARA)?;
    serde_json::from_value(own.said.clone()).ok()
}

/// The files of rules, those of a folder in the order of their names.
fn files(places: &[PathBuf]) -> Result<Vec<PathBuf>, YaraError> {
    let mut files = Vec::new();
    for place in places {
        if !place.is_dir() {
            files.push(place.clone());
            continue;
        }
        let mut inside = Vec::new();
        let entries = fs_err::read_dir(place).map_err(|source| unreadable(place, source))?;
        for entry in entries {
            let path = entry.map_err(|source| unreadable(place, source))?.path();
            let extension = path.extension().and_then(|it| it.to_str());
            if matches!(extension, Some("yar" | "yara")) {
                inside.push(path);
            }
        }
        inside.sort();
        files.append(&mut inside);
    }
    Ok(files)
}

fn unreadable(path: &Path, source: io::Error) -> YaraError {
    YaraError::Unreadable {
        path: path.to_owned(),
        source,
    }
}
