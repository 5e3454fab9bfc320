//! What scanners find only after software was published: they are asked again for some days.

use std::{path::PathBuf, time::Duration};

use model::{FailureClass, Sha256, Title};
use publication::RuleKind;
use scan::{Answer, Assessment, Medium, ScanError, assess};
use store::Release;

use super::change::Hand;
use crate::{Engine, Failure};

/// For how long what was published is asked about again, and what becomes of what is found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Afterwards {
    /// For how long after its publication; zero: never.
    pub lasting: Duration,
    /// Whether it is recalled by itself.
    pub recall: bool,
}

impl Default for Afterwards {
    fn default() -> Self {
        Self {
            lasting: Duration::from_hours(7 * 24),
            recall: true,
        }
    }
}

/// Who recalls what scanners find late.
const BY: &str = "scanner";

impl Engine {
    /// Asks scanners again about what was published lately, by digest only; what they now call malware is recalled, if
    /// it is to be, and the desk hears of it. Reports that are fresh are not asked for again. Answers what was found.
    ///
    /// # Errors
    /// If the database or the repository fails; what was found before is told all the same.
    pub async fn look_again(&self) -> Result<Vec<String>, Failure> {
        let afterwards = self.parts.scanning.afterwards;
        let since = self.clock().now().minus(afterwards.lasting);
        let mut found = Vec::new();
        if afterwards.lasting.is_zero() {
            return Ok(found);
        }
        let recalled = self.rules_that_hold().await?;
        for (title, release) in self.parts.db.release_since(since).await? {
            let is_recalled = recalled.iter().any(|(rule, _)| {
                rule.kind == RuleKind::Recall
                    && rule.name == release.name
                    && rule.version.as_deref() == Some(&release.version)
            });
            if is_recalled {
                continue;
            }
            if let Some(says) = self.malicious_now(&release).await {
                found.push(self.found_late(&title, &release, &says).await?);
            }
        }
        Ok(found)
    }

    /// What the scanner says of a release, if it calls it malware. What cannot be asked now is asked the next time.
    async fn malicious_now(&self, release: &Release) -> Option<String> {
        let scanner = &self.parts.scanning.scanner;
        let medium = Medium {
            sha256: release.sha256,
            len_bytes: 0,
            path: PathBuf::new(),
            name: format!("{} {}", release.name, release.version),
            may_upload: false,
        };
        let asked = async {
            let waivers = scanner.waivers(release.sha256).await?;
            Ok::<_, ScanError>((scanner.ask(&medium).await?, waivers))
        };
        match asked.await {
            Ok((Answer::Report(report), waivers)) => {
                let assessment = assess(&report.without(&waivers), scanner.thresholds());
                matches!(assessment, Assessment::Malicious { .. }).then(|| assessment.to_string())
            }
            Ok(_) => None,
            Err(error) => {
                tracing::warn!(%error, file.sha256 = %release.sha256, "what was published is asked about later");
                None
            }
        }
    }

    async fn found_late(
        &self,
        title: &Title,
        release: &Release,
        says: &str,
    ) -> Result<String, Failure> {
        let (name, version) = (&release.name, &release.version);
        let found = format!("{name} {version} (SHA-256 {}): {says}", release.sha256);
        tracing::error!(title.name = %title, release.version = version, says, "malware was published");
        let outcome = if self.parts.scanning.afterwards.recall {
            let hand = Hand {
                by: BY.to_owned(),
                reason: found.clone(),
            };
            self.recall(name, version, &hand).await.map(|_recalled| ())
        } else {
            Ok(())
        };
        self.tell_of_late_find(title, &found, release.sha256, &outcome)
            .await?;
        outcome.map(|()| found)
    }

    /// Its incident stands until a person ends it: a good run of the title says nothing about what is out already.
    async fn tell_of_late_find(
        &self,
        title: &Title,
        found: &str,
        sha256: Sha256,
        recalled: &Result<(), Failure>,
    ) -> Result<(), Failure> {
        let (done, next) = match recalled {
            Err(failure) => (
                format!("It could not be recalled: {}", failure.cause()),
                "Recall it by hand with `auto-update ring recall`, at once.",
            ),
            Ok(()) if self.parts.scanning.afterwards.recall => (
                "It was recalled".to_owned(),
                "See with `auto-update ring recall` and `auto-update ring list` who could have fetched it, and remove it there. \
                 If the scanners are wrong, take the recall back.",
            ),
            Ok(()) => (
                "It is still offered".to_owned(),
                "Read the report. If it is right, `auto-update ring recall` takes the version away.",
            ),
        };
        let name = format!("published {title}");
        let told = desk::Failure {
            title: name.parse().unwrap_or_else(|_too_long| title.clone()),
            class: FailureClass::Malware,
            cause: format!("Scanners now call malware what was published: {found}. {done}."),
            next_step: Some(next.to_owned()),
            run: None,
            step: None,
            excerpt: format!("https://www.virustotal.com/gui/file/{sha256}"),
        };
        let raised = self.parts.desk.raise(&told).await;
        raised
            .map(drop)
            .map_err(|error| Failure::from_error(FailureClass::Internal, &error))
    }
}
