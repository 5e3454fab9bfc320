//! Where the keys lie.

use std::{
    fs::{File, Permissions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use fs_err as fs;
use zeroize::Zeroizing;

use crate::{KeyError, PrivateKey, PublicKey};

/// The largest key file that is read, in bytes.
const LARGEST: u64 = 64 << 10;

const PRIVATE_MODE: u32 = 0o600;
const PUBLIC_MODE: u32 = 0o644;
const FOLDER_MODE: u32 = 0o700;

/// Where the private key lies, and every public key that there ever was.
#[derive(Clone, Debug)]
pub struct Keyring {
    private: PathBuf,
    public: PathBuf,
    may_make: bool,
}

impl Keyring {
    /// Keys in `folder`, of which the first is made when it is first needed.
    pub fn in_folder(folder: &Path) -> Self {
        Self::named(folder, "evidence")
    }

    /// Keys for something else than evidence, kept in the same way under `name`.
    pub fn named(folder: &Path, name: &str) -> Self {
        Self {
            private: folder.join(format!("{name}.pem")),
            public: folder.join(format!("{name}-public")),
            may_make: true,
        }
    }

    /// The private key in `file`, which somebody else made; public keys in `folder`.
    pub fn with_key(file: &Path, folder: &Path) -> Self {
        Self {
            private: file.to_owned(),
            may_make: false,
            ..Self::in_folder(folder)
        }
    }

    /// Where the private key lies.
    pub fn private_path(&self) -> &Path {
        &self.private
    }

    /// The key that signs now; it is made if there is none yet and it was not to come from somebody else.
    ///
    /// # Errors
    /// If it cannot be read, others could read or exchange it, or it cannot be made.
    pub fn signer(&self) -> Result<PrivateKey, KeyError> {
        let key = match read_private(&self.private) {
            Err(error) if self.may_make && error.is_absence() => self.make()?,
            read => read?,
        };
        self.remember(key.public())?;
        Ok(key)
    }

    /// The key that signs now, if it is there; it is not made for this.
    ///
    /// # Errors
    /// If it cannot be read, or others could read or exchange it.
    pub fn present(&self) -> Result<Option<PrivateKey>, KeyError> {
        if_there(read_private(&self.private))
    }

    /// The key that an interrupted change has made already, if there is one.
    ///
    /// # Errors
    /// As [`Keyring::present`].
    pub fn prepared(&self) -> Result<Option<PrivateKey>, KeyError> {
        if_there(read_private(&self.next_path()))
    }

    /// Every public key that there ever was, the one that signs now first; it is not made for this.
    ///
    /// # Errors
    /// If one cannot be read.
    pub fn public_keys(&self) -> Result<Vec<PublicKey>, KeyError> {
        let mut keys = Vec::new();
        keys.extend(self.present()?.map(|key| key.public().clone()));
        let entries = match fs::read_dir(&self.public) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(keys),
            Err(error) => return Err(KeyError::io(&self.public, error)),
        };
        let mut paths = Vec::new();
        for entry in entries {
            let path = entry
                .map_err(|error| KeyError::io(&self.public, error))?
                .path();
            if path.extension().is_some_and(|extension| extension == "pem") {
                paths.push(path);
            }
        }
        paths.sort();
        for path in paths {
            let text = read_text(&path)?.1;
            let key = PublicKey::from_pem(&text).map_err(|error| error.in_file(&path))?;
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        Ok(keys)
    }

    /// The key that is to sign next: the one that an interrupted change has made already, else a new one. It signs
    /// nothing before [`Keyring::change`].
    ///
    /// # Errors
    /// As [`Keyring::signer`].
    pub fn next(&self) -> Result<PrivateKey, KeyError> {
        let key = match self.prepared()? {
            Some(key) => key,
            None => write_private(&self.next_path(), &PrivateKey::generate()?)?,
        };
        self.remember(key.public())?;
        Ok(key)
    }

    /// Makes the next key the one that signs; the private half of the one before is gone then.
    ///
    /// # Errors
    /// If there is no next key, or it cannot be moved.
    pub fn change(&self) -> Result<(), KeyError> {
        let failed = |source| KeyError::io(&self.private, source);
        fs::rename(self.next_path(), &self.private).map_err(failed)?;
        sync_folder(&self.private)
    }

    fn next_path(&self) -> PathBuf {
        let mut name = self.private.file_name().unwrap_or_default().to_owned();
        name.push(".next");
        self.private.with_file_name(name)
    }

    /// Two processes may make a key at the same time: the file of only one gets its name, and both use that.
    fn make(&self) -> Result<PrivateKey, KeyError> {
        write_private(&self.private, &PrivateKey::generate()?)
    }

    /// Keeps a public key for ever, under its name.
    fn remember(&self, key: &PublicKey) -> Result<(), KeyError> {
        let path = self.public.join(format!("{}.pem", key.id()));
        if path.exists() {
            return Ok(());
        }
        create_folder(&self.public)?;
        place(&path, key.to_pem()?.as_bytes(), PUBLIC_MODE).map(|_| ())
    }
}

fn if_there(read: Result<PrivateKey, KeyError>) -> Result<Option<PrivateKey>, KeyError> {
    match read {
        Err(error) if error.is_absence() => Ok(None),
        read => read.map(Some),
    }
}

/// Reads a private key that nobody else can read or exchange.
fn read_private(path: &Path) -> Result<PrivateKey, KeyError> {
    let text = read_private_file(path)?;
    PrivateKey::from_pem(&text).map_err(|error| error.in_file(path))
}

/// Reads the text of a key file that nobody but this user and root can read or exchange, of any kind of key.
///
/// # Errors
/// If it cannot be read, is too large or no text, or others could read or exchange it.
pub fn read_private_file(path: &Path) -> Result<Zeroizing<String>, KeyError> {
    let (file, text) = read_text(path)?;
    let metadata = file
        .metadata()
        .map_err(|source| KeyError::io(path, source))?;
    let mode = metadata.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeyError::Mode {
            path: path.to_owned(),
            mode,
        });
    }
    let owner = metadata.uid();
    if owner != 0 && owner != rustix::process::geteuid().as_raw() {
        return Err(KeyError::Owner {
            path: path.to_owned(),
            owner,
        });
    }
    Ok(text)
}

