//! What was found, as other tools read it: SARIF 2.1.0.
//!
//! # Source
//! OASIS, "Static Analysis Results Interchange Format (SARIF) Version 2.1.0".

use std::{fmt::Write as _, path::Path};

use model::Sha256;
use recipe::{Finding, RULES, absolute};
use serde_json::{Value, json};

use super::Audited;

/// The name under which the log says where its relative places begin.
const ROOT: &str = "ROOT";

/// One log of one run: every rule, and every finding once, however many recipes have it through a parent.
pub(super) fn log(audited: &[Audited], root: &Path) -> Value {
    let mut findings: Vec<&Finding> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for finding in audited.iter().flat_map(|audited| &audited.findings) {
        let key = (
            finding.rule.id,
            &finding.file,
            finding.line,
            &finding.message,
        );
        if seen.insert(key) {
            findings.push(finding);
        }
    }
    let results: Vec<Value> = findings
        .iter()
        .map(|finding| result(finding, root))
        .collect();
    json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "auto-update",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules(),
            }},
            "columnKind": "unicodeCodePoints",
            "originalUriBaseIds": {ROOT: {"uri": format!("file://{}/", escaped(root))}},
            "results": results,
        }],
    })
}

fn rules() -> Vec<Value> {
    let rule = |rule: &&recipe::Rule| {
        json!({
            "id": rule.id,
            "shortDescription": {"text": format!("{}.", rule.title)},
            "fullDescription": {"text": rule.why},
            "defaultConfiguration": {"level": rule.severity.name()},
        })
    };
    RULES.iter().map(rule).collect()
}

fn result(finding: &Finding, root: &Path) -> Value {
    let index = RULES.iter().position(|rule| rule.id == finding.rule.id);
    let file = absolute(&finding.file);
    let (uri, place) = match file.strip_prefix(root) {
        Ok(relative) => {
            let uri = escaped(relative);
            (uri.clone(), json!({"uri": uri, "uriBaseId": ROOT}))
        }
        Err(_elsewhere) => {
            let uri = format!("file://{}", escaped(&file));
            (uri.clone(), json!({"uri": uri}))
        }
    };
    // Lines move with every edit; what was found, and in which file, does not.
    let print = format!("{}\n{uri}\n{}", finding.rule.id, finding.message);
    json!({
        "ruleId": finding.rule.id,
        "ruleIndex": index,
        "level": finding.severity.name(),
        "message": {"text": format!("{}. {}", sentence(&finding.message), finding.mend)},
        "locations": [{"physicalLocation": {
            "artifactLocation": place,
            "region": {"startLine": finding.line},
        }}],
        "partialFingerprints": {"finding/v1": Sha256::of(print.as_bytes()).to_string()},
    })
}

/// With a capital, as viewers show it.
fn sentence(message: &str) -> String {
    let mut letters = message.trim_end_matches('.').chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters).collect()
}

/// A path as a part of a URI: everything but plain letters is escaped (RFC 3986 §2.3).
fn escaped(path: &Path) -> String {
    use std::os::unix::ffi::OsStrExt as _;
    let mut text = String::new();
    for byte in path.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(byte) {
            text.push(char::from(*byte));
        } else {
            // Writing to a String cannot fail.
            write!(text, "%{byte:02X}").unwrap_or_default();
        }
    }
    text
}
