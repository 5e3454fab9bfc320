//! Digests as vendors write them down.

use std::{
    fmt,
    io::{self, Read},
    str::FromStr,
};

use sha1::Sha1;
use sha2_rustcrypto_010::{Digest as _, Sha256, Sha512, digest::DynDigest};

/// How much of a file is read at a time.
const PIECE: usize = 128 << 10;

/// By what a digest is made.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Algorithm {
    /// SHA-1: two files with one digest can be made by whoever makes both, and by nobody else.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

impl Algorithm {
    const ALL: [Self; 3] = [Self::Sha1, Self::Sha256, Self::Sha512];

    /// Its name, as FIPS 180-4 writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "SHA-1",
            Self::Sha256 => "SHA-256",
            Self::Sha512 => "SHA-512",
        }
    }

    /// How long its digests are, in bytes.
    pub const fn len_bytes(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }

    /// The algorithm of this name, however it is written: `SHA256`, `sha-256`, `sha2-256`.
    ///
    /// # Errors
    /// [`DigestError::TooWeak`] for MD5 and its elders, [`DigestError::Algorithm`] for what is not known.
    pub fn named(name: &str) -> Result<Self, DigestError> {
        let bare: String = name
            .chars()
            .filter(|letter| !matches!(letter, '-' | '_' | '/' | ' '))
            .collect();
        match bare.to_ascii_lowercase().as_str() {
            "sha1" | "sha" => Ok(Self::Sha1),
            "sha256" | "sha2256" => Ok(Self::Sha256),
            "sha512" | "sha2512" => Ok(Self::Sha512),
            "md5" | "md4" | "md2" | "crc32" => Err(DigestError::TooWeak {
                name: bare.to_ascii_uppercase(),
            }),
            _ => Err(DigestError::Algorithm {
                name: name.chars().take(40).collect(),
            }),
        }
    }

    /// The digest of all that `reader` still holds.
    ///
    /// # Errors
    /// If reading fails.
    pub fn of_reader(self, reader: &mut dyn Read) -> io::Result<Digest> {
        let mut hasher = self.hasher();
        let mut piece = vec![0; PIECE];
        loop {
            match reader.read(&mut piece) {
                Ok(0) => break,
                Ok(len) => hasher.update(piece.get(..len).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Digest {
            algorithm: self,
            bytes: hasher.finalize().into_vec(),
        })
    }

    fn hasher(self) -> Box<dyn DynDigest> {
        match self {
            Self::Sha1 => Box::new(Sha1::new()),
            Self::Sha256 => Box::new(Sha256::new()),
            Self::Sha512 => Box::new(Sha512::new()),
        }
    }
}

/// A digest, and by what it was made.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Digest {
    algorithm: Algorithm,
    bytes: Vec<u8>,
}

/// Why a text is no digest that could be believed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DigestError {
    /// An algorithm that is not known.
    #[error("`{name}` is no algorithm that is known here: SHA-1, SHA-256 and SHA-512 are")]
    Algorithm {
        /// What was given.
        name: String,
    },
    /// Not the digits of a digest.
    #[error("`{given}` is no digest: 40, 64 or 128 hexadecimal digits are expected")]
    Digits {
        /// What was given, cut short.
        given: String,
    },
    /// An algorithm for which files with a given digest can be made.
    #[error("{name} is too weak: another file with the same value can be made")]
    TooWeak {
        /// The algorithm.
        name: String,
    },
}

impl Digest {
    /// A digest by `algorithm` of these hexadecimal digits.
    ///
    /// # Errors
    /// [`DigestError::Digits`] if they are not as many as it has.
    pub fn new(algorithm: Algorithm, digits: &str) -> Result<Self, DigestError> {
        match hex::decode(digits) {
            Ok(bytes) if bytes.len() == algorithm.len_bytes() => Ok(Self { algorithm, bytes }),
            _ => Err(not_digits(digits)),
        }
    }

    /// By what it was made.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Its hexadecimal digits.
    pub fn digits(&self) -> String {
        hex::encode(&self.bytes)
    }
}

/// `SHA-256 9f86…`
impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.algorithm.name(), self.digits())
    }
}

/// Hexadecimal digits, whose number tells the algorithm; or its name before a colon: `sha256:9f86…`.
impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let text = text.trim();
        if let Some((name, digits)) = text.split_once(':') {
            return Self::new(Algorithm::named(name)?, digits.trim());
        }
        if text.len() == 32 && is_hex(text) {
            return Err(DigestError::TooWeak {
                name: "MD5".to_owned(),
            });
        }
        let by_length = Algorithm::ALL
            .into_iter()
            .find(|algorithm| algorithm.len_bytes().saturating_mul(2) == text.len());
        by_length.map_or_else(
            || Err(not_digits(text)),
            |algorithm| Self::new(algorithm, text),
        )
    }
}

pub(crate) fn is_hex(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn not_digits(given: &str) -> DigestError {
    DigestError::Digits {
        given: given.chars().take(140).collect(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The standard's own examples, of `abc`.
    const ABC: [(Algorithm, &str); 3] = [
        (Algorithm::Sha1, "a9993e364706816aba3e25717850c26c9cd0d89d"),
        (
            Algorithm::Sha256,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        ),
        (
            Algorithm::Sha512,
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
             2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        ),
    ];

    #[test]
    fn hashes_the_standards_examples_and_tells_algorithms_by_length() {
        for (algorithm, digits) in ABC {
            let digest = algorithm.of_reader(&mut &b"abc"[..]).unwrap();
            assert_eq!(digest.digits(), digits);
            assert_eq!(digits.parse(), Ok(digest.clone()));
            assert_eq!(digits.to_uppercase().parse(), Ok(digest.clone()));
            let named = format!("{}:{digits}", algorithm.name());
            assert_eq!(named.parse(), Ok(digest));
        }
    }

    #[test]
    fn weak_unknown_and_cut_digests_are_refused() {
        let md5 = "900150983cd24fb0d6963f7d28e17f72";
        for text in [md5.to_owned(), format!("md5:{md5}"), format!("MD-5:{md5}")] {
            let error = text.parse::<Digest>().unwrap_err();
            assert!(matches!(error, DigestError::TooWeak { .. }), "{text}");
        }
        let (_, sha256) = ABC[1];
        for text in [
            "",
            ":",
            sha256.get(..63).unwrap(),
            sha256.get(..62).unwrap(),
            &format!("sha1:{sha256}"),
            &format!("blake2b:{sha256}"),
            &sha256.replace('b', "g"),
        ] {
            assert!(text.parse::<Digest>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_reads_as_a_digest_is_written_as_it_was(text in "(sha(1|256|512):)?[0-9a-fA-F]{0,130}") {
            if let Ok(digest) = text.parse::<Digest>() {
                let digits = text.rsplit(':').next().unwrap();
                prop_assert_eq!(digest.digits(), digits.to_lowercase());
            }
        }

        #[test]
        fn no_text_is_a_panic(text: String) {
            drop(text.parse::<Digest>());
            drop(Algorithm::named(&text));
        }
    }
}
