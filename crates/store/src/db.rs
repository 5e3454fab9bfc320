//! The database file: opening it, bringing it up to date, and the two ways to talk to it.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use fs_err::os::unix::fs::OpenOptionsExt as _;
use sqlx::{
    Sqlite, SqlitePool,
    migrate::{MigrateError, Migrator},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::StoreError;

static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/sqlite");

/// How long a statement waits for another process that writes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// Readers do not wait for each other or for the writer; more than this only costs memory.
const READERS: u32 = 4;

/// A write transaction; it is rolled back when it is dropped without a commit.
pub(crate) type Tx = sqlx::Transaction<'static, Sqlite>;

/// The state of the house, kept in one SQLite file with write-ahead log.
///
/// Cheap to clone; all clones share one writing connection and a few reading ones.
#[derive(Clone, Debug)]
pub struct Db {
    path: PathBuf,
    writer: SqlitePool,
    reader: SqlitePool,
}

impl Db {
    /// Opens the database at `path`, makes it first if there is none, and brings it to this program's version.
    ///
    /// The file is made readable and writable by its owner only, and so are its log files. Any number of processes
    /// may have it open.
    ///
    /// # Errors
    /// If the file cannot be made or opened, if a newer program wrote it, or if a migration fails.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        // Two processes that start at once must not both find the database empty. The lock lies beside the
        // database, because closing any handle on the file itself would drop SQLite's own locks on it.
        let _lock = prepare(path).await?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT)
            .foreign_keys(true);
        let failed = |source| StoreError::Open {
            path: path.to_owned(),
            source,
        };
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_with(options.clone())
            .await
            .map_err(failed)?;
        migrate(path, &writer).await?;
        let reader = SqlitePoolOptions::new()
            .max_connections(READERS)
            .connect_with(options.read_only(true))
            .await
            .map_err(failed)?;
        Ok(Self {
            path: path.to_owned(),
            writer,
            reader,
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Waits for statements under way, and closes the file; every later call fails.
    pub async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }

    /// For statements that only read.
    pub(crate) const fn reader(&self) -> &SqlitePool {
        &self.reader
    }

    /// For one writing statement on its own; several belong into [`Db::begin`].
    pub(crate) const fn writer(&self) -> &SqlitePool {
        &self.writer
    }

    /// Starts a write transaction, for `what`.
    ///
    /// It takes the write lock at once: a transaction that reads first and asks for it later can be refused in the
    /// middle.
    pub(crate) async fn begin(&self, what: &'static str) -> Result<Tx, StoreError> {
        self.writer
            .begin_with("begin immediate")
            .await
            .map_err(StoreError::statement(what))
    }
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

async fn migrate(path: &Path, writer: &SqlitePool) -> Result<(), StoreError> {
    let Err(error) = MIGRATIONS.run(writer).await else {
        return Ok(());
    };
    let known = MIGRATIONS
        .iter()
        .map(|migration| migration.version)
        .max()
        .unwrap_or(0);
    Err(match error {
        MigrateError::VersionMissing(found) if found > known => StoreError::Newer {
            path: path.to_owned(),
            found,
            known,
        },
        source => StoreError::Migrate {
            path: path.to_owned(),
            source,
        },
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    async fn temporary() -> (tempfile::TempDir, Db) {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&folder.path().join("var/auto-update.db"))
            .await
            .unwrap();
        (folder, db)
    }

    #[tokio::test]
    async fn makes_a_private_file_with_log_and_foreign_keys() {
        let (_folder, db) = temporary().await;
        let mode = fs_err::metadata(db.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let journal: String = sqlx::query_scalar("pragma journal_mode")
            .fetch_one(db.writer())
            .await
            .unwrap();
        assert_eq!(journal, "wal");
        let orphan = sqlx::query(
            "insert into delivery (id, incident_id, sequence, connector, state, attempts, created_at, due_at)
             values ('d', 'none', 1, 'mail', 'pending', 0, 0, 0)",
        );
        assert!(orphan.execute(db.writer()).await.is_err());
    }

    #[tokio::test]
    async fn readers_cannot_write() {
        let (_folder, db) = temporary().await;
        let write = sqlx::query("delete from scan").execute(db.reader());
        assert!(write.await.is_err());
    }

    #[tokio::test]
    async fn opens_again_and_beside_another() {
        let (_folder, db) = temporary().await;
        let second = Db::open(db.path()).await.unwrap();
        second.close().await;
        db.close().await;
        Db::open(db.path()).await.unwrap();
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
        let (_folder, db) = temporary().await;
        sqlx::query(
            "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
             values (9999, 'from the future', true, x'00', 0)",
        )
        .execute(db.writer())
        .await
        .unwrap();
        let error = Db::open(db.path()).await.unwrap_err();
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
    }

    #[tokio::test]
    async fn a_dropped_transaction_leaves_nothing() {
        let (_folder, db) = temporary().await;
        let mut tx = db.begin("test").await.unwrap();
        sqlx::query("insert into quota_pause (service, until_at) values ('x', 1)")
            .execute(&mut *tx)
            .await
            .unwrap();
        drop(tx);
        let rows: i64 = sqlx::query_scalar("select count(*) from quota_pause")
            .fetch_one(db.reader())
            .await
            .unwrap();
        assert_eq!(rows, 0);
    }
}
