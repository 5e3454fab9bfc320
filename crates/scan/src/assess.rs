//! What a report means, and what is to be done about it: pure functions of facts and configuration.

use std::fmt;

use model::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Category, NoReport, ScanReport};

/// When facts become an assessment.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Thresholds {
    /// How many engines must call a file malicious before it is; a suspicious one counts half.
    pub malicious: u32,
    /// Engines whose word alone is enough; upper and lower case are the same.
    pub trusted_engines: Vec<String>,
    /// How many engines must have answered before silence means anything.
    pub answering_engines: u32,
}

/// One or two obscure engines are often wrong, three seldom.
impl Default for Thresholds {
    fn default() -> Self {
        Self {
            malicious: 3,
            trusted_engines: Vec::new(),
            answering_engines: 40,
        }
    }
}

/// What the facts about one file mean.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Assessment {
    /// Enough engines answered, and none objects.
    Clean,
    /// Engines object, but too few to be sure.
    Suspicious {
        /// Who objects, by name.
        engines: Vec<String>,
    },
    /// It is malware, as far as anybody can tell.
    Malicious {
        /// Who objects, by name.
        engines: Vec<String>,
    },
    /// Nothing can be said.
    Inconclusive(Inconclusive),
}

/// Why nothing can be said.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Inconclusive {
    /// There is no key to ask with.
    NoKey,
    /// No more may be asked before a moment.
    QuotaSpent {
        /// The moment.
        until: Timestamp,
    },
    /// Too few engines answered.
    TooFewEngines {
        /// How many answered.
        answered: u32,
        /// How many must.
        needed: u32,
    },
    /// The scanner does not know the file, and it is larger than it takes.
    TooLarge {
        /// How large it is.
        len_bytes: u64,
        /// How large it may be.
        limit_bytes: u64,
    },
    /// It is larger than the scanner takes, which does not know all programs in it.
    InnerUnknown {
        /// How many it knows, and nobody objects to.
        known: u32,
        /// How many there are.
        programs: u32,
    },
    /// It is larger than the scanner takes, but each program in it is known, and nobody objects to any.
    InnerClean {
        /// How many there are.
        programs: u32,
    },
    /// The scanner does not know the file, and it may not be uploaded.
    Unknown,
}

impl From<NoReport> for Inconclusive {
    fn from(why: NoReport) -> Self {
        match why {
            NoReport::NoKey => Self::NoKey,
            NoReport::QuotaSpent { until } => Self::QuotaSpent { until },
            NoReport::TooLarge {
                len_bytes,
                limit_bytes,
            } => Self::TooLarge {
                len_bytes,
                limit_bytes,
            },
            NoReport::UploadNotAllowed => Self::Unknown,
        }
    }
}

/// What `report` means under `thresholds`.
///
/// A file that enough engines, or one trusted engine, call malicious is malicious however few others answered. Below
/// that, too few answers make it inconclusive, and any objection suspicious.
pub fn assess(report: &ScanReport, thresholds: &Thresholds) -> Assessment {
    let engines = || {
        report
            .flags
            .iter()
            .map(|flag| flag.engine.clone())
            .collect()
    };
    let trusted_objects = report.flags.iter().any(|flag| {
        flag.category == Category::Malicious
            && thresholds
                .trusted_engines
                .iter()
                .any(|trusted| trusted.eq_ignore_ascii_case(&flag.engine))
    });
    // In halves, so that a suspicious engine counts one half without fractions.
    let objections = u64::from(report.stats.malicious) * 2 + u64::from(report.stats.suspicious);
    let enough = u64::from(thresholds.malicious) * 2;
    let answered = report.stats.answered();
    if trusted_objects || (objections > 0 && objections >= enough) {
        Assessment::Malicious { engines: engines() }
    } else if answered < thresholds.answering_engines {
        Assessment::Inconclusive(Inconclusive::TooFewEngines {
            answered,
            needed: thresholds.answering_engines,
        })
    } else if objections > 0 {
        Assessment::Suspicious { engines: engines() }
    } else {
        Assessment::Clean
    }
}

