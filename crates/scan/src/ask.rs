//! Asking about one medium, a step at a time, across restarts.

use std::{path::PathBuf, time::Duration};

use model::{Sha256, Timestamp};
use store::{Scan, ScanState};

use crate::{AnalysisState, LookUp, ScanError, ScanReport, VirusTotal};

/// One file that shall be scanned.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Medium {
    /// The digest of its bytes.
    pub sha256: Sha256,
    /// How many bytes it has.
    pub len_bytes: u64,
    /// Where it lies.
    pub path: PathBuf,
    /// The name under which it is uploaded, which the service shows to everybody.
    pub name: String,
    /// Whether it may be given to the service, and so to everybody who uses it.
    pub may_upload: bool,
}

/// What can be said of a medium now.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Answer {
    /// There will be no report.
    None(NoReport),
    /// It is too early.
    Pending {
        /// When asking again is worth it.
        ask_again_at: Timestamp,
    },
    /// The facts.
    Report(ScanReport),
}

/// Why there will be no report.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum NoReport {
    /// There is no key to ask with.
    NoKey,
    /// No more may be asked today or this month.
    QuotaSpent {
        /// When it may be again.
        until: Timestamp,
    },
    /// The service does not know the file, and it is larger than it takes.
    TooLarge {
        /// How large it is.
        len_bytes: u64,
        /// How large it may be.
        limit_bytes: u64,
    },
    /// The service does not know the file, and it may not be uploaded.
    UploadNotAllowed,
}

/// How often a process that uploads says that it is alive.
const HEARTBEAT: Duration = Duration::from_secs(20);

/// After how long without such a word another process takes the upload over.
const SILENCE: Duration = Duration::from_secs(90);

/// For how long after an upload the report may still be missing.
const LAG: Duration = Duration::from_mins(10);

impl VirusTotal {
    /// Asks about `medium`, or goes on asking, and answers what is known by now.
    ///
    /// Makes at most one look-up, one upload and one look at an analysis, and waits for no analysis.
    ///
    /// # Errors
    /// If no answer comes, it cannot be read, or the key is wrong; [`ScanError::retry`] says whether to ask again.
    ///
    /// # Cancellation
    /// Nothing is lost; an upload that was under way is repeated, unless the service has the file already.
    pub async fn ask(&self, medium: &Medium) -> Result<Answer, ScanError> {
        if self.key.is_none() {
            return Ok(Answer::None(NoReport::NoKey));
        }
        match self.advance(medium).await {
            Err(ScanError::QuotaSpent { until }) if self.is_short(until) => Ok(Answer::Pending {
                ask_again_at: until,
            }),
            Err(ScanError::QuotaSpent { until }) => {
                Ok(Answer::None(NoReport::QuotaSpent { until }))
            }
            Err(ScanError::TakenOver) => Ok(self.pending()),
            answer => answer,
        }
    }

    async fn advance(&self, medium: &Medium) -> Result<Answer, ScanError> {
        let now = self.clock.now();
        let scan = self.db.scan_ask(medium.sha256, now).await?;
        match &scan.state {
            ScanState::Analysing { analysis_id } => {
                let state = self.analysis(analysis_id).await?;
                self.analysed(medium, &scan, state).await
            }
            ScanState::Reported { report }
                if now.since(scan.changed_at) < self.config.report_age() =>
            {
                let report = serde_json::from_value(report.clone());
                let report = report.map_err(|source| ScanError::Unreadable {
                    what: "keep a report",
                    source,
                })?;
                Ok(Answer::Report(report))
            }
            ScanState::Uploading if now.since(scan.changed_at) < SILENCE => Ok(self.pending()),
            ScanState::Asked
            | ScanState::Reported { .. }
            | ScanState::Unanswered
            | ScanState::Uploading => self.begin(medium, &scan).await,
        }
    }

    /// The report that is kept of a file, if it was given before `since`.
    ///
    /// # Errors
    /// If the state cannot be read.
    pub async fn report_before(
        &self,
        sha256: Sha256,
        since: Timestamp,
    ) -> Result<Option<ScanReport>, ScanError> {
        let scan = self.db.scan_find(sha256).await?;
        Ok(scan
            .filter(|scan| scan.changed_at < since)
            .and_then(|scan| match scan.state {
                ScanState::Reported { report } => serde_json::from_value(report).ok(),
                _ => None,
            }))
    }

