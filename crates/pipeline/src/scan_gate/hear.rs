//! What `VirusTotal` says of a medium, with waivers, new looks, and the programs in what is too large for it.

use std::path::PathBuf;

use model::{Retry, Sha256, Timestamp};
use scan::{
    Action, Answer, Assessment, Inconclusive, Medium, NoReport, ScanError, ScanReport, assess,
};
use store::ScanWaiver;

use super::{Gate, Heard, Said, inner::Inner};
use crate::{Failure, pending::Scanned};

impl Gate<'_> {
    pub(super) async fn virus_total(&self, medium: &Scanned, waivers: &[ScanWaiver]) -> Heard {
        match self.ask_virus_total(medium, waivers).await {
            Ok(heard) => heard,
            Err(error) => self.unanswered(medium.sha256, &error),
        }
    }

    async fn ask_virus_total(
        &self,
        medium: &Scanned,
        waivers: &[ScanWaiver],
    ) -> Result<Heard, ScanError> {
        let scanner = &self.scanning.scanner;
        let (past, next) = self.rescans();
        if let Some(past) = past
            && let Some(report) = scanner.report_before(medium.sha256, past).await?
            && self.is_held_for(&self.assessed(&report, waivers))
        {
            scanner.begin_anew(medium.sha256).await?;
        }
        let assessment = match scanner.ask(&Medium::from(medium)).await? {
            Answer::Pending { ask_again_at } => return Ok(Heard::Later(ask_again_at, None)),
            Answer::None(NoReport::TooLarge { .. }) if !medium.inner.files.is_empty() => {
                match self.ask_of_inner(&medium.inner, waivers).await? {
                    Ok(assessment) => assessment,
                    Err(later) => return Ok(later),
                }
            }
            Answer::None(why) => Assessment::Inconclusive(why.into()),
            Answer::Report(report) => self.assessed(&report, waivers),
        };
        if let Some(next) = next
            && self.is_held_for(&assessment)
            && waiver_of_doubts(waivers).is_none()
        {
            tracing::warn!(file.sha256 = %medium.sha256, says = %assessment, until = %next, "engines are asked to look again");
            return Ok(Heard::Again(next));
        }
        Ok(Heard::Said(self.said(&assessment, waivers)))
    }

    /// When engines were last to be asked again, and when they are next.
    fn rescans(&self) -> (Option<Timestamp>, Option<Timestamp>) {
        let Some(seen_at) = self.pending.seen_at else {
            return (None, None);
        };
        let now = self.clock.now();
        let moments = self
            .scanning
            .rescans
            .iter()
            .map(|after| seen_at.plus(*after));
        let (past, next): (Vec<_>, Vec<_>) = moments.partition(|moment| *moment <= now);
        (past.last().copied(), next.first().copied())
    }

    /// Whether it is objections alone that the run would be held for.
    fn is_held_for(&self, assessment: &Assessment) -> bool {
        matches!(assessment, Assessment::Suspicious { .. })
            && !self.is_lenient()
            && self.scanning.scanner.policy().action(assessment) == Action::Hold
    }

    fn assessed(&self, report: &ScanReport, waivers: &[ScanWaiver]) -> Assessment {
        assess(&report.without(waivers), self.scanning.scanner.thresholds())
    }

    fn said(&self, assessment: &Assessment, waivers: &[ScanWaiver]) -> Said {
        let is_malware = matches!(assessment, Assessment::Malicious { .. });
        let action = self.scanning.scanner.policy().action(assessment);
        let said = Said {
            text: assessment.to_string(),
            action,
            is_malware,
        };
        match waiver_of_doubts(waivers) {
            Some(waiver) => said.waived(waiver),
            None => said,
        }
    }

    /// What there is to say of a file by the programs in it: malware in one is malware, and all must be known as clean.
    async fn ask_of_inner(
        &self,
        inner: &Inner,
        waivers: &[ScanWaiver],
    ) -> Result<Result<Assessment, Heard>, ScanError> {
        let mut known: u32 = 0;
        let mut objecting = Vec::new();
        for program in &inner.files {
            let medium = Medium {
                sha256: program.sha256,
                len_bytes: program.len_bytes,
                path: PathBuf::new(),
                name: program.path.clone(),
                may_upload: false,
            };
            let report = match self.scanning.scanner.ask(&medium).await? {
                Answer::Pending { ask_again_at } => {
                    return Ok(Err(Heard::Later(ask_again_at, None)));
                }
                Answer::None(why @ (NoReport::QuotaSpent { .. } | NoReport::NoKey)) => {
                    return Ok(Ok(Assessment::Inconclusive(why.into())));
                }
                Answer::None(_) => continue,
                Answer::Report(report) => report,
            };
            match self.assessed(&report, waivers) {
                Assessment::Clean => known = known.saturating_add(1),
                Assessment::Inconclusive(_) => {}
                Assessment::Suspicious { engines } => {
                    objecting.extend(of_program(&engines, &program.path));
                }
                Assessment::Malicious { engines } => {
                    let engines = of_program(&engines, &program.path).collect();
                    return Ok(Ok(Assessment::Malicious { engines }));
                }
            }
        }
        let programs = inner.count();
        Ok(Ok(if !objecting.is_empty() {
            Assessment::Suspicious { engines: objecting }
        } else if known == programs {
            Assessment::Inconclusive(Inconclusive::InnerClean { programs })
        } else {
            Assessment::Inconclusive(Inconclusive::InnerUnknown { known, programs })
        }))
    }

    fn unanswered(&self, sha256: Sha256, error: &ScanError) -> Heard {
        if error.retry() == Retry::Later {
            tracing::warn!(error = %error, file.sha256 = %sha256, "a scan waits");
            let again_at = self.clock.now().plus(self.scanning.scanner.poll_interval());
            return Heard::Later(again_at, Some(error.to_string()));
        }
        Heard::Failure(Failure::from_error(error.class(), error).held())
    }
}

impl Said {
    /// The same, where a person lets doubts pass; malware never does so that no engine is named.
    pub(super) fn waived(mut self, waiver: &ScanWaiver) -> Self {
        if self.is_malware || matches!(self.action, Action::Release | Action::Warn) {
            return self;
        }
        self.action = Action::Warn;
        self.text = format!(
            "{}; {} lets it pass until {}: {}",
            self.text, waiver.by, waiver.until, waiver.reason
        );
        self
    }
}

/// The waiver that lets doubts pass, and is not about single engines.
pub(super) fn waiver_of_doubts(waivers: &[ScanWaiver]) -> Option<&ScanWaiver> {
    waivers.iter().find(|waiver| waiver.engines.is_empty())
}

fn of_program<'a>(engines: &'a [String], path: &'a str) -> impl Iterator<Item = String> + 'a {
    engines
        .iter()
        .map(move |engine| format!("{engine}, of `{path}` in it"))
}
