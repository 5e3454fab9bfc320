//! Waivers: engines that a person does not believe about one file, until a moment.

use model::Sha256;
use store::ScanWaiver;

use crate::{Category, ScanError, ScanReport, VirusTotal};

impl VirusTotal {
    /// What people let pass of a file at this moment.
    ///
    /// # Errors
    /// If the state cannot be read.
    pub async fn waivers(&self, sha256: Sha256) -> Result<Vec<ScanWaiver>, ScanError> {
        let now = self.clock.now();
        let given = self.db.waiver_list(Some(sha256)).await?;
        Ok(given.into_iter().filter(|it| it.holds(now)).collect())
    }
}

/// Whether one of `waivers` names `engine`; upper and lower case are the same.
pub fn is_waived(waivers: &[ScanWaiver], engine: &str) -> bool {
    let mut engines = waivers.iter().flat_map(|waiver| &waiver.engines);
    engines.any(|waived| waived.eq_ignore_ascii_case(engine))
}

impl ScanReport {
    /// The report as it would be if the engines that `waivers` name had found nothing.
    #[must_use]
    pub fn without(&self, waivers: &[ScanWaiver]) -> Self {
        let mut report = self.clone();
        let stats = &mut report.stats;
        report.flags.retain(|flag| {
            let waived = is_waived(waivers, &flag.engine);
            if waived {
                let counted = match flag.category {
                    Category::Malicious => &mut stats.malicious,
                    Category::Suspicious => &mut stats.suspicious,
                };
                // An engine that objects and is not counted is not counted as content, either.
                if let Some(fewer) = counted.checked_sub(1) {
                    *counted = fewer;
                    stats.undetected = stats.undetected.saturating_add(1);
                }
            }
            !waived
        });
        report
    }
}

#[cfg(test)]
mod tests {
    use model::{Timestamp, WaiverId};

    use super::*;
    use crate::{Assessment, Flag, Stats, Thresholds, assess};

    fn waiver(engines: &[&str]) -> ScanWaiver {
        ScanWaiver {
            id: WaiverId::new(),
            sha256: Sha256::of(b"app"),
            engines: engines.iter().map(|&engine| engine.to_owned()).collect(),
            reason: "A known false alarm".to_owned(),
            by: "jo".to_owned(),
            at: Timestamp::from_secs(0),
            until: Timestamp::from_secs(10),
            revoked: None,
        }
    }

    #[test]
    fn engines_that_are_waived_found_nothing_and_the_others_still_do() {
        let flag = |engine: &str, category| Flag {
            engine: engine.to_owned(),
            category,
            result: None,
        };
        let report = ScanReport {
            sha256: Sha256::of(b"app"),
            stats: Stats {
                malicious: 2,
                suspicious: 1,
                undetected: 37,
                ..Stats::default()
            },
            flags: vec![
                flag("Bad", Category::Malicious),
                flag("Worse", Category::Malicious),
                flag("Wary", Category::Suspicious),
            ],
            analysed_at: None,
            first_submitted_at: None,
            permalink: String::new(),
        };
        let left = report.without(&[waiver(&["bad"]), waiver(&["Wary", "Nobody"])]);
        assert_eq!(left.stats.malicious, 1);
        assert_eq!(left.stats.suspicious, 0);
        assert_eq!(left.stats.answered(), 40, "they answered all the same");
        let names: Vec<_> = left.flags.iter().map(|flag| &flag.engine).collect();
        assert_eq!(names, ["Worse"]);
        let thresholds = Thresholds::default();
        let all = waiver(&["Bad", "Worse", "Wary"]);
        assert_eq!(
            assess(&report.without(&[all]), &thresholds),
            Assessment::Clean
        );
        assert_eq!(report.without(&[waiver(&[])]), report);
    }
}
