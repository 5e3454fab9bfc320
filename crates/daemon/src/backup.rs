//! Everything that cannot be had again, in one file; and back.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, BufRead as _, BufReader, BufWriter, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use fs_err::os::unix::fs::OpenOptionsExt as _;
use model::Sha256;
use store::{Db, StoreError};

use crate::{Config, RepositoryPlace};

/// The member that holds the rows of the database.
const STATE: &str = "state.jsonl";
/// The member that holds the digests of all others; the last one.
const SUMS: &str = "SHA256SUMS";

/// Why a backup cannot be made or taken in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// A file cannot be read or written.
    #[error("a file of the backup cannot be read or written")]
    Io(#[from] io::Error),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The archive is none of ours, or not whole.
    #[error("`{}` is no whole backup: {why}", path.display())]
    Archive {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Something is there already.
    #[error(
        "`{}` is there already; a backup is taken in where there is nothing: move it away first",
        path.display()
    )]
    InTheWay {
        /// What is in the way.
        path: PathBuf,
    },
    /// The repository is not in a folder.
    #[error(
        "the repository is in an object store, which is not part of a backup: use the store's own means"
    )]
    Objects,
}

/// What a backup holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BackedUp {
    /// How many rows of the database.
    pub rows: u64,
    /// How many files.
    pub files: usize,
}

/// What is in a backup besides the database, by its name there.
fn places(config: &Config, with_repository: bool) -> Result<BTreeMap<&str, PathBuf>, BackupError> {
    let mut places = BTreeMap::from([("keys", config.state_dir.join("keys"))]);
    if let Some(key) = &config.evidence.key {
        places.insert("evidence.pem", key.clone());
    }
    if let Some(keys) = &config.tuf.keys {
        places.insert("tuf", keys.clone());
    }
    if with_repository {
        match config.repository_place() {
            Ok(RepositoryPlace::Folder(path)) => places.insert("repository", path),
            _ => return Err(BackupError::Objects),
        };
    }
    Ok(places)
}

/// Writes a backup to `to`, which must not be there yet: the database, as it is at one moment, the keys, and, if it is
/// wanted, the repository. The file can be read by its owner only, because keys are in it.
///
/// # Errors
/// If something cannot be read or written; no file is left then.
pub async fn back_up(
    config: &Config,
    db: &Db,
    to: &Path,
    with_repository: bool,
) -> Result<BackedUp, BackupError> {
    let places = places(config, with_repository)?;
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let working = tempfile::Builder::new()
        .prefix(".backup-")
        .tempdir_in(folder)?;
    let state = working.path().join(STATE);
    let mut lines = BufWriter::new(private(&state)?);
    let rows = db.dump(&mut |line| writeln!(lines, "{line}")).await?;
    lines.into_inner().map_err(io::IntoInnerError::into_error)?;
    let whole = working.path().join("backup.tar");
    let files = pack(&state, &places, &whole)?;
    // Never over something that is there.
    fs_err::hard_link(&whole, to)?;
    fs_err::File::open(folder)?.sync_all()?;
    Ok(BackedUp { rows, files })
}

fn private(path: &Path) -> io::Result<fs::File> {
    let file = fs_err::OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(path)?;
    Ok(file.into_parts().0)
}

fn pack(state: &Path, places: &BTreeMap<&str, PathBuf>, to: &Path) -> Result<usize, BackupError> {
    let mut members = vec![(STATE.to_owned(), state.to_owned())];
    for (name, path) in places {
        below(path, (*name).to_owned(), &mut members)?;
    }
    let mut archive = tar::Builder::new(BufWriter::new(private(to)?));
    let mut sums = Vec::new();
    for (name, path) in &members {
        // What is read twice is compared when it is taken in.
        let (digest, _len_bytes) = Sha256::of_reader(&mut fs_err::File::open(path)?)?;
        archive.append_path_with_name(path, name)?;
        writeln!(sums, "{digest}  {name}")?;
    }
    let mut header = tar::Header::new_gnu();
    header.set_size(u64::try_from(sums.len()).unwrap_or(u64::MAX));
    header.set_mode(0o600);
    archive.append_data(&mut header, SUMS, sums.as_slice())?;
    let file = archive.into_inner()?;
    let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.sync_all()?;
    Ok(members.len())
}

/// Every file at and below `path`, with the name it has in the backup. What is there and gone again is passed over.
fn below(path: &Path, name: String, members: &mut Vec<(String, PathBuf)>) -> io::Result<()> {
    let metadata = match fs_err::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if metadata.is_file() {
        members.push((name, path.to_owned()));
        return Ok(());
    }
    if !metadata.is_dir() {
        return Ok(());
    }
    let mut entries: Vec<_> = fs_err::read_dir(path)?.collect::<Result<_, _>>()?;
    entries.sort_by_key(fs_err::DirEntry::file_name);
    for entry in entries {
        let Some(own) = entry.file_name().to_str().map(str::to_owned) else {
            let why = format!("`{}` has a name that is no text", entry.path().display());
            return Err(io::Error::other(why));
        };
        below(&entry.path(), format!("{name}/{own}"), members)?;
    }
    Ok(())
}

