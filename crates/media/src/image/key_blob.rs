//! The header of an encrypted image, and the keys that a password opens.
//!
//! Source: `hdiutil(1)`; RFC 8018 (PBKDF2); the layout as published in "Unlocking `FileVault`" (23C3, 2006) and as the
//! images themselves show it; numbers of algorithms from `cssmtype.h`.

use cbc::cipher::{
    BlockDecryptMut as _, KeyIvInit as _, block_padding::Pkcs7, generic_array::GenericArray,
};
use des::TdesEde3;
use sha1::Sha1;
use wire::{Cursor, ParseError};
use zeroize::Zeroizing;

use super::Password;

const STRUCTURE: &str = "encrypted disk image";

/// Start of the header of the second version.
pub(crate) const MAGIC: [u8; 8] = *b"encrcdsa";

/// Most rounds of key derivation that are computed for one image, all its keys together: about a second. macOS chooses
/// as many as take a quarter of one.
const MOST_ROUNDS: u32 = 5_000_000;

/// Most keys that are looked at.
const MOST_KEYS: u32 = 16;

/// A key that a password opens; the others are for certificates and key chains.
const BY_PASSPHRASE: u32 = 1;

const MODE_CBC_NO_PADDING: u32 = 5;
const MODE_CBC_PADDED: u32 = 6;
const AES: u32 = 0x8000_0001;
const TRIPLE_DES: u32 = 17;
const PBKDF2: u32 = 103;

/// What ends the unwrapped keys, and shows that the password was right.
const MARK: &[u8] = b"CKIE\0";

const HMAC_KEY_LEN: usize = 20;

/// What the header says of the data.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Header {
    /// How many bytes of the key are for AES.
    key_len: usize,
    /// Length of the chunks that are encrypted each on their own.
    pub(super) chunk_len: u32,
    /// Length of the image inside.
    pub(super) len: u64,
    /// Where its first chunk lies.
    pub(super) offset: u64,
    /// Where the wrapped keys lie, and how long they are.
    pub(super) keys: Vec<(u64, u64)>,
}

impl Header {
    /// Most bytes that a header has.
    pub(super) const LONGEST: u64 = 76 + 20 * MOST_KEYS as u64;

    /// Parses the start of an image.
    ///
    /// # Errors
    /// If it is damaged, of another version, encrypted in another way, or no password opens it.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let mut cursor = Cursor::new(STRUCTURE, bytes);
        cursor.magic(MAGIC)?;
        let version = cursor.u32_be()?;
        if version != 2 {
            return Err(cursor.unsupported(format!("version {version}")));
        }
        cursor.skip(4)?; // length of the initialisation vectors
        let (mode, algorithm, bits) = (cursor.u32_be()?, cursor.u32_be()?, cursor.u32_be()?);
        let key_len = match (mode, algorithm, bits) {
            (MODE_CBC_NO_PADDING, AES, 128) => 16,
            (MODE_CBC_NO_PADDING, AES, 256) => 32,
            _ => {
                let what = format!("cipher {algorithm:#x} of {bits} bits in mode {mode}");
                return Err(cursor.unsupported(what));
            }
        };
        cursor.skip(8 + 16)?; // algorithm and length of the key for the vectors, identifier
        let chunk_len = cursor.u32_be()?;
        if !(512..=1 << 20).contains(&chunk_len) || !chunk_len.is_power_of_two() {
            return Err(cursor.invalid(format!("chunks of {chunk_len} bytes")));
        }
        let (len, offset) = (cursor.u64_be()?, cursor.u64_be()?);
        let count = cursor.u32_be()?;
        if count > MOST_KEYS {
            return Err(cursor.invalid(format!("{count} keys")));
        }
        let mut keys = Vec::new();
        for _ in 0..count {
            let kind = cursor.u32_be()?;
            let place = (cursor.u64_be()?, cursor.u64_be()?);
            if kind == BY_PASSPHRASE {
                keys.push(place);
            }
        }
        if keys.is_empty() {
            return Err(cursor.unsupported("an image that no password opens"));
        }
        Ok(Self {
            key_len,
            chunk_len,
            len,
            offset,
            keys,
        })
    }
}