/// What is done with a change set.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// It goes on.
    Release,
    /// It goes on, and the log says that nobody vouched for it.
    Warn,
    /// It waits for a person.
    Hold,
    /// It stops with a failure.
    Fail,
}

/// What each assessment leads to; a malicious file always fails, and a clean one is always released.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Policy {
    /// Engines object, but too few to be sure.
    pub suspicious: Action,
    /// Too few engines answered.
    pub too_few_engines: Action,
    /// Unknown to the scanner, and larger than it takes.
    pub too_large: Action,
    /// Larger than the scanner takes, but each program in it is known to it, and nobody objects to any.
    pub inner_clean: Action,
    /// Unknown to the scanner, and not allowed to be uploaded.
    pub unknown: Action,
    /// No more may be asked today or this month.
    pub quota_spent: Action,
    /// There is no key to ask with.
    pub no_key: Action,
}

/// Whatever is not clean waits for a person.
impl Default for Policy {
    fn default() -> Self {
        Self {
            suspicious: Action::Hold,
            too_few_engines: Action::Hold,
            too_large: Action::Hold,
            inner_clean: Action::Hold,
            unknown: Action::Hold,
            quota_spent: Action::Hold,
            no_key: Action::Hold,
        }
    }
}

impl Policy {
    /// What `assessment` leads to.
    pub const fn action(&self, assessment: &Assessment) -> Action {
        match assessment {
            Assessment::Clean => Action::Release,
            Assessment::Suspicious { .. } => self.suspicious,
            Assessment::Malicious { .. } => Action::Fail,
            Assessment::Inconclusive(why) => match why {
                Inconclusive::NoKey => self.no_key,
                Inconclusive::QuotaSpent { .. } => self.quota_spent,
                Inconclusive::TooFewEngines { .. } => self.too_few_engines,
                Inconclusive::TooLarge { .. } | Inconclusive::InnerUnknown { .. } => self.too_large,
                Inconclusive::InnerClean { .. } => self.inner_clean,
                Inconclusive::Unknown => self.unknown,
            },
        }
    }
}

/// In plain words, as it stands in incidents and logs.
impl fmt::Display for Assessment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clean => f.write_str("no engine objects"),
            Self::Suspicious { engines } => f.write_str(&objecting(engines)),
            Self::Malicious { engines } => write!(f, "it is malware: {}", objecting(engines)),
            Self::Inconclusive(why) => why.fmt(f),
        }
    }
}

impl fmt::Display for Inconclusive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoKey => f.write_str("there is no key for VirusTotal"),
            Self::QuotaSpent { until } => {
                write!(
                    f,
                    "the quota of requests to VirusTotal is spent until {until}"
                )
            }
            Self::TooFewEngines { answered, needed } => {
                write!(
                    f,
                    "only {answered} engines answered, and {needed} are needed"
                )
            }
            Self::TooLarge {
                len_bytes,
                limit_bytes,
            } => write!(
                f,
                "VirusTotal does not know the file, and its {len_bytes} bytes are more than the {limit_bytes} it takes"
            ),
            Self::InnerUnknown { known, programs } => write!(
                f,
                "the file is larger than VirusTotal takes, and of the {programs} programs in it VirusTotal knows {known} as clean"
            ),
            Self::InnerClean { programs } => write!(
                f,
                "the file is larger than VirusTotal takes, but it knows each of the {programs} programs in it as clean"
            ),
            Self::Unknown => {
                f.write_str("VirusTotal does not know the file, and it may not be uploaded")
            }
        }
    }
}

