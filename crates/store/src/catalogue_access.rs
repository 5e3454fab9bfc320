//! Who at a tenant may look at its catalogue, and who of them is signed in.

use model::{TenantId, Timestamp};

use crate::{Db, LockRule, StoreError, Tenant, db::Tx, tenant::TenantRow};

/// That people at a tenant may look at its catalogue.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CatalogueAccess {
    /// The digest of the code.
    pub code: String,
    /// Until when nobody can sign in with it.
    pub locked_until: Option<Timestamp>,
    /// When it was made.
    pub made_at: Timestamp,
    /// By whom.
    pub made_by: String,
}

/// That somebody at a tenant that may read is signed in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CatalogueSession {
    /// The tenant.
    pub tenant: Tenant,
    /// The catalog that it reads.
    pub catalog: Option<String>,
    /// When the session was last heard of.
    pub seen_at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct AccessRow {
    code: String,
    locked_until: Option<i64>,
    made_at: i64,
    made_by: String,
}

impl Db {
    /// Gives a tenant a code in the place of the one before; whoever was signed in with that is not any more, and its
    /// feeds are closed.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn catalogue_access_put(
        &self,
        tenant: TenantId,
        access: &CatalogueAccess,
    ) -> Result<(), StoreError> {
        const WHAT: &str = "give a tenant access to its catalogue";
        let mut tx = self.begin(WHAT).await?;
        catalogue_sessions_end_tx(&mut tx, tenant).await?;
        sqlx::query(
            "insert into catalogue_access (tenant_id, code, feed, failures, locked_until, made_at, made_by)
             values ($1, $2, null, 0, null, $3, $4)
             on conflict (tenant_id) do update
             set code = $2, feed = null, failures = 0, locked_until = null, made_at = $3, made_by = $4",
        )
        .bind(tenant.to_string())
        .bind(&access.code)
        .bind(access.made_at.as_micros())
        .bind(&access.made_by)
        .execute(&mut *tx)
        .await
        .map_err(StoreError::statement(WHAT))?;
        tx.commit().await.map_err(StoreError::statement(WHAT))
    }

    /// Whether people at a tenant may look at its catalogue.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn catalogue_access_find(
        &self,
        tenant: TenantId,
    ) -> Result<Option<CatalogueAccess>, StoreError> {
        let row: Option<AccessRow> = sqlx::query_as(
            "select code, locked_until, made_at, made_by
             from catalogue_access
             where tenant_id = $1",
        )
        .bind(tenant.to_string())
        .fetch_optional(self.reader())
        .await
        .map_err(StoreError::statement("find the access to a catalogue"))?;
        Ok(row.map(|row| CatalogueAccess {
            code: row.code,
            locked_until: row.locked_until.map(Timestamp::from_micros),
            made_at: Timestamp::from_micros(row.made_at),
            made_by: row.made_by,
        }))
    }

    /// Takes a tenant's code, sessions and feeds from it; false if it had none.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn catalogue_access_remove(&self, tenant: TenantId) -> Result<bool, StoreError> {
        const WHAT: &str = "take the access to a catalogue from a tenant";
        let mut tx = self.begin(WHAT).await?;
        let removed = catalogue_access_remove_tx(&mut tx, tenant).await?;
        tx.commit().await.map_err(StoreError::statement(WHAT))?;
        Ok(removed)
    }

    /// Counts a failure to sign in; with as many as the rule says nobody can sign in with this tenant's code until then.
    /// Answers whether that is so from now on.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn catalogue_access_fail(
        &self,
        tenant: TenantId,
        rule: LockRule,
    ) -> Result<bool, StoreError> {
        let locked: Option<i64> = sqlx::query_scalar(
            "update catalogue_access
             set failures = case when failures + 1 >= $2 then 0 else failures + 1 end,
                 locked_until = case when failures + 1 >= $2 then $3 else locked_until end
             where tenant_id = $1
             returning cast(case when failures = 0 then 1 else 0 end as bigint)",
        )
        .bind(tenant.to_string())
        .bind(i64::from(rule.failures))
        .bind(rule.until.as_micros())
        .fetch_optional(self.writer())
        .await
        .map_err(StoreError::statement("count a failure to sign in"))?;
        Ok(locked == Some(1))
    }

    /// Lets somebody in who knows the code of that digest, under the session `session`; false if it is another one by
    /// now, or nobody can sign in with it at `now`.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn catalogue_admit(
        &self,
        tenant: TenantId,
        code: &str,
        session: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        const WHAT: &str = "sign somebody in to a catalogue";
        let mut tx = self.begin(WHAT).await?;
        let admitted = sqlx::query(
            "update catalogue_access
             set failures = 0, locked_until = null
             where tenant_id = $1 and code = $2 and (locked_until is null or locked_until <= $3)
               and exists (select 1 from tenant where tenant.id = $1 and tenant.state = 'active')",
        )
        .bind(tenant.to_string())
        .bind(code)
        .bind(now.as_micros())
        .execute(&mut *tx)
        .await
        .map_err(StoreError::statement(WHAT))?;
        if admitted.rows_affected() != 1 {
            return Ok(false);
        }
        sqlx::query(
            "insert into catalogue_session (id, tenant_id, began_at, seen_at)
             values ($1, $2, $3, $3)",
        )
        .bind(session)
        .bind(tenant.to_string())
        .bind(now.as_micros())
        .execute(&mut *tx)
        .await
        .map_err(StoreError::statement(WHAT))?;
        tx.commit().await.map_err(StoreError::statement(WHAT))?;
        Ok(true)
    }

    /// Whose session it is, if it began after `began_after`, was heard of after `seen_after`, and the tenant may read.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn catalogue_session(
        &self,
        session: &str,
        began_after: Timestamp,
        seen_after: Timestamp,
    ) -> Result<Option<CatalogueSession>, StoreError> {
        const WHAT: &str = "look for a session of a catalogue";
        let row: Option<SessionRow> = sqlx::query_as(
            "select tenant.id as id, customer, slug, state, entitled, created_at, created_by,
                    tenant_ring.catalog as catalog, catalogue_session.seen_at as seen_at
             from catalogue_session
             join tenant on tenant.id = catalogue_session.tenant_id
             left join tenant_ring
             on tenant_ring.tenant_id = tenant.id and tenant_ring.until_at is null
             where catalogue_session.id = $1 and began_at > $2 and seen_at > $3 and state = 'active'",
        )
        .bind(session)
        .bind(began_after.as_micros())
        .bind(seen_after.as_micros())
        .fetch_optional(self.reader())
        .await
        .map_err(StoreError::statement(WHAT))?;
        let Some(row) = row else {
            return Ok(None);
        };
        Ok(Some(CatalogueSession {
            tenant: row.tenant.try_into()?,
            catalog: row.catalog,
            seen_at: Timestamp::from_micros(row.seen_at),
        }))
    }

    /// Notes that a session was heard of.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn catalogue_session_seen(
        &self,
        session: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query("update catalogue_session set seen_at = $2 where id = $1 and seen_at < $2")
            .bind(session)
            .bind(now.as_micros())
            .execute(self.writer())
            .await
            .map_err(StoreError::statement("note a session of a catalogue"))?;
        Ok(())
    }

    /// Ends a session.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn catalogue_session_end(&self, session: &str) -> Result<(), StoreError> {
        sqlx::query("delete from catalogue_session where id = $1")
            .bind(session)
            .execute(self.writer())
            .await
            .map_err(StoreError::statement("end a session of a catalogue"))?;
        Ok(())
    }

    /// Forgets sessions that were not heard of since `before`; answers how many.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn catalogue_sessions_forget(&self, before: Timestamp) -> Result<u64, StoreError> {
        let forgotten = sqlx::query("delete from catalogue_session where seen_at < $1")
            .bind(before.as_micros())
            .execute(self.writer())
            .await
            .map_err(StoreError::statement("forget sessions of catalogues"))?;
        Ok(forgotten.rows_affected())
    }

    /// Opens a tenant's feeds to who knows what has this digest, and to nobody else any more; false if nobody there may
    /// look at its catalogue.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn catalogue_feed_put(
        &self,
        tenant: TenantId,
        feed: &str,
    ) -> Result<bool, StoreError> {
        let put = sqlx::query("update catalogue_access set feed = $2 where tenant_id = $1")
            .bind(tenant.to_string())
            .bind(feed)
            .execute(self.writer())
            .await
            .map_err(StoreError::statement("open the feeds of a tenant"))?;
        Ok(put.rows_affected() == 1)
    }

    /// Whose feeds they are that open to who knows what has this digest, if the tenant may read; and its catalog.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn catalogue_feed(
        &self,
        feed: &str,
    ) -> Result<Option<(Tenant, Option<String>)>, StoreError> {
        let row: Option<FeedRow> = sqlx::query_as(
            "select tenant.id as id, customer, slug, state, entitled, created_at, created_by,
                    tenant_ring.catalog as catalog
             from catalogue_access
             join tenant on tenant.id = catalogue_access.tenant_id
             left join tenant_ring
             on tenant_ring.tenant_id = tenant.id and tenant_ring.until_at is null
             where feed = $1 and state = 'active'",
        )
        .bind(feed)
        .fetch_optional(self.reader())
        .await
        .map_err(StoreError::statement("look whose feeds these are"))?;
        row.map(|row| Ok((row.tenant.try_into()?, row.catalog)))
            .transpose()
    }
}

