//! Bounds on what hostile input may make us do.

use std::io::{self, Read};

use crate::ParseError;

/// How much more a reader may produce, list, or descend.
///
/// One budget is handed down through all layers of a medium, so that a bomb cannot hide in the nesting.
#[derive(Clone, Debug)]
pub struct Budget {
    structure: &'static str,
    bytes: Account,
    entries: Account,
    levels: Account,
}

#[derive(Clone, Debug)]
struct Account {
    limit: u64,
    left: u64,
}

impl Account {
    const fn of(limit: u64) -> Self {
        Self { limit, left: limit }
    }
}

impl Budget {
    /// A budget for reading a `structure` (its name in error messages).
    pub const fn new(structure: &'static str, bytes: u64, entries: u64, levels: u64) -> Self {
        Self {
            structure,
            bytes: Account::of(bytes),
            entries: Account::of(entries),
            levels: Account::of(levels),
        }
    }

    /// What one vendor medium may hold: 256 GiB of contents, 4 million entries, 64 levels.
    pub const fn for_medium(structure: &'static str) -> Self {
        Self::new(structure, 256 << 30, 4_000_000, 64)
    }

    /// Spends `len` bytes of contents.
    ///
    /// # Errors
    /// If fewer are left.
    pub const fn spend_bytes(&mut self, len: u64) -> Result<(), ParseError> {
        spend(self.structure, &mut self.bytes, len, "bytes")
    }

    /// Spends one entry.
    ///
    /// # Errors
    /// If none is left.
    pub const fn spend_entry(&mut self) -> Result<(), ParseError> {
        spend(self.structure, &mut self.entries, 1, "entries")
    }

    /// The budget for one level further down.
    ///
    /// # Errors
    /// If no level is left.
    pub fn descend(&self) -> Result<Self, ParseError> {
        let mut inner = self.clone();
        spend(self.structure, &mut inner.levels, 1, "levels")?;
        Ok(inner)
    }

    /// How many bytes of contents are left.
    pub const fn bytes_left(&self) -> u64 {
        self.bytes.left
    }
}

const fn spend(
    structure: &'static str,
    account: &mut Account,
    amount: u64,
    unit: &'static str,
) -> Result<(), ParseError> {
    match account.left.checked_sub(amount) {
        Some(left) => {
            account.left = left;
            Ok(())
        }
        None => Err(ParseError::Budget {
            structure,
            limit: account.limit,
            unit,
        }),
    }
}

/// A reader that fails, rather than ends, once a limit is passed.
#[derive(Debug)]
pub struct BudgetReader<R> {
    inner: R,
    structure: &'static str,
    limit: u64,
    left: u64,
}

impl<R: Read> BudgetReader<R> {
    /// Reads at most `limit` bytes of a `structure` from `inner`.
    pub const fn new(structure: &'static str, limit: u64, inner: R) -> Self {
        Self {
            inner,
            structure,
            limit,
            left: limit,
        }
    }
}

impl<R: Read> Read for BudgetReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.inner.read(buffer)?;
        match self.left.checked_sub(len as u64) {
            Some(left) => {
                self.left = left;
                Ok(len)
            }
            None => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                ParseError::Budget {
                    structure: self.structure,
                    limit: self.limit,
                    unit: "bytes",
                },
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fails_when_spent() {
        let mut budget = Budget::new("archive", 10, 1, 1);
        budget.spend_bytes(10).unwrap();
        assert_eq!(
            budget.spend_bytes(1).unwrap_err().to_string(),
            "archive: more than 10 bytes"
        );
        budget.spend_entry().unwrap();
        assert_eq!(
            budget.spend_entry().unwrap_err().to_string(),
            "archive: more than 1 entries"
        );
        assert!(budget.descend().unwrap().descend().is_err());
    }

    #[test]
    fn a_reader_fails_rather_than_ends() {
        let mut text = Vec::new();
        assert!(
            BudgetReader::new("x", 3, &b"abcd"[..])
                .read_to_end(&mut text)
                .is_err()
        );
        text.clear();
        assert_eq!(
            BudgetReader::new("x", 4, &b"abcd"[..])
                .read_to_end(&mut text)
                .unwrap(),
            4
        );
    }
}
