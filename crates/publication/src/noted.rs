//! Text that the house notes for itself, which counts only if it is whole.

use crate::{Backend, checksum::checksum};

/// What was noted under `name` in this shape; nothing if it was not, or if it is not what was noted.
pub(crate) fn noted(repository: &dyn Backend, name: &str, shape: &str) -> Option<String> {
    let mut text = String::from_utf8(repository.own(name).ok()??).ok()?;
    let (first, rest) = text.split_once('\n')?;
    if number(first.strip_prefix(shape)?.trim_start()) != Some(checksum(rest.as_bytes())) {
        return None;
    }
    let first_len = first.len().saturating_add(1);
    text.drain(..first_len);
    Some(text)
}

/// The text as it is noted.
pub(crate) fn to_note(mut text: String, shape: &str) -> Vec<u8> {
    let first = format!("{shape} {:016x}\n", checksum(text.as_bytes()));
    text.insert_str(0, &first);
    text.into_bytes()
}

/// A checksum, as it is written.
pub(crate) fn number(digits: &str) -> Option<u64> {
    u64::from_str_radix(digits, 16).ok()
}
