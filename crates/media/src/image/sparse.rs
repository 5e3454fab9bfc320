//! Images that grow: one file with the bands of a disk that were ever written.
//!
//! Source: `hdiutil(1)` (`UDSP`); the layout as Metz's "Mac OS sparse disk image format" and apfs-fuse's reader describe
//! it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use wire::{Cursor, ParseError, ReadAt, read_vec};

use crate::{
    MediaError,
    extents::{Extents, Run},
};

const STRUCTURE: &str = "sparse disk image";

/// Start of an image, and of each further table in it.
pub(crate) const MAGIC: [u8; 4] = *b"sprs";

const SECTOR: u64 = 512;

/// Length of a table; the bands that it lists follow it, one behind the other.
const TABLE_LEN: u64 = 4096;

/// Where the numbers of the bands begin in the first table, and in the others.
const FIRST_NUMBERS: u64 = 64;
const OTHER_NUMBERS: u64 = 56;

/// Most bands: 256 GiB of the usual MiB each.
const MOST_BANDS: usize = 256 << 10;

/// The disk that the image in `source` holds.
///
/// # Errors
/// If it is damaged, or larger than any that is read.
pub(crate) fn open(source: Arc<dyn ReadAt>) -> Result<Extents, MediaError> {
    let first = table(&*source, 0)?;
    let mut cursor = Cursor::new(STRUCTURE, &first);
    cursor.magic(MAGIC)?;
    let version = cursor.u32_be()?;
    if version != 3 {
        return Err(cursor.unsupported(format!("version {version}")).into());
    }
    let band_len = u64::from(cursor.u32_be()?).saturating_mul(SECTOR);
    cursor.skip(4)?; // flags
    let sectors = u64::from(cursor.u32_be()?);
    let next = cursor.u64_be()?;
    // Images from before disks were large leave this zero.
    let sectors = cursor.u64_be()?.max(sectors);
    if band_len == 0 || sectors == 0 {
        return Err(cursor.invalid("no bands or no sectors").into());
    }
    let len = sectors.checked_mul(SECTOR);
    let len = len.ok_or_else(|| cursor.invalid("a disk of impossible size"))?;
    cursor.seek_forward(FIRST_NUMBERS)?;
    let mut bands = Bands {
        len: band_len,
        places: BTreeMap::new(),
    };
    bands.add(&mut cursor, TABLE_LEN)?;
    bands.add_further(&*source, next)?;
    Ok(Extents::new(STRUCTURE, source, bands.runs(len)?, len)?)
}

/// Where the bands lie, by their number.
struct Bands {
    len: u64,
    places: BTreeMap<u32, u64>,
}

impl Bands {
    /// Adds those of the tables that are not the first.
    fn add_further(&mut self, source: &dyn ReadAt, mut next: u64) -> Result<(), MediaError> {
        let mut seen = BTreeSet::new();
        while next != 0 {
            let table = table(source, next)?;
            let mut cursor = Cursor::new("table of a sparse disk image", &table);
            if !seen.insert(next) {
                return Err(cursor.invalid("a table that follows itself").into());
            }
            cursor.magic(MAGIC)?;
            cursor.skip(8)?; // number of the table, flags
            let first = next.saturating_add(TABLE_LEN);
            next = cursor.u64_be()?;
            cursor.seek_forward(OTHER_NUMBERS)?;
            self.add(&mut cursor, first)?;
        }
        Ok(())
    }

    /// Adds the bands whose numbers, from one on, are the rest of a table, and the first of which lies at `place`.
    fn add(&mut self, cursor: &mut Cursor<'_>, mut place: u64) -> Result<(), ParseError> {
        while !cursor.is_empty() {
            let Some(number) = cursor.u32_be()?.checked_sub(1) else {
                // What was freed leaves its band where it was.
                place = place.saturating_add(self.len);
                continue;
            };
            if self.places.insert(number, place).is_some() {
                return Err(cursor.invalid(format!("a second band {number}")));
            }
            if self.places.len() > MOST_BANDS {
                return Err(cursor.unsupported(format!("more than {MOST_BANDS} bands")));
            }
            place = place.saturating_add(self.len);
        }
        Ok(())
    }

    /// The stretches of a disk of that length; what no band holds is zeros.
    fn runs(&self, len: u64) -> Result<Vec<Run>, ParseError> {
        let mut runs = Vec::new();
        let mut done = 0_u64;
        for (number, place) in &self.places {
            let start = u64::from(*number).saturating_mul(self.len);
            if start >= len {
                return Err(ParseError::Invalid {
                    structure: STRUCTURE,
                    what: format!("band {number} beyond the end of the disk"),
                    offset: *place,
                });
            }
            runs.extend(hole(done, start));
            done = start.saturating_add(self.len).min(len);
            runs.push(Run {
                start,
                len: done.saturating_sub(start),
                place: Some(*place),
            });
        }
        runs.extend(hole(done, len));
        Ok(runs)
    }
}

