//! Images that grow, as a folder with one file for each band.
//!
//! Source: `hdiutil(1)` (`UDSB`); the property list as macOS writes it.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use proplist::Value;
use wire::{ParseError, ReadAt, read_vec};

use super::key_blob;
use crate::{MediaError, Tree, archive::peek, path};

const STRUCTURE: &str = "sparse bundle";

const KIND: &str = "com.apple.diskimage.sparsebundle";

/// Longest property list.
const LONGEST_PLIST: u64 = 1 << 20;

/// Largest disk: zeros cost nothing to declare, but time to read.
const LARGEST: u64 = 256 << 30;

/// The disk whose bands are the files of a folder; bands that are missing or short are zeros.
#[derive(Debug)]
pub(crate) struct SparseBundle {
    tree: Arc<dyn Tree>,
    /// The path of the folder of bands.
    bands: String,
    band_len: u64,
    len: u64,
    /// The band that was read last.
    last: Mutex<Option<LastBand>>,
}

#[derive(Debug)]
struct LastBand {
    number: u64,
    /// None if it was never written.
    band: Option<Arc<dyn ReadAt>>,
}

impl SparseBundle {
    /// The disk that the folder at `folder` of `tree` holds; none if it is another kind of folder.
    ///
    /// # Errors
    /// If it is damaged, encrypted, or larger than any that is read.
    pub(crate) fn open(tree: &Arc<dyn Tree>, folder: &str) -> Result<Option<Self>, MediaError> {
        let bands = path::join(folder, "bands");
        let list = path::join(folder, "Info.plist");
        if !tree.entry(&bands).is_ok_and(|entry| entry.is_folder())
            || !tree.entry(&list).is_ok_and(|entry| entry.is_file())
        {
            return Ok(None);
        }
        let list = tree.source(&list)?;
        let bytes = read_vec(&*list, 0, list.len().min(LONGEST_PLIST))
            .map_err(MediaError::content(STRUCTURE))?;
        let Ok(plist) = proplist::from_bytes(&bytes) else {
            return Ok(None);
        };
        let Some(dict) = plist.as_dict() else {
            return Ok(None);
        };
        if dict.get("diskimage-bundle-type").and_then(Value::as_str) != Some(KIND) {
            return Ok(None);
        }
        refuse_encrypted(&**tree, folder)?;
        let number = |key: &str| {
            let value = dict.get(key).and_then(Value::as_i64);
            let value = value.and_then(|value| u64::try_from(value).ok());
            value.filter(|value| *value > 0).ok_or_else(|| invalid(key))
        };
        let (band_len, len) = (number("band-size")?, number("size")?);
        if len > LARGEST {
            return Err(MediaError::Parse(ParseError::Budget {
                structure: STRUCTURE,
                limit: LARGEST,
                unit: "bytes",
            }));
        }
        Ok(Some(Self {
            tree: Arc::clone(tree),
            bands,
            band_len,
            len,
            last: Mutex::default(),
        }))
    }

    /// The band of that number; none if it was never written.
    fn band(&self, number: u64) -> io::Result<Option<Arc<dyn ReadAt>>> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = last.as_ref().filter(|last| last.number == number) {
            return Ok(last.band.clone());
        }
        let path = path::join(&self.bands, &format!("{number:x}"));
        let band = match self.tree.source(&path) {
            Ok(band) => Some(band),
            Err(MediaError::NotFound { .. }) => None,
            Err(error) => return Err(io::Error::other(error)),
        };
        *last = Some(LastBand {
            number,
            band: band.clone(),
        });
        Ok(band)
    }

    /// Fills `buffer` from `offset` on, as far as one band reaches.
    fn read_band(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let number = offset.checked_div(self.band_len).unwrap_or(0);
        let inside = offset.checked_rem(self.band_len).unwrap_or(0);
        let left = self.band_len.saturating_sub(inside);
        let left = left.min(self.len.saturating_sub(offset));
        let len = usize::try_from(left).unwrap_or(usize::MAX);
        let len = len.min(buffer.len());
        let buffer = buffer.get_mut(..len).unwrap_or_default();
        if buffer.is_empty() {
            return Ok(0);
        }
        let found = match self.band(number)? {
            Some(band) => wire::read_up_to(&*band, inside, buffer)?,
            None => 0,
        };
        buffer.get_mut(found..).unwrap_or_default().fill(0);
        Ok(len)
    }
}

impl ReadAt for SparseBundle {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        wire::fill_with(buffer, |done, rest| {
            self.read_band(offset.saturating_add(done), rest)
        })
    }
}

/// An encrypted bundle has its header in a file of its own.
fn refuse_encrypted(tree: &dyn Tree, folder: &str) -> Result<(), MediaError> {
    let Ok(token) = tree.source(&path::join(folder, "token")) else {
        return Ok(());
    };
    let start: [u8; 8] = peek(&*token, 0).map_err(MediaError::content(STRUCTURE))?;
    if start != key_blob::MAGIC {
        return Ok(());
    }
    Err(MediaError::Parse(ParseError::Unsupported {
        structure: STRUCTURE,
        what: "one that is encrypted".to_owned(),
    }))
}

fn invalid(key: &str) -> MediaError {
    MediaError::Parse(ParseError::Invalid {
        structure: STRUCTURE,
        what: format!("no usable `{key}` in its Info.plist"),
        offset: 0,
    })
}
