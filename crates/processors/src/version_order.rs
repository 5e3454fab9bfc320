//! The order in which feeds are searched for the newest version.
//!
//! # Source
//! `distutils.version.LooseVersion` of `CPython` 3.11, and AutoPkg's `APLooseVersion`, which fills the shorter version
//! up with zeros and takes a number for less than a word.

use std::cmp::Ordering;

/// A part of a version.
#[derive(Debug, Eq, PartialEq)]
enum Part<'a> {
    /// Digits without leading zeros.
    Number(&'a str),
    /// Anything else.
    Word(&'a str),
}

/// Compares two versions as `APLooseVersion` does.
pub(crate) fn compare(left: &str, right: &str) -> Ordering {
    let (left, right) = (parts(left), parts(right));
    let len = left.len().max(right.len());
    let zero = Part::Number("");
    (0..len)
        .map(|at| {
            let left = left.get(at).unwrap_or(&zero);
            let right = right.get(at).unwrap_or(&zero);
            compare_parts(left, right)
        })
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

fn compare_parts(left: &Part<'_>, right: &Part<'_>) -> Ordering {
    match (left, right) {
        (Part::Number(left), Part::Number(right)) => {
            left.len().cmp(&right.len()).then_with(|| left.cmp(right))
        }
        (Part::Word(left), Part::Word(right)) => left.cmp(right),
        (Part::Number(_), Part::Word(_)) => Ordering::Less,
        (Part::Word(_), Part::Number(_)) => Ordering::Greater,
    }
}

/// Runs of digits, of small letters, and of anything else but dots.
fn parts(version: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = version;
    while let Some(first) = rest.chars().next() {
        let kind = kind(first);
        let end = rest
            .find(|letter| self::kind(letter) != kind)
            .unwrap_or(rest.len());
        let (part, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
        match kind {
            Kind::Dot => {}
            Kind::Digit => parts.push(Part::Number(part.trim_start_matches('0'))),
            Kind::Small | Kind::Other => parts.push(Part::Word(part)),
        }
        rest = after;
    }
    parts
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Kind {
    Digit,
    Dot,
    Other,
    Small,
}

const fn kind(letter: char) -> Kind {
    match letter {
        '0'..='9' => Kind::Digit,
        '.' => Kind::Dot,
        'a'..='z' => Kind::Small,
        _ => Kind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `AutoPkg` 2.9.1 answered.
    #[test]
    fn orders_as_autopkg_does() {
        for (left, order, right) in [
            ("1.0", Ordering::Equal, "1"),
            ("1.0", Ordering::Equal, "1.0.0"),
            ("1.10", Ordering::Greater, "1.9"),
            ("1.0b1", Ordering::Greater, "1.0"),
            ("1.0b1", Ordering::Less, "1.0b2"),
            ("1.0.1", Ordering::Less, "1.0a"),
            ("1.0-rc1", Ordering::Greater, "1.0"),
            ("2024.01.02", Ordering::Equal, "2024.1.2"),
            ("v1.2", Ordering::Greater, "1.2"),
            ("1.2 (345)", Ordering::Greater, "1.2"),
            ("1.0B", Ordering::Less, "1.0b"),
            ("1_2", Ordering::Less, "1_10"),
        ] {
            assert_eq!(compare(left, right), order, "{left} {right}");
            assert_eq!(compare(right, left), order.reverse(), "{right} {left}");
        }
    }
}
