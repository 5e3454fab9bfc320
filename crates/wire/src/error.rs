//! What is wrong with bytes that somebody else wrote.

/// Why bytes could not be read as the structure they ought to be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// The bytes end too early.
    #[error("{structure}: {needed} bytes needed at byte {offset}, {remain} remain")]
    Short {
        /// What was being read.
        structure: &'static str,
        /// Where, in bytes from the start of the structure.
        offset: u64,
        /// How many bytes were asked for.
        needed: u64,
        /// How many there are.
        remain: u64,
    },
    /// The bytes do not begin as they ought to.
    #[error("{structure}: expected {expected} at byte {offset}, found {found}")]
    Magic {
        /// What was being read.
        structure: &'static str,
        /// Where, in bytes from the start of the structure.
        offset: u64,
        /// The bytes expected, printable or as hexadecimal digits.
        expected: String,
        /// The bytes found, likewise.
        found: String,
    },
    /// A field holds a value that makes no sense.
    #[error("{structure}: {what} at byte {offset}")]
    Invalid {
        /// What was being read.
        structure: &'static str,
        /// What is wrong, in words.
        what: String,
        /// Where, in bytes from the start of the structure.
        offset: u64,
    },
    /// Bytes remain after the end.
    #[error("{structure}: {remain} bytes remain after its end at byte {offset}")]
    Trailing {
        /// What was being read.
        structure: &'static str,
        /// Where it ends.
        offset: u64,
        /// How many bytes remain.
        remain: u64,
    },
    /// The input asks for more than it may have.
    #[error("{structure}: more than {limit} {unit}")]
    Budget {
        /// What was being read.
        structure: &'static str,
        /// The limit that was reached.
        limit: u64,
        /// Of what: bytes, entries, levels.
        unit: &'static str,
    },
    /// The input is of a kind that this program does not read.
    #[error("{structure}: {what} is not supported")]
    Unsupported {
        /// What was being read.
        structure: &'static str,
        /// The kind, in words.
        what: String,
    },
    /// The medium that holds the bytes could not be read.
    #[error("{structure}: cannot be read at byte {offset}")]
    Io {
        /// What was being read.
        structure: &'static str,
        /// Where.
        offset: u64,
        /// The system's error.
        source: std::io::Error,
    },
}