/// Makes a key file that only this user can read, in a folder of which the same holds, unless there is one; tells whether
/// there was none.
///
/// # Errors
/// If it cannot be written.
pub fn make_private_file(path: &Path, text: &str) -> Result<bool, KeyError> {
    create_folder(path.parent().unwrap_or(path))?;
    place(path, text.as_bytes(), PRIVATE_MODE)
}

/// The file, still open so that what is asked about it next is about the very same, and its text.
fn read_text(path: &Path) -> Result<(File, Zeroizing<String>), KeyError> {
    let failed = |source| KeyError::io(path, source);
    let no_file = |why| KeyError::NoFile {
        path: path.to_owned(),
        why,
    };
    // Opening a pipe would wait for a writer.
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err(no_file("it is something else than a file"));
    }
    let file = File::open(path).map_err(failed)?;
    let mut text = Zeroizing::new(String::new());
    let mut limited = (&file).take(LARGEST.saturating_add(1));
    match limited.read_to_string(&mut text) {
        Ok(len) if len as u64 > LARGEST => Err(no_file("it is too large")),
        Ok(_) => Ok((file, text)),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(no_file("it is not text")),
        Err(error) => Err(failed(error)),
    }
}

/// Writes a private key where there is none yet; answers the key that is there then.
fn write_private(path: &Path, key: &PrivateKey) -> Result<PrivateKey, KeyError> {
    if make_private_file(path, &key.to_pem()?)? {
        Ok(key.clone())
    } else {
        read_private(path)
    }
}

/// Puts a whole file where there is none, and tells whether there was none. It has its mode from the beginning.
fn place(path: &Path, contents: &[u8], mode: u32) -> Result<bool, KeyError> {
    let failed = |source| KeyError::io(path, source);
    let mut file = tempfile::Builder::new()
        .prefix(".auto-update-part-")
        .permissions(Permissions::from_mode(mode))
        .tempfile_in(path.parent().unwrap_or(path))
        .map_err(failed)?;
    file.write_all(contents)
        .and_then(|()| file.as_file().set_permissions(Permissions::from_mode(mode)))
        .and_then(|()| file.as_file().sync_all())
        .map_err(failed)?;
    match file.persist_noclobber(path) {
        Ok(_) => sync_folder(path).map(|()| true),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(failed(error.error)),
    }
}

