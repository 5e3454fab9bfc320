//! The state in one file.

use std::{path::Path, time::Duration};

use fs_err::os::unix::fs::OpenOptionsExt as _;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sqlx::{
    AnyConnection, ConnectOptions as _,
    any::{AnyConnectOptions, AnyPoolOptions},
    migrate::Migrator,
};

use crate::{DbPlace, StoreError, connections::Connections, db::migrate};

static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/sqlite");

/// Readers do not wait for each other or for the writer; more than this only costs memory.
const READERS: u32 = 4;

/// How long one that asks for a connection waits: as long as statements under way may wait for another process.
const PATIENCE: Duration = Duration::from_mins(1);

/// What of a path an address may hold as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'.')
    .remove(b'-')
    .remove(b'_');

/// A commit waits until it is on the disk.
pub(crate) const DURABLY: &str = "pragma synchronous = full";

/// A commit is written, and on the disk with the next one that waits for it.
pub(crate) const LIGHTLY: &str = "pragma synchronous = normal";

/// Every connection waits for another process that writes, and loses nothing when the power fails.
const SETTINGS: [&str; 3] = [
    "pragma busy_timeout = 30000",
    DURABLY,
    "pragma foreign_keys = on",
];

/// A transaction that writes takes the lock at once: one that reads first can be refused in the middle.
pub(crate) const BEGIN: &str = "begin immediate";

/// One connection that writes, and a few that read.
pub(crate) async fn open(path: &Path) -> Result<(Connections, Connections), StoreError> {
    // Two processes that start at once must not both find the database empty. The lock lies beside the database,
    // because closing any handle on the file itself would drop SQLite's own locks on it.
    let _lock = prepare(path).await?;
    let place = DbPlace::File(path.to_owned());
    let failed = |source| StoreError::Open {
        place: place.clone(),
        source,
    };
    let written = address(path, "rw").map_err(failed)?;
    let mut first = first(&written).await.map_err(failed)?;
    migrate(&place, &MIGRATIONS, &mut first).await?;
    let writer = pool(1, true).connect_lazy_with(written);
    let reader = pool(READERS, false).connect_lazy_with(address(path, "ro").map_err(failed)?);
    let [writer, reader] = [writer, reader].map(|pool| Connections::of(pool, PATIENCE));
    writer.put(first);
    Ok((writer, reader))
}

/// The first connection, which tells whether the file is a database: a pool would try again until its patience is over,
/// whatever is wrong. It stays, because each further one reads the whole schema again, and the last one to be closed
/// tidies up behind all of them.
async fn first(address: &AnyConnectOptions) -> Result<AnyConnection, sqlx::Error> {
    sqlx::any::install_default_drivers();
    let mut connection = address.connect().await?;
    set(&mut connection, true).await?;
    Ok(connection)
}

/// Sets a new connection as all of them are.
async fn set(connection: &mut AnyConnection, writes: bool) -> Result<(), sqlx::Error> {
    for setting in SETTINGS {
        sqlx::query(setting).execute(&mut *connection).await?;
    }
    if writes {
        sqlx::query("pragma journal_mode = wal")
            .execute(connection)
            .await?;
    }
    Ok(())
}

fn pool(connections: u32, writes: bool) -> AnyPoolOptions {
    sqlx::any::install_default_drivers();
    AnyPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(PATIENCE)
        .test_before_acquire(false)
        .after_connect(move |connection, _| Box::pin(set(connection, writes)))
}

fn address(path: &Path, mode: &str) -> Result<AnyConnectOptions, sqlx::Error> {
    let path = std::path::absolute(path)?;
    let Some(path) = path.to_str() else {
        return Err(sqlx::Error::Configuration(
            "the place of a database must be text in UTF-8".into(),
        ));
    };
    let path = utf8_percent_encode(path, PLAIN);
    format!("sqlite://{path}?mode={mode}").parse()
}

/// Makes the folder and an empty file with mode 0600, and takes the lock under which migrations run.
async fn prepare(path: &Path) -> Result<std::fs::File, StoreError> {
    let owned = path.to_owned();
    let made = tokio::task::spawn_blocking(move || {
        if let Some(folder) = owned.parent() {
            fs_err::create_dir_all(folder)?;
        }
        open_private(&owned)?;
        let mut lock_path = owned.into_os_string();
        lock_path.push("-lock");
        let lock = open_private(Path::new(&lock_path))?;
        lock.lock()?;
        Ok(lock)
    });
    made.await
        .unwrap_or_else(|panicked| Err(std::io::Error::other(panicked)))
        .map_err(|source| StoreError::File {
            path: path.to_owned(),
            source,
        })
}

