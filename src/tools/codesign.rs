//! `codesign --verify` and `codesign --display`.

use std::path::Path;

use codesign::{Outcome, Pins, Report, Requirement, Verdict};
use model::{Clock as _, SystemClock};

use super::{Refusal, Words};
use crate::printer::Printer;

const FLAGS: [&str; 12] = [
    "--all-architectures",
    "--deep",
    "--display",
    "--no-strict",
    "--strict",
    "--verbose",
    "--verify",
    "-d",
    "-r-",
    "-v",
    "-vv",
    "-vvv",
];
/// What `codesign` ends with if the code is sound and does not meet the requirement.
const NOT_MET: u8 = 3;

pub(super) fn run(words: &[String], printer: Printer) -> Result<u8, Refusal> {
    let words: Vec<String> = words.iter().flat_map(|word| parted(word)).collect();
    let words = Words::read(&words, &FLAGS, &["-R", "--test-requirement"])?;
    let path = words.only("a path")?;
    let text = words
        .value("-R")
        .or_else(|| words.value("--test-requirement"));
    let requirement = match text.map(|text| text.strip_prefix('=').ok_or(text)) {
        Some(Err(file)) => {
            return Err(Refusal::NotServed(format!(
                "a requirement in the file `{file}`"
            )));
        }
        Some(Ok(text)) => Some(Requirement::parse(text).map_err(Refusal::failed)?),
        None => None,
    };
    let pins = Pins {
        requirement,
        ..Pins::none()
    };
    let report = codesign::verify(Path::new(path), &pins, SystemClock.now())
        .map_err(|error| Refusal::failed(model::chain(&error)))?;
    if report.verdict == Verdict::Unsigned {
        printer.complaint(format!("{path}: code object is not signed at all"));
        return Ok(1);
    }
    if words.has("-d") || words.has("--display") {
        return display(&report, words.has("-r-"), printer);
    }
    Ok(verified(&report, path, printer))
}

/// `--verbose=1` is `--verbose`, `-dv` is `-d -v`, `-R=…` and `--test-requirement=…` are two words.
fn parted(word: &str) -> Vec<String> {
    for long in ["--verbose", "--strict"] {
        if word
            .strip_prefix(long)
            .is_some_and(|rest| rest.starts_with('='))
        {
            return vec![long.to_owned()];
        }
    }
    for valued in ["--test-requirement=", "-R="] {
        if let Some(value) = word.strip_prefix(valued) {
            let value = if value.starts_with('=') {
                value.to_owned()
            } else {
                format!("={value}")
            };
            return vec![valued.trim_end_matches('=').to_owned(), value];
        }
    }
    match word.strip_prefix("-d") {
        Some(letters) if !letters.is_empty() && letters.chars().all(|letter| letter == 'v') => {
            vec!["-d".to_owned(), "-v".to_owned()]
        }
        _ => vec![word.to_owned()],
    }
}

/// Its exit status, after it has said what is wrong.
fn verified(report: &Report, path: &str, printer: Printer) -> u8 {
    if report.requirement_met == Some(false)
        && report.failures().all(|check| check.name == "requirement")
    {
        printer.complaint("test-requirement: code failed to satisfy specified code requirement(s)");
        return NOT_MET;
    }
    if report.holds() {
        return 0;
    }
    let failed = report
        .checks
        .iter()
        .find(|check| check.result == Outcome::Fail);
    let why = failed.and_then(|check| check.detail.clone());
    let why = why
        .unwrap_or_else(|| "invalid signature (code or signature have been modified)".to_owned());
    printer.complaint(format!("{path}: {why}"));
    1
}

/// What the signature says; as `codesign`, to standard error, and requirements to standard output.
fn display(report: &Report, requirements: bool, printer: Printer) -> Result<u8, Refusal> {
    printer.complaint(format!("Executable={}", report.path));
    for (title, value) in [
        ("Identifier", report.identifier.as_deref()),
        ("CDHash", report.cdhash.as_deref()),
    ] {
        if let Some(value) = value {
            printer.complaint(format!("{title}={value}"));
        }
    }
    for authority in &report.authorities {
        printer.complaint(format!("Authority={authority}"));
    }
    printer.complaint(format!(
        "TeamIdentifier={}",
        report.team_id.as_deref().unwrap_or("not set")
    ));
    if let (true, Some(requirement)) = (requirements, &report.designated_requirement) {
        printer.data(format!("designated => {requirement}"))?;
    }
    Ok(0)
}
