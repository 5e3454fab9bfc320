//! What is said of a signature.

use std::path::Path;

use model::Timestamp;
use serde::{Serialize, Serializer};

use crate::{CodesignError, Pins};

/// The judgement of one signed thing, as `auto-update codesign verify --json` prints it.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The version of this shape: 1.
    pub schema: u32,
    /// What was judged, as it was named by the caller.
    pub path: String,
    /// The judgement.
    pub verdict: Verdict,
    /// The identifier that the signer gave the code; of the first architecture if they differ.
    pub identifier: Option<String>,
    /// The ten characters by which Apple knows the signer's team.
    pub team_id: Option<String>,
    /// The names of the certificates, the signer's first, the root last.
    pub authorities: Vec<String>,
    /// The first 20 bytes of the digest of the best code directory, in hexadecimal digits.
    pub cdhash: Option<String>,
    /// The requirement by which the signer wants later versions recognised.
    pub designated_requirement: Option<String>,
    /// Whether the pinned requirement is met; nothing if none was pinned.
    pub requirement_met: Option<bool>,
    /// Whether the names of the certificates are the pinned ones; nothing if none were pinned.
    pub authorities_met: Option<bool>,
    /// What the stapled notarization ticket says.
    pub notarization: Notarization,
    /// When it was signed, by Apple's time stamp.
    #[serde(serialize_with = "rfc_3339")]
    pub signed_at: Option<Timestamp>,
    /// What the signature of each architecture says; to be believed only if no check failed. Empty for packages.
    pub signatures: Vec<Signature>,
    /// Everything that was looked at, and what was not.
    pub checks: Vec<Check>,
}

/// What the signature of one architecture says, as `codesign --display` shows it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Signature {
    /// `arm64`, `x86_64`; `image` and `file` where there are none.
    pub architecture: String,
    /// The identifier that the signer gave it.
    pub identifier: String,
    /// The ten characters by which Apple knows the signer's team.
    pub team_id: Option<String>,
    /// What is asked of the system: `runtime`, `library-validation`; and how it was signed: `adhoc`, `linker-signed`.
    pub flags: Vec<&'static str>,
    /// Of each code directory its hash, the signed one first.
    pub code_directories: Vec<CodeDirectoryHash>,
    /// The requirements that the signer put in: `designated => …`.
    pub requirements: Option<String>,
    /// The entitlements as a property list.
    pub entitlements: Option<String>,
}

/// The hash of a code directory.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct CodeDirectoryHash {
    /// `sha1`, `sha256`, `sha256-truncated`, `sha384`.
    pub algorithm: &'static str,
    /// The first 20 bytes in hexadecimal digits.
    pub cdhash: String,
}

impl Report {
    /// The version of the shape.
    pub const SCHEMA: u32 = 1;

    /// The report on what could not be judged at all, for programs, which want an answer of the same shape for every
    /// path: it is refused, and its one check says why.
    pub fn of_error(path: &Path, error: &CodesignError, pins: &Pins) -> Self {
        let check = Check {
            name: "structure",
            result: Outcome::Fail,
            code: Some(error.code()),
            detail: Some(model::chain(error)),
        };
        Self {
            schema: Self::SCHEMA,
            path: path.display().to_string(),
            verdict: Verdict::Invalid,
            identifier: None,
            team_id: None,
            authorities: Vec::new(),
            cdhash: None,
            designated_requirement: None,
            requirement_met: pins.requirement.is_some().then_some(false),
            authorities_met: (!pins.authorities.is_empty()).then_some(false),
            notarization: Notarization::None,
            signed_at: None,
            signatures: Vec::new(),
            checks: vec![check],
        }
    }

    /// Whether the signature is intact and Apple's, and everything that was pinned holds.
    pub fn holds(&self) -> bool {
        self.verdict.is_accepted()
            && self.requirement_met != Some(false)
            && self.authorities_met != Some(false)
            && self.notarization != Notarization::Mismatch
            && self.failures().next().is_none()
    }

    /// Whether `pins` pin anything, this report was made with them, and [`Report::holds`].
    ///
    /// This is the question to ask before code is trusted: without a pin, any vendor's signature would do.
    pub fn satisfies(&self, pins: &Pins) -> bool {
        !pins.is_empty()
            && self.holds()
            && pins.requirement.is_some() == self.requirement_met.is_some()
            && pins.authorities.is_empty() == self.authorities_met.is_none()
    }

    /// The checks that failed.
    pub fn failures(&self) -> impl Iterator<Item = &Check> {
        self.checks
            .iter()
            .filter(|check| check.result == Outcome::Fail)
    }
}

/// The judgement in one word.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Intact, without a certificate: signed by nobody.
    AdHoc,
    /// Intact and signed by Apple itself.
    Apple,
    /// Intact and signed by a registered developer, for distribution outside the store.
    DeveloperId,
    /// A package, intact and signed by a registered developer.
    DeveloperIdInstaller,
    /// Something does not fit: altered, damaged, not understood, or not to be read at all.
    Invalid,
    /// Intact and signed by the Mac App Store.
    MacAppStore,
    /// Intact, but the certificates do not lead to Apple.
    NotTrusted,
    /// Not signed.
    Unsigned,
    /// Intact, and its certificates lead to Apple in another way than those above.
    Valid,
    /// Intact, but signed with a certificate for another kind of thing.
    WrongKind,
}

impl Verdict {
    /// Whether code with this verdict may be used, if what is pinned holds too.
    pub const fn is_accepted(self) -> bool {
        matches!(
            self,
            Self::Apple
                | Self::DeveloperId
                | Self::DeveloperIdInstaller
                | Self::MacAppStore
                | Self::Valid
        )
    }
}

/// What the notarization ticket says that is stapled to the thing judged.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Notarization {
    /// There is a ticket, and it is broken or belongs to something else.
    Mismatch,
    /// There is no ticket. Apple may still know the thing; that cannot be told offline.
    None,
    /// There is a genuine ticket, and it belongs to this thing.
    Stapled,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Check {
    /// Its name: `page-hashes`; see the crate's page for all of them.
    pub name: &'static str,
    /// What came of it.
    pub result: Outcome,
    /// What is wrong, in one stable word for programs.
    pub code: Option<&'static str>,
    /// What is wrong and where, or what was counted, for people.
    pub detail: Option<String>,
}

/// What came of a check. The order is by weight: of two outcomes of one check, the greater counts.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// There is nothing of the kind.
    NotApplicable,
    /// Looked at, and as it ought to be.
    Pass,
    /// Not looked at.
    NotMade,
    /// Looked at, and wrong.
    Fail,
}

#[expect(
    clippy::ref_option,
    reason = "serde passes a reference to the field as it is"
)]
fn rfc_3339<S: Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => serializer.collect_str(time),
        None => serializer.serialize_none(),
    }
}
