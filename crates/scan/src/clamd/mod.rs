//! `ClamAV`'s daemon: a second opinion that needs no internet.
//!
//! The file is streamed to the daemon, which unpacks what it knows (archives, disk images, packages) and matches its
//! signatures, YARA rules among them if there are some in its folder. What it said is kept, and asked for again only
//! when its signatures have changed or the answer is old.
//!
//! # Source
//! `clamd(8)`, "COMMANDS": `zVERSION`, `zINSTREAM`, and their answers; of the version the form
//! `ClamAV 1.4.6/27400/Thu Nov 26 09:00:00 2026`.

mod config;
mod talk;

#[cfg(test)]
mod tests;

use std::{fmt, io, sync::Arc, time::Duration};

use chrono::NaiveDateTime;
use model::{Clock, Timestamp};
use serde::{Deserialize, Serialize};
use store::{Db, ScanOpinion, StoreError};

pub use self::config::{ClamdConfig, ClamdPolicy};
use self::talk::{Place, Talk};
use crate::{Action, Medium, report::tame};

/// Under which name its opinions are kept, and which waivers name.
pub const CLAMD: &str = "ClamAV";

/// The beginning of what the daemon "finds" where it met a limit of its own (`AlertExceedsMax`): it has not seen all.
const LIMITS: &str = "Heuristics.Limits.Exceeded";

/// Names by which it tells of what it finds odd, or unwanted, rather than bad.
const DOUBTS: [&str; 2] = ["Heuristics.", "PUA."];

/// Which engine, and which signatures.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Engine {
    /// `ClamAV 1.4.6`.
    pub name: String,
    /// The number of its daily signatures; there is none where it has only others.
    pub signatures: Option<u32>,
    /// When those were made.
    pub signatures_at: Option<Timestamp>,
}

/// What it says of a file.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "verdict")]
pub enum Verdict {
    /// It finds nothing.
    Clean,
    /// A signature matches.
    Found {
        /// The name of what was found.
        name: String,
    },
    /// It has seen only a part, or nothing, of so large a file.
    TooLarge {
        /// Whose limit that is, in plain words.
        limit: String,
    },
}

/// What it says of a file, and by what.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Opinion {
    /// Which engine, and which signatures.
    pub engine: Engine,
    /// What it says.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// When it looked.
    pub at: Timestamp,
}

