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

pub(super) fn look(chain: &mut Chain<'_>) {
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
