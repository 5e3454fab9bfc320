//! Why a run stops, from typed errors, and what people are told about it: all such texts are in this file.

use std::error::Error;

use model::{FailureClass, Retry};
use processors::StepError;
use store::{RunEnd, RunFailure, StoreError};

/// Why a run stops before its end.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Failure {
    /// What kind of failure.
    pub class: FailureClass,
    /// What happened, as `AutoPkg` words it in its list of failed recipes.
    pub message: String,
    /// The step that failed, if it was a step.
    pub step: Option<String>,
    /// What to do about it, where there is something better to say than the class says.
    pub advice: Option<String>,
    /// More for those who look closer: errors underneath, a difference to what was approved.
    pub detail: Option<String>,
    /// Whether the run waits for a person rather than ends.
    pub held: bool,
}

impl Failure {
    /// How a run ends that it stopped.
    pub(crate) fn end(&self) -> RunEnd {
        let told = RunFailure {
            class: self.class,
            cause: self.cause(),
            next_step: self.next_step().to_owned(),
            step: self.step.clone(),
            detail: self.detail.clone(),
            incident: None,
        };
        if self.held {
            RunEnd::Held(told)
        } else {
            RunEnd::Failed(told)
        }
    }

    /// A failure of `class` that `message` tells of.
    pub fn new(class: FailureClass, message: impl Into<String>) -> Self {
        Self {
            class,
            message: message.into(),
            step: None,
            advice: None,
            detail: None,
            held: false,
        }
    }

    /// A failure of `class` with the words of `error` and of everything underneath it.
    pub fn from_error(class: FailureClass, error: &dyn Error) -> Self {
        Self {
            detail: causes(error),
            ..Self::new(class, error.to_string())
        }
    }

    /// The failure of a step of the recipe `identifier`.
    pub fn of_step(identifier: &str, processor: &str, error: &StepError) -> Self {
        Self {
            step: Some(processor.to_owned()),
            advice: error.next_step.clone(),
            detail: causes(error),
            ..Self::new(
                error.class,
                format!("Error in {identifier}: Processor: {processor}: Error: {error}"),
            )
        }
    }

    /// The failure of a plan that cannot be carried out, found before its first step.
    pub fn of_plan(error: &StepError) -> Self {
        Self {
            advice: error.next_step.clone(),
            ..Self::from_error(error.class, error)
        }
    }

    /// The same, waiting for a person.
    #[must_use]
    pub fn held(mut self) -> Self {
        self.held = true;
        self
    }

