//! Why the state could not be read or kept.

use std::{io, path::PathBuf};

use sqlx::migrate::MigrateError;

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
    #[error("the database `{}` cannot be made ready{}", path.display(), mend_file(source))]
    File {
        /// The database file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// There is a file or an address, but no database opens from it.
    #[error("the database `{place}` cannot be opened{}", mend(source))]
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
    #[error(
        "the database `{place}` cannot be brought to this program's version{}",
        mend_migration(source)
    )]
    Migrate {
        /// Where it is.
        place: DbPlace,
        /// What the engine says.
        source: MigrateError,
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
    Dump(#[source] io::Error),
    /// A statement failed.
    #[error("the database failed to {what}{}", mend(source))]
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

const DAMAGED: &str = "; it is damaged, or no database at all: move it away, with the files beside it that are named as it is, and \
                       take in a backup with `auto-update restore`";
const FULL: &str = "; there is no room left on the disk: make room, and try again";
const FAILING: &str = "; its disk fails, or has no room left: make room and look at the log of the system, and take in a backup with \
                       `auto-update restore` if the disk has to be replaced";
const READ_ONLY: &str =
    "; see to it that the user of this program may write it, and files beside it";

/// What to do about what the engine says, to follow what went wrong; empty where nobody knows.
fn mend(error: &sqlx::Error) -> &'static str {
    let sqlx::Error::Database(error) = error else {
        return "";
    };
    error.code().map_or("", |code| mend_code(&code))
}

/// By the number that SQLite gives the error. Those of PostgreSQL have five places, which none of SQLite's has.
fn mend_code(code: &str) -> &'static str {
    let number = code.parse::<u32>().ok().filter(|_| code.len() < 5);
    // The low byte says what happened, the rest where: <https://www.sqlite.org/rescode.html>.
    match number.map(|number| number & 0xff) {
        Some(8) => READ_ONLY,
        Some(10) => FAILING,
        Some(11 | 26) => DAMAGED,
        Some(13) => FULL,
        _ => "",
    }
}

fn mend_migration(error: &MigrateError) -> &'static str {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => mend(error),
        _ => "",
    }
}

fn mend_file(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => FULL,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => READ_ONLY,
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_to_do_by_the_number_of_the_engine() {
        for (code, told) in [
            ("8", READ_ONLY),
            ("10", FAILING),
            // A read that was cut short.
            ("522", FAILING),
            ("11", DAMAGED),
            ("26", DAMAGED),
            ("13", FULL),
            ("5", ""),
            // PostgreSQL's; the low byte of the first would be 11.
            ("23051", ""),
            ("28P01", ""),
        ] {
            assert_eq!(mend_code(code), told, "{code}");
        }
        let full = io::ErrorKind::StorageFull.into();
        assert_eq!(mend_file(&full), FULL);
    }
}
