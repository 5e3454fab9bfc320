//! Takes secrets out of text that others wrote.

use std::fmt;

/// Replaces known secrets in text by `***`.
#[derive(Clone, Default)]
pub struct Scrubber {
    /// Longest first, so that a secret inside a longer one does not leave the rest standing.
    values: Vec<String>,
}

/// Shorter values would take ordinary words apart, and are no secrets worth the name.
const SHORTEST: usize = 6;

impl Scrubber {
    /// A scrubber that knows no secret yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes `value` known; values under six bytes are passed over.
    pub fn learn(&mut self, value: &str) {
        if value.len() < SHORTEST || self.values.iter().any(|known| known == value) {
            return;
        }
        self.values.push(value.to_owned());
        self.values
            .sort_by_key(|known| std::cmp::Reverse(known.len()));
    }

    /// `text` with every known secret replaced.
    pub fn scrub(&self, text: &str) -> String {
        self.values.iter().fold(text.to_owned(), |text, secret| {
            text.replace(secret.as_str(), "***")
        })
    }
}

impl fmt::Debug for Scrubber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scrubber({} values)", self.values.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_longest_secret_first() {
        let mut scrubber = Scrubber::new();
        for value in ["secret", "secret-and-more", "abc", "secret"] {
            scrubber.learn(value);
        }
        assert_eq!(
            scrubber.scrub("x secret-and-more secret abc"),
            "x *** *** abc"
        );
        assert_eq!(format!("{scrubber:?}"), "Scrubber(2 values)");
    }
}
