//! Apple Data Compression: literal bytes, and copies of what came before.
//!
//! A byte with bit 7 set is followed by so many literal bytes; one with bit 6 set copies 4 to 67 bytes from up to
//! 64 KiB back; any other copies 3 to 18 bytes from up to 1 KiB back.

use std::io;

/// The first `len` bytes that `stored` holds, and no fewer.
///
/// # Errors
/// If it is damaged or holds fewer.
pub(super) fn decode(stored: &[u8], len: u64) -> io::Result<Vec<u8>> {
    let mut decoded = Vec::new();
    let mut rest = stored;
    while (decoded.len() as u64) < len {
        let (first, after) = rest.split_first().ok_or_else(cut)?;
        if first & 0x80 != 0 {
            let count = usize::from(first & 0x7f).saturating_add(1);
            let (literal, after) = after.split_at_checked(count).ok_or_else(cut)?;
            decoded.extend_from_slice(literal);
            rest = after;
        } else if first & 0x40 != 0 {
            let ([high, low], after) = after.split_first_chunk().ok_or_else(cut)?;
            let back = u16::from_be_bytes([*high, *low]);
            copy(
                &mut decoded,
                back,
                usize::from(first & 0x3f).saturating_add(4),
            )?;
            rest = after;
        } else {
            let (low, after) = after.split_first().ok_or_else(cut)?;
            let back = u16::from_be_bytes([first & 3, *low]);
            copy(
                &mut decoded,
                back,
                usize::from(first >> 2).saturating_add(3),
            )?;
            rest = after;
        }
    }
    // A last copy may reach beyond the end.
    decoded.truncate(usize::try_from(len).unwrap_or(usize::MAX));
    Ok(decoded)
}

/// Appends `count` bytes from `back` bytes before the last one on; they may overlap what is appended.
fn copy(decoded: &mut Vec<u8>, back: u16, count: usize) -> io::Result<()> {
    let distance = usize::from(back).saturating_add(1);
    for _ in 0..count {
        let byte = decoded
            .len()
            .checked_sub(distance)
            .and_then(|at| decoded.get(at));
        let byte = *byte.ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidData, "a copy from before the start")
        })?;
        decoded.push(byte);
    }
    Ok(())
}

fn cut() -> io::Error {
    io::Error::new(
        io::ErrorKind::UnexpectedEof,
        "an ADC chunk that is cut short",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_overlap() {
        let stored = [0x83, 0xfe, 0xed, 0xfa, 0xce, 0x00, 0x00, 0x40, 0x00, 0x06];
        let expected = [
            0xfe, 0xed, 0xfa, 0xce, 0xce, 0xce, 0xce, 0xfe, 0xed, 0xfa, 0xce,
        ];
        assert_eq!(decode(&stored, 11).unwrap(), expected);
        for len in 0..stored.len() {
            assert!(decode(&stored[..len], 11).is_err(), "{len}");
        }
    }

    #[test]
    fn nothing_lies_before_the_start() {
        assert!(decode(&[0x80, 1, 0x00, 0x01], 4).is_err());
    }
}
