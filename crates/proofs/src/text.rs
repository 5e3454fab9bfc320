//! Keys and signatures as text.

use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

/// Base64 as vendors write it: with or without its padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The longest key or signature that is looked at, in characters of base64.
pub(crate) const LONGEST: usize = 8 << 10;

/// The bytes of a base64 text; white space in it is of no account.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    if text.len() > LONGEST {
        return None;
    }
    let bare: String = text.split_whitespace().collect();
    BASE64.decode(bare).ok()
}

/// Exactly `N` bytes of a base64 text.
pub(crate) fn decode_exactly<const N: usize>(text: &str) -> Option<[u8; N]> {
    decode(text)?.try_into().ok()
}

pub(crate) fn encode(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}
