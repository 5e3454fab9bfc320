//! What an encrypted image holds, decrypted where it is read.

use std::{fmt, io, sync::Arc};

use aes::{Aes128, Aes256};
use cbc::cipher::{BlockDecryptMut as _, KeyIvInit as _, block_padding::NoPadding};
use hmac::{Hmac, Mac as _};
use hmac_rustcrypto_012 as hmac;
use sha1::Sha1;
use wire::{ParseError, ReadAt, read_vec};
use zeroize::Zeroizing;

use super::{
    Password,
    key_blob::{Header, KeyBlob, Keys, MAGIC, Rounds},
};
use crate::{MediaError, archive::peek};

/// Most bytes that are decrypted at a time.
const AT_A_TIME: u64 = 256 << 10;

/// What an encrypted image holds: the chunks that a reading touches are decrypted, and no others.
pub(crate) struct EncryptedImage {
    source: Arc<dyn ReadAt>,
    header: Header,
    keys: Keys,
}

impl EncryptedImage {
    /// Opens the image in `source` with that password; `name` is what errors call it.
    ///
    /// # Errors
    /// [`MediaError::Encrypted`] without a password, [`MediaError::WrongPassword`], or damage.
    pub(crate) fn open(
        source: Arc<dyn ReadAt>,
        name: &str,
        password: Option<&Password>,
    ) -> Result<Self, MediaError> {
        let what = || format!("the disk image `{name}`");
        if peek(&*source, 0).map_err(MediaError::content(name))? != MAGIC {
            return Err(MediaError::Parse(ParseError::Unsupported {
                structure: "encrypted disk image",
                what: "the first version of the format, from before Mac OS X 10.5".to_owned(),
            }));
        }
        let Some(password) = password else {
            return Err(MediaError::Encrypted { what: what() });
        };
        let failed = MediaError::content(name);
        let start = read_vec(&*source, 0, source.len().min(Header::LONGEST)).map_err(&failed)?;
        let header = Header::parse(&start)?;
        let end = header
            .len
            .checked_next_multiple_of(u64::from(header.chunk_len));
        let end = end.and_then(|len| len.checked_add(header.offset));
        if end.is_none_or(|end| end > source.len()) {
            return Err(MediaError::Parse(ParseError::Invalid {
                structure: "encrypted disk image",
                what: format!("{} bytes, more than there are", header.len),
                offset: 56,
            }));
        }
        let mut left = Rounds::new();
        for (offset, len) in header.keys.clone() {
            let blob = read_vec(&*source, offset, len.min(KeyBlob::LONGEST)).map_err(&failed)?;
            if let Some(keys) = KeyBlob::parse(&blob)?.open(&header, password, &mut left)? {
                return Ok(Self {
                    source,
                    header,
                    keys,
                });
            }
        }
        Err(MediaError::WrongPassword { what: what() })
    }

    /// Decrypts `chunk`, which is the one of that number.
    fn decrypt(&self, number: u32, chunk: &mut [u8]) -> io::Result<()> {
        let broken = || io::Error::from(io::ErrorKind::InvalidData);
        let mut vector =
            Hmac::<Sha1>::new_from_slice(&self.keys.vectors).map_err(|_length| broken())?;
        vector.update(&number.to_be_bytes());
        let vector = vector.finalize().into_bytes();
        let vector = vector.get(..16).unwrap_or_default();
        let (key, failed) = (self.keys.cipher.as_slice(), |_padding| broken());
        if key.len() == 16 {
            let cipher = cbc::Decryptor::<Aes128>::new_from_slices(key, vector);
            let cipher = cipher.map_err(|_length| broken())?;
            cipher
                .decrypt_padded_mut::<NoPadding>(chunk)
                .map_err(failed)?;
        } else {
            let cipher = cbc::Decryptor::<Aes256>::new_from_slices(key, vector);
            let cipher = cipher.map_err(|_length| broken())?;
            cipher
                .decrypt_padded_mut::<NoPadding>(chunk)
                .map_err(failed)?;
        }
        Ok(())
    }

    /// The decrypted chunks that hold what is at `offset`, as far as `AT_A_TIME` allows, and what of them is before it.
    fn chunks(&self, offset: u64, len: u64) -> io::Result<(Zeroizing<Vec<u8>>, usize)> {
        let chunk_len = u64::from(self.header.chunk_len);
        let before = offset.checked_rem(chunk_len).unwrap_or(0);
        let start = offset.saturating_sub(before);
        let len = before.saturating_add(len).min(AT_A_TIME.max(chunk_len));
        let len = len.next_multiple_of(chunk_len);
        let stored = self.header.offset.saturating_add(start);
        let mut bytes = Zeroizing::new(read_vec(&*self.source, stored, len)?);
        let first = start.checked_div(chunk_len).unwrap_or(0);
        let step = usize::try_from(chunk_len).unwrap_or(usize::MAX);
        for (number, chunk) in (first..).zip(bytes.chunks_mut(step)) {
            let number = u32::try_from(number).map_err(|_many| io::ErrorKind::InvalidData)?;
            self.decrypt(number, chunk)?;
        }
        Ok((bytes, usize::try_from(before).unwrap_or(usize::MAX)))
    }

    /// Fills `buffer` from `offset` on, as far as what is decrypted at a time reaches.
    fn read_chunks(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.header.len.saturating_sub(offset);
        let len = left.min(buffer.len() as u64);
        if len == 0 {
            return Ok(0);
        }
        let (chunks, before) = self.chunks(offset, len)?;
        let found = chunks.get(before..).unwrap_or_default();
        let len = found.len().min(usize::try_from(len).unwrap_or(usize::MAX));
        if let (Some(to), Some(from)) = (buffer.get_mut(..len), found.get(..len)) {
            to.copy_from_slice(from);
        }
        Ok(len)
    }
}

impl ReadAt for EncryptedImage {
    fn len(&self) -> u64 {
        self.header.len
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        wire::fill_with(buffer, |done, rest| {
            self.read_chunks(offset.saturating_add(done), rest)
        })
    }
}

impl fmt::Debug for EncryptedImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EncryptedImage")
            .field("source", &self.source)
            .field("header", &self.header)
            .finish_non_exhaustive()
    }
}
