//! A database for each test, on the engine that the tests were told to use.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    path::Path,
};

use redact::Secret;
use store::{Db, Server};

/// The variable that holds the address of a PostgreSQL server for tests; without it they use SQLite.
pub const SERVER: &str = "AUTO_UPDATE_TEST_POSTGRES";

/// The database at `path`: a file there, or a schema on the tests' server that is named after it.
///
/// # Panics
/// If it cannot be opened.
#[expect(clippy::expect_used, reason = "a test that has no database fails")]
pub async fn database(path: &Path) -> Db {
    match server(path) {
        Some(server) => Db::connect(&server).await,
        None => Db::open(path).await,
    }
    .expect("the database of a test opens")
}

/// The schema that stands for the file at `path`, if the tests are to use a server.
pub fn server(path: &Path) -> Option<Server> {
    let address = std::env::var(SERVER).ok()?;
    let mut hasher = DefaultHasher::new();
    path.hash(&mut hasher);
    Some(Server {
        address: Secret::new(address),
        schema: Some(format!("test_{:x}", hasher.finish())),
        connections: 4,
    })
}

/// What the program finds in its environment so that the house in `root` keeps its state where the tests keep theirs.
pub fn database_variables(root: &Path) -> Vec<(&'static str, String)> {
    let Some(server) = server(&root.join("var/auto-update.db")) else {
        return Vec::new();
    };
    let mut variables = vec![("AUTO_UPDATE_DATABASE_URL", server.address.expose().clone())];
    variables.extend(server.schema.map(|it| ("AUTO_UPDATE_DATABASE_SCHEMA", it)));
    variables
}
