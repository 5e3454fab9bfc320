//! The words of the requirement language, which as texts need quotes.

/// Whether `word` has a meaning in the language (`RequirementKeywords.h`).
pub(super) fn is_keyword(word: &str) -> bool {
    const KEYWORDS: [&str; 29] = [
        "absent",
        "always",
        "anchor",
        "and",
        "apple",
        "cdhash",
        "cert",
        "certificate",
        "designated",
        "entitlement",
        "exists",
        "false",
        "generic",
        "guest",
        "host",
        "identifier",
        "info",
        "leaf",
        "legacy",
        "library",
        "never",
        "notarized",
        "or",
        "platform",
        "plugin",
        "root",
        "timestamp",
        "true",
        "trusted",
    ];
    KEYWORDS.contains(&word)
}