fn hole(start: u64, end: u64) -> Option<Run> {
    let len = end.saturating_sub(start);
    (len > 0).then_some(Run {
        start,
        len,
        place: None,
    })
}

fn table(source: &dyn ReadAt, offset: u64) -> Result<Vec<u8>, MediaError> {
    read_vec(source, offset, TABLE_LEN).map_err(MediaError::content(STRUCTURE))
}

/// An image of `disk` in bands of that many sectors, the later of them first; bands of zeros are left out.
#[cfg(test)]
pub(crate) fn sample(disk: &[u8], sectors: u32) -> Vec<u8> {
    let band_len = sectors as usize * 512;
    let bands: Vec<_> = (1_u32..)
        .zip(disk.chunks(band_len))
        .filter(|(_, band)| band.iter().any(|byte| *byte != 0))
        .collect();
    let total = u32::try_from(disk.len() / 512).unwrap();
    let mut image = Vec::new();
    let mut room = 1008;
    let mut rest: Vec<_> = bands.into_iter().rev().collect();
    while image.is_empty() || !rest.is_empty() {
        let here: Vec<_> = rest.drain(..rest.len().min(room)).collect();
        let start = image.len();
        let end = start + 4096 + here.len() * band_len;
        let next = if rest.is_empty() { 0 } else { end as u64 };
        if start == 0 {
            for number in [0x7370_7273, 3, sectors, 1, total] {
                image.extend(u32::to_be_bytes(number));
            }
            image.extend(next.to_be_bytes());
            image.extend(u64::from(total).to_be_bytes());
        } else {
            image.extend(b"sprs\0\0\0\x01\0\0\0\x01");
            image.extend(next.to_be_bytes());
        }
        image.resize(start + 4096 - 4 * room, 0);
        image.extend(here.iter().flat_map(|(number, _)| number.to_be_bytes()));
        image.resize(start + 4096, 0);
        for (_, band) in here {
            image.extend(band);
            image.resize(image.len() + band_len - band.len(), 0);
        }
        room = 1010;
    }
    image
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn disk() -> Vec<u8> {
        let mut disk: Vec<u8> = (0..=250).cycle().take(512 * 3000).collect();
        disk[512 * 1024..512 * 1500].fill(0);
        disk
    }

    #[test]
    fn bands_are_put_together_with_one_table_and_with_several() {
        let disk = disk();
        for sectors in [1, 7, 1024] {
            let image = open(Arc::new(sample(&disk, sectors))).unwrap();
            let found = read_vec(&image, 0, image.len()).unwrap();
            assert!(found == disk, "{sectors}");
        }
    }

    #[test]
    fn hostile_tables_are_refused() {
        let image = sample(&disk(), 1);
        let next = usize::try_from(u64::from_be_bytes(image[20..28].try_into().unwrap())).unwrap();
        let mut circle = image.clone();
        circle[next + 12..next + 20].copy_from_slice(&(next as u64).to_be_bytes());
        circle[next + 56..next + 4096].fill(0);
        let error = open(Arc::new(circle)).unwrap_err();
        assert!(error.to_string().contains("follows itself"), "{error}");
        // Version, sectors of a band, of the disk, place of the next table, number of the first band.
        for (at, value) in [
            (4, 2),
            (8, 0),
            (8, u32::MAX),
            (16, 1),
            (28, 1),
            (20, 1),
            (64, 1),
            (64, u32::MAX),
        ] {
            let mut hostile = image.clone();
            if at == 16 {
                hostile[28..36].fill(0);
            }
            hostile[at..at + 4].copy_from_slice(&u32::to_be_bytes(value));
            assert!(open(Arc::new(hostile)).is_err(), "{at}: {value}");
        }
        for len in (0..image.len()).step_by(50_021) {
            assert!(open(Arc::new(image[..len].to_vec())).is_err(), "{len}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn changed_bytes_do_not_panic(
            changes in prop::collection::vec((0..4096_usize, any::<u8>()), 1..6),
        ) {
            let mut image = sample(&[1; 512 * 20], 4);
            for (at, value) in changes {
                image[at] = value;
            }
            if let Ok(disk) = open(Arc::new(image)) {
                read_vec(&disk, 0, disk.len().min(1 << 20)).map(drop).unwrap_or_default();
            }
        }
    }
}
