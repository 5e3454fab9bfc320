//! Approvals: what was trusted of an override, and how what it reaches now differs from that.

use std::{collections::BTreeMap, fmt::Write as _, path::Path};

use model::{FailureClass, Sha256, Timestamp, Title};
use recipe::{Change, Closure, History, Member, Role};
use redact::Scrubber;
use serde::{Deserialize, Serialize};
use similar::TextDiff;

use crate::Failure;

/// Larger files are not kept for a later comparison.
const LARGEST_TEXT: u64 = 256 * 1024;

/// What was trusted of an override, as the store keeps it.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Approved {
    /// Every file, with digest and commit.
    #[serde(flatten)]
    pub closure: Closure,
    /// The texts of files that no commit holds, by digest, so that a change can be shown.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub texts: BTreeMap<Sha256, String>,
}

impl Approved {
    /// Everything in `closure`, and the texts of what git does not know, secrets taken out. Blocking.
    pub(crate) fn of(closure: Closure, scrubber: &Scrubber) -> Self {
        let mut texts = BTreeMap::new();
        for member in closure.members() {
            if let (None, Some(sha256)) = (&member.commit, member.sha256) {
                let text = text_of(&member.path, sha256);
                texts.extend(text.map(|text| (sha256, scrubber.scrub(&text))));
            }
        }
        Self { closure, texts }
    }
}

/// The text of a file that has not changed since it was hashed.
pub(crate) fn text_of(path: &Path, sha256: Sha256) -> Option<String> {
    let metadata = fs_err::metadata(path).ok()?;
    if metadata.len() > LARGEST_TEXT {
        return None;
    }
    let bytes = fs_err::read(path).ok()?;
    (Sha256::of(&bytes) == sha256)
        .then(|| String::from_utf8(bytes).ok())
        .flatten()
}

/// An approval that holds.
#[derive(Clone, Debug)]
pub struct Approval {
    /// What was trusted.
    pub approved: Approved,
    /// When.
    pub approved_at: Timestamp,
    /// By whom.
    pub approved_by: String,
}

impl Approval {
    /// # Errors
    /// If it was written by something that is not this program.
    pub(crate) fn read(stored: store::Approval) -> Result<Self, Failure> {
        Ok(Self {
            approved: serde_json::from_value(stored.closure)
                .map_err(|error| Failure::from_error(FailureClass::Internal, &error))?,
            approved_at: stored.approved_at,
            approved_by: stored.approved_by,
        })
    }
}

/// How an override stands to its approval.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Standing {
    /// The title.
    pub title: Title,
    /// What was approved, if anything was.
    pub approval: Option<Approval>,
    /// Everything the override reaches now.
    pub now: Closure,
    /// Knows the secrets that the override has among its variables.
    pub(crate) scrubber: Scrubber,
}

impl Standing {
    /// How what it reaches now differs from what was approved; everything, if nothing was.
    pub fn changes(&self) -> Vec<Change> {
        match &self.approval {
            Some(approval) => approval.approved.closure.changes(&self.now),
            None => Closure::default().changes(&self.now),
        }
    }

    /// Whether the override may run.
    pub fn is_approved(&self) -> bool {
        self.approval.is_some() && self.changes().is_empty()
    }

    /// That it may run.
    ///
    /// # Errors
    /// [`FailureClass::Trust`], with every change.
    pub(crate) fn check(&self, history: &dyn History) -> Result<(), Failure> {
        let Some(approval) = &self.approval else {
            return Err(self.never_approved());
        };
        let changes = self.changes();
        if changes.is_empty() {
            return Ok(());
        }
        let list: Vec<String> = changes.iter().map(ToString::to_string).collect();
        let title = self.as_asked_for();
        Err(Failure::new(
            FailureClass::Trust,
            format!(
                "{} is not as {} approved it on {}: {}.",
                self.title,
                approval.approved_by,
                approval.approved_at,
                list.join(", ")
            ),
        )
        .with_detail(self.difference(history))
        .with_advice(format!(
            "Look at the difference with `auto-update trust diff {title}`. If it is right, take it over with \
             `auto-update update-trust-info {}` where the override has trust information, then `auto-update trust \
             approve {title}`.",
            self.title
        )))
    }

    /// That nobody approved anything of it.
    pub(crate) fn never_approved(&self) -> Failure {
        Failure::new(
            FailureClass::Trust,
            format!("{} was never approved, so nothing of it is run.", self.title),
        )
        .with_advice(format!(
            "Look at what it reaches with `auto-update trust diff {0}`, and approve it with `auto-update trust approve \
             {0}` if it is right.",
            self.as_asked_for()
        ))
    }

    /// The title with the processors that are to run besides its own, as `trust` takes them: before or after is the same to
    /// an approval.
    fn as_asked_for(&self) -> String {
        let members = self.now.members().iter();
        let around = members.filter(|member| member.is_around && member.role == Role::Processor);
        let names = around.map(|member| format!(" --post {}", member.name));
        format!("{}{}", self.title, names.collect::<String>())
    }

    /// The changes for people: a heading for each, and the lines that differ where they can be told. Blocking.
    pub fn difference(&self, history: &dyn History) -> String {
        let mut text = String::new();
        for change in self.changes() {
            writeln!(text, "{change}").unwrap_or_default();
            writeln!(text, "    {}", change.member().path.display()).unwrap_or_default();
            if let Change::Modified { approved, now } = &change {
                text.push_str(&self.lines(approved, now, history));
            }
        }
        self.scrubber.scrub(&text)
    }

    fn lines(&self, approved: &Member, now: &Member, history: &dyn History) -> String {
        if let Some(commit) = &approved.commit {
            let diff = history.diff_since(&now.path, commit);
            if !diff.is_empty() {
                return diff;
            }
        }
        let texts = self
            .approval
            .as_ref()
            .map(|approval| &approval.approved.texts);
        let before = approved
            .sha256
            .and_then(|sha256| texts.and_then(|texts| texts.get(&sha256)));
        let after = now.sha256.and_then(|sha256| text_of(&now.path, sha256));
        let after = after.map(|text| self.scrubber.scrub(&text));
        match (before, after) {
            (Some(before), Some(after)) => TextDiff::from_lines(before.as_str(), after.as_str())
                .unified_diff()
                .header("approved", "now")
                .to_string(),
            _ => format!(
                "    SHA-256 {} became {}\n",
                shown(approved.sha256),
                shown(now.sha256)
            ),
        }
    }
}

fn shown(sha256: Option<Sha256>) -> String {
    sha256.map_or_else(|| "(no such file)".to_owned(), |sha256| sha256.to_string())
}
