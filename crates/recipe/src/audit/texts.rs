//! Arguments in languages of their own.

use proplist::Value;

use super::{Language, Rule, chain::Chain, rules};

/// Which argument of which processor is in which language.
const LANGUAGES: [(&str, &str, Language, &Rule); 5] = [
    (
        "CodeSignatureVerifier",
        "requirement",
        Language::Requirement,
        &rules::INVALID_REQUIREMENT,
    ),
    (
        "GitHubReleasesInfoProvider",
        "asset_regex",
        Language::Pattern,
        &rules::INVALID_PATTERN,
    ),
    (
        "StopProcessingIf",
        "predicate",
        Language::Predicate,
        &rules::INVALID_PREDICATE,
    ),
    (
        "CURLTextSearcher",
        "re_pattern",
        Language::Pattern,
        &rules::INVALID_PATTERN,
    ),
    (
        "URLTextSearcher",
        "re_pattern",
        Language::Pattern,
        &rules::INVALID_PATTERN,
    ),
];

/// The processors that take options of curl's.
const DOWNLOADING: [&str; 4] = [
    "CURLDownloader",
    "CURLTextSearcher",
    "URLDownloader",
    "URLTextSearcher",
];

pub(super) fn look(chain: &mut Chain<'_>) {
    look_at_options(chain);
    for placed in chain.steps.clone() {
        for (processor, argument, language, rule) in LANGUAGES {
            let written = placed.step.arguments().get(argument);
            let (true, Some(written)) = (placed.step.processor() == processor, written) else {
                continue;
            };
            let Value::String(text) = chain.filled(written) else {
                continue;
            };
            // What is filled in later is not known yet.
            if !crate::references(&text).is_empty() {
                continue;
            }
            if let Some(fault) = chain.manual.fault(language, &text) {
                chain.find(
                    rule,
                    (&placed.file, &placed.argument(argument)),
                    format!("`{argument}` of {processor} cannot be used: {fault}"),
                    "Correct it.",
                );
            }
        }
    }
}

fn look_at_options(chain: &mut Chain<'_>) {
    for placed in chain.steps.clone() {
        let processor = placed.step.processor();
        let written = placed.step.arguments().get("curl_opts");
        let (true, Some(written)) = (DOWNLOADING.contains(&processor), written) else {
            continue;
        };
        let Value::Array(options) = chain.filled(written) else {
            continue;
        };
        let Some(words) = words(&options) else {
            continue;
        };
        if let Some(fault) = chain.manual.fault(Language::Options, &words.join("\n")) {
            chain.find(
                &rules::INVALID_OPTION,
                (&placed.file, &placed.argument("curl_opts")),
                format!("`curl_opts` of {processor} cannot be used: {fault}"),
                "Say it with `request_headers`, or in another way that is understood.",
            );
        }
    }
}

/// The words, as far as they are known: a variable behind an option is some value, and elsewhere it may be anything.
fn words(options: &[Value]) -> Option<Vec<&str>> {
    let mut words: Vec<&str> = Vec::new();
    for option in options {
        let word = option.as_str()?;
        let is_behind_option = words.last().is_some_and(|before| before.starts_with('-'));
        match (word.starts_with('%'), is_behind_option) {
            (false, _) => words.push(word),
            (true, true) => words.push("name=value"),
            (true, false) => return None,
        }
    }
    Some(words)
}
