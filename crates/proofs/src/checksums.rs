//! Lists of checksums as vendors publish them.

use std::str::FromStr;

use crate::{Algorithm, Digest, DigestError, digest::is_hex};

/// No list of a vendor's is longer.
const LONGEST: usize = 1 << 20;

/// Digests of files, by their names: what `sha256sum` and its siblings write, what BSD's and OpenSSL's tools write, or a
/// digest alone.
///
/// ```text
/// 9f86d081…  App.dmg
/// SHA256 (App.dmg) = 9f86d081…
/// SHA2-256(App.dmg)= 9f86d081…
/// sha256:9f86d081…
/// 9f86d081…
/// ```
///
/// A line that is none of these is passed over: it vouches for nothing.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Checksums {
    entries: Vec<Entry>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
struct Entry {
    /// As the list has it; nothing for a digest alone.
    name: Option<String>,
    /// The digest, or why it is not to be believed.
    digest: Result<Digest, DigestError>,
}

/// Why a list says nothing of a file.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ChecksumsError {
    /// It says two things.
    #[error("the list has several digests of `{name}`")]
    Ambiguous {
        /// The file.
        name: String,
    },
    /// There is no digest in it.
    #[error("there is no checksum in it")]
    Empty,
    /// It is about other files.
    #[error("the list does not name `{name}`")]
    NotNamed {
        /// The file.
        name: String,
    },
    /// What it says is not to be believed.
    #[error("the list has no usable digest of `{name}`")]
    Unusable {
        /// The file.
        name: String,
        /// Why.
        source: DigestError,
    },
    /// It is longer than any list.
    #[error("it is too long for a list of checksums")]
    TooLong,
}

impl FromStr for Checksums {
    type Err = ChecksumsError;

    fn from_str(text: &str) -> Result<Self, ChecksumsError> {
        if text.len() > LONGEST {
            return Err(ChecksumsError::TooLong);
        }
        let text = text.trim_start_matches('\u{feff}');
        let entries: Vec<Entry> = text.lines().filter_map(Entry::read).collect();
        if entries.is_empty() {
            return Err(ChecksumsError::Empty);
        }
        Ok(Self { entries })
    }
}

impl Checksums {
    /// The digest of the file called `name`, the strongest if there are several; a digest without a name counts if it
    /// is the only entry.
    ///
    /// Names are compared without the folders before them; where two folders have a file of the name, and the
    /// digests differ, it cannot be told which is meant.
    ///
    /// # Errors
    /// If the list does not tell.
    pub fn of(&self, name: &str) -> Result<&Digest, ChecksumsError> {
        let named = || ChecksumsError::NotNamed {
            name: name.to_owned(),
        };
        let mut about: Vec<&Entry> = self
            .entries
            .iter()
            .filter(|entry| entry.name.as_deref().map(last_name) == Some(name))
            .collect();
        if about.is_empty() {
            match self.entries.as_slice() {
                [only] if only.name.is_none() => about.push(only),
                _ => return Err(named()),
            }
        }
        let usable: Vec<&Digest> = about
            .iter()
            .filter_map(|entry| entry.digest.as_ref().ok())
            .collect();
        let Some(best) = usable.iter().map(|digest| digest.algorithm()).max() else {
            let why = about.iter().find_map(|entry| entry.digest.as_ref().err());
            return Err(why.map_or_else(named, |why| ChecksumsError::Unusable {
                name: name.to_owned(),
                source: why.clone(),
            }));
        };
        let mut best = usable
            .into_iter()
            .filter(|digest| digest.algorithm() == best);
        let digest = best.next().ok_or_else(named)?;
        if best.any(|other| other != digest) {
            return Err(ChecksumsError::Ambiguous {
                name: name.to_owned(),
            });
        }
        Ok(digest)
    }
}

impl Entry {
    fn read(line: &str) -> Option<Self> {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return None;
        }
        Self::tagged(line).or_else(|| Self::digits_first(line))
    }

    /// `SHA256 (App.dmg) = 9f86…`; a name may have brackets and equals signs itself.
    fn tagged(line: &str) -> Option<Self> {
        let (tag, rest) = line.split_once('(')?;
        let (name, digits) = rest.rsplit_once(')')?;
        let digits = digits.trim().strip_prefix('=')?.trim();
        if !is_hex(digits) || name.is_empty() {
            return None;
        }
        let digest = Algorithm::named(tag.trim()).and_then(|tag| Digest::new(tag, digits));
        Some(Self {
            name: Some(name.to_owned()),
            digest,
        })
    }

    /// `9f86…  App.dmg`, with a star before the name for a file that was read as bytes and a backslash before the
    /// line if the name is escaped; or `9f86…` and `sha256:9f86…` alone.
    fn digits_first(line: &str) -> Option<Self> {
        let (is_escaped, line) = match line.strip_prefix('\\') {
            Some(line) => (true, line),
            None => (false, line),
        };
        let (digits, name) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let bare = digits.split_once(':').map_or(digits, |(_tag, bare)| bare);
        let is_digest = is_hex(bare) && matches!(bare.len(), 32 | 40 | 64 | 128);
        if !is_digest {
            return None;
        }
        let name = name.trim_start();
        let name = name.strip_prefix('*').unwrap_or(name);
        let name = if is_escaped {
            name.replace("\\n", "\n").replace("\\\\", "\\")
        } else {
            name.to_owned()
        };
        Some(Self {
            name: Some(name).filter(|name| !name.is_empty()),
            digest: digits.parse(),
        })
    }
}

