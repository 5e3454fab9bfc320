//! The scan gate: nothing is published before a scanner has spoken, or a policy or a person said to go on without.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt as _, stream};
use model::{Clock, FailureClass, Retry, Timestamp};
use scan::{Action, Answer, Assessment, Medium, VirusTotal, assess};

use crate::{Afterwards, Failure, Request, pending::Pending};

/// How many media are asked about at a time.
const AT_ONCE: usize = 4;

/// Who is asked, and for how long.
#[derive(Clone, Debug)]
pub struct Scanning {
    /// Who is asked; its configuration says what answers lead to.
    pub scanner: Arc<VirusTotal>,
    /// For how long a run waits for answers.
    pub patience: Duration,
    /// What is asked again after publication.
    pub afterwards: Afterwards,
}

/// What becomes of a run at the gate.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Passage {
    /// It goes on; what there is to warn of.
    Open(Vec<String>),
    /// It is too early to say.
    Closed {
        /// When to ask again.
        until: Timestamp,
    },
}

/// What was heard of one medium.
enum Heard {
    Answer(Assessment),
    Failure(Failure),
    Later(Timestamp),
}

impl Scanning {
    /// Asks about everything in `pending`.
    ///
    /// # Errors
    /// [`FailureClass::Malware`], or whatever the policy makes of doubts.
    ///
    /// # Cancellation
    /// Nothing is lost: what was asked and answered is in the store.
    pub(crate) async fn pass(
        &self,
        pending: &Pending,
        request: &Request,
        deadline: Timestamp,
        clock: &dyn Clock,
    ) -> Result<Passage, Failure> {
        let media: Vec<Medium> = pending.media.iter().map(Medium::from).collect();
        // Made before they are streamed: a closure that borrows would keep the whole run from moving between threads.
        let asked: Vec<_> = media
            .iter()
            .map(|medium| self.hear(medium, clock))
            .collect();
        let heard: Vec<Heard> = stream::iter(asked).buffered(AT_ONCE).collect().await;
        let mut warnings = Vec::new();
        let mut until = None;
        let mut doubt = None;
        for (medium, heard) in media.iter().zip(heard) {
            let judged = match heard {
                Heard::Answer(assessment) => self.judge(medium, &assessment, pending, request),
                Heard::Failure(failure) => Err(failure),
                Heard::Later(moment) => {
                    until = until.max(Some(moment));
                    continue;
                }
            };
            match judged {
                Ok(warning) => warnings.extend(warning),
                Err(failure) if failure.class == FailureClass::Malware => return Err(failure),
                Err(failure) => doubt = doubt.or(Some(failure)),
            }
        }
        match (until, doubt) {
            (Some(until), _) if clock.now() < deadline => Ok(Passage::Closed {
                until: until.min(deadline),
            }),
            (_, Some(failure)) => Err(failure),
            (Some(_), None) => Err(too_late(deadline)),
            (None, None) => Ok(Passage::Open(warnings)),
        }
    }

    async fn hear(&self, medium: &Medium, clock: &dyn Clock) -> Heard {
        match self.scanner.ask(medium).await {
            Ok(Answer::Report(report)) => Heard::Answer(assess(&report, self.scanner.thresholds())),
            Ok(Answer::None(why)) => Heard::Answer(Assessment::Inconclusive(why.into())),
            Ok(Answer::Pending { ask_again_at }) => Heard::Later(ask_again_at),
            Err(error) if error.retry() == Retry::Later => {
                tracing::warn!(error = %error, file.sha256 = %medium.sha256, "a scan waits");
                Heard::Later(clock.now().plus(self.scanner.poll_interval()))
            }
            Err(error) => Heard::Failure(Failure::from_error(error.class(), &error).held()),
        }
    }

    /// What the assessment of one medium leads to: nothing, a warning, or a failure.
    fn judge(
        &self,
        medium: &Medium,
        assessment: &Assessment,
        pending: &Pending,
        request: &Request,
    ) -> Result<Option<String>, Failure> {
        let told = format!("{} (SHA-256 {}): {assessment}", medium.name, medium.sha256);
        let class = match assessment {
            Assessment::Malicious { .. } => FailureClass::Malware,
            _ => FailureClass::ScanInconclusive,
        };
        let failure = || Failure::new(class, told.clone());
        // Where nothing is released, or a person has looked, doubts are only told; malware never passes.
        let lenient = pending.change_set.is_empty() || request.accepts(class);
        match self.scanner.policy().action(assessment) {
            Action::Release => Ok(None),
            Action::Warn => Ok(Some(told)),
            Action::Fail if class == FailureClass::Malware => Err(failure()),
            Action::Hold | Action::Fail if lenient => Ok(Some(told)),
            Action::Hold => Err(failure().held()),
            Action::Fail => Err(failure()),
        }
    }
}

fn too_late(deadline: Timestamp) -> Failure {
    Failure::new(
        FailureClass::ScanInconclusive,
        format!("There was no complete answer from the scanner until {deadline}"),
    )
    .held()
}
