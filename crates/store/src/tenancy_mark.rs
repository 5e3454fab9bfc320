//! Whether anything has changed in who may read what.

use crate::{Db, StoreError, db::Tx};

impl Db {
    /// The mark of tenants, their rings and their secrets as they are now: with every change that is committed, whoever
    /// made it, there is another one, and none comes twice.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn tenancy_mark(&self) -> Result<String, StoreError> {
        sqlx::query_scalar("select mark from tenancy_mark")
            .fetch_one(self.reader())
            .await
            .map_err(StoreError::statement("ask whether tenants have changed"))
    }
}

/// Whether the mark is still `as_of`, if that is given. It stays so until the transaction ends but for what is changed in
/// it: whatever changes tenants does it in a transaction, and these are one after the other ([`Db::begin`]).
pub(crate) async fn is_as_of_tx(tx: &mut Tx, as_of: Option<&str>) -> Result<bool, StoreError> {
    let Some(as_of) = as_of else {
        return Ok(true);
    };
    let mark: String = sqlx::query_scalar("select mark from tenancy_mark")
        .fetch_one(&mut **tx)
        .await
        .map_err(StoreError::statement("see that no tenant has changed"))?;
    Ok(mark == as_of)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use crate::testing::database;

    #[tokio::test]
    async fn every_change_gives_another_mark() {
        let (_folder, db) = database().await;
        let mut seen = HashSet::from([db.tenancy_mark().await.unwrap()]);
        assert!(seen.contains(&db.tenancy_mark().await.unwrap()));
        for statement in [
            "insert into tenant (id, customer, slug, state, created_at, created_by)
             values ('t', 'Acme', 'slug', 'active', 0, 'kim')",
            "update tenant set entitled = '[]'",
            "insert into tenant_ring (tenant_id, catalog, from_at) values ('t', 'testing', 0)",
            "update tenant_ring set until_at = 1",
            "insert into tenant_secret (id, tenant_id, kind, sealed, key_id, made_at)
             values ('s', 't', 'token', 'sealed', 'k', 0)",
            "update tenant_secret set valid_until = 1",
            "delete from tenant_secret",
            "delete from tenant_ring",
            "delete from tenant",
        ] {
            sqlx::query(statement).execute(db.writer()).await.unwrap();
            let mark = db.tenancy_mark().await.unwrap();
            assert!(seen.insert(mark), "{statement}");
        }
    }

    #[tokio::test]
    async fn what_is_taken_back_changes_nothing() {
        let (_folder, db) = database().await;
        let mark = db.tenancy_mark().await.unwrap();
        let mut tx = db.begin("try").await.unwrap();
        sqlx::query(
            "insert into tenant (id, customer, slug, state, created_at, created_by)
             values ('t', 'Acme', 'slug', 'active', 0, 'kim')",
        )
        .execute(&mut *tx)
        .await
        .unwrap();
        assert_eq!(db.tenancy_mark().await.unwrap(), mark);
        drop(tx);
        assert_eq!(db.tenancy_mark().await.unwrap(), mark);
    }
}
