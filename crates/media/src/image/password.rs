//! The password of an encrypted image.

use std::fmt;

use zeroize::Zeroizing;

/// The password of an encrypted image: shown nowhere, and overwritten when it is dropped.
#[derive(Clone)]
pub struct Password(Zeroizing<Vec<u8>>);

impl Password {
    /// The password that those bytes are; images that macOS makes take it as UTF-8.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The password that a file or an input holds: all but the end of its line, as `hdiutil` reads it.
    pub fn from_line(bytes: Vec<u8>) -> Self {
        let mut bytes = Zeroizing::new(bytes);
        let len = bytes
            .iter()
            .position(|byte| matches!(byte, b'\n' | b'\r' | 0));
        // What is behind the line stays in the buffer, which is overwritten as a whole.
        bytes.truncate(len.unwrap_or(usize::MAX));
        Self(bytes)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

/// What is needed besides the file to open it.
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    /// Opens the encrypted images that are met on the way.
    pub password: Option<Password>,
}
