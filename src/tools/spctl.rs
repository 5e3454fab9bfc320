//! `spctl --assess`: whether a Mac would let something be opened or installed, and who signed it.

use std::path::Path;

use codesign::{Notarization, Pins, Report, Verdict};
use model::{Clock as _, SystemClock};

use super::{Refusal, Words};
use crate::printer::Printer;

const FLAGS: [&str; 9] = [
    "--assess",
    "--ignore-cache",
    "--no-cache",
    "--raw",
    "--verbose",
    "-a",
    "-v",
    "-vv",
    "-vvv",
];
/// What `spctl` ends with if the answer is no.
const REJECTED: u8 = 3;

pub(super) fn run(words: &[String], printer: Printer) -> Result<u8, Refusal> {
    let words: Vec<String> = words.iter().flat_map(|word| parted(word)).collect();
    let words = Words::read(&words, &FLAGS, &["--context", "--type", "-t"])?;
    if !words.has("--assess") && !words.has("-a") {
        return Err(Refusal::NotServed("anything but --assess".to_owned()));
    }
    if words.has("--raw") {
        return Err(Refusal::NotServed("--raw".to_owned()));
    }
    let path = words.only("a path")?;
    let report = codesign::verify(Path::new(path), &Pins::none(), SystemClock.now())
        .map_err(|error| Refusal::failed(model::chain(&error)))?;
    // The tool says all of it to standard error, and nothing about what is let through unless it is asked.
    let is_verbose =
        words.flags.iter().any(|flag| flag.starts_with("-v")) || words.has("--verbose");
    let source = source(&report);
    if report.holds() && source.is_some() {
        if is_verbose {
            printer.complaint(format!("{path}: accepted"));
        }
    } else {
        printer.complaint(format!("{path}: rejected"));
    }
    if is_verbose {
        printer.complaint(format!(
            "source={}",
            source.unwrap_or("no usable signature")
        ));
        if let (true, Some(signer)) = (report.holds(), report.authorities.first()) {
            printer.complaint(format!("origin={signer}"));
        }
    }
    Ok(if report.holds() && source.is_some() {
        0
    } else {
        REJECTED
    })
}

/// By which rule it would be let through; nothing if by none.
fn source(report: &Report) -> Option<&'static str> {
    match report.verdict {
        Verdict::Apple => Some("Apple System"),
        Verdict::DeveloperId | Verdict::DeveloperIdInstaller => Some(match report.notarization {
            Notarization::Stapled => "Notarized Developer ID",
            _ => "Developer ID",
        }),
        Verdict::MacAppStore => Some("Mac App Store"),
        _ => None,
    }
}

/// `--type=install` is `--type install`; `-av` is `-a -v`.
fn parted(word: &str) -> Vec<String> {
    if let Some((flag, value)) = word.split_once('=')
        && flag.starts_with("--")
    {
        return match flag {
            "--verbose" => vec![flag.to_owned()],
            _ => vec![flag.to_owned(), value.to_owned()],
        };
    }
    match word.strip_prefix("-a") {
        Some(letters) if !letters.is_empty() && letters.chars().all(|letter| letter == 'v') => {
            vec!["-a".to_owned(), "-v".to_owned()]
        }
        _ => vec![word.to_owned()],
    }
}
