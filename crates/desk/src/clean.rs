//! Makes text of others fit to be shown: no secrets, no control characters, and short.

use redact::{SafeUrl, Scrubber};

/// What stands where text was cut.
const CUT: &str = "…";

/// One line of at most `limit_bytes`; the beginning is kept.
pub(crate) fn line(scrubber: &Scrubber, text: &str, limit_bytes: usize) -> String {
    let clean = scrub(scrubber, text);
    let words: Vec<&str> = clean
        .split(|char: char| char.is_whitespace() || char.is_control())
        .filter(|word| !word.is_empty())
        .collect();
    let line = words.join(" ");
    if line.len() <= limit_bytes {
        return line;
    }
    let end = line.floor_char_boundary(limit_bytes.saturating_sub(CUT.len()));
    let (kept, _) = line.split_at(end);
    format!("{kept}{CUT}")
}

/// Lines of at most `limit_bytes` together; the end is kept, because that is where a log tells of the failure.
pub(crate) fn lines(scrubber: &Scrubber, text: &str, limit_bytes: usize) -> String {
    let clean: String = scrub(scrubber, text)
        .replace("\r\n", "\n")
        .chars()
        .map(|char| if char == '\r' { '\n' } else { char })
        .filter(|char| matches!(char, '\n' | '\t') || !char.is_control())
        .collect();
    let clean = clean.trim_end();
    if clean.len() <= limit_bytes {
        return clean.to_owned();
    }
    let start = clean.ceil_char_boundary(clean.len() - limit_bytes.saturating_sub(CUT.len()));
    let (_, kept) = clean.split_at(start);
    format!("{CUT}{kept}")
}

/// Takes known secrets out, and from addresses what may be secret in them.
fn scrub(scrubber: &Scrubber, text: &str) -> String {
    // The addresses first: a secret that was written into one with escapes is no longer known by its value.
    scrubber.scrub(&scrub_addresses(text))
}

fn scrub_addresses(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = split_at_address(rest) {
        let end = after
            .find(|char: char| {
                char.is_whitespace() || char.is_control() || "\"'`<>()[]{}|\\".contains(char)
            })
            .unwrap_or(after.len());
        let (address, behind) = after.split_at(end);
        let bare = address.trim_end_matches(['.', ',', ';', ':', '!']);
        let (_, punctuation) = address.split_at(bare.len());
        clean.push_str(before);
        if bare.contains(['?', '@', '#']) {
            clean.push_str(&SafeUrl::of_text(bare).to_string());
        } else {
            clean.push_str(bare);
        }
        clean.push_str(punctuation);
        rest = behind;
    }
    clean.push_str(rest);
    clean
}

/// What stands before the first address, and the rest from it on.
fn split_at_address(text: &str) -> Option<(&str, &str)> {
    let starts = ["https://", "http://", "ftp://", "ssh://"];
    let start = starts.iter().filter_map(|scheme| text.find(scheme)).min()?;
    Some(text.split_at(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn knowing(secret: &str) -> Scrubber {
        let mut scrubber = Scrubber::new();
        scrubber.learn(secret);
        scrubber
    }

    #[test]
    fn addresses_lose_what_may_be_secret_and_nothing_else() {
        let text =
            "get \"https://me:pw@vendor.example/a?token=abc#x\", then http://vendor.example/b.";
        assert_eq!(
            line(&Scrubber::new(), text, 500),
            "get \"https://vendor.example/a?token=…\", then http://vendor.example/b."
        );
    }

    #[test]
    fn secrets_go_by_value_before_anything_is_cut() {
        let scrubber = knowing("canary-value");
        for limit_bytes in 0..40 {
            let text = "error: canary-value was refused";
            assert!(
                !line(&scrubber, text, limit_bytes).contains("canar"),
                "{limit_bytes}"
            );
            assert!(
                !lines(&scrubber, text, limit_bytes).contains("value w"),
                "{limit_bytes}"
            );
        }
    }

    #[test]
    fn a_line_keeps_its_beginning_and_lines_their_end() {
        let none = Scrubber::new();
        assert_eq!(
            line(&none, "one\n two\u{1b}[31m three", 500),
            "one two [31m three"
        );
        assert_eq!(line(&none, "äöü äöü", 8), "äö…");
        assert_eq!(
            lines(&none, "one\r\ntwo\rthree\u{7}\n\n", 500),
            "one\ntwo\nthree"
        );
        assert_eq!(lines(&none, "äöü äöü", 8), "…öü");
    }
}
