//! Names: UTF-16, decomposed, ordered without regard to case.

use std::cmp::Ordering;

use unicode_normalization::UnicodeNormalization as _;

/// Longest name in units of UTF-16.
pub(crate) const LONGEST_NAME: usize = 255;

/// A name as it is stored: decomposed, but not where Apple's table of 1998 does not, and with `/` for `:`, which
/// takes its place on disk.
pub(crate) fn to_stored(name: &str) -> Vec<u16> {
    let mut stored = String::new();
    let mut plain = String::new();
    for character in name.chars() {
        if is_kept(character) {
            stored.extend(plain.nfd());
            plain.clear();
            stored.push(character);
        } else {
            plain.push(if character == ':' { '/' } else { character });
        }
    }
    stored.extend(plain.nfd());
    stored.encode_utf16().collect()
}

/// A name as paths have it.
pub(crate) fn from_stored(stored: &[u16]) -> String {
    let name = char::decode_utf16(stored.iter().copied());
    name.map(|unit| match unit {
        Ok('/') => ':',
        Ok(character) => character,
        Err(_) => char::REPLACEMENT_CHARACTER,
    })
    .collect()
}

/// Order of names in a catalog that has no regard to case: TN1150, "Case-Insensitive String Comparison Algorithm".
pub(crate) fn compare_folded(a: &[u16], b: &[u16]) -> Ordering {
    let folded = |units: &[u16]| -> Vec<u16> {
        let units = units.iter().copied();
        units.map(fold).filter(|unit| *unit != IGNORED).collect()
    };
    folded(a).cmp(&folded(b))
}

/// What a name is found by where case does not matter.
pub(crate) fn folded(name: &str) -> Vec<u16> {
    let units = to_stored(name).into_iter();
    units.map(fold).filter(|unit| *unit != IGNORED).collect()
}

/// What [`fold`] gives for characters that do not count.
const IGNORED: u16 = 0;

/// The small form of a unit, as in TN1150's table: that of Unicode 2.0, without what is decomposed anyway.
///
/// The table is written here as ranges: in which a unit becomes the one a fixed distance further on, and in which the
/// even or the odd ones become the next.
fn fold(unit: u16) -> u16 {
    let by = match unit {
        0 => return 0xffff,
        0x200c..=0x200f | 0x202a..=0x202e | 0x206a..=0x206f | 0xfeff => return IGNORED,
        0x100..=0x1ff => return fold_latin(unit),
        0x41..=0x5a
        | 0xc6
        | 0xd0
        | 0xd8
        | 0xde
        | 0x391..=0x3a1
        | 0x3a3..=0x3a9
        | 0x410..=0x418
        | 0x41a..=0x42f
        | 0xff21..=0xff3a => 0x20,
        0x476 => 0,
        0x3e2..=0x3ee | 0x460..=0x480 | 0x490..=0x4be => return unit | 1,
        0x4c3 | 0x4c7 | 0x4cb | 0x4d4 | 0x4d8 | 0x4e0 | 0x4e8 => 1,
        0x402 | 0x404..=0x406 | 0x408..=0x40b | 0x40f => 0x50,
        0x531..=0x556 | 0x10a0..=0x10c5 => 0x30,
        0x2160..=0x216f => 0x10,
        _ => 0,
    };
    unit.saturating_add(by)
}

/// `Latin Extended-A` and `-B`.
fn fold_latin(unit: u16) -> u16 {
    let by = match unit {
        0x110 | 0x126 | 0x132 | 0x13f | 0x141 | 0x14a | 0x152 | 0x166 | 0x182 | 0x184 | 0x187
        | 0x18b | 0x191 | 0x198 | 0x1a2 | 0x1a4 | 0x1a7 | 0x1ac | 0x1b3 | 0x1b5 | 0x1b8 | 0x1bc
        | 0x1c5 | 0x1c8 | 0x1cb | 0x1e4 | 0x1f2 => 1,
        0x1c4 | 0x1c7 | 0x1ca | 0x1f1 => 2,
        0x18e => 0x4f,
        0x190 => 0xcb,
        0x18f => 0xca,
        0x189 | 0x18a | 0x193 => 0xcd,
        0x186 => 0xce,
        0x194 => 0xcf,
        0x197 => 0xd1,
        0x181 => 0xd2,
        0x196 | 0x19c => 0xd3,
        0x19d => 0xd5,
        0x19f => 0xd6,
        0x1b1 | 0x1b2 => 0xd9,
        0x1a9 | 0x1ae => 0xda,
        0x1b7 => 0xdb,
        _ => 0,
    };
    unit.saturating_add(by)
}

/// Characters with a decomposition that is not applied: TN1150, "Unicode Subtleties", and `<vfs/vfs_utfconv.c>`.
const fn is_kept(character: char) -> bool {
    matches!(character, '\u{2000}'..='\u{2fff}' | '\u{f900}'..='\u{faff}' | '\u{2f800}'..='\u{2faff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn units(text: &str) -> Vec<u16> {
        text.encode_utf16().collect()
    }

    #[test]
    fn names_are_decomposed_and_come_back() {
        assert_eq!(to_stored("\u{e9}:x"), units("e\u{301}/x"));
        assert_eq!(to_stored("\u{ac00}"), units("\u{1100}\u{1161}"));
        assert_eq!(to_stored("\u{212b}\u{f900}"), units("\u{212b}\u{f900}"));
        assert_eq!(from_stored(&units("e\u{301}/x")), "e\u{301}:x");
        assert_eq!(from_stored(&[0xd800, 0x41]), "\u{fffd}A");
        assert_eq!(folded("\u{c9}CLAIR"), units("e\u{301}clair"));
    }

    #[test]
    fn the_order_has_no_regard_to_case() {
        let compare = |a: &str, b: &str| compare_folded(&units(a), &units(b));
        assert_eq!(compare("ABC", "abc"), Ordering::Equal);
        assert_eq!(compare("a\u{200d}b", "AB"), Ordering::Equal);
        assert_eq!(compare("b", "A"), Ordering::Greater);
        assert_eq!(compare("_", "A"), Ordering::Less);
        assert_eq!(compare("\0", "zz"), Ordering::Greater);
        assert_eq!(compare("a", "aa"), Ordering::Less);
    }

    /// Every unit that folds becomes what Unicode calls its small letter, with the older one for Georgian.
    #[test]
    fn folds_agree_with_unicode() {
        for unit in 1..=0xffff_u16 {
            let folded = fold(unit);
            if folded == unit || folded == IGNORED {
                continue;
            }
            let small: Vec<_> = char::from_u32(unit.into())
                .unwrap()
                .to_lowercase()
                .collect();
            let expected = match unit {
                0x10a0..=0x10c5 => u32::from(unit) + 0x30,
                _ => small[0].into(),
            };
            assert_eq!(u32::from(folded), expected, "{unit:x}");
        }
    }

    proptest! {
        #[test]
        fn what_is_stored_is_stored_again_alike(name in "\\PC{0,20}") {
            let stored = to_stored(&name);
            prop_assert_eq!(&to_stored(&from_stored(&stored)), &stored);
        }
    }
}
