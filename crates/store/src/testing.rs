//! A database of its own for each test.

use crate::Db;

/// An empty database in a temporary folder, which lives as long as the folder.
pub(crate) async fn database() -> (tempfile::TempDir, Db) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("auto-update.db");
    let db = Db::open(&path).await.unwrap();
    (folder, db)
}