#[derive(sqlx::FromRow)]
struct SessionRow {
    #[sqlx(flatten)]
    tenant: TenantRow,
    catalog: Option<String>,
    seen_at: i64,
}

#[derive(sqlx::FromRow)]
struct FeedRow {
    #[sqlx(flatten)]
    tenant: TenantRow,
    catalog: Option<String>,
}

/// Signs out everybody at a tenant.
pub(crate) async fn catalogue_sessions_end_tx(
    tx: &mut Tx,
    tenant: TenantId,
) -> Result<(), StoreError> {
    sqlx::query("delete from catalogue_session where tenant_id = $1")
        .bind(tenant.to_string())
        .execute(&mut **tx)
        .await
        .map_err(StoreError::statement("end the sessions of a catalogue"))?;
    Ok(())
}

/// Takes everything from a tenant that opens its catalogue.
pub(crate) async fn catalogue_access_remove_tx(
    tx: &mut Tx,
    tenant: TenantId,
) -> Result<bool, StoreError> {
    catalogue_sessions_end_tx(tx, tenant).await?;
    let removed = sqlx::query("delete from catalogue_access where tenant_id = $1")
        .bind(tenant.to_string())
        .execute(&mut **tx)
        .await
        .map_err(StoreError::statement(
            "take the access to a catalogue from a tenant",
        ))?;
    Ok(removed.rows_affected() == 1)
}