/// Takes a backup in: everything in it is held against its digests first, then the files are put into their places, then
/// the rows into the database. Nothing may be there.
///
/// # Errors
/// If the archive is not whole, something is in the way, or the database refuses; what was put into its place is then
/// taken away again.
pub async fn restore(config: &Config, db: &Db, from: &Path) -> Result<BackedUp, BackupError> {
    fs_err::create_dir_all(&config.state_dir)?;
    let working = tempfile::Builder::new()
        .prefix(".restore-")
        .tempdir_in(&config.state_dir)?;
    let unpacked = working.path();
    let files = unpack(from, unpacked)?;
    for name in ["keys", "tuf"] {
        close_folders(&unpacked.join(name))?;
    }
    let places = places(config, unpacked.join("repository").exists())?;
    let wanted: Vec<(PathBuf, PathBuf)> = places
        .into_iter()
        .map(|(name, place)| (unpacked.join(name), place))
        .filter(|(source, _)| source.exists())
        .collect();
    for (_, place) in &wanted {
        if is_taken(place)? {
            return Err(BackupError::InTheWay {
                path: place.clone(),
            });
        }
    }
    let mut put = Placed::default();
    for (source, place) in &wanted {
        put.put(source, place)?;
    }
    let state = BufReader::new(fs_err::File::open(unpacked.join(STATE))?);
    let rows = db.restore(&mut state.lines()).await?;
    put.keep();
    Ok(BackedUp { rows, files })
}

/// Folders of keys are their owner's only; the archive holds files.
fn close_folders(folder: &Path) -> io::Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    fs_err::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    for entry in fs_err::read_dir(folder)? {
        close_folders(&entry?.path())?;
    }
    Ok(())
}

