//! Object identifiers: dotted numbers in text, and the bytes that stand for them (X.690, 8.19).
//!
//! `const-oid` writes some identifiers with numbers over 127 as others (0.0.0.128.0 as 0.0.0.0.0), and multiplies past the
//! end of its numbers: a requirement must not come to be about another mark than its author wrote.

/// More bytes than any identifier in use has.
const MAX_LEN: usize = 63;

/// The bytes of the identifier written as `text`; nothing if it is none, or one of those nobody uses: numbers over 64 bits.
pub(super) fn to_bytes(text: &str) -> Option<Vec<u8>> {
    let mut numbers = text.split('.').map(number);
    let (first, second) = (numbers.next()??, numbers.next()??);
    let fits = match first {
        0 | 1 => second < 40,
        2 => true,
        _ => false,
    };
    if !fits {
        return None;
    }
    let mut bytes = Vec::new();
    push(&mut bytes, first.checked_mul(40)?.checked_add(second)?);
    for number in numbers {
        push(&mut bytes, number?);
    }
    (bytes.len() <= MAX_LEN).then_some(bytes)
}

/// The identifier that `bytes` stand for, in dotted form; nothing if they stand for none, or not in the only way allowed.
pub(super) fn to_text(bytes: &[u8]) -> Option<String> {
    if bytes.is_empty() || bytes.len() > MAX_LEN {
        return None;
    }
    let mut numbers = Vec::new();
    let mut number: u64 = 0;
    let mut is_within = false;
    for byte in bytes {
        if !is_within && *byte == 0x80 {
            return None;
        }
        number = number
            .checked_mul(0x80)?
            .checked_add(u64::from(byte & 0x7f))?;
        is_within = byte & 0x80 != 0;
        if !is_within {
            numbers.push(number);
            number = 0;
        }
    }
    if is_within {
        return None;
    }
    let (both, others) = numbers.split_first()?;
    let first = both.checked_div(40)?.min(2);
    let second = both.checked_sub(first.checked_mul(40)?)?;
    let mut text = format!("{first}.{second}");
    for number in others {
        text.push('.');
        text.push_str(&number.to_string());
    }
    Some(text)
}

/// A number in its only form: digits, and no zero before others.
fn number(text: &str) -> Option<u64> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let is_shortest = text == "0" || !text.starts_with('0');
    (is_number && is_shortest).then(|| text.parse().ok())?
}

/// Seven bits a byte, the highest first; every byte but the last is marked.
fn push(bytes: &mut Vec<u8>, number: u64) {
    let mut shift = 63_u32;
    while shift > 0 && number.unbounded_shr(shift) == 0 {
        shift = shift.saturating_sub(7);
    }
    loop {
        let low = u8::try_from(number.unbounded_shr(shift) & 0x7f).unwrap_or(0);
        if shift == 0 {
            bytes.push(low);
            return;
        }
        bytes.push(low | 0x80);
        shift = shift.saturating_sub(7);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn identifiers_have_the_bytes_that_are_known() {
        for (text, bytes) in [
            ("1.2.840.113635.100.6.2.6", "2a864886f76364060206"),
            ("2.5.4.3", "550403"),
            ("2.999.3", "883703"),
            ("0.0", "00"),
            ("1.39", "4f"),
            ("0.0.0.128.0.0.0", "000081000000 00"),
            ("2.18446744073709551535", "81ffffffffffffffff7f"),
        ] {
            let bytes = hex::decode(bytes.replace(' ', "")).unwrap();
            assert_eq!(to_bytes(text).as_ref(), Some(&bytes), "{text}");
            assert_eq!(to_text(&bytes).as_deref(), Some(text));
        }
    }

    #[test]
    fn what_is_no_identifier_is_none() {
        for text in [
            "",
            "1",
            "1.",
            ".1",
            "1..2",
            "3.1",
            "0.40",
            "1.2.+3",
            "1.2.03",
            "1.2.x",
            " 1.2",
            "1.2.18446744073709551616",
            "2.18446744073709551615",
            "1.2.61136353100000000000000000000",
        ] {
            assert_eq!(to_bytes(text), None, "{text}");
        }
        for bytes in [
            &[][..],
            &[0x80],
            &[0x2a, 0x80, 1],
            &[0x2a, 0x86],
            &[0xff; 12],
            &[1; 64],
        ] {
            assert_eq!(to_text(bytes), None, "{bytes:x?}");
        }
    }

    proptest! {
        #[test]
        fn bytes_and_text_say_the_same(bytes in proptest::collection::vec(any::<u8>(), 0..20)) {
            if let Some(text) = to_text(&bytes) {
                prop_assert_eq!(to_bytes(&text), Some(bytes));
            }
        }

        #[test]
        fn numbers_of_every_size_survive(second in 0..40_u64, others in proptest::collection::vec(any::<u64>(), 0..6)) {
            let numbers: Vec<_> = others.iter().map(u64::to_string).collect();
            let text = [vec!["1".to_owned(), second.to_string()], numbers].concat().join(".");
            let bytes = to_bytes(&text).unwrap();
            prop_assert_eq!(to_text(&bytes), Some(text));
        }
    }
}
