//! The vault: secrets at rest are sealed with a key that is not where they are.

use std::{
    io,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};
use evidence::{KeyError, make_private_file, read_private_file};
use model::Sha256;
use zeroize::Zeroizing;

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;

/// Which of the keys seals.
const CURRENT: &str = "current";

/// Why something cannot be sealed or opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// A key cannot be read or made.
    #[error("cannot use the keys that secrets of tenants are sealed with")]
    Key(#[source] KeyError),
    /// A file that ought to hold a key holds none.
    #[error("`{}` holds no key of {KEY_BYTES} bytes in base64", path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// The folder of keys cannot be written.
    #[error("cannot write the keys in `{}`", path.display())]
    Io {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// No random numbers.
    #[error("the system gives no random numbers")]
    Random(#[source] getrandom::Error),
    /// It was sealed for something else, with another key, or was changed.
    #[error("a sealed secret cannot be opened: it was changed, or is not where it was put")]
    Sealed,
}

/// Seals secrets with keys in a folder.
///
/// The keys are files named by the SHA-256 of the key; the file `current` says which one seals. A key that seals no more
/// stays until the next change of keys, because another process may be about to use it.
#[derive(Clone, Debug)]
pub struct Vault {
    folder: PathBuf,
}

/// A key, and its name.
struct Key {
    id: String,
    cipher: XChaCha20Poly1305,
}

impl Vault {
    /// The vault with keys in `folder`; the first one is made when it is needed.
    pub fn in_folder(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    /// Seals `secret` for `place`, which has to be named to open it again. Answers it as text, and the key's name.
    ///
    /// # Errors
    /// If the key cannot be used or made.
    pub fn seal(&self, place: &str, secret: &str) -> Result<(String, String), VaultError> {
        let key = self.current()?;
        let mut nonce = [0_u8; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(VaultError::Random)?;
        let payload = Payload {
            msg: secret.as_bytes(),
            aad: place.as_bytes(),
        };
        let sealed = key.cipher.encrypt(XNonce::from_slice(&nonce), payload);
        let sealed = sealed.map_err(|_opaque| VaultError::Sealed)?;
        Ok((
            STANDARD.encode([nonce.as_slice(), &sealed].concat()),
            key.id,
        ))
    }

    /// Opens what was sealed for `place` with the key of that name.
    ///
    /// # Errors
    /// If the key cannot be used, or it was sealed for something else or changed.
    pub fn open(
        &self,
        place: &str,
        sealed: &str,
        key_id: &str,
    ) -> Result<Zeroizing<String>, VaultError> {
        let key = self.key(key_id)?;
        let bytes = STANDARD
            .decode(sealed)
            .map_err(|_what| VaultError::Sealed)?;
        let (nonce, sealed) = bytes
            .split_at_checked(NONCE_BYTES)
            .ok_or(VaultError::Sealed)?;
        let payload = Payload {
            msg: sealed,
            aad: place.as_bytes(),
        };
        let opened = key.cipher.decrypt(XNonce::from_slice(nonce), payload);
        let opened = Zeroizing::new(opened.map_err(|_opaque| VaultError::Sealed)?);
        let text = std::str::from_utf8(&opened).map_err(|_what| VaultError::Sealed)?;
        Ok(Zeroizing::new(text.to_owned()))
    }

    /// The name of the key that seals now, if there is one.
    ///
    /// # Errors
    /// If that cannot be read.
    pub fn current_id(&self) -> Result<Option<String>, VaultError> {
        match read_private_file(&self.folder.join(CURRENT)) {
            Ok(id) => Ok(Some(id.trim().to_owned())),
            Err(error) if is_absence(&error) => Ok(None),
            Err(error) => Err(VaultError::Key(error)),
        }
    }

    /// Makes a new key the one that seals; answers its name.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn change_key(&self) -> Result<String, VaultError> {
        let id = self.make()?;
        let failed = |source| VaultError::Io {
            path: self.folder.clone(),
            source,
        };
        let next = self.folder.join("current.next");
        match fs_err::remove_file(&next) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        make_private_file(&next, &id).map_err(VaultError::Key)?;
        fs_err::rename(&next, self.folder.join(CURRENT)).map_err(failed)?;
        Ok(id)
    }

    /// Removes keys that neither seal nor are among `used`.
    ///
    /// # Errors
    /// If the folder cannot be read or written.
    pub fn forget_keys(&self, used: &[String]) -> Result<(), VaultError> {
        let failed = |source| VaultError::Io {
            path: self.folder.clone(),
            source,
        };
        let current = self.current_id()?;
        for entry in fs_err::read_dir(&self.folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let is_key = path.extension().is_some_and(|extension| extension == "key");
            let id = path
                .file_stem()
                .map(|stem| stem.to_string_lossy().into_owned());
            let is_used = id.is_none_or(|id| current.as_ref() == Some(&id) || used.contains(&id));
            if is_key && !is_used {
                fs_err::remove_file(&path).map_err(failed)?;
            }
        }
        Ok(())
    }

    fn current(&self) -> Result<Key, VaultError> {
        if let Some(id) = self.current_id()? {
            return self.key(&id);
        }
        // Two processes may come here at a time: the one that writes the file first says which key it is.
        let id = self.make()?;
        make_private_file(&self.folder.join(CURRENT), &id).map_err(VaultError::Key)?;
        let chosen = self.current_id()?;
        self.key(&chosen.unwrap_or(id))
    }

    /// Makes a key, and answers its name.
    fn make(&self) -> Result<String, VaultError> {
        let mut bytes = Zeroizing::new([0_u8; KEY_BYTES]);
        getrandom::fill(&mut *bytes).map_err(VaultError::Random)?;
        let id = name_of(bytes.as_slice());
        let text = Zeroizing::new(STANDARD.encode(bytes.as_slice()));
        make_private_file(&self.path(&id), &text).map_err(VaultError::Key)?;
        Ok(id)
    }

    fn key(&self, id: &str) -> Result<Key, VaultError> {
        let is_name = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_name {
            return Err(VaultError::Sealed);
        }
        let path = self.path(id);
        let text = read_private_file(&path).map_err(VaultError::Key)?;
        let bytes = STANDARD.decode(text.trim()).map(Zeroizing::new);
        let bytes = bytes
            .ok()
            .filter(|bytes| bytes.len() == KEY_BYTES && name_of(bytes) == id);
        let cipher = bytes.and_then(|bytes| XChaCha20Poly1305::new_from_slice(&bytes).ok());
        Ok(Key {
            id: id.to_owned(),
            cipher: cipher.ok_or(VaultError::NoKey { path })?,
        })
    }

    fn path(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{id}.key"))
    }
}

/// The name of a key tells nothing of it, and a damaged file from the right one.
fn name_of(key: &[u8]) -> String {
    let mut name = Sha256::of(key).to_string();
    name.truncate(32);
    name
}

/// Does what needs keys where it holds up nobody: they lie on a disk.
///
/// # Errors
/// Those of `work`.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, VaultError> + Send + 'static,
) -> Result<T, VaultError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(_lost) => Err(VaultError::Sealed),
    }
}