    /// Has engines look at a file again that there is a report of; [`VirusTotal::ask`] answers what they say then.
    ///
    /// # Errors
    /// As [`VirusTotal::ask`].
    pub async fn begin_anew(&self, sha256: Sha256) -> Result<(), ScanError> {
        let scan = self.db.scan_ask(sha256, self.clock.now()).await?;
        if !matches!(scan.state, ScanState::Reported { .. }) {
            return Ok(());
        }
        let analysis_id = self.analyse_again(sha256).await?;
        self.move_on(&scan, ScanState::Analysing { analysis_id })
            .await?;
        Ok(())
    }

    /// Looks the medium up, and sees to an analysis if it needs one.
    async fn begin(&self, medium: &Medium, scan: &Scan) -> Result<Answer, ScanError> {
        match self.look_up(medium.sha256).await? {
            LookUp::Known(report) => self.keep(scan, report).await,
            LookUp::NotAnalysed => {
                let analysis_id = self.analyse_again(medium.sha256).await?;
                self.move_on(scan, ScanState::Analysing { analysis_id })
                    .await?;
                Ok(self.pending())
            }
            LookUp::Unknown => self.submit(medium, scan).await,
        }
    }

    async fn submit(&self, medium: &Medium, scan: &Scan) -> Result<Answer, ScanError> {
        let limit_bytes = self.config.upload_limit();
        let why = if !medium.may_upload {
            NoReport::UploadNotAllowed
        } else if medium.len_bytes > limit_bytes {
            NoReport::TooLarge {
                len_bytes: medium.len_bytes,
                limit_bytes,
            }
        } else {
            self.upload_claimed(medium, scan).await?;
            return Ok(self.pending());
        };
        self.move_on(scan, ScanState::Unanswered).await?;
        Ok(Answer::None(why))
    }

    /// Uploads under a claim that is renewed while the upload lasts.
    async fn upload_claimed(&self, medium: &Medium, scan: &Scan) -> Result<(), ScanError> {
        let mut claim = self.move_on(scan, ScanState::Uploading).await?;
        let mut upload = std::pin::pin!(self.upload(&medium.path, &medium.name));
        let uploaded = loop {
            tokio::select! {
                uploaded = &mut upload => break uploaded,
                () = tokio::time::sleep(HEARTBEAT) => {
                    claim = self.move_on(&claim, ScanState::Uploading).await?;
                }
            }
        };
        match uploaded {
            Ok(analysis_id) => {
                tracing::info!(file.sha256 = %medium.sha256, "uploaded to VirusTotal");
                self.move_on(&claim, ScanState::Analysing { analysis_id })
                    .await?;
                Ok(())
            }
            Err(error) => {
                // The claim is given back, so that the next attempt need not wait for silence.
                self.move_on(&claim, ScanState::Asked).await?;
                Err(error)
            }
        }
    }

    async fn analysed(
        &self,
        medium: &Medium,
        scan: &Scan,
        state: AnalysisState,
    ) -> Result<Answer, ScanError> {
        match state {
            AnalysisState::Running => Ok(self.pending()),
            AnalysisState::Gone => {
                self.move_on(scan, ScanState::Asked).await?;
                Ok(self.pending())
            }
            AnalysisState::Completed => match self.look_up(medium.sha256).await? {
                LookUp::Known(report) => self.keep(scan, report).await,
                LookUp::NotAnalysed => Ok(self.pending()),
                LookUp::Unknown if self.clock.now().since(scan.changed_at) < LAG => {
                    Ok(self.pending())
                }
                LookUp::Unknown => {
                    self.move_on(scan, ScanState::Asked).await?;
                    Err(ScanError::Wrong {
                        what: "analyse a file",
                        why: "the file that it analysed has another SHA-256",
                    })
                }
            },
        }
    }

    async fn keep(&self, scan: &Scan, report: ScanReport) -> Result<Answer, ScanError> {
        let value = serde_json::to_value(&report).map_err(|source| ScanError::Unreadable {
            what: "keep a report",
            source,
        })?;
        self.move_on(scan, ScanState::Reported { report: value })
            .await?;
        Ok(Answer::Report(report))
    }

    async fn move_on(&self, scan: &Scan, state: ScanState) -> Result<Scan, ScanError> {
        let moved = self.db.scan_move(scan, state, self.clock.now()).await?;
        moved.ok_or(ScanError::TakenOver)
    }

    fn pending(&self) -> Answer {
        Answer::Pending {
            ask_again_at: self.clock.now().plus(self.config.poll()),
        }
    }
}
