//! Check-ins: which question of a tenant's Mac was answered when, and where it came from.

use model::{TenantId, Timestamp};

use crate::{Db, StoreError, column};

/// That a Mac was told where its tenant's view is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CheckIn {
    /// The tenant.
    pub tenant: TenantId,
    /// The address that the Mac has in its own network, as it says.
    pub local_ip: String,
    /// The address that it was seen to come from.
    pub public_ip: String,
    /// When.
    pub at: Timestamp,
}

impl Db {
    /// Notes that a question is answered; false if it was before, whichever node did.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn check_in_note(
        &self,
        check_in: &CheckIn,
        question: &str,
    ) -> Result<bool, StoreError> {
        let noted = sqlx::query(
            "insert into check_in (tenant_id, question, local_ip, public_ip, seen_at)
             values ($1, $2, $3, $4, $5)
             on conflict (tenant_id, question) do nothing",
        )
        .bind(check_in.tenant.to_string())
        .bind(question)
        .bind(&check_in.local_ip)
        .bind(&check_in.public_ip)
        .bind(check_in.at.as_micros())
        .execute(self.writer())
        .await
        .map_err(StoreError::statement("note a check-in"))?;
        Ok(noted.rows_affected() == 1)
    }

    /// The last `limit` check-ins of a tenant, the newest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn check_in_list(
        &self,
        tenant: TenantId,
        limit: u32,
    ) -> Result<Vec<CheckIn>, StoreError> {
        let rows: Vec<(String, String, String, i64)> = sqlx::query_as(
            "select tenant_id, local_ip, public_ip, seen_at
             from check_in
             where tenant_id = $1
             order by seen_at desc, question
             limit $2",
        )
        .bind(tenant.to_string())
        .bind(i64::from(limit))
        .fetch_all(self.reader())
        .await
        .map_err(StoreError::statement("list check-ins"))?;
        rows.into_iter()
            .map(|(tenant, local_ip, public_ip, at)| {
                Ok(CheckIn {
                    tenant: column::word("check_in.tenant_id", &tenant)?,
                    local_ip,
                    public_ip,
                    at: Timestamp::from_micros(at),
                })
            })
            .collect()
    }

    /// Forgets check-ins from before `before`; answers how many.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn check_in_purge(&self, before: Timestamp) -> Result<u64, StoreError> {
        let purged = sqlx::query("delete from check_in where seen_at < $1")
            .bind(before.as_micros())
            .execute(self.writer())
            .await
            .map_err(StoreError::statement("forget check-ins"))?;
        Ok(purged.rows_affected())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Tenant, TenantState, testing::database};

    #[tokio::test]
    async fn a_question_is_answered_once_and_forgotten_in_time() {
        let (_folder, db) = database().await;
        let tenant = Tenant {
            id: TenantId::new(),
            customer: "Acme".to_owned(),
            slug: "abc".to_owned(),
            state: TenantState::Active,
            entitled: None,
            created_at: Timestamp::default(),
            created_by: "kim".to_owned(),
        };
        assert!(db.tenant_add(&tenant, "production", &[]).await.unwrap());
        let check_in = |seconds| CheckIn {
            tenant: tenant.id,
            local_ip: "10.0.0.1".to_owned(),
            public_ip: "192.0.2.1".to_owned(),
            at: Timestamp::from_secs(seconds),
        };
        assert!(db.check_in_note(&check_in(1), "a").await.unwrap());
        assert!(!db.check_in_note(&check_in(2), "a").await.unwrap());
        assert!(db.check_in_note(&check_in(3), "b").await.unwrap());
        let listed = db.check_in_list(tenant.id, 9).await.unwrap();
        assert_eq!(listed, [check_in(3), check_in(1)]);
        let purged = db.check_in_purge(Timestamp::from_secs(3)).await.unwrap();
        assert_eq!(purged, 1);
        assert_eq!(db.check_in_list(tenant.id, 9).await.unwrap(), [check_in(3)]);
    }
}