fn is_absence(error: &KeyError) -> bool {
    matches!(error, KeyError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use proptest::prelude::*;

    use super::*;

    fn vault() -> (tempfile::TempDir, Vault) {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::in_folder(&folder.path().join("keys"));
        (folder, vault)
    }

    #[test]
    fn what_was_sealed_is_opened_in_its_place_and_nowhere_else() {
        let (_folder, vault) = vault();
        let (sealed, key) = vault.seal("a/token", "hunter2").unwrap();
        assert!(!sealed.contains("hunter2"));
        assert_eq!(*vault.open("a/token", &sealed, &key).unwrap(), "hunter2");
        assert!(matches!(
            vault.open("b/token", &sealed, &key),
            Err(VaultError::Sealed)
        ));
        let (again, _) = vault.seal("a/token", "hunter2").unwrap();
        assert_ne!(sealed, again, "nobody sees that two secrets are the same");
    }

    #[test]
    fn keys_are_private_and_named_by_what_they_are() {
        let (_folder, vault) = vault();
        let (sealed, key) = vault.seal("a", "x").unwrap();
        let path = vault.path(&key);
        let mode = fs_err::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        // Another key under the same name.
        let other = vault.make().unwrap();
        fs_err::copy(vault.path(&other), &path).unwrap();
        assert!(matches!(
            vault.open("a", &sealed, &key),
            Err(VaultError::NoKey { .. })
        ));
        for name in ["", "../x", "no-hex"] {
            assert!(matches!(
                vault.open("a", &sealed, name),
                Err(VaultError::Sealed)
            ));
        }
    }

    #[test]
    fn a_new_key_seals_and_the_old_one_opens_until_it_is_forgotten() {
        let (_folder, vault) = vault();
        let (old, first) = vault.seal("a", "one").unwrap();
        let second = vault.change_key().unwrap();
        let (new, key) = vault.seal("a", "two").unwrap();
        assert_eq!(key, second);
        vault.forget_keys(std::slice::from_ref(&first)).unwrap();
        assert_eq!(*vault.open("a", &old, &first).unwrap(), "one");
        vault.forget_keys(&[]).unwrap();
        assert!(vault.open("a", &old, &first).is_err());
        assert_eq!(*vault.open("a", &new, &second).unwrap(), "two");
        // A change that a crash has interrupted is no hindrance.
        fs_err::write(vault.folder.join("current.next"), "rest").unwrap();
        vault.change_key().unwrap();
    }

    #[test]
    fn processes_that_start_together_seal_with_one_key() {
        let (_folder, vault) = vault();
        let keys: Vec<String> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| vault.seal("a", "x").unwrap().1))
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn whatever_is_changed_is_noticed(secret in ".{0,40}", at in any::<prop::sample::Index>(), bit in 0_u8..8) {
            let (_folder, vault) = vault();
            let (sealed, key) = vault.seal("a", &secret).unwrap();
            prop_assert_eq!(&*vault.open("a", &sealed, &key).unwrap(), &secret);
            let mut bytes = STANDARD.decode(&sealed).unwrap();
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            prop_assert!(vault.open("a", &STANDARD.encode(&bytes), &key).is_err());
            prop_assert!(vault.open("a", &STANDARD.encode(&bytes[..at]), &key).is_err());
        }
    }
}
