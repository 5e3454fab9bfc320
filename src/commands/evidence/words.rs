//! What evidence says, in words for an auditor. Only what a trusted key has signed gets here.

use std::collections::BTreeSet;

use evidence::{CHECKS, CONTENTS, Line, SCAN, SLSA_PROVENANCE, Statement, Subject, Verdict};
use serde_json::{Value as Json, json};

use super::item::{Found, State};

/// What came of it all.
pub(super) fn verdict(found: &Found, verdict: &Verdict) -> String {
    let mut lines = Vec::new();
    if let (Some(item), Some(sha256)) = (&found.item, found.sha256) {
        lines.push(format!("{}", item.display()));
        lines.push(format!("    SHA-256 {sha256}"));
    }
    let mut keys = BTreeSet::new();
    for line in &verdict.lines {
        match line {
            Line::Signed { statement, key, .. } => {
                keys.insert(*key);
                lines.extend(told(statement));
            }
            Line::Refused(refusal) => lines.push(format!("not believed: {refusal}")),
        }
        if let (Some(_), Some(refusal)) = (line.statement(), line.refusal()) {
            lines.push(format!("    refused: {refusal}"));
        }
    }
    lines.extend(files(found, verdict));
    lines.extend(keys.iter().map(|key| format!("signed by key {key}")));
    lines.push(conclusion(found, verdict));
    lines.join("\n")
}

/// One line: valid, or why not.
pub(super) fn conclusion(found: &Found, verdict: &Verdict) -> String {
    if verdict.is_valid() {
        let count = verdict.lines.len();
        return format!(
            "valid: {count} statements, each signed and of this file, and none missing"
        );
    }
    let of_lines = verdict.lines.iter().filter_map(Line::refusal);
    let all: BTreeSet<String> = verdict
        .refusals
        .iter()
        .chain(of_lines)
        .map(ToString::to_string)
        .collect();
    let all: Vec<String> = all.into_iter().collect();
    let of = match found.bundles.as_slice() {
        [] => String::new(),
        [first, ..] => format!(" (evidence in `{}`)", first.display()),
    };
    format!("invalid: {}{of}", all.join("; "))
}

/// The subjects of a statement, as JSON.
pub(super) fn subjects(statement: &Statement) -> Json {
    let subjects = statement.subjects.iter();
    subjects
        .map(|subject| json!({"name": subject.name, "sha256": subject.sha256}))
        .collect()
}

fn files(found: &Found, verdict: &Verdict) -> Vec<String> {
    let statements = verdict.lines.iter().filter_map(Line::statement);
    let subjects: BTreeSet<&Subject> = statements.flat_map(|it| &it.subjects).collect();
    let mut lines = Vec::new();
    for subject in subjects {
        let state = match found.state(subject) {
            State::Same => "is what was published",
            State::Changed => "is NOT what was published",
            State::Gone => "is not there",
            State::Unknown => "was not looked at",
        };
        lines.push(format!("    {} {state}", subject.name));
    }
    if !lines.is_empty() {
        lines.insert(0, "files".to_owned());
    }
    lines
}

fn told(statement: &Statement) -> Vec<String> {
    let value = &statement.predicate.value;
    let (heading, lines) = match statement.predicate.kind.as_str() {
        SLSA_PROVENANCE => ("where it came from", provenance(value)),
        CHECKS => ("what was checked", checks(value)),
        SCAN => ("what the scanner said", scan(value)),
        CONTENTS => return Vec::new(),
        other => return vec![format!("a statement of another kind: {}", one_line(other))],
    };
    let lines = lines.into_iter().map(|line| format!("    {line}"));
    std::iter::once(heading.to_owned()).chain(lines).collect()
}

fn provenance(value: &Json) -> Vec<String> {
    let at = |pointer: &str| value.pointer(pointer).map_or_else(|| "?".to_owned(), text);
    let mut lines = vec![
        format!(
            "override {} of title {}",
            at("/buildDefinition/externalParameters/override"),
            at("/buildDefinition/externalParameters/title")
        ),
        format!(
            "run {}, {} to {}",
            at("/runDetails/metadata/invocationId"),
            at("/runDetails/metadata/startedOn"),
            at("/runDetails/metadata/finishedOn")
        ),
    ];
    for input in list(value.pointer("/buildDefinition/resolvedDependencies")) {
        let part = |pointer: &str| input.pointer(pointer).filter(|it| !it.is_null()).map(text);
        let name = part("/uri").or_else(|| part("/name")).unwrap_or_default();
        let role = part("/annotations/role").unwrap_or_default();
        let mut words = vec![format!("{role} {name}")];
        for (label, pointer) in [
            ("SHA-256", "/digest/sha256"),
            ("commit", "/digest/gitCommit"),
        ] {
            words.extend(part(pointer).map(|found| format!("{label} {found}")));
        }
        lines.push(words.join(", "));
        let redirects = list(input.pointer("/annotations/redirects"));
        lines.extend(
            redirects
                .iter()
                .map(|to| format!("    sent on to {}", text(to))),
        );
    }
    lines
}

fn checks(value: &Json) -> Vec<String> {
    let at = |pointer: &str| value.pointer(pointer).map_or_else(|| "?".to_owned(), text);
    let mut lines = vec![format!(
        "approved by {} on {}; AutoPkg's trust information: {}",
        at("/trust/approvedBy"),
        at("/trust/approvedAt"),
        at("/trust/trustInfo")
    )];
    let signatures = list(value.get("signatures"));
    if signatures.is_empty() {
        lines.push("NO step verified a code signature".to_owned());
    }
    for signature in signatures {
        let pinned = signature.get("pinned").map(text).unwrap_or_default();
        let result = signature.get("result").map(text).unwrap_or_default();
        lines.push(format!("code signature: {result}, pinned by {pinned}"));
    }
    for proof in list(value.get("proofs")) {
        let part = |key: &str| proof.get(key).map(text).unwrap_or_default();
        lines.push(format!(
            "{}: {} ({})",
            part("name"),
            part("result"),
            part("detail")
        ));
    }
    if let Some(approval) = value.get("identityApproval").filter(|it| !it.is_null()) {
        let part = |key: &str| approval.get(key).map(text).unwrap_or_default();
        let (who, why) = (part("approvedBy"), part("reason"));
        lines.push(format!("another signer was let pass by {who}: {why}"));
    }
    let waivers = list(value.get("waivers"));
    lines.extend(
        waivers
            .iter()
            .map(|class| format!("a person let pass: {}", text(class))),
    );
    let warnings = list(value.get("warnings"));
    lines.extend(
        warnings
            .iter()
            .map(|warning| format!("warning: {}", text(warning))),
    );
    lines
}

fn scan(value: &Json) -> Vec<String> {
    let media = list(value.get("media")).iter();
    media
        .map(|medium| {
            let part = |pointer: &str| medium.pointer(pointer).filter(|it| !it.is_null()).map(text);
            let name = part("/name").unwrap_or_default();
            match part("/verdict/assessment") {
                Some(assessment) => format!(
                    "{name}: {assessment}; {}",
                    part("/report/permalink").unwrap_or_default()
                ),
                None => format!("{name}: NO report"),
            }
        })
        .collect()
}

fn list(value: Option<&Json>) -> &[Json] {
    value.and_then(Json::as_array).map_or(&[], Vec::as_slice)
}

/// A value on one line, without anything that a terminal would obey.
fn text(value: &Json) -> String {
    match value {
        Json::String(text) => one_line(text),
        other => one_line(&other.to_string()),
    }
}

fn one_line(text: &str) -> String {
    text.chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .collect()
}
