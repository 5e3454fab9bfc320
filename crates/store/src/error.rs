//! Why the state could not be read or kept.

use std::path::PathBuf;

/// Why the state could not be read or kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The file or its folder could not be made ready.
    #[error("the database `{}` cannot be made ready", path.display())]
    File {
        /// The database file.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// The file is there, but no database opens from it.
    #[error("the database `{}` cannot be opened", path.display())]
    Open {
        /// The database file.
        path: PathBuf,
        /// What the engine says.
        source: sqlx::Error,
    },
    /// A newer program has written the database.
    #[error(
        "the database `{}` is of version {found}, and this program knows only versions up to {known}; \
         use the newer program that wrote it",
        path.display()
    )]
    Newer {
        /// The database file.
        path: PathBuf,
        /// The newest version found in it.
        found: i64,
        /// The newest version this program knows.
        known: i64,
    },
    /// Bringing the database to this program's version failed.
    #[error("the database `{}` cannot be brought to this program's version", path.display())]
    Migrate {
        /// The database file.
        path: PathBuf,
        /// What the engine says.
        source: sqlx::migrate::MigrateError,
    },
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
