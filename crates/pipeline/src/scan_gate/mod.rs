//! The scan gate: nothing is published before a scanner has spoken, or a policy or a person said to go on without.

mod hear;
mod inner;
mod offline;
mod rules;
mod through;

pub(crate) use inner::{Inner, InnerFile, programs};

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt as _, stream};
use glob::Pattern;
use model::{Clock, FailureClass, Timestamp, Title};
use scan::{Action, Clamd, VirusTotal, Yara};

use crate::{
    Afterwards, Failure, Request,
    pending::{Pending, Scanned},
};

/// How many media are asked about at a time.
const AT_ONCE: usize = 4;

/// Who is asked, and for how long.
#[derive(Clone, Debug)]
pub struct Scanning {
    /// Who is asked; its configuration says what answers lead to.
    pub scanner: Arc<VirusTotal>,
    /// Who is asked besides, if anybody is.
    pub clamd: Option<Arc<Clamd>>,
    /// Rules of the operator's own, if there are any.
    pub yara: Option<Arc<Yara>>,
    /// For how long a run waits for answers.
    pub patience: Duration,
    /// When engines that object are asked to look again, from when a release was first seen; in growing order.
    pub rescans: Vec<Duration>,
    /// Titles whose media are never uploaded.
    pub never_upload: Vec<Pattern>,
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

/// What was heard of one medium from one scanner.
enum Heard {
    /// It said something.
    Said(Said),
    /// It failed.
    Failure(Failure),
    /// It says something later, if it does so in time; why not yet.
    Later(Timestamp, Option<String>),
    /// It objects, and is asked again, however long a run waits for answers.
    Again(Timestamp),
}

impl Heard {
    /// From a scanner that is not there.
    const fn nothing() -> Self {
        Self::Said(Said {
            text: String::new(),
            action: Action::Release,
            is_malware: false,
        })
    }
}

/// What a scanner said, and what follows.
struct Said {
    text: String,
    action: Action,
    is_malware: bool,
}

/// One run at the gate.
pub(crate) struct Gate<'a> {
    pub(crate) scanning: &'a Scanning,
    pub(crate) pending: &'a Pending,
    pub(crate) request: &'a Request,
    /// Until when answers are waited for.
    pub(crate) deadline: Timestamp,
    pub(crate) clock: &'a dyn Clock,
}

impl Scanning {
    /// Whether the media of `title` may be given to the scanner, as far as the operator says.
    pub(crate) fn may_upload(&self, title: &Title) -> bool {
        let mut never = self.never_upload.iter();
        !never.any(|pattern| pattern.matches(title.as_str()))
    }
}

impl Gate<'_> {
    /// Asks about everything that is pending.
    ///
    /// # Errors
    /// [`FailureClass::Malware`], or whatever the policy makes of doubts.
    ///
    /// # Cancellation
    /// Nothing is lost: what was asked and answered is in the store.
    pub(crate) async fn pass(&self) -> Result<Passage, Failure> {
        let media = &self.pending.media;
        // Made before they are streamed: a closure that borrows would keep the whole run from moving between threads.
        let asked: Vec<_> = media.iter().map(|medium| self.hear(medium)).collect();
        let heard: Vec<[Heard; 3]> = stream::iter(asked).buffered(AT_ONCE).collect().await;
        let (mut warnings, mut reasons) = (Vec::new(), Vec::new());
        let (mut until, mut again, mut doubt) = (None, None, None);
        for (medium, heard) in media
            .iter()
            .flat_map(|it| [it; 3])
            .zip(heard.into_iter().flatten())
        {
            let judged = match heard {
                Heard::Said(said) => self.judge(medium, &said),
                Heard::Failure(failure) => Err(failure),
                Heard::Later(moment, why) => {
                    until = until.max(Some(moment));
                    reasons.extend(why);
                    continue;
                }
                Heard::Again(moment) => {
                    again = again.max(Some(moment));
                    continue;
                }
            };
            match judged {
                Ok(warning) => warnings.extend(warning),
                Err(failure) if failure.class == FailureClass::Malware => return Err(failure),
                Err(failure) => doubt = doubt.or(Some(failure)),
            }
        }
        let deadline = self.last_moment();
        match (until, again, doubt) {
            (Some(until), again, _) if self.clock.now() < deadline => Ok(Passage::Closed {
                until: until.min(deadline).min(again.unwrap_or(deadline)),
            }),
            (_, _, Some(failure)) => Err(failure),
            (Some(_), _, None) => Err(too_late(deadline, &reasons)),
            (None, Some(until), None) => Ok(Passage::Closed { until }),
            (None, None, None) => Ok(Passage::Open(warnings)),
        }
    }

    /// Until when answers are waited for: where engines are asked again, as long again after the last time.
    fn last_moment(&self) -> Timestamp {
        let last = self.scanning.rescans.last();
        let asked = self.pending.seen_at.zip(last);
        let asked = asked.map(|(seen, last)| seen.plus(*last).plus(self.scanning.patience));
        self.deadline.max(asked.unwrap_or(self.deadline))
    }

    async fn hear(&self, medium: &Scanned) -> [Heard; 3] {
        match self.scanning.scanner.waivers(medium.sha256).await {
            Ok(waivers) => {
                let heard = futures_util::join!(
                    self.virus_total(medium, &waivers),
                    self.clamd(medium, &waivers),
                    self.yara(medium, &waivers)
                );
                heard.into()
            }
            Err(error) => {
                let failed = |error: &dyn std::error::Error| {
                    Heard::Failure(Failure::from_error(FailureClass::Internal, error))
                };
                [failed(&error), failed(&error), failed(&error)]
            }
        }
    }

    /// Whether doubts are only told: nothing is released, or a person has looked. Malware never passes.
    fn is_lenient(&self) -> bool {
        self.pending.change_set.is_empty() || self.request.accepts(FailureClass::ScanInconclusive)
    }

    /// What is said of one medium leads to: nothing, a warning, or a failure.
    fn judge(&self, medium: &Scanned, said: &Said) -> Result<Option<String>, Failure> {
        let text = format!("{} (SHA-256 {}): {}", medium.name, medium.sha256, said.text);
        let class = if said.is_malware {
            FailureClass::Malware
        } else {
            FailureClass::ScanInconclusive
        };
        let failure = || Failure::new(class, text.clone());
        match said.action {
            Action::Release => Ok(None),
            Action::Warn => Ok(Some(text)),
            Action::Fail if said.is_malware => Err(failure()),
            Action::Hold | Action::Fail if self.is_lenient() => Ok(Some(text)),
            Action::Hold => Err(failure().held()),
            Action::Fail => Err(failure()),
        }
    }
}

fn too_late(deadline: Timestamp, reasons: &[String]) -> Failure {
    let late = Failure::new(
        FailureClass::ScanInconclusive,
        format!("There was no complete answer from the scanner until {deadline}"),
    )
    .held();
    if reasons.is_empty() {
        late
    } else {
        late.with_detail(reasons.join("\n"))
    }
}
