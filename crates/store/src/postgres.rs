//! The state on a server that several machines share.

use std::time::Duration;

use redact::Secret;
use sqlx::{
    AssertSqlSafe, Executor as _,
    any::{AnyConnectOptions, AnyPoolOptions},
    migrate::Migrator,
    postgres::{PgConnectOptions, PgListener, PgPoolOptions},
};

use crate::{DbPlace, StoreError, connections::Connections, db::migrate};

static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/postgres");

/// A transaction that writes takes the write lock of the house, whose tables are in one schema. The letters of the
/// number spell `AUWR`.
pub(crate) const BEGIN: &str =
    "begin; select pg_advisory_xact_lock(1096111954, hashtext(current_schema()))";

/// What has been put into the queue; the only thing that is announced.
pub(crate) const ANNOUNCE_RUN: &str = "select pg_notify('auto_update_run', '')";
const CHANNEL: &str = "auto_update_run";

/// How long one that asks for a connection waits, while others use them all or the server is away.
const PATIENCE: Duration = Duration::from_secs(30);

/// A PostgreSQL database.
#[derive(Clone, Debug)]
pub struct Server {
    /// Its address: `postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full`.
    pub address: Secret<String>,
    /// The schema of the tables, which is made if it is missing; else the one that the server gives the user.
    pub schema: Option<String>,
    /// How many connections this process may have, with one more to listen and one to claim runs.
    pub connections: u32,
}

/// Has the engine never sort what an index has in order already.
///
/// Runs are claimed so. How many are due changes from nothing to a hundred thousand at once, and what the engine knows of a
/// table is always of before: it expects a few, and reads and sorts them all for each claim.
const NEVER_SORT: &str = "set enable_sort = off";

/// Connections for everything, and the one that runs are claimed on.
pub(crate) struct Connected {
    pub(crate) place: DbPlace,
    pub(crate) connections: Connections,
    pub(crate) claims: Connections,
}

/// Connects, and brings the tables to this program's version.
pub(crate) async fn connect(server: &Server) -> Result<Connected, StoreError> {
    sqlx::any::install_default_drivers();
    let place = place(&server.address)?;
    let failed = |source| StoreError::Open {
        place: place.clone(),
        source,
    };
    let options: AnyConnectOptions = server.address.expose().parse().map_err(failed)?;
    let first = search_path(server.schema.as_deref())?;
    let pool = pool(first.clone())
        .max_connections(server.connections)
        .connect_with(options.clone())
        .await
        .map_err(failed)?;
    let mut first_of_all = pool.acquire().await.map_err(failed)?;
    migrate(&place, &MIGRATIONS, &mut first_of_all).await?;
    drop(first_of_all);
    let first = first.into_iter().chain([NEVER_SORT.to_owned()]);
    let first = first.collect::<Vec<_>>().join("; ");
    let claims = self::pool(Some(first))
        .max_connections(1)
        .connect_lazy_with(options);
    let [connections, claims] = [pool, claims].map(|pool| Connections::of(pool, PATIENCE));
    Ok(Connected {
        place,
        connections,
        claims,
    })
}

/// A pool whose connections carry out `first` before anything else.
fn pool(first: Option<String>) -> AnyPoolOptions {
    AnyPoolOptions::new()
        .acquire_timeout(PATIENCE)
        .after_connect(move |connection, _| {
            let first = first.clone();
            Box::pin(async move {
                if let Some(first) = first {
                    connection.execute(AssertSqlSafe(first)).await?;
                }
                Ok(())
            })
        })
}

/// What makes `schema` where tables are sought and made.
fn search_path(schema: Option<&str>) -> Result<Option<String>, StoreError> {
    let Some(schema) = schema else {
        return Ok(None);
    };
    let is_plain = !schema.is_empty()
        && schema.len() < 64
        && schema
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
    if !is_plain {
        return Err(StoreError::Schema {
            name: schema.to_owned(),
        });
    }
    // Two that make it at once: the lock, because `if not exists` does not wait for the other.
    Ok(Some(format!(
        r#"begin; select pg_advisory_xact_lock(1096111954, hashtext('{schema}'));
           create schema if not exists "{schema}"; commit; set search_path to "{schema}""#
    )))
}

/// Host and database, which may be told.
fn place(address: &Secret<String>) -> Result<DbPlace, StoreError> {
    let options = options(address)?;
    Ok(DbPlace::Server(format!(
        "{}/{}",
        options.get_host(),
        options.get_database().unwrap_or_default()
    )))
}

fn options(address: &Secret<String>) -> Result<PgConnectOptions, StoreError> {
    let scheme = address.expose().split_once("://").map(|(scheme, _)| scheme);
    match scheme {
        Some("postgres" | "postgresql") => {}
        _ => return Err(StoreError::Address),
    }
    // The engine's own words would repeat the address.
    address.expose().parse().ok().ok_or(StoreError::Address)
}

/// What other processes announce through the server.
#[derive(Debug)]
pub struct Announcements {
    place: DbPlace,
    listener: PgListener,
}

impl Announcements {
    pub(crate) async fn listen(
        place: &DbPlace,
        address: &Secret<String>,
    ) -> Result<Self, StoreError> {
        let failed = |source| StoreError::Open {
            place: place.clone(),
            source,
        };
        // Whoever listens keeps the connection for itself.
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(PATIENCE)
            .connect_with(options(address)?)
            .await
            .map_err(failed)?;
        let mut listener = PgListener::connect_with(&pool).await.map_err(failed)?;
        listener.listen(CHANNEL).await.map_err(failed)?;
        Ok(Self {
            place: place.clone(),
            listener,
        })
    }

    /// Waits until something has been put into the queue, or the connection was lost for a while, in which
    /// announcements may have been missed.
    ///
    /// # Errors
    /// If the server is away and does not come back.
    ///
    /// # Cancellation
    /// Nothing is lost.
    pub async fn next(&mut self) -> Result<(), StoreError> {
        match self.listener.try_recv().await {
            Ok(_told_or_reconnected) => Ok(()),
            Err(source) => Err(StoreError::Open {
                place: self.place.clone(),
                source,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(address: &str) -> Result<String, StoreError> {
        place(&Secret::new(address.to_owned())).map(|place| place.to_string())
    }

    #[test]
    fn a_schema_has_a_plain_name() {
        assert!(search_path(Some("house_2")).unwrap().is_some());
        assert_eq!(search_path(None).unwrap(), None);
        for name in ["", "House", "a\"; drop table run; --", "ä", &"a".repeat(64)] {
            assert!(search_path(Some(name)).is_err(), "{name}");
        }
    }

    #[test]
    fn tells_no_secret_of_an_address() {
        let whole = "postgres://someone:pass-word@db.example.org:5433/house?sslmode=verify-full";
        assert_eq!(told(whole).unwrap(), "db.example.org/house");
        for wrong in [
            "mysql://someone:pass-word@db.example.org/house",
            "postgres://someone:pass-word@db.example.org:port/house",
            "pass-word",
        ] {
            let error = told(wrong).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("pass-word"));
            assert!(matches!(error, StoreError::Address), "{error:?}");
        }
    }
}