/// The keys of an image's data.
pub(super) struct Keys {
    /// For AES: 16 or 32 bytes.
    pub(super) cipher: Zeroizing<Vec<u8>>,
    /// For the initialisation vectors.
    pub(super) vectors: Zeroizing<Vec<u8>>,
}

/// How many rounds of key derivation an image may still ask for.
pub(super) struct Rounds(u32);

impl Rounds {
    pub(super) const fn new() -> Self {
        Self(MOST_ROUNDS)
    }
}

/// A wrapped key.
#[derive(Clone, Debug)]
pub(super) struct KeyBlob {
    rounds: u32,
    salt: Vec<u8>,
    vector: [u8; 8],
    wrapped: Vec<u8>,
}

impl KeyBlob {
    /// Most bytes that one has.
    pub(super) const LONGEST: u64 = 4096;

    /// Parses one.
    ///
    /// # Errors
    /// If it is damaged, or wrapped in another way.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let mut cursor = Cursor::new("key of an encrypted disk image", bytes);
        let derivation = cursor.u32_be()?;
        cursor.skip(4)?; // its hash: SHA-1, which is 0
        let rounds = cursor.u32_be()?;
        let salt = counted(&mut cursor)?;
        let vector = counted(&mut cursor)?;
        let (bits, algorithm) = (cursor.u32_be()?, cursor.u32_be()?);
        cursor.skip(4)?; // padding, which the mode implies
        let mode = cursor.u32_be()?;
        if (derivation, bits, algorithm, mode) != (PBKDF2, 192, TRIPLE_DES, MODE_CBC_PADDED) {
            let what = format!("derivation {derivation}, cipher {algorithm} of {bits} bits");
            return Err(cursor.unsupported(what));
        }
        let Ok(vector) = <[u8; 8]>::try_from(vector.as_slice()) else {
            return Err(cursor.invalid(format!("a vector of {} bytes", vector.len())));
        };
        let len = cursor.u32_be()?;
        let wrapped = cursor.take(u64::from(len))?.to_vec();
        Ok(Self {
            rounds,
            salt,
            vector,
            wrapped,
        })
    }

    /// The keys, if `password` opens them.
    ///
    /// # Errors
    /// If more rounds are declared than `left` allows.
    pub(super) fn open(
        &self,
        header: &Header,
        password: &Password,
        left: &mut Rounds,
    ) -> Result<Option<Keys>, ParseError> {
        left.0 = left.0.checked_sub(self.rounds).ok_or(ParseError::Budget {
            structure: STRUCTURE,
            limit: u64::from(MOST_ROUNDS),
            unit: "rounds of key derivation",
        })?;
        let mut derived = Zeroizing::new([0; 24]);
        let (password, salt) = (password.bytes(), self.salt.as_slice());
        pbkdf2::pbkdf2_hmac::<Sha1>(password, salt, self.rounds, &mut *derived);
        let mut keys = Zeroizing::new(self.wrapped.clone());
        let key = GenericArray::from_slice(derived.as_slice());
        let cipher = cbc::Decryptor::<TdesEde3>::new(key, &self.vector.into());
        let opened = cipher.decrypt_padded_mut::<Pkcs7>(&mut keys);
        let Some(keys) = opened.ok().and_then(|keys| keys.strip_suffix(MARK)) else {
            return Ok(None);
        };
        let Some((cipher, vectors)) = keys.split_at_checked(header.key_len) else {
            return Ok(None);
        };
        Ok((vectors.len() == HMAC_KEY_LEN).then(|| Keys {
            cipher: Zeroizing::new(cipher.to_vec()),
            vectors: Zeroizing::new(vectors.to_vec()),
        }))
    }
}

/// A value of up to 32 bytes, which all have room, behind its length.
fn counted(cursor: &mut Cursor<'_>) -> Result<Vec<u8>, ParseError> {
    let len = cursor.u32_be()?;
    let room: [u8; 32] = cursor.array()?;
    let value = usize::try_from(len).ok().and_then(|len| room.get(..len));
    value
        .map(<[u8]>::to_vec)
        .ok_or_else(|| cursor.invalid(format!("a salt or vector of {len} bytes")))
}