    /// The same, with more for those who look closer.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// The same, with advice.
    #[must_use]
    pub fn with_advice(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// What happened, in plain words: what the class means, then what was said.
    pub fn cause(&self) -> String {
        format!("{} {}", meaning(self.class), self.said())
    }

    /// What was said by what failed, without the words that `AutoPkg` puts around it.
    pub fn said(&self) -> &str {
        match (&self.step, self.message.split_once(": Error: ")) {
            (Some(_), Some((_, said))) => said,
            _ => &self.message,
        }
    }

    /// What to do about it.
    pub fn next_step(&self) -> &str {
        self.advice.as_deref().unwrap_or_else(|| advice(self.class))
    }

    /// Whether doing the same again may help.
    pub const fn retry(&self) -> Retry {
        match self.class {
            FailureClass::Download
            | FailureClass::Internal
            | FailureClass::Publish
            | FailureClass::RateLimited
            | FailureClass::ScanInconclusive
            | FailureClass::Timeout => Retry::Later,
            FailureClass::Checksum
            | FailureClass::CodeSignature
            | FailureClass::Configuration
            | FailureClass::IdentityChanged
            | FailureClass::Import
            | FailureClass::Malware
            | FailureClass::Package
            | FailureClass::ReRelease
            | FailureClass::SourceChanged
            | FailureClass::Trust => Retry::Never,
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::from_error(FailureClass::Internal, &error)
    }
}

/// The errors underneath, one a line.
fn causes(error: &dyn Error) -> Option<String> {
    let causes = model::causes(error);
    let lines: Vec<String> = causes
        .iter()
        .map(|cause| format!("caused by: {cause}"))
        .collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// What a class means, as a sentence for people who have never seen a recipe.
const fn meaning(class: FailureClass) -> &'static str {
    match class {
        FailureClass::Checksum => "The file is not the one that the recipe expects.",
        FailureClass::CodeSignature => {
            "The software is not signed as it must be, and was not published."
        }
        FailureClass::Configuration => "The recipe or the set-up has a mistake.",
        FailureClass::Download => "The vendor did not deliver the software.",
        FailureClass::IdentityChanged => "The software is not signed as it was before.",
        FailureClass::Import => "The software could not be described for Munki.",
        FailureClass::Internal => "Auto-Update itself failed.",
        FailureClass::Malware => {
            "Malware scanners object to the software, and it was not published."
        }
        FailureClass::Package => "The software could not be unpacked or packaged.",
        FailureClass::Publish => {
            "The software could not be added to the repository, which is as it was."
        }
        FailureClass::RateLimited => "A server asked us to slow down.",
        FailureClass::ReRelease => "The vendor changed a release after the fact.",
        FailureClass::ScanInconclusive => "Malware scanners gave no sufficient answer.",
        FailureClass::SourceChanged => {
            "The vendor's page or feed no longer has what the recipe looks for."
        }
        FailureClass::Timeout => "Something took longer than it may.",
        FailureClass::Trust => {
            "What this title is made from is not what was approved, so nothing was downloaded."
        }
    }
}

/// What to do about a failure of a class when there is nothing better to say.
const fn advice(class: FailureClass) -> &'static str {
    match class {
        FailureClass::Checksum => {
            "Compare the file with the vendor's published checksum; correct the recipe only if the vendor confirms it."
        }
        FailureClass::CodeSignature => {
            "Do not install this download. Ask the vendor through a known contact, and correct the pinned signature \
             only if the vendor confirms the change."
        }
        FailureClass::Configuration => {
            "Correct the override or the configuration, then run the title again."
        }
        FailureClass::Download => {
            "Open the download address in a browser. If the vendor moved the file, correct the recipe; if the \
             vendor's server is down, the next run will show."
        }
        FailureClass::IdentityChanged => {
            "Find out from the vendor why the signer changed; if it is right, correct the pinned signature, and approve \
             the title with `auto-update trust approve`."
        }
        FailureClass::Import => "Look at the step's message and correct the recipe's pkginfo.",
        FailureClass::Internal => {
            "Read the log of this run; if the cause is not on this machine, report it."
        }
        FailureClass::Malware => {
            "Do not install this download. Read the scanners' report, warn the vendor, and keep the title off until \
             it is cleared."
        }
        FailureClass::Package => {
            "Look at what the vendor packaged differently, and correct the recipe."
        }
        FailureClass::Publish => {
            "Check the room and the permissions of the repository, then run the title again."
        }
        FailureClass::RateLimited => "Nothing, if it passes; else run the title less often.",
        FailureClass::ReRelease => {
            "Find out from the vendor what changed; if it is right, run the title once with `--accept re-release`."
        }
        FailureClass::ScanInconclusive => {
            "Look at the scanner's report; if the software is good, run the title once with \
             `--accept scan-inconclusive`."
        }
        FailureClass::SourceChanged => {
            "Look at the vendor's page, and correct the recipe's search."
        }
        FailureClass::Timeout => "Nothing, if it passes; else find out what hangs.",
        FailureClass::Trust => {
            "Look at the difference with `auto-update trust diff`, and approve it with `auto-update trust approve` \
             if it is right."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_the_cause_without_the_recipes_own_words_around_it() {
        let error = StepError::new(
            FailureClass::Download,
            "curl: (22) The requested URL returned error: 404",
        )
        .caused_by(std::io::Error::other("status 404"));
        let failure = Failure::of_step("local.munki.Widget", "URLDownloader", &error);
        assert_eq!(
            failure.message,
            "Error in local.munki.Widget: Processor: URLDownloader: Error: curl: (22) The requested URL returned error: 404"
        );
        assert_eq!(
            failure.cause(),
            "The vendor did not deliver the software. curl: (22) The requested URL returned error: 404"
        );
        assert!(failure.next_step().starts_with("Open the download address"));
        assert_eq!(failure.detail.as_deref(), Some("caused by: status 404"));
    }

    #[test]
    fn advice_of_the_step_wins() {
        let error =
            StepError::new(FailureClass::Configuration, "no").with_next_step("Correct the name.");
        assert_eq!(
            Failure::of_step("a", "B", &error).next_step(),
            "Correct the name."
        );
    }
}