/// Only the owner has business in a folder of keys; one that is there already keeps its mode.
fn create_folder(folder: &Path) -> Result<(), KeyError> {
    use std::os::unix::fs::DirBuilderExt as _;
    let failed = |source| KeyError::io(folder, source);
    if folder.is_dir() {
        return Ok(());
    }
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(FOLDER_MODE)
        .create(folder)
        .map_err(failed)
}

fn sync_folder(path: &Path) -> Result<(), KeyError> {
    let folder = path.parent().unwrap_or(path);
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|source| KeyError::io(folder, source))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o777
    }

    #[test]
    fn a_key_is_made_once_and_only_its_owner_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let keys = folder.path().join("keys");
        let keyring = Keyring::in_folder(&keys);
        assert_eq!(keyring.public_keys().unwrap(), []);
        let first = keyring.signer().unwrap();
        assert_eq!(keyring.signer().unwrap().id(), first.id());
        assert_eq!(mode(keyring.private_path()), 0o600);
        assert_eq!(mode(&keys), 0o700);
        assert_eq!(keyring.public_keys().unwrap(), [first.public().clone()]);
        let left: Vec<_> = fs::read_dir(&keys).unwrap().collect();
        assert_eq!(left.len(), 2, "{left:?}");
    }

    #[test]
    fn processes_that_start_together_use_the_same_key() {
        let folder = tempfile::tempdir().unwrap();
        let keyring = Keyring::in_folder(folder.path());
        let ids: Vec<_> = std::thread::scope(|scope| {
            let makers: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| keyring.signer().unwrap().id()))
                .collect();
            makers
                .into_iter()
                .map(|maker| maker.join().unwrap())
                .collect()
        });
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    }

    #[test]
    fn a_key_that_others_could_use_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let keyring = Keyring::in_folder(folder.path());
        keyring.signer().unwrap();
        for mode in [0o640, 0o604, 0o644, 0o620] {
            fs::set_permissions(keyring.private_path(), Permissions::from_mode(mode)).unwrap();
            let error = keyring.signer().unwrap_err();
            assert!(
                matches!(error, KeyError::Mode { mode: told, .. } if told == mode),
                "{error}"
            );
        }
    }

    #[test]
    fn a_damaged_key_is_never_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let keyring = Keyring::in_folder(folder.path());
        let whole = keyring.signer().unwrap().to_pem().unwrap();
        let cut = whole.as_bytes()[..60].to_vec();
        for contents in [Vec::new(), b"\xff\xfe".to_vec(), cut, vec![b'x'; 100_000]] {
            fs::write(keyring.private_path(), &contents).unwrap();
            assert!(keyring.signer().is_err());
            assert_eq!(fs::read(keyring.private_path()).unwrap(), contents);
        }
        fs::remove_file(keyring.private_path()).unwrap();
        fs::create_dir(keyring.private_path()).unwrap();
        assert!(matches!(
            keyring.signer().unwrap_err(),
            KeyError::NoFile { .. }
        ));
    }

    #[test]
    fn a_key_that_was_to_be_given_is_not_made() {
        let folder = tempfile::tempdir().unwrap();
        let given = folder.path().join("given.pem");
        let keyring = Keyring::with_key(&given, &folder.path().join("keys"));
        assert!(matches!(keyring.signer().unwrap_err(), KeyError::Io { .. }));
        assert!(!given.exists());
        let key = write_private(&given, &PrivateKey::generate().unwrap()).unwrap();
        assert_eq!(keyring.signer().unwrap().id(), key.id());
    }

    #[test]
    fn an_interrupted_change_of_keys_is_gone_on_with() {
        let folder = tempfile::tempdir().unwrap();
        let keyring = Keyring::in_folder(folder.path());
        let first = keyring.signer().unwrap();
        let next = keyring.next().unwrap();
        assert_ne!(next.id(), first.id());
        assert_eq!(keyring.next().unwrap().id(), next.id());
        assert_eq!(keyring.signer().unwrap().id(), first.id());
        keyring.change().unwrap();
        assert_eq!(keyring.signer().unwrap().id(), next.id());
        assert!(matches!(keyring.change().unwrap_err(), KeyError::Io { .. }));
        let known: Vec<_> = keyring.public_keys().unwrap();
        assert_eq!(known, [next.public().clone(), first.public().clone()]);
    }
}