fn last_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn digest(algorithm: Algorithm, bytes: &[u8]) -> Digest {
        algorithm.of_reader(&mut &*bytes).unwrap()
    }

    fn sha256(bytes: &[u8]) -> Digest {
        digest(Algorithm::Sha256, bytes)
    }

    fn found(list: &str, name: &str) -> Result<Digest, ChecksumsError> {
        list.parse::<Checksums>()?.of(name).cloned()
    }

    #[test]
    fn every_way_to_write_a_list_is_read() {
        let d = sha256(b"one");
        let digits = d.digits();
        for list in [
            format!("{digits}  App.dmg\n"),
            format!("{digits} *App.dmg\r\n"),
            format!("\u{feff}{digits}\tApp.dmg"),
            format!("{digits}  ./dist/App.dmg"),
            format!("{digits}  dist\\App.dmg"),
            format!("\\{digits}  dist\\\\App.dmg"),
            digits.to_uppercase(),
            format!("sha256:{digits}"),
            format!("SHA256 (App.dmg) = {digits}"),
            format!("SHA256 (dist (1)/App.dmg) = {digits}"),
            format!("SHA2-256(App.dmg)= {digits}"),
            format!("# checksums of today\n\n{digits}  App.dmg\n"),
            format!(
                "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n{digits}  App.dmg\n-----BEGIN PGP SIGNATURE-----"
            ),
        ] {
            assert_eq!(found(&list, "App.dmg"), Ok(d.clone()), "{list}");
        }
    }

    #[test]
    fn the_right_line_and_the_strongest_digest_are_taken() {
        let (one, two) = (sha256(b"one"), sha256(b"two"));
        let strong = digest(Algorithm::Sha512, b"one");
        let weak = digest(Algorithm::Sha1, b"other");
        let list = format!(
            "{}  App.dmg\n{}  App.zip\n{}  App.dmg\nSHA1 (App.dmg) = {}\nd41d8cd98f00b204e9800998ecf8427e  App.dmg",
            one.digits(),
            two.digits(),
            strong.digits(),
            weak.digits()
        );
        assert_eq!(found(&list, "App.dmg"), Ok(strong));
        assert_eq!(found(&list, "App.zip"), Ok(two));
        let missing = found(&list, "pp.dmg").unwrap_err();
        assert!(matches!(missing, ChecksumsError::NotNamed { .. }));
    }

    #[test]
    fn what_does_not_tell_is_an_error() {
        let (one, two) = (sha256(b"one").digits(), sha256(b"two").digits());
        for (list, expected) in [
            (String::new(), "there is no checksum in it"),
            (
                "<html>not found</html>".to_owned(),
                "there is no checksum in it",
            ),
            (format!("{one}\n{two}"), "the list does not name `App.dmg`"),
            (
                format!("{one}  a/App.dmg\n{two}  b/App.dmg"),
                "the list has several digests of `App.dmg`",
            ),
            (
                "d41d8cd98f00b204e9800998ecf8427e  App.dmg".to_owned(),
                "the list has no usable digest of `App.dmg`",
            ),
            (
                "MD5 (App.dmg) = d41d8cd98f00b204e9800998ecf8427e".to_owned(),
                "the list has no usable digest of `App.dmg`",
            ),
            (
                format!("SHA512 (App.dmg) = {one}"),
                "the list has no usable digest of `App.dmg`",
            ),
            (
                "x".repeat(LONGEST + 1),
                "it is too long for a list of checksums",
            ),
        ] {
            let error = found(&list, "App.dmg").unwrap_err();
            assert_eq!(error.to_string(), expected);
        }
        assert!(found(&format!("{one}  App.dmg"), "App.dmg").is_ok());
    }

    proptest! {
        /// Whatever else stands in a list, the digest that is found stands in it, in a line with the name.
        #[test]
        fn nothing_is_found_that_is_not_written(
            lines in prop::collection::vec("([0-9a-f]{40}|[0-9a-f]{64}|SHA256 \\(|x)[ *]{0,2}(App.dmg|App.zip)?(\\) = [0-9a-f]{64})?", 0..6),
        ) {
            let list = lines.join("\n");
            if let Ok(digest) = found(&list, "App.dmg") {
                let digits = digest.digits();
                let line = lines.iter().find(|line| line.contains(&digits)).unwrap();
                let is_bare = line.trim_end_matches([' ', '*']) == digits;
                prop_assert!(line.contains("App.dmg") || is_bare, "{line}");
            }
        }

        #[test]
        fn no_text_is_a_panic(text: String, name: String) {
            drop(found(&text, &name));
        }
    }
}