fn open_private(path: &Path) -> std::io::Result<std::fs::File> {
    let file = fs_err::OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .mode(0o600)
        .open(path)?;
    Ok(file.into_parts().0)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::Db;

    async fn temporary(name: &str) -> (tempfile::TempDir, std::path::PathBuf, Db) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        let db = Db::open(&path).await.unwrap();
        (folder, path, db)
    }

    #[tokio::test]
    async fn makes_a_private_file_with_log_and_foreign_keys() {
        let (_folder, path, db) = temporary("var/auto-update.db").await;
        let mode = fs_err::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let journal: String = sqlx::query_scalar("pragma journal_mode")
            .fetch_one(db.writer())
            .await
            .unwrap();
        assert_eq!(journal, "wal");
        for pool in [db.writer(), db.reader()] {
            let waits: i64 = sqlx::query_scalar("pragma busy_timeout")
                .fetch_one(pool)
                .await
                .unwrap();
            assert_eq!(waits, 30_000);
            let synchronous: i64 = sqlx::query_scalar("pragma synchronous")
                .fetch_one(pool)
                .await
                .unwrap();
            assert_eq!(synchronous, 2);
        }
        let orphan = sqlx::query(
            "insert into delivery (id, incident_id, sequence, connector, state, attempts, created_at, due_at)
             values ('d', 'none', 1, 'mail', 'pending', 0, 0, 0)",
        );
        assert!(orphan.execute(db.writer()).await.is_err());
    }

    #[tokio::test]
    async fn a_place_may_have_any_name() {
        let (_folder, path, _db) = temporary("what is 100%?/ä&b#c.db").await;
        assert!(fs_err::metadata(path).unwrap().len() > 0);
    }

    #[tokio::test]
    async fn what_is_written_lightly_leaves_the_next_commit_durable() {
        let (_folder, _path, db) = temporary("a.db").await;
        let forget = || sqlx::query("delete from scan");
        assert_eq!(db.execute_lightly(forget()).await.unwrap(), 0);
        let wrong = sqlx::query("delete from nothing");
        assert!(db.execute_lightly(wrong).await.is_err());
        // Whoever asked may be gone before it is done.
        drop(db.execute_lightly(forget()));
        let hasty = tokio::time::timeout(Duration::ZERO, db.execute_lightly(forget()));
        drop(hasty.await);
        let synchronous: i64 = sqlx::query_scalar("pragma synchronous")
            .fetch_one(db.writer())
            .await
            .unwrap();
        assert_eq!(synchronous, 2);
    }

    #[tokio::test]
    async fn readers_cannot_write() {
        let (_folder, _path, db) = temporary("a.db").await;
        let write = sqlx::query("delete from scan").execute(db.reader());
        assert!(write.await.is_err());
    }

    #[tokio::test]
    async fn opens_again_and_beside_another() {
        let (_folder, path, db) = temporary("a.db").await;
        let second = Db::open(&path).await.unwrap();
        second.close().await;
        db.close().await;
        Db::open(&path).await.unwrap();
    }

    #[tokio::test]
    async fn many_that_start_at_once_make_one_database() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("auto-update.db");
        let opened = (0..8).map(|_| {
            let path = path.clone();
            tokio::spawn(async move { Db::open(&path).await.map(drop) })
        });
        for task in opened.collect::<Vec<_>>() {
            task.await.unwrap().unwrap();
        }
    }

    #[tokio::test]
    async fn refuses_the_database_of_a_newer_program() {
        let (_folder, path, db) = temporary("a.db").await;
        sqlx::query(
            "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
             values (9999, 'from the future', true, x'00', 0)",
        )
        .execute(db.writer())
        .await
        .unwrap();
        let error = Db::open(&path).await.unwrap_err();
        assert!(
            matches!(error, StoreError::Newer { found: 9999, .. }),
            "{error:?}"
        );
        assert!(error.to_string().contains("use the newer program"));
    }

    #[tokio::test]
    async fn refuses_what_is_no_database() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("auto-update.db");
        fs_err::write(
            &path,
            "this is a letter, and a long one, not a database".repeat(50),
        )
        .unwrap();
        let error = Db::open(&path).await.unwrap_err();
        assert!(matches!(error, StoreError::Open { .. }), "{error:?}");
        let told = model::chain(&error);
        assert!(told.contains("`auto-update restore`"), "{told}");
        assert_eq!(told.matches("file is not a database").count(), 1, "{told}");
    }
}
