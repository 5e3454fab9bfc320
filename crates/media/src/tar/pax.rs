//! pax records: what does not fit into a header.

use model::Timestamp;
use wire::{Cursor, ParseError};

use super::sparse::Sparse;
use crate::path;

/// What records say of a member, as far as it matters here.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Pax {
    pub(super) path: Option<String>,
    pub(super) target: Option<String>,
    pub(super) len: Option<u64>,
    pub(super) modified: Option<Timestamp>,
    pub(super) uid: Option<u32>,
    pub(super) gid: Option<u32>,
    /// Where the holes of the file are, if it has any.
    pub(super) sparse: Option<Sparse>,
}

impl Pax {
    /// Adds records of the form `LENGTH KEY=VALUE` and a line feed; the length counts itself.
    ///
    /// # Errors
    /// If a record is of another form.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Result<(), ParseError> {
        let mut cursor = Cursor::new("pax records", bytes);
        while !cursor.is_empty() {
            let Some(digits) = cursor.rest().split(|byte| *byte == b' ').next() else {
                break;
            };
            let len: Option<u64> = std::str::from_utf8(digits)
                .ok()
                .and_then(|digits| digits.parse().ok());
            let head = (digits.len() as u64).saturating_add(1);
            let Some(rest) = len.and_then(|len| len.checked_sub(head)) else {
                return Err(cursor.invalid("a record without a length"));
            };
            cursor.skip(head)?;
            let record = cursor.take(rest)?;
            let record = path::from_bytes(record);
            let Some((key, value)) = record.strip_suffix('\n').and_then(|it| it.split_once('='))
            else {
                return Err(cursor.invalid("a record without `=` or end"));
            };
            self.set(key, value)?;
        }
        Ok(())
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), ParseError> {
        match key {
            "path" => self.path = Some(value.to_owned()),
            "linkpath" => self.target = Some(value.to_owned()),
            "size" => self.len = value.parse().ok(),
            "mtime" => self.modified = time(value),
            "uid" => self.uid = value.parse().ok(),
            "gid" => self.gid = value.parse().ok(),
            _ => {
                if let Some(key) = key.strip_prefix("GNU.sparse.") {
                    self.sparse.get_or_insert_default().set(key, value)?;
                }
            }
        }
        Ok(())
    }
}

/// Seconds since 1970 with as many digits after the point as there are; what is below a microsecond is lost.
fn time(value: &str) -> Option<Timestamp> {
    let (seconds, fraction) = value.split_once('.').unwrap_or((value, ""));
    let whole: i64 = seconds.parse().ok()?;
    let digits: String = fraction.chars().take(6).collect();
    // Without digits that can be read, the seconds stand.
    let micros: i64 = format!("{digits:0<6}").parse().unwrap_or(0);
    // The sign is that of the whole, also where the seconds are `-0`.
    let micros = if seconds.starts_with('-') {
        micros.saturating_neg()
    } else {
        micros
    };
    let whole = Timestamp::from_secs(whole).as_micros();
    Some(Timestamp::from_micros(whole.saturating_add(micros)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_records() {
        let mut pax = Pax::default();
        pax.read(b"17 path=a b/=c\xc3\xa9\n19 mtime=1234.5678\n8 uid=5\n7 x=yz\n")
            .unwrap();
        assert_eq!(pax.path.as_deref(), Some("a b/=c\u{e9}"));
        let modified = Timestamp::from_micros(1_234_567_800);
        assert_eq!((pax.modified, pax.uid), (Some(modified), Some(5)));
    }

    #[test]
    fn paths_that_are_not_utf_8_are_told_apart() {
        let mut pax = Pax::default();
        pax.read(b"13 path=a/b\xff\n16 linkpath=a%\xfe\n").unwrap();
        assert_eq!(pax.path.as_deref(), Some("a/b%FF"));
        assert_eq!(pax.target.as_deref(), Some("a%25%FE"));
    }

    #[test]
    fn times_keep_their_fraction() {
        for (value, micros) in [
            ("0", Some(0)),
            ("12", Some(12_000_000)),
            ("12.", Some(12_000_000)),
            ("12.000001999", Some(12_000_001)),
            ("-1.5", Some(-1_500_000)),
            ("-0.25", Some(-250_000)),
            ("1.x", Some(1_000_000)),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(time(value), micros.map(Timestamp::from_micros), "{value}");
        }
    }

    #[test]
    fn damaged_records_are_errors() {
        for bytes in [
            &b"5"[..],
            b"99 path=a\n",
            b"0 path=a\n",
            b"x path=a\n",
            b"9 path=ab",
            b"7 patha\n",
        ] {
            assert!(Pax::default().read(bytes).is_err(), "{bytes:?}");
        }
    }
}
