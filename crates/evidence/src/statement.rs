//! In-toto statements: what is said, and about which files.

use model::Sha256;
use serde_json::{Value, json};

use crate::{Code, Refusal, Verified, canonical};

/// The type of an envelope's payload that is a statement.
pub(crate) const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";

/// How it came about: SLSA provenance.
pub const SLSA_PROVENANCE: &str = "https://slsa.dev/provenance/v1";
/// What was checked before it was published, and who let what pass.
pub const CHECKS: &str = "urn:auto-update:evidence:checks:v1";
/// What malware scanners said.
pub const SCAN: &str = "urn:auto-update:evidence:scan:v1";
/// Which statements belong to a bundle.
pub const CONTENTS: &str = "urn:auto-update:evidence:contents:v1";

/// How many subjects a statement may have.
const MOST_SUBJECTS: usize = 1024;

/// A file that a statement is about.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Subject {
    /// Its path in the repository: `pkgs/apps/Foo-1.0.dmg`.
    pub name: String,
    /// The digest of its bytes.
    pub sha256: Sha256,
}

/// What is said, and how to read it.
#[derive(Clone, Debug, PartialEq)]
pub struct Predicate {
    /// How to read it: a URI.
    pub kind: String,
    /// What is said.
    pub value: Value,
}

/// What is said of some files.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// Which files.
    pub subjects: Vec<Subject>,
    /// What is said of them.
    pub predicate: Predicate,
}

impl Statement {
    /// As canonical JSON.
    pub(crate) fn to_payload(&self) -> Vec<u8> {
        let subjects = self.subjects.iter();
        let subjects: Value = subjects
            .map(|subject| json!({"name": subject.name, "digest": {"sha256": subject.sha256}}))
            .collect();
        canonical::to_vec(&json!({
            "_type": STATEMENT_TYPE,
            "subject": subjects,
            "predicateType": self.predicate.kind,
            "predicate": self.predicate.value,
        }))
    }

    /// Reads the statement in a verified envelope. Subjects that have no SHA-256 are passed over.
    ///
    /// # Errors
    /// [`Code::PayloadType`], [`Code::TooMany`] or [`Code::NoStatement`].
    pub fn of(verified: &Verified) -> Result<Self, Refusal> {
        if verified.payload_type != PAYLOAD_TYPE {
            let text = format!("the payload is `{}`, no statement", verified.payload_type);
            return Err(Refusal::new(Code::PayloadType, text));
        }
        let none = |why: &str| Refusal::new(Code::NoStatement, why);
        let written: Value =
            serde_json::from_slice(&verified.payload).map_err(|error| none(&error.to_string()))?;
        let text = |key: &str| written.get(key).and_then(Value::as_str);
        if text("_type") != Some(STATEMENT_TYPE) {
            return Err(none("it is no in-toto statement of version 1"));
        }
        let kind = text("predicateType").ok_or_else(|| none("it has no type of predicate"))?;
        let subjects = written.get("subject").and_then(Value::as_array);
        let subjects = subjects.ok_or_else(|| none("it is about nothing"))?;
        if subjects.len() > MOST_SUBJECTS {
            let text = format!("a statement about more than {MOST_SUBJECTS} files");
            return Err(Refusal::new(Code::TooMany, text));
        }
        Ok(Self {
            subjects: subjects.iter().filter_map(subject).collect(),
            predicate: Predicate {
                kind: kind.to_owned(),
                value: written.get("predicate").cloned().unwrap_or_default(),
            },
        })
    }
}

fn subject(written: &Value) -> Option<Subject> {
    let sha256 = written.pointer("/digest/sha256")?.as_str()?.parse().ok()?;
    let name = written.get("name").and_then(Value::as_str);
    Some(Subject {
        name: name.unwrap_or_default().to_owned(),
        sha256,
    })
}
