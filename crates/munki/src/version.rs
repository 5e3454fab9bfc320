//! The order of versions, and names that carry one.

use std::cmp::Ordering;

use crate::Compat;

/// Compares two versions as Munki does.
///
/// Munki 7 compares the strings, runs of digits by their number: a space, `+`, `,` and `-` sort below `.`, so
/// `1.2.3-4` is older than `1.2.3`. Munki 6 compares lists of numbers and words, so there it is newer. Both take
/// `1.0` and `1.0.0.0` for the same.
///
/// # Source
/// `MunkiVersion` in `versionutils.swift` of Munki 7.0; `MunkiLooseVersion` in `pkgutils.py` of Munki 6.7.
pub fn compare_versions(compat: Compat, left: &str, right: &str) -> Ordering {
    match compat {
        Compat::Munki6 => loose(left, right),
        Compat::Munki7 => numeric(&padded(left, right), &padded(right, left)),
    }
}

/// Whether Munki 6 and Munki 7 put this version in the same place among others. They do not where something else than
/// letters, digits, `.`, `_` and `~` stands in it, or a number that needs more than 64 bits.
///
/// # Source
/// Their two comparisons, of which [`compare_versions`] has both.
pub fn is_ordered_alike(version: &str) -> bool {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "._~".contains(letter);
    let numbers = version.split(|letter: char| !letter.is_ascii_digit());
    version.chars().all(is_plain)
        && numbers
            .filter(|digits| !digits.is_empty())
            .all(|digits| digits.parse::<u64>().is_ok())
}

/// The version without the components `0` at its end, of which two stay: `10.0.0.0` is `10.0`.
pub fn trim_version(version: &str) -> String {
    let mut components: Vec<&str> = version.split('.').collect();
    while components.len() > 2 && components.last() == Some(&"0") {
        components.pop();
    }
    components.join(".")
}

/// Splits what a manifest says into name and version at the last `--`, else at the last `-`, where a digit follows.
pub fn split_name_and_version(text: &str) -> (&str, &str) {
    ["--", "-"]
        .into_iter()
        .filter_map(|separator| text.rsplit_once(separator))
        .find(|(_, version)| version.starts_with(|letter: char| letter.is_ascii_digit()))
        .unwrap_or((text, ""))
}

/// Pads `version` with components `0` to as many components as the longer of both has letters.
fn padded(version: &str, other: &str) -> Vec<u16> {
    let wanted = version.len().max(other.len());
    let components = version.split('.').filter(|component| !component.is_empty());
    let mut text = String::new();
    for component in components.chain(std::iter::repeat("0")).take(wanted) {
        if !text.is_empty() {
            text.push('.');
        }
        text.push_str(component);
    }
    text.encode_utf16().collect()
}

/// Core Foundation's comparison with numeric search.
fn numeric(mut left: &[u16], mut right: &[u16]) -> Ordering {
    loop {
        match (left.split_first(), right.split_first()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some((first, _)), Some((second, _))) if is_digit(*first) && is_digit(*second) => {
                let (left_number, left_rest) = leading_number(left);
                let (right_number, right_rest) = leading_number(right);
                if left_number != right_number {
                    return left_number.cmp(&right_number);
                }
                (left, right) = (left_rest, right_rest);
            }
            (Some((first, left_rest)), Some((second, right_rest))) => {
                if first != second {
                    return first.cmp(second);
                }
                (left, right) = (left_rest, right_rest);
            }
        }
    }
}

const fn is_digit(unit: u16) -> bool {
    unit >= b'0' as u16 && unit <= b'9' as u16
}

/// The number that `units` begins with, wrapped to 64 bits as Core Foundation wraps it, and what follows.
fn leading_number(mut units: &[u16]) -> (u64, &[u16]) {
    let mut number = 0_u64;
    while let Some((digit, rest)) = units.split_first().filter(|(unit, _)| is_digit(**unit)) {
        let value = u64::from(digit.saturating_sub(u16::from(b'0')));
        number = number.wrapping_mul(10).wrapping_add(value);
        units = rest;
    }
    (number, units)
}

/// A part of a version as Munki 6 sees it; numbers sort below words.
#[derive(Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Part<'a> {
    /// A number of any size: its digits without leading zeros, shorter ones first.
    Number(usize, &'a str),
    Word(&'a str),
}

fn loose(left: &str, right: &str) -> Ordering {
    let zero = || Part::Number(0, "");
    let (mut left, mut right) = (parts(left), parts(right));
    let len = left.len().max(right.len());
    left.resize_with(len, zero);
    right.resize_with(len, zero);
    left.cmp(&right)
}

fn parts(version: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = version;
    while let Some(first) = rest.chars().next() {
        let class = Class::of(first);
        let end = rest
            .find(|letter| Class::of(letter) != class)
            .unwrap_or(rest.len());
        let (part, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
        rest = after;
        match class {
            Class::Digits => {
                let digits = part.trim_start_matches('0');
                parts.push(Part::Number(digits.len(), digits));
            }
            Class::Dot => {}
            Class::Letters | Class::Other => parts.push(Part::Word(part)),
        }
    }
    parts
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Class {
    Digits,
    Dot,
    Letters,
    Other,
}

impl Class {
    const fn of(letter: char) -> Self {
        match letter {
            '0'..='9' => Self::Digits,
            '.' => Self::Dot,
            'a'..='z' => Self::Letters,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value as Json;

    use super::*;
    use crate::tests::corpus;

    fn vectors() -> Option<Json> {
        let text = fs_err::read_to_string(corpus("munki/version_vectors.json")?).unwrap();
        Some(serde_json::from_str(&text).unwrap())
    }

    #[test]
    fn orders_versions_as_both_munkis_do() {
        let Some(vectors) = vectors() else { return };
        let cases = vectors["compare"].as_array().unwrap();
        for case in cases {
            let (left, right) = (case["a"].as_str().unwrap(), case["b"].as_str().unwrap());
            if case["v6"] != case["v7_model"] {
                assert!(
                    !is_ordered_alike(left) || !is_ordered_alike(right),
                    "{case}"
                );
            }
            for (compat, key) in [(Compat::Munki6, "v6"), (Compat::Munki7, "v7_model")] {
                let expected = case[key].as_i64().unwrap().cmp(&0);
                assert_eq!(
                    compare_versions(compat, left, right),
                    expected,
                    "{compat:?} {case}"
                );
                assert_eq!(
                    compare_versions(compat, right, left),
                    expected.reverse(),
                    "{compat:?} {case}"
                );
            }
        }
        let count = cases.len();
        println!("{count} of {count} pairs of versions are ordered as by Munki 6 and by Munki 7");
    }

    #[test]
    fn trims_and_splits_as_munki_does() {
        let Some(vectors) = vectors() else { return };
        for (given, trimmed) in vectors["trim"].as_object().unwrap() {
            assert_eq!(trim_version(given), trimmed.as_str().unwrap());
        }
        for (given, split) in vectors["split_hyphen"].as_object().unwrap() {
            let (name, version) = split_name_and_version(given);
            assert_eq!(
                [name, version],
                [split[0].as_str().unwrap(), split[1].as_str().unwrap()]
            );
        }
    }

    proptest! {
        #[test]
        fn is_an_order(a in "[0-9.a-z+ -]{0,8}", b in "[0-9.a-z+ -]{0,8}") {
            for compat in [Compat::Munki6, Compat::Munki7] {
                prop_assert_eq!(compare_versions(compat, &a, &b), compare_versions(compat, &b, &a).reverse());
                prop_assert_eq!(compare_versions(compat, &a, &a), Ordering::Equal);
            }
        }
    }
}