fn objecting(engines: &[String]) -> String {
    match engines {
        [] => "engines object".to_owned(),
        [one] => format!("one engine objects ({one})"),
        many => format!("{} engines object ({})", many.len(), many.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use model::Sha256;

    use super::*;
    use crate::{Flag, Stats};

    fn report(malicious: u32, suspicious: u32, undetected: u32) -> ScanReport {
        let flag = |category, name: &str| Flag {
            engine: name.to_owned(),
            category,
            result: None,
        };
        let bad = (0..malicious).map(|n| flag(Category::Malicious, &format!("Bad{n}")));
        let wary = (0..suspicious).map(|n| flag(Category::Suspicious, &format!("Wary{n}")));
        ScanReport {
            sha256: Sha256::of(b"app"),
            stats: Stats {
                malicious,
                suspicious,
                undetected,
                ..Stats::default()
            },
            flags: bad.chain(wary).collect(),
            analysed_at: None,
            first_submitted_at: None,
            permalink: String::new(),
        }
    }

    /// The first word of the assessment, which is enough to tell them apart.
    fn verdict(malicious: u32, suspicious: u32, undetected: u32) -> &'static str {
        match assess(
            &report(malicious, suspicious, undetected),
            &Thresholds::default(),
        ) {
            Assessment::Clean => "clean",
            Assessment::Suspicious { .. } => "suspicious",
            Assessment::Malicious { .. } => "malicious",
            Assessment::Inconclusive(_) => "inconclusive",
        }
    }

    #[test]
    fn three_objections_are_malware_and_a_suspicious_one_counts_half() {
        assert_eq!(verdict(0, 0, 60), "clean");
        assert_eq!(verdict(1, 0, 60), "suspicious");
        assert_eq!(verdict(2, 1, 60), "suspicious");
        assert_eq!(verdict(2, 2, 60), "malicious");
        assert_eq!(verdict(3, 0, 60), "malicious");
        assert_eq!(verdict(0, 1, 60), "suspicious");
        assert_eq!(verdict(0, 6, 60), "malicious");
    }

    #[test]
    fn too_few_answers_say_nothing_good_but_may_say_bad() {
        assert_eq!(verdict(0, 0, 39), "inconclusive");
        assert_eq!(verdict(1, 0, 38), "inconclusive");
        assert_eq!(verdict(0, 0, 40), "clean");
        assert_eq!(verdict(3, 0, 0), "malicious");
    }

    #[test]
    fn the_word_of_a_trusted_engine_is_enough() {
        let thresholds = Thresholds {
            trusted_engines: vec!["bad0".to_owned(), "Wary0".to_owned()],
            ..Thresholds::default()
        };
        let malicious = assess(&report(1, 0, 60), &thresholds);
        assert_eq!(
            malicious.to_string(),
            "it is malware: one engine objects (Bad0)"
        );
        let suspicious = assess(&report(0, 1, 60), &thresholds);
        assert!(matches!(suspicious, Assessment::Suspicious { .. }));
    }

    #[test]
    fn a_threshold_of_zero_does_not_make_clean_files_malware() {
        let thresholds = Thresholds {
            malicious: 0,
            ..Thresholds::default()
        };
        assert_eq!(assess(&report(0, 0, 60), &thresholds), Assessment::Clean);
    }

    #[test]
    fn every_assessment_has_a_stated_action() {
        let policy = Policy {
            suspicious: Action::Warn,
            too_large: Action::Release,
            ..Policy::default()
        };
        let large = Inconclusive::TooLarge {
            len_bytes: 2,
            limit_bytes: 1,
        };
        let engines = Vec::new;
        assert_eq!(policy.action(&Assessment::Clean), Action::Release);
        let suspicious = Assessment::Suspicious { engines: engines() };
        assert_eq!(policy.action(&suspicious), Action::Warn);
        let malicious = Assessment::Malicious { engines: engines() };
        assert_eq!(policy.action(&malicious), Action::Fail);
        assert_eq!(
            policy.action(&Assessment::Inconclusive(large)),
            Action::Release
        );
        for why in [NoReport::NoKey, NoReport::UploadNotAllowed] {
            let assessment = Assessment::Inconclusive(why.into());
            assert_eq!(policy.action(&assessment), Action::Hold);
        }
    }
}
