//! The database: opening it, bringing it up to date, and the two ways to talk to it.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use model::Timestamp;
use redact::Secret;
use sqlx::{
    Any, AnyConnection,
    migrate::{MigrateError, Migrator},
};

pub(crate) use crate::connections::Tx;
use crate::{
    Announcements, Server, StoreError, batch::Batch, connections::Connections, postgres, sqlite,
};

/// Where the state is kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum DbPlace {
    /// In one SQLite file on this machine.
    File(PathBuf),
    /// On a PostgreSQL server: its host and the name of the database, without user and password.
    Server(String),
}

impl fmt::Display for DbPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Server(name) => name.fmt(f),
        }
    }
}

/// A statement with what is bound to it.
pub(crate) type Statement = sqlx::query::Query<'static, Any, sqlx::any::AnyArguments>;

/// The state of the house, kept in one SQLite file with write-ahead log, or on a PostgreSQL server.
///
/// Cheap to clone; all clones share the same connections.
#[derive(Clone, Debug)]
pub struct Db {
    place: DbPlace,
    writer: Connections,
    reader: Connections,
    claims: Connections,
    /// What changes are listened for with; only a server announces them.
    address: Option<Secret<String>>,
}

impl Db {
    /// Opens the database file at `path`, makes it first if there is none, and brings it to this program's version.
    ///
    /// The file is made readable and writable by its owner only, and so are its log files. Any number of processes of
    /// one machine may have it open.
    ///
    /// # Errors
    /// If the file cannot be made or opened, if a newer program wrote it, or if a migration fails.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let (writer, reader) = sqlite::open(path).await?;
        Ok(Self {
            place: DbPlace::File(path.to_owned()),
            claims: writer.clone(),
            writer,
            reader,
            address: None,
        })
    }

    /// Connects to the PostgreSQL database `server`, and brings its tables to this program's version.
    ///
    /// Any number of processes on any number of machines may use it at once; migrations wait for each other.
    ///
    /// # Errors
    /// If the address is none, the server does not answer or does not let us, a newer program wrote the database, or a
    /// migration fails.
    pub async fn connect(server: &Server) -> Result<Self, StoreError> {
        let connected = postgres::connect(server).await?;
        Ok(Self {
            place: connected.place,
            writer: connected.connections.clone(),
            reader: connected.connections,
            claims: connected.claims,
            address: Some(server.address.clone()),
        })
    }

    /// Where it is.
    pub const fn place(&self) -> &DbPlace {
        &self.place
    }

    /// Waits for statements under way, and closes the connections; every later call fails.
    pub async fn close(&self) {
        self.claims.close().await;
        self.reader.close().await;
        self.writer.close().await;
    }

    /// What time it is for the database, to the microsecond: the same for every machine that shares it.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn now(&self) -> Result<Timestamp, StoreError> {
        let asked = if self.is_server() {
            "select cast(extract(epoch from clock_timestamp()) * 1000000 as bigint)"
        } else {
            "select cast(unixepoch('subsec') * 1000000 as integer)"
        };
        let micros: i64 = sqlx::query_scalar(asked)
            .fetch_one(self.reader())
            .await
            .map_err(StoreError::statement("tell the time"))?;
        Ok(Timestamp::from_micros(micros))
    }

    /// What other processes announce from now on; nothing is announced where the state is a file.
    ///
    /// # Errors
    /// If the server cannot be listened to.
    pub async fn announcements(&self) -> Result<Option<Announcements>, StoreError> {
        match &self.address {
            Some(address) => Announcements::listen(&self.place, address).await.map(Some),
            None => Ok(None),
        }
    }

    /// Whether several machines may share it.
    pub const fn is_server(&self) -> bool {
        matches!(self.place, DbPlace::Server(_))
    }

    /// For statements that only read.
    pub(crate) const fn reader(&self) -> &Connections {
        &self.reader
    }

    /// For one writing statement on its own; several belong into [`Db::begin`].
    pub(crate) const fn writer(&self) -> &Connections {
        &self.writer
    }

    /// For claims of runs: what they choose among, they read in the order of its index.
    pub(crate) const fn claims(&self) -> &Connections {
        &self.claims
    }

    /// Carries out one writing statement that may be lost when the power fails, and answers how many rows it changed.
    ///
    /// It is for what tells how something goes on that would begin again then. On SQLite it does not wait for the disk:
    /// whatever is written durably later takes it along, and the end of a process does it no harm.
    pub(crate) async fn execute_lightly(&self, statement: Statement) -> Result<u64, sqlx::Error> {
        if self.is_server() {
            let done = statement.execute(&self.writer).await?;
            return Ok(done.rows_affected());
        }
        let batch = Batch::of(statement)?;
        batch.carry_out_lightly(&self.writer).await
    }

    /// Starts a write transaction, for `what`.
    ///
    /// It takes the one write lock of the house at once, on both engines: what a transaction reads holds until it
    /// ends.
    pub(crate) async fn begin(&self, what: &'static str) -> Result<Tx, StoreError> {
        let begin = if self.is_server() {
            postgres::BEGIN
        } else {
            sqlite::BEGIN
        };
        Tx::begin(&self.writer, begin)
            .await
            .map_err(StoreError::statement(what))
    }
}

/// Brings the database at `place` to this program's version.
pub(crate) async fn migrate(
    place: &DbPlace,
    migrations: &Migrator,
    connection: &mut AnyConnection,
) -> Result<(), StoreError> {
    // `run` would do the same, but what it waits for cannot be sent to another thread when it is given a connection.
    let Err(error) = migrations.run_direct(None, connection, false).await else {
        return Ok(());
    };
    let known = migrations
        .iter()
        .map(|migration| migration.version)
        .max()
        .unwrap_or(0);
    Err(match error {
        MigrateError::VersionMissing(found) if found > known => StoreError::Newer {
            place: place.clone(),
            found,
            known,
        },
        source => StoreError::Migrate {
            place: place.clone(),
            source,
        },
    })
}
