//! The two orders of versions that AutoPkg uses.

use std::cmp::Ordering;

/// A version cut into numbers and words, as Python's `distutils` cuts it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LooseVersion {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Part {
    /// Digits without leading zeros: any length.
    Number(String),
    Word(String),
}

/// Two versions have no plain order: a number stands against a word, or one of them is empty.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the versions cannot be compared: a number stands against a word")]
pub struct NotComparable;

impl LooseVersion {
    /// Cuts `text` into runs of digits, runs of `a` to `z`, and what is between them; full stops are dropped.
    ///
    /// # Source
    /// `distutils.version.LooseVersion` of `CPython` 3.11.
    pub fn new(text: &str) -> Self {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let kind = kind(first);
            let end = match kind {
                Kind::Stop => 1,
                _ => rest
                    .find(|letter| self::kind(letter) != kind)
                    .unwrap_or(rest.len()),
            };
            let Some((run, tail)) = rest.split_at_checked(end) else {
                break;
            };
            rest = tail;
            match kind {
                Kind::Stop => {}
                Kind::Digit => {
                    let digits = run.trim_start_matches('0');
                    parts.push(Part::Number(
                        if digits.is_empty() { "0" } else { digits }.to_owned(),
                    ));
                }
                Kind::Letter | Kind::Other => parts.push(Part::Word(run.to_owned())),
            }
        }
        Self { parts }
    }

    /// Whether this version is at least `other` in the plain order, in which `1.0` is less than `1.0.0`: the order
    /// of `MinimumVersion`.
    ///
    /// # Errors
    /// If the first difference is between a number and a word, or a version is empty.
    pub fn at_least(&self, other: &Self) -> Result<bool, NotComparable> {
        if self.parts.is_empty() || other.parts.is_empty() {
            return Err(NotComparable);
        }
        for (left, right) in self.parts.iter().zip(&other.parts) {
            match compare(left, right) {
                Some(Ordering::Equal) => {}
                Some(order) => return Ok(order.is_ge()),
                None => return Err(NotComparable),
            }
        }
        Ok(self.parts.len() >= other.parts.len())
    }

    /// The order of `APLooseVersion`: the shorter is filled up with zeros, and a number is less than a word. An
    /// empty version, over which `AutoPkg` fails, is all zeros.
    pub fn compare_padded(&self, other: &Self) -> Ordering {
        let zero = Part::Number("0".to_owned());
        let len = self.parts.len().max(other.parts.len());
        let padded = |version: &'_ Self| -> Vec<Part> {
            version
                .parts
                .iter()
                .chain(std::iter::repeat(&zero))
                .take(len)
                .cloned()
                .collect()
        };
        for (left, right) in padded(self).iter().zip(&padded(other)) {
            let order = compare(left, right).unwrap_or(match left {
                Part::Number(_) => Ordering::Less,
                Part::Word(_) => Ordering::Greater,
            });
            if order.is_ne() {
                return order;
            }
        }
        Ordering::Equal
    }
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Kind {
    Digit,
    Letter,
    Other,
    Stop,
}

fn kind(letter: char) -> Kind {
    match letter {
        '0'..='9' => Kind::Digit,
        'a'..='z' => Kind::Letter,
        '.' => Kind::Stop,
        _ => Kind::Other,
    }
}

fn compare(left: &Part, right: &Part) -> Option<Ordering> {
    match (left, right) {
        (Part::Number(left), Part::Number(right)) => {
            Some(left.len().cmp(&right.len()).then_with(|| left.cmp(right)))
        }
        (Part::Word(left), Part::Word(right)) => Some(left.cmp(right)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Printed by `AutoPkg` 2.9.1; the last column is the plain order's `>=`.
    #[test]
    fn both_orders_are_autopkgs() {
        use Ordering::{Equal, Greater, Less};
        for (left, padded, right, plain) in [
            ("1.0", Equal, "1", Ok(true)),
            ("1.0", Equal, "1.0.0", Ok(false)),
            ("1.10", Greater, "1.9", Ok(true)),
            ("1.0b1", Greater, "1.0", Ok(true)),
            ("1.0b1", Less, "1.0b2", Ok(false)),
            ("1.0.1", Less, "1.0a", Err(NotComparable)),
            ("1.0-rc1", Greater, "1.0", Ok(true)),
            ("2024.01.02", Equal, "2024.1.2", Ok(true)),
            ("v1.2", Greater, "1.2", Err(NotComparable)),
            ("1.2 (345)", Greater, "1.2", Ok(true)),
            ("1.0B", Less, "1.0b", Ok(false)),
            ("1_2", Less, "1_10", Ok(false)),
        ] {
            let (a, b) = (LooseVersion::new(left), LooseVersion::new(right));
            assert_eq!(a.compare_padded(&b), padded, "{left} {right}");
            assert_eq!(a.at_least(&b), plain, "{left} {right}");
        }
        assert_eq!(
            LooseVersion::new("").at_least(&LooseVersion::new("1")),
            Err(NotComparable)
        );
    }

    proptest! {
        #[test]
        fn the_padded_order_is_antisymmetric(left in "[0-9a-cA.() _-]{0,8}", right in "[0-9a-cA.() _-]{0,8}") {
            let (a, b) = (LooseVersion::new(&left), LooseVersion::new(&right));
            prop_assert_eq!(a.compare_padded(&b), b.compare_padded(&a).reverse());
        }
    }
}