/// Why there is no opinion.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClamdError {
    /// It cannot be talked to now.
    #[error("the ClamAV daemon at {place} cannot be asked: it does not {what}")]
    Down {
        /// Where it should be.
        place: String,
        /// What it does not do: `let us connect`.
        what: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// It took too long.
    #[error("the ClamAV daemon at {place} gave no answer in {} seconds", limit.as_secs())]
    Slow {
        /// Where it is.
        place: String,
        /// How long it may take.
        limit: Duration,
    },
    /// It says that it cannot do its work.
    #[error("the ClamAV daemon at {place} answers: {said}")]
    Refused {
        /// Where it is.
        place: String,
        /// What it says, shortened.
        said: String,
    },
    /// It is not configured as it can be.
    #[error("`scan.clamd` cannot be used: {why}")]
    SetUp {
        /// What is wrong.
        why: &'static str,
    },
    /// The file cannot be read.
    #[error("the file to scan cannot be read")]
    File(#[source] io::Error),
    /// The state could not be read or kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A client for `ClamAV`'s daemon.
#[derive(Clone)]
pub struct Clamd {
    config: ClamdConfig,
    place: Place,
    db: Db,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for Clamd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clamd")
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

impl Clamd {
    /// A client as `config` says; nothing if it names no daemon.
    ///
    /// # Errors
    /// [`ClamdError::SetUp`].
    pub fn new(
        config: ClamdConfig,
        db: Db,
        clock: Arc<dyn Clock>,
    ) -> Result<Option<Self>, ClamdError> {
        let Some(place) = Place::of(&config)? else {
            return Ok(None);
        };
        if config.max_mib == 0 || config.timeout_seconds == 0 {
            return Err(ClamdError::SetUp {
                why: "`max-mib` and `timeout-seconds` must be at least 1",
            });
        }
        Ok(Some(Self {
            config,
            place,
            db,
            clock,
        }))
    }

    /// What opinions lead to, as configured.
    pub const fn policy(&self) -> &ClamdPolicy {
        &self.config.policy
    }

    /// What it says of `medium`: what it said before, if its signatures are still the same and the answer is not old,
    /// or else what it says now.
    ///
    /// # Errors
    /// If it cannot be asked, or the file cannot be read.
    ///
    /// # Cancellation
    /// Nothing is kept; it is asked again the next time.
    pub async fn ask(&self, medium: &Medium) -> Result<Opinion, ClamdError> {
        let talk = Talk {
            place: &self.place,
            limit: self.config.timeout(),
        };
        let engine = engine_of(&talk.version().await?);
        let now = self.clock.now();
        if let Some(opinion) = self.opinion(medium).await?
            && opinion.engine == engine
            && !matches!(opinion.verdict, Verdict::TooLarge { .. })
            && now.since(opinion.at) < self.config.opinion_age()
        {
            return Ok(opinion);
        }
        let verdict = if medium.len_bytes > self.config.max_bytes() {
            Verdict::TooLarge {
                limit: format!("`scan.clamd.max-mib` is {}", self.config.max_mib),
            }
        } else {
            let said = talk.scan(&medium.path).await?;
            verdict_of(&said).ok_or_else(|| ClamdError::Refused {
                place: self.place.to_string(),
                said: tame(&said),
            })?
        };
        let opinion = Opinion {
            engine,
            verdict,
            at: now,
        };
        self.keep(medium, &opinion).await?;
        Ok(opinion)
    }

    /// What it said of `medium` the last time.
    ///
    /// # Errors
    /// If the state cannot be read.
    pub async fn opinion(&self, medium: &Medium) -> Result<Option<Opinion>, ClamdError> {
        let kept = self.db.opinion_list(medium.sha256).await?;
        Ok(opinion_in(&kept))
    }

    async fn keep(&self, medium: &Medium, opinion: &Opinion) -> Result<(), ClamdError> {
        let said = serde_json::to_value(opinion).map_err(|error| {
            // Only a map with keys that are no texts cannot be written, and there is none.
            ClamdError::File(io::Error::other(error))
        })?;
        let kept = ScanOpinion {
            scanner: CLAMD.to_owned(),
            said,
            said_at: opinion.at,
        };
        Ok(self.db.opinion_keep(medium.sha256, &kept).await?)
    }

    /// What `opinion` leads to at `now`.
    pub fn action(&self, opinion: &Opinion, now: Timestamp) -> Action {
        let policy = &self.config.policy;
        match &opinion.verdict {
            Verdict::Found { .. } if opinion.is_malware() => Action::Fail,
            Verdict::Found { .. } => policy.suspicious,
            Verdict::TooLarge { .. } => policy.too_large,
            Verdict::Clean if self.is_outdated(&opinion.engine, now) => policy.outdated,
            Verdict::Clean => Action::Release,
        }
    }

    fn is_outdated(&self, engine: &Engine, now: Timestamp) -> bool {
        let Some(oldest) = self.config.signature_age() else {
            return false;
        };
        engine
            .signatures_at
            .is_none_or(|made| now.since(made) > oldest)
    }
}

impl Opinion {
    /// Whether it calls the file malware, and not only odd or unwanted.
    pub fn is_malware(&self) -> bool {
        match &self.verdict {
            Verdict::Found { name } => !DOUBTS.iter().any(|doubt| name.starts_with(doubt)),
            Verdict::Clean | Verdict::TooLarge { .. } => false,
        }
    }

    /// Whether it finds anything at all.
    pub const fn objects(&self) -> bool {
        matches!(self.verdict, Verdict::Found { .. })
    }
}

/// In plain words, as it stands in incidents and logs.
impl fmt::Display for Opinion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.verdict {
            Verdict::Clean => write!(f, "{} finds nothing", self.engine),
            Verdict::Found { name } if self.is_malware() => {
                write!(f, "it is malware: {} finds {name}", self.engine)
            }
            Verdict::Found { name } => write!(f, "{} finds it odd: {name}", self.engine),
            Verdict::TooLarge { limit } => {
                write!(f, "{} has not seen all of it: {limit}", self.engine)
            }
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        match self.signatures_at {
            Some(made) => write!(f, " with signatures of {made}"),
            None => f.write_str(" with signatures of no date"),
        }
    }
}

/// The opinion of the daemon among those that are kept of a file.
pub fn opinion_in(kept: &[ScanOpinion]) -> Option<Opinion> {
    let own = kept.iter().find(|kept| kept.scanner == CLAMD)?;
    serde_json::from_value(own.said.clone()).ok()
}

/// The engine that its answer to `VERSION` names. What cannot be read of it is taken for unknown.
fn engine_of(said: &str) -> Engine {
    let mut parts = said.splitn(3, '/');
    let name = tame(parts.next().unwrap_or_default().trim());
    let signatures = parts.next().and_then(|number| number.trim().parse().ok());
    let made = parts.next().and_then(|date| {
        let date = NaiveDateTime::parse_from_str(date.trim(), "%a %b %e %H:%M:%S %Y");
        date.ok().map(|date| Timestamp::from(date.and_utc()))
    });
    Engine {
        name,
        signatures,
        signatures_at: made,
    }
}

/// What its answer to `INSTREAM` says of the file; nothing if it tells of trouble of its own.
fn verdict_of(said: &str) -> Option<Verdict> {
    let said = said.trim();
    if said.starts_with("INSTREAM size limit exceeded") {
        return Some(Verdict::TooLarge {
            limit: "its own `StreamMaxLength`".to_owned(),
        });
    }
    let said = said.strip_prefix("stream:")?.trim();
    if said == "OK" {
        return Some(Verdict::Clean);
    }
    let name = said.strip_suffix(" FOUND")?;
    Some(if name.starts_with(LIMITS) {
        Verdict::TooLarge {
            limit: format!("its own limit, as `{}` tells", tame(name)),
        }
    } else {
        Verdict::Found { name: tame(name) }
    })
}
