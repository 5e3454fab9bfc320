//! Whether arguments are in the languages that they are written in, told before a step is reached.

use crate::regex::Pattern;
use model::chain;

/// What is wrong with a regular expression of Python's; nothing if it can be used.
pub fn pattern_fault(text: &str) -> Option<String> {
    Pattern::new(text, &[]).err().map(|error| chain(&error))
}

/// What is wrong with words of curl's command line, one a line; nothing if they are understood.
pub fn options_fault(text: &str) -> Option<String> {
    let words: Vec<String> = text.lines().map(str::to_owned).collect();
    let request = fetch::Request::get("https://vendor.example/").ok()?;
    let applied = request.with_curl_options(&words);
    applied.err().map(|error| chain(&error))
}

/// What is wrong with an `NSPredicate`; nothing if it can be used.
pub fn predicate_fault(text: &str) -> Option<String> {
    let parsed = predicate::Predicate::parse(text);
    parsed.err().map(|error| chain(&error))
}

/// What is wrong with a code requirement; nothing if it can be used.
pub fn requirement_fault(text: &str) -> Option<String> {
    let parsed = codesign::Requirement::parse(text);
    parsed.err().map(|error| chain(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_its_language_has_no_fault() {
        assert_eq!(pattern_fault(r"(?P<a>x)(?=y)"), None);
        assert_eq!(options_fault("-fsSL\n--header\nA: b"), None);
        assert!(
            options_fault("-L\n--cookie-jar\na")
                .is_some_and(|fault| fault.contains("--cookie-jar"))
        );
        assert_eq!(predicate_fault("a == 'b' AND TRUEPREDICATE"), None);
        assert_eq!(requirement_fault("anchor apple generic"), None);
        assert!(pattern_fault("(").is_some_and(|fault| !fault.is_empty()));
        assert!(predicate_fault("a ==").is_some_and(|fault| !fault.is_empty()));
        assert!(requirement_fault("anchor of a ship").is_some_and(|fault| !fault.is_empty()));
    }
}
