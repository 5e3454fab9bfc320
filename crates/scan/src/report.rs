//! The report on one file: what each engine says.

use std::collections::BTreeMap;

use model::{Sha256, Timestamp};
use serde::{Deserialize, Serialize};
use virustotal3::LastAnalysisStats;

/// Longest text of an answer that is kept, in characters.
const LONGEST: usize = 120;

/// What engines say of one SHA-256.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct ScanReport {
    /// The bytes it is about.
    pub sha256: Sha256,
    /// How many engines said what.
    pub stats: Stats,
    /// The engines that object, by name.
    pub flags: Vec<Flag>,
    /// When the engines looked, if it is told.
    pub analysed_at: Option<Timestamp>,
    /// When anybody first submitted the file, if it is told.
    pub first_submitted_at: Option<Timestamp>,
    /// Where people can read the report.
    pub permalink: String,
}

/// How many engines gave each of the eight answers that there are.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Stats {
    /// "It is malware."
    pub malicious: u32,
    /// "It looks like malware."
    pub suspicious: u32,
    /// "I find nothing."
    pub undetected: u32,
    /// "It is known to be good."
    pub harmless: u32,
    /// No answer in time.
    pub timeout: u32,
    /// No answer in time, twice.
    pub confirmed_timeout: u32,
    /// The engine failed.
    pub failure: u32,
    /// The engine does not look at files of this type.
    pub type_unsupported: u32,
}

impl Stats {
    /// How many engines looked and said something.
    pub const fn answered(&self) -> u32 {
        self.malicious
            .saturating_add(self.suspicious)
            .saturating_add(self.undetected)
            .saturating_add(self.harmless)
    }
}

/// What an engine that objects calls the file.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Category {
    /// Malware.
    Malicious,
    /// Perhaps malware.
    Suspicious,
}

/// One engine that objects.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Flag {
    /// The engine's name.
    pub engine: String,
    /// What it calls the file.
    pub category: Category,
    /// Its name for what it found.
    pub result: Option<String>,
}

/// `GET /files/{sha256}`
#[derive(Deserialize)]
pub(crate) struct FileAnswer {
    pub(crate) data: FileData,
}

#[derive(Deserialize)]
pub(crate) struct FileData {
    pub(crate) attributes: FileAttributes,
}

#[derive(Deserialize)]
pub(crate) struct FileAttributes {
    sha256: Option<Sha256>,
    last_analysis_date: Option<i64>,
    first_submission_date: Option<i64>,
    last_analysis_stats: Option<StatsAnswer>,
    #[serde(default)]
    last_analysis_results: BTreeMap<String, EngineAnswer>,
}

/// The five counts that virustotal3 knows, and the three, written with hyphens, that it does not.
#[derive(Deserialize)]
struct StatsAnswer {
    #[serde(flatten)]
    common: LastAnalysisStats,
    #[serde(default, rename = "confirmed-timeout")]
    confirmed_timeout: u32,
    #[serde(default)]
    failure: u32,
    #[serde(default, rename = "type-unsupported")]
    type_unsupported: u32,
}

#[derive(Deserialize)]
struct EngineAnswer {
    category: String,
    result: Option<String>,
}

impl FileAttributes {
    /// Whether the answer is about another file than was asked for.
    pub(crate) fn is_of_another(&self, sha256: Sha256) -> bool {
        self.sha256.is_some_and(|told| told != sha256)
    }

    /// The report; `None` if no engine has looked yet.
    pub(crate) fn into_report(self, sha256: Sha256) -> Option<ScanReport> {
        let stats: Stats = self.last_analysis_stats?.into();
        if stats == Stats::default() {
            return None;
        }
        let flag = |(engine, answer): (String, EngineAnswer)| {
            let category = match answer.category.as_str() {
                "malicious" => Category::Malicious,
                "suspicious" => Category::Suspicious,
                _ => return None,
            };
            Some(Flag {
                engine: tame(&engine),
                category,
                result: answer.result.as_deref().map(tame),
            })
        };
        Some(ScanReport {
            sha256,
            stats,
            flags: self
                .last_analysis_results
                .into_iter()
                .filter_map(flag)
                .collect(),
            analysed_at: self.last_analysis_date.map(Timestamp::from_secs),
            first_submitted_at: self.first_submission_date.map(Timestamp::from_secs),
            permalink: format!("https://www.virustotal.com/gui/file/{sha256}"),
        })
    }
}

impl From<StatsAnswer> for Stats {
    fn from(answer: StatsAnswer) -> Self {
        Self {
            malicious: answer.common.malicious,
            suspicious: answer.common.suspicious,
            undetected: answer.common.undetected,
            harmless: answer.common.harmless,
            timeout: answer.common.timeout,
            confirmed_timeout: answer.confirmed_timeout,
            failure: answer.failure,
            type_unsupported: answer.type_unsupported,
        }
    }
}

/// Text of others as it may stand in our texts: one short line.
pub(crate) fn tame(text: &str) -> String {
    text.chars()
        .filter(|char| !char.is_control())
        .take(LONGEST)
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn decode(attributes: &serde_json::Value) -> Option<ScanReport> {
        let answer: FileAnswer =
            serde_json::from_value(json!({"data": {"id": "x", "attributes": attributes}})).unwrap();
        answer.data.attributes.into_report(Sha256::of(b"app"))
    }

    #[test]
    fn reads_all_eight_counts_and_who_objects() {
        let report = decode(&json!({
            "last_analysis_date": 1_700_000_000,
            "last_analysis_stats": {
                "malicious": 1, "suspicious": 2, "undetected": 60, "harmless": 3, "timeout": 4,
                "confirmed-timeout": 5, "failure": 6, "type-unsupported": 7
            },
            "last_analysis_results": {
                "Bad\u{1b}[31mAV": {"category": "malicious", "engine_name": "BadAV", "method": "blacklist", "result": "OSX.Trojan"},
                "Dull": {"category": "undetected", "result": null},
                "Wary": {"category": "suspicious", "result": null}
            }
        }))
        .unwrap();
        assert_eq!(
            report.stats,
            Stats {
                malicious: 1,
                suspicious: 2,
                undetected: 60,
                harmless: 3,
                timeout: 4,
                confirmed_timeout: 5,
                failure: 6,
                type_unsupported: 7,
            }
        );
        assert_eq!(report.stats.answered(), 66);
        let flags: Vec<_> = report
            .flags
            .iter()
            .map(|flag| (flag.engine.as_str(), flag.result.as_deref()))
            .collect();
        assert_eq!(flags, [("Bad[31mAV", Some("OSX.Trojan")), ("Wary", None)]);
        assert_eq!(
            report.analysed_at,
            Some(Timestamp::from_secs(1_700_000_000))
        );
        let text = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<ScanReport>(&text).unwrap(), report);
    }

    #[test]
    fn a_file_no_engine_has_looked_at_has_no_report() {
        assert_eq!(decode(&json!({})), None);
        let zeros = json!({"last_analysis_stats":
            {"malicious": 0, "suspicious": 0, "undetected": 0, "harmless": 0, "timeout": 0}});
        assert_eq!(decode(&zeros), None);
    }
}
