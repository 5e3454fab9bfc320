//! Random names and secrets.

const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// The largest multiple of the alphabet's length that a byte can count to: what is above would make the first letters
/// likelier than the others.
const FAIR: u8 = 248;

/// So many letters and digits, each as likely as any other.
///
/// # Errors
/// If the system gives no random numbers.
pub(crate) fn text(len: usize) -> Result<String, getrandom::Error> {
    let mut text = String::with_capacity(len);
    let mut bytes = [0_u8; 64];
    while text.len() < len {
        getrandom::fill(&mut bytes)?;
        let letters = bytes
            .iter()
            .filter(|byte| **byte < FAIR)
            .filter_map(|byte| ALPHABET.get(usize::from(*byte) % ALPHABET.len()));
        let missing = len.saturating_sub(text.len());
        text.extend(letters.take(missing).map(|letter| char::from(*letter)));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_as_long_as_asked_and_of_the_alphabet() {
        for len in [0, 1, 16, 32, 200] {
            let text = text(len).unwrap();
            assert_eq!(text.len(), len);
            assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        }
        assert_ne!(text(32).unwrap(), text(32).unwrap());
    }

    /// Each letter comes about as often as any other: 62,000 of them, expected 1,000 times each. A letter that were half
    /// again as likely as others, as without the rule above, would be found.
    #[test]
    fn no_letter_is_likelier() {
        let text = text(62_000).unwrap();
        for letter in ALPHABET {
            let count = text.bytes().filter(|byte| byte == letter).count();
            assert!(
                (750..1250).contains(&count),
                "{} {count}",
                char::from(*letter)
            );
        }
    }
}
