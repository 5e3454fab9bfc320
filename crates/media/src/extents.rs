//! Files that lie on a volume in stretches.

use std::{io, sync::Arc};

use wire::{ParseError, ReadAt};

/// Longest file in bytes: holes, and zeros of the disk, cost nothing to declare, but time to read.
const LONGEST: u64 = 256 << 30;

/// A stretch of a file, all in bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Run {
    /// Where it begins in the file.
    pub(crate) start: u64,
    /// How long it is.
    pub(crate) len: u64,
    /// Where it lies on the volume; none for a hole, which is all zeros.
    pub(crate) place: Option<u64>,
}

impl Run {
    const fn end(&self) -> u64 {
        self.start.saturating_add(self.len)
    }
}

/// A file that lies on a volume in stretches.
#[derive(Debug)]
pub(crate) struct Extents {
    volume: Arc<dyn ReadAt>,
    /// By their start; together they cover the file.
    runs: Vec<Run>,
    len: u64,
}

impl Extents {
    /// The file of `len` bytes whose stretches, in their order, are `runs`; they may reach further than the file.
    ///
    /// # Errors
    /// If there is a gap between them, they reach beyond the volume, or the file is longer than any.
    pub(crate) fn new(
        structure: &'static str,
        volume: Arc<dyn ReadAt>,
        runs: Vec<Run>,
        len: u64,
    ) -> Result<Self, ParseError> {
        let invalid = |what: &str, offset| ParseError::Invalid {
            structure,
            what: what.to_owned(),
            offset,
        };
        if len > LONGEST {
            return Err(ParseError::Budget {
                structure,
                limit: LONGEST,
                unit: "bytes",
            });
        }
        let mut covered = 0;
        for run in &runs {
            if run.start != covered {
                return Err(invalid("a file with a gap", covered));
            }
            covered = covered
                .checked_add(run.len)
                .ok_or_else(|| invalid("a file of impossible length", run.start))?;
            let end = run.place.unwrap_or(0).checked_add(run.len);
            if run.place.is_some() && end.is_none_or(|end| end > volume.len()) {
                return Err(invalid("a file beyond the end of the volume", run.start));
            }
        }
        if covered < len {
            return Err(invalid("a file that is longer than its stretches", covered));
        }
        Ok(Self { volume, runs, len })
    }

    /// Fills `buffer` from `offset` on, as far as one stretch reaches.
    fn read_run(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let after = self.runs.partition_point(|run| run.start <= offset);
        let run = after.checked_sub(1).and_then(|at| self.runs.get(at));
        let Some(run) = run.filter(|run| offset < run.end()) else {
            return Err(io::ErrorKind::UnexpectedEof.into());
        };
        let left = run.end().min(self.len).saturating_sub(offset);
        let len = usize::try_from(left)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        let buffer = buffer.get_mut(..len).unwrap_or_default();
        let Some(place) = run.place else {
            buffer.fill(0);
            return Ok(len);
        };
        let place = place.saturating_add(offset.saturating_sub(run.start));
        match wire::read_up_to(&*self.volume, place, buffer)? {
            read if read < len => Err(io::ErrorKind::UnexpectedEof.into()),
            read => Ok(read),
        }
    }
}

impl ReadAt for Extents {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut done = 0_usize;
        while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
            let at = offset.saturating_add(done as u64);
            if at >= self.len {
                break;
            }
            match self.read_run(at, rest)? {
                0 => break,
                read => done = done.saturating_add(read),
            }
        }
        Ok(done)
    }

    fn expect(&self, offset: u64, len: u64) {
        let end = offset.saturating_add(len).min(self.len);
        for run in &self.runs {
            let (start, end) = (run.start.max(offset), run.end().min(end));
            if let Some(place) = run.place
                && start < end
            {
                let place = place.saturating_add(start.saturating_sub(run.start));
                self.volume.expect(place, end.saturating_sub(start));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use wire::read_vec;

    use super::*;

    fn file(runs: &[(u64, u64, Option<u64>)], len: u64) -> Result<Extents, ParseError> {
        let volume = Arc::new(b"0123456789".to_vec());
        let runs = runs
            .iter()
            .map(|&(start, len, place)| Run { start, len, place });
        Extents::new("test", volume, runs.collect(), len)
    }

    #[test]
    fn stretches_and_holes_make_a_file() {
        let file = file(&[(0, 3, Some(7)), (3, 2, None), (5, 4, Some(1))], 8).unwrap();
        assert_eq!(read_vec(&file, 0, 8).unwrap(), b"789\0\x00123");
        assert_eq!(read_vec(&file, 2, 4).unwrap(), b"9\0\x001");
        assert_eq!(file.read_at(8, &mut [0; 4]).unwrap(), 0);
        assert_eq!(file.read_at(6, &mut [0; 4]).unwrap(), 2);
    }

    #[test]
    fn stretches_that_lie_are_refused() {
        for (runs, len) in [
            (&[(0, 3, Some(8))][..], 3),
            (&[(0, 3, Some(u64::MAX))], 3),
            (&[(0, 3, Some(0)), (4, 1, Some(0))], 5),
            (&[(0, 3, Some(0)), (2, 1, Some(0))], 3),
            (&[(0, 3, Some(0)), (3, u64::MAX, None)], 5),
            (&[(0, 3, Some(0))], 4),
        ] {
            assert!(file(runs, len).is_err(), "{runs:?}");
        }
    }
}
