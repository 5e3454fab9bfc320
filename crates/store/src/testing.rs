//! A database of its own for each test.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    path::Path,
};

use redact::Secret;

use crate::{Db, Server};

/// An empty database: in a temporary folder, which lives as long as the folder, or, where the tests were given a
/// PostgreSQL server, in a schema there that is named after the folder.
pub(crate) async fn database() -> (tempfile::TempDir, Db) {
    let folder = tempfile::tempdir().unwrap();
    let db = open(&folder.path().join("auto-update.db")).await;
    (folder, db)
}

/// The database at `path`, or the schema that stands for it.
pub(crate) async fn open(path: &Path) -> Db {
    let Ok(address) = std::env::var("AUTO_UPDATE_TEST_POSTGRES") else {
        return Db::open(path).await.unwrap();
    };
    let mut hasher = DefaultHasher::new();
    path.hash(&mut hasher);
    let server = Server {
        address: Secret::new(address),
        schema: Some(format!("test_{:x}", hasher.finish())),
        connections: 4,
    };
    Db::connect(&server).await.unwrap()
}
