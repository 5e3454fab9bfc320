//! What scanners said of the media, what that means, and what people let pass.

use scan::{Opinion, ScanReport, YaraOpinion, assess};
use serde_json::{Value as Json, json};
use store::{Scan, ScanState, ScanWaiver};

use super::facts::Facts;
use crate::{Scanning, pending::Scanned, scan_gate::InnerFile};

/// What is on record of one medium.
pub(super) struct ScannedFacts {
    pub(super) medium: Scanned,
    pub(super) scan: Option<Scan>,
    pub(super) offline: Option<Opinion>,
    pub(super) yara: Option<YaraOpinion>,
    /// The programs in it that were asked about, where it is too large itself.
    pub(super) inner: Vec<(InnerFile, Option<Scan>)>,
    /// What people let pass at this moment.
    pub(super) waivers: Vec<ScanWaiver>,
}

impl Facts {
    /// What scanners said, what that means, and what follows from it.
    pub(super) fn scan(&self, scanning: &Scanning) -> Json {
        let scanner = &scanning.scanner;
        let media = self.media.iter().map(|facts| facts.told(scanning));
        let mut said = json!({
            "scanner": "VirusTotal",
            "media": media.collect::<Vec<Json>>(),
            "thresholds": scanner.thresholds(),
            "policy": scanner.policy(),
        });
        if let (Some(clamd), Some(members)) = (&scanning.clamd, said.as_object_mut()) {
            members.insert("offlinePolicy".to_owned(), json!(clamd.policy()));
        }
        if let (Some(yara), Some(members)) = (&scanning.yara, said.as_object_mut()) {
            members.insert("yaraPolicy".to_owned(), json!(yara.policy()));
        }
        said
    }
}

impl ScannedFacts {
    fn told(&self, scanning: &Scanning) -> Json {
        let (medium, scan) = (&self.medium, self.scan.as_ref());
        let scanner = &scanning.scanner;
        let report = scan.and_then(report);
        let assessed = report.as_ref().map(|report| {
            let assessment = assess(&report.without(&self.waivers), scanner.thresholds());
            json!({
                "assessment": assessment.to_string(),
                "action": scanner.policy().action(&assessment),
            })
        });
        let mut told = json!({
            "name": medium.name,
            "sha256": medium.sha256,
            "sizeBytes": medium.len_bytes,
            "askedAt": scan.map(|scan| scan.asked_at.to_string()),
            "report": report.as_ref().map(said),
            "verdict": assessed,
            "waivers": self.waivers.iter().map(waiver).collect::<Vec<Json>>(),
        });
        let Some(members) = told.as_object_mut() else {
            return told;
        };
        if scanning.clamd.is_some() {
            let offline = self.offline.as_ref();
            members.insert("offline".to_owned(), json!(offline.map(opinion)));
        }
        if scanning.yara.is_some() {
            let yara = self.yara.as_ref();
            members.insert("yara".to_owned(), json!(yara.map(yara_opinion)));
        }
        if medium.inner.count() > 0 {
            let programs = self.inner.iter().map(program).collect::<Vec<Json>>();
            let inner = json!({"programs": programs, "notAskedAbout": medium.inner.more});
            members.insert("inner".to_owned(), inner);
        }
        told
    }
}

/// The report that is kept; nothing while there is none.
fn report(scan: &Scan) -> Option<ScanReport> {
    match &scan.state {
        ScanState::Reported { report } => serde_json::from_value(report.clone()).ok(),
        _ => None,
    }
}

fn said(report: &ScanReport) -> Json {
    json!({
        "stats": report.stats,
        "flags": report.flags,
        "analysedAt": report.analysed_at.map(|at| at.to_string()),
        "firstSubmittedAt": report.first_submitted_at.map(|at| at.to_string()),
        "permalink": report.permalink,
    })
}

fn opinion(opinion: &Opinion) -> Json {
    let engine = &opinion.engine;
    json!({
        "scanner": engine.name,
        "signatures": engine.signatures,
        "signaturesAt": engine.signatures_at.map(|at| at.to_string()),
        "scannedAt": opinion.at.to_string(),
        "result": opinion.verdict,
        "says": opinion.to_string(),
    })
}

fn yara_opinion(opinion: &YaraOpinion) -> Json {
    json!({
        "rules": opinion.rules,
        "found": opinion.found,
        "unseen": opinion.unseen,
        "moreOfBoth": opinion.more,
        "filesSeen": opinion.seen,
        "scannedAt": opinion.at.to_string(),
        "says": opinion.to_string(),
    })
}

fn waiver(waiver: &ScanWaiver) -> Json {
    json!({
        "id": waiver.id,
        "engines": waiver.engines,
        "by": waiver.by,
        "reason": waiver.reason,
        "at": waiver.at.to_string(),
        "until": waiver.until.to_string(),
    })
}

fn program((file, scan): &(InnerFile, Option<Scan>)) -> Json {
    let report = scan.as_ref().and_then(report);
    json!({
        "path": file.path,
        "sha256": file.sha256,
        "sizeBytes": file.len_bytes,
        "report": report.as_ref().map(said),
    })
}
