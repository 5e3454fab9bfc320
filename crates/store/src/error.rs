//! Why the state could not be read or kept.

use std::path::PathBuf;

use crate::DbPlace;

/// Why the state could not be read or kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// What is given as the address of a server is none.
    #[error(
        "the address of the database is not of the form `postgres://USER:PASSWORD@HOST:PORT/DATABASE`"
    )]
    Address,
    /// A schema is named as none may be.
    #[error("the schema `{name}` of the database may have small letters, digits and `_` only")]
    Schema {
        /// What it is called.
        name: String,
    },
    /// The file or its folder could not be made ready.
    #[error("the database `{}` cannot be made ready", path.display())]
    File {
        /// The database file.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// There is a file or an address, but no database opens from it.
    #[error("the database `{place}` cannot be opened")]
    Open {
        /// Where it is.
        place: DbPlace,
        /// What the engine says.
        source: sqlx::Error,
    },
    /// A newer program has written the database.
    #[error(
        "the database `{place}` is of version {found}, and this program knows only versions up to {known}; \
         use the newer program that wrote it"
    )]
    Newer {
        /// Where it is.
        place: DbPlace,
        /// The newest version found in it.
        found: i64,
        /// The newest version this program knows.
        known: i64,
    },
    /// Bringing the database to this program's version failed.
    #[error("the database `{place}` cannot be brought to this program's version")]
    Migrate {
        /// Where it is.
        place: DbPlace,
        /// What the engine says.
        source: sqlx::migrate::MigrateError,
    },
    /// A state is to be taken in where there is one.
    #[error("there is a state already: the table `{table}` is not empty")]
    NotEmpty {
        /// A table with something in it.
        table: &'static str,
    },
    /// A line is not one of a state that was written out.
    #[error("line {line} is none of a state that was written out")]
    NoDump {
        /// Which one, from 1.
        line: u64,
    },
    /// A state could not be written or read.
    #[error("the state could not be written or read")]
    Dump(#[source] std::io::Error),
    /// A statement failed.
    #[error("the database failed to {what}")]
    Statement {
        /// What was to be done: `open an incident`.
        what: &'static str,
        /// What the engine says.
        source: sqlx::Error,
    },
    /// A row holds what this program never writes.
    #[error("the database holds `{value}` as {column}, which this program cannot read")]
    Row {
        /// Table and column: `incident.class`.
        column: &'static str,
        /// What stands there.
        value: String,
    },
}

impl StoreError {
    /// Wraps what a statement answered; for `map_err`.
    pub(crate) fn statement(what: &'static str) -> impl FnOnce(sqlx::Error) -> Self {
        move |source| Self::Statement { what, source }
    }

    /// A value that no column of this name should hold.
    pub(crate) fn row(column: &'static str, value: impl Into<String>) -> Self {
        Self::Row {
            column,
            value: value.into(),
        }
    }
}