/// A folder that is there and empty is in nobody's way.
fn is_taken(place: &Path) -> io::Result<bool> {
    match fs_err::symlink_metadata(place) {
        Ok(metadata) if metadata.is_dir() => Ok(fs_err::read_dir(place)?.next().is_some()),
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// What was put into its place; it is taken away again unless it is kept.
#[derive(Default)]
struct Placed(Vec<PathBuf>);

impl Placed {
    fn put(&mut self, source: &Path, place: &Path) -> io::Result<()> {
        if let Some(folder) = place.parent() {
            fs_err::create_dir_all(folder)?;
        }
        if place.is_dir() {
            fs_err::remove_dir(place)?;
        }
        match fs_err::rename(source, place) {
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
                self.0.push(place.to_owned());
                copy(source, place)
            }
            Err(error) => Err(error),
            Ok(()) => {
                self.0.push(place.to_owned());
                Ok(())
            }
        }
    }

    fn keep(mut self) {
        self.0.clear();
    }
}

impl Drop for Placed {
    fn drop(&mut self) {
        for place in &self.0 {
            let removed = if place.is_dir() {
                fs_err::remove_dir_all(place)
            } else {
                fs_err::remove_file(place)
            };
            if let Err(error) = removed {
                tracing::error!(%error, "what was taken in by halves stays");
            }
        }
    }
}

fn copy(source: &Path, place: &Path) -> io::Result<()> {
    if !source.is_dir() {
        return fs_err::copy(source, place).map(drop);
    }
    fs_err::create_dir_all(place)?;
    fs_err::set_permissions(place, fs_err::metadata(source)?.permissions())?;
    for entry in fs_err::read_dir(source)? {
        let entry = entry?;
        copy(&entry.path(), &place.join(entry.file_name()))?;
    }
    Ok(())
}

/// Unpacks the archive, and holds every member against its digest.
fn unpack(from: &Path, to: &Path) -> Result<usize, BackupError> {
    let broken = |why: String| BackupError::Archive {
        path: from.to_owned(),
        why,
    };
    let mut archive = tar::Archive::new(BufReader::new(fs_err::File::open(from)?));
    let mut found = BTreeMap::new();
    for member in archive.entries().map_err(|it| broken(it.to_string()))? {
        let mut member = member.map_err(|it| broken(it.to_string()))?;
        let path = member.path().map_err(|it| broken(it.to_string()))?;
        let name = path.to_string_lossy().into_owned();
        if !member.header().entry_type().is_file() || name.starts_with(['/', '.']) {
            return Err(broken(format!("`{name}` is no file of a backup")));
        }
        // It refuses to write outside of the folder.
        if !member.unpack_in(to).map_err(|it| broken(it.to_string()))? {
            return Err(broken(format!("`{name}` leads elsewhere")));
        }
        let path = to.join(&name);
        let (digest, _len_bytes) = Sha256::of_reader(&mut fs_err::File::open(&path)?)?;
        found.insert(name, digest);
    }
    if found.remove(SUMS).is_none() {
        return Err(broken("its end is missing".to_owned()));
    }
    let sums = fs_err::read_to_string(to.join(SUMS))?;
    for line in sums.lines() {
        let Some((digest, name)) = line.split_once("  ") else {
            return Err(broken("its list of digests cannot be read".to_owned()));
        };
        if found.remove(name).map(|it| it.to_string()).as_deref() != Some(digest) {
            return Err(broken(format!("`{name}` is not what was backed up")));
        }
    }
    match found.keys().next() {
        Some(name) => Err(broken(format!("`{name}` was never backed up"))),
        None => Ok(sums.lines().count()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn house(folder: &Path) -> Config {
        let mut config = Config::default();
        config.state_dir = folder.join("var");
        config
    }

    async fn backed_up(folder: &Path) -> (Config, Db, PathBuf) {
        let config = house(&folder.join("old"));
        let db = testkit::database(&config.database_file()).await;
        for (name, text) in [
            ("keys/evidence.pem", "secret"),
            ("keys/tenants/1.key", "another"),
            ("repo/pkgs/apps/A.pkg", "package"),
            ("cache/download", "can be had again"),
        ] {
            let path = config.state_dir.join(name);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(&path, text).unwrap();
            if name.starts_with("keys") {
                fs_err::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
            }
        }
        let pause = store::SchedulePause {
            title: "A.munki".to_owned(),
            reason: "holidays".to_owned(),
            paused_by: "ada".to_owned(),
            paused_at: model::Timestamp::from_secs(1),
            until: None,
        };
        db.pause_begin(&pause).await.unwrap();
        let to = folder.join("backup.tar");
        let done = back_up(&config, &db, &to, true).await.unwrap();
        assert_eq!((done.rows, done.files), (1, 4));
        (config, db, to)
    }

    #[tokio::test]
    async fn what_was_backed_up_comes_back_where_nothing_is() {
        let folder = tempfile::tempdir().unwrap();
        let (old, old_db, backup) = backed_up(folder.path()).await;
        let mode = fs_err::metadata(&backup).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let again = back_up(&old, &old_db, &backup, true).await;
        assert!(again.is_err(), "a backup is never written over");

        let new = house(&folder.path().join("new"));
        let db = testkit::database(&new.database_file()).await;
        let done = restore(&new, &db, &backup).await.unwrap();
        assert_eq!((done.rows, done.files), (1, 4));
        for name in [
            "keys/evidence.pem",
            "keys/tenants/1.key",
            "repo/pkgs/apps/A.pkg",
        ] {
            let read = |config: &Config| fs_err::read(config.state_dir.join(name)).unwrap();
            assert_eq!(read(&new), read(&old), "{name}");
        }
        let mode = |name: &str| {
            let metadata = fs_err::metadata(new.state_dir.join(name)).unwrap();
            metadata.permissions().mode() & 0o777
        };
        assert_eq!(
            (mode("keys/tenants/1.key"), mode("keys/tenants")),
            (0o600, 0o700)
        );
        assert!(!new.state_dir.join("cache").exists());
        assert_eq!(
            db.pause_list().await.unwrap(),
            old_db.pause_list().await.unwrap()
        );
        let error = restore(&new, &db, &backup).await.unwrap_err();
        assert!(matches!(error, BackupError::InTheWay { .. }), "{error:?}");
    }

    #[tokio::test]
    async fn a_state_that_is_there_is_left_and_nothing_half_done_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (_old, old_db, backup) = backed_up(folder.path()).await;
        let new = house(&folder.path().join("new"));
        let error = restore(&new, &old_db, &backup).await.unwrap_err();
        assert!(
            matches!(error, BackupError::Store(StoreError::NotEmpty { .. })),
            "{error:?}"
        );
        let left: Vec<_> = fs_err::read_dir(&new.state_dir).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
    }

    #[tokio::test]
    async fn a_backup_that_was_changed_or_cut_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (_old, _db, backup) = backed_up(folder.path()).await;
        let whole = fs_err::read(&backup).unwrap();
        let new = house(&folder.path().join("new"));
        let db = testkit::database(&new.database_file()).await;
        let mut tried = 0;
        for (from, to) in [(&b"secret"[..], &b"sEcret"[..]), (b"holidays", b"holidayz")] {
            let at = whole.windows(from.len()).position(|it| it == from).unwrap();
            let mut changed = whole.clone();
            changed[at..at + to.len()].copy_from_slice(to);
            fs_err::write(&backup, changed).unwrap();
            let error = restore(&new, &db, &backup).await.unwrap_err();
            assert!(matches!(error, BackupError::Archive { .. }), "{error:?}");
            tried += 1;
        }
        for cut in (0..whole.len() - 1_536).step_by(512) {
            fs_err::write(&backup, &whole[..cut]).unwrap();
            let error = restore(&new, &db, &backup).await.unwrap_err();
            assert!(
                matches!(error, BackupError::Archive { .. }),
                "{cut}: {error:?}"
            );
            tried += 1;
        }
        assert!(tried > 5, "{tried}");
        assert!(!new.state_dir.join("keys").exists());
    }
}
