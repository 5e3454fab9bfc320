//! Tenants: their names, which ring each could read and when, and their sealed secrets.

use std::str::FromStr;

use model::{SecretId, TenantId, Timestamp, UnknownWord};

use crate::{
    Db, StoreError,
    catalogue_access::{catalogue_access_remove_tx, catalogue_sessions_end_tx},
    column,
    db::Tx,
    tenancy_mark::is_as_of_tx,
};

/// A customer with a view of the repository.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Tenant {
    /// Its name here.
    pub id: TenantId,
    /// Its name, by which it is known outside.
    pub customer: String,
    /// The name of its view, which tells nothing of it.
    pub slug: String,
    /// How it stands.
    pub state: TenantState,
    /// The items it may have, by name; all if not given.
    pub entitled: Option<Vec<String>>,
    /// When it was created.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
}

/// How a tenant stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TenantState {
    /// It can read its view.
    Active,
    /// It is no more.
    Deleted,
    /// It can read nothing for the time being.
    Suspended,
}

impl TenantState {
    const ALL: [Self; 3] = [Self::Active, Self::Deleted, Self::Suspended];

    /// The name used in tables, logs and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Deleted => "deleted",
            Self::Suspended => "suspended",
        }
    }
}

impl FromStr for TenantState {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == word)
            .ok_or_else(|| UnknownWord {
                list: "state of a tenant",
                word: word.to_owned(),
            })
    }
}

/// Which ring a tenant could read, from when until when.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TenantRing {
    /// The tenant.
    pub tenant: TenantId,
    /// The ring's catalog.
    pub catalog: String,
    /// From when.
    pub from: Timestamp,
    /// Until when, if it cannot any more.
    pub until: Option<Timestamp>,
}

/// A secret of a tenant, sealed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SealedSecret {
    /// Its name.
    pub id: SecretId,
    /// The tenant.
    pub tenant: TenantId,
    /// What it is: `token` or `credential`.
    pub kind: String,
    /// The secret, sealed, as text.
    pub sealed: String,
    /// The key that opens it.
    pub key_id: String,
    /// When it was made.
    pub made_at: Timestamp,
    /// Until when it is taken beside its successor; as long as it has none, nothing.
    pub valid_until: Option<Timestamp>,
}

#[derive(sqlx::FromRow)]
pub(crate) struct TenantRow {
    id: String,
    customer: String,
    slug: String,
    state: String,
    entitled: Option<String>,
    created_at: i64,
    created_by: String,
}

impl TryFrom<TenantRow> for Tenant {
    type Error = StoreError;

    fn try_from(row: TenantRow) -> Result<Self, StoreError> {
        let entitled = row.entitled.as_deref();
        Ok(Self {
            id: column::word("tenant.id", &row.id)?,
            customer: row.customer,
            slug: row.slug,
            state: column::word("tenant.state", &row.state)?,
            entitled: entitled
                .map(|text| column::json("tenant.entitled", text))
                .transpose()?,
            created_at: Timestamp::from_micros(row.created_at),
            created_by: row.created_by,
        })
    }
}

#[derive(sqlx::FromRow)]
struct SecretRow {
    id: String,
    tenant_id: String,
    kind: String,
    sealed: String,
    key_id: String,
    made_at: i64,
    valid_until: Option<i64>,
}

impl TryFrom<SecretRow> for SealedSecret {
    type Error = StoreError;

    fn try_from(row: SecretRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: column::word("tenant_secret.id", &row.id)?,
            tenant: column::word("tenant_secret.tenant_id", &row.tenant_id)?,
            kind: row.kind,
            sealed: row.sealed,
            key_id: row.key_id,
            made_at: Timestamp::from_micros(row.made_at),
            valid_until: row.valid_until.map(Timestamp::from_micros),
        })
    }
}

impl Db {
    /// Adds a tenant with its secrets, which reads `catalog` from now on; false if there is one of that name already.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn tenant_add(
        &self,
        tenant: &Tenant,
        catalog: &str,
        secrets: &[SealedSecret],
    ) -> Result<bool, StoreError> {
        const WHAT: &str = "add a tenant";
        let mut tx = self.begin(WHAT).await?;
        let added = sqlx::query(
            "insert into tenant (id, customer, slug, state, entitled, created_at, created_by)
             values ($1, $2, $3, $4, $5, $6, $7)
             on conflict (customer) where state <> 'deleted' do nothing",
        )
        .bind(tenant.id.to_string())
        .bind(&tenant.customer)
        .bind(&tenant.slug)
        .bind(tenant.state.as_str())
        .bind(entitled_text(tenant.entitled.as_deref()))
        .bind(tenant.created_at.as_micros())
        .bind(&tenant.created_by)
        .execute(&mut *tx)
        .await
        .map_err(StoreError::statement(WHAT))?;
        if added.rows_affected() == 0 {
            return Ok(false);
        }
        ring_begin_tx(&mut tx, tenant.id, catalog, tenant.created_at).await?;
        for secret in secrets {
            secret_add_tx(&mut tx, secret).await?;
        }
        tx.commit().await.map_err(StoreError::statement(WHAT))?;
        Ok(true)
    }

    /// The tenants by name; those that are no more, too, if they are asked for.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn tenant_list(&self, with_deleted: bool) -> Result<Vec<Tenant>, StoreError> {
        let rows: Vec<TenantRow> = sqlx::query_as(
            "select id, customer, slug, state, entitled, created_at, created_by
             from tenant
             where state <> 'deleted' or $1
             order by customer, id",
        )
        .bind(with_deleted)
        .fetch_all(self.reader())
        .await
        .map_err(StoreError::statement("list tenants"))?;
        rows.into_iter().map(Tenant::try_from).collect()
    }

    /// The tenant of that name, unless it is no more.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn tenant_find(&self, customer: &str) -> Result<Option<Tenant>, StoreError> {
        let row: Option<TenantRow> = sqlx::query_as(
            "select id, customer, slug, state, entitled, created_at, created_by
             from tenant
             where customer = $1 and state <> 'deleted'",
        )
        .bind(customer)
        .fetch_optional(self.reader())
        .await
        .map_err(StoreError::statement("find a tenant"))?;
        row.map(Tenant::try_from).transpose()
    }

    /// Lets a tenant stand differently. An active one reads `catalog` from now on, any other nothing; one that is
    /// deleted has no secrets any more. False, and nothing is changed, if [`Db::tenancy_mark`] is not `as_of` any more.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn tenant_stand(
        &self,
        (id, as_of): (TenantId, Option<&str>),
        state: TenantState,
        catalog: Option<&str>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        const WHAT: &str = "change a tenant";
        let mut tx = self.begin(WHAT).await?;
        if !is_as_of_tx(&mut tx, as_of).await? {
            return Ok(false);
        }
        sqlx::query(
            "update tenant
             set state = $1
             where id = $2 and state <> 'deleted'",
        )
        .bind(state.as_str())
        .bind(id.to_string())
        .execute(&mut *tx)
        .await
        .map_err(StoreError::statement(WHAT))?;
        sqlx::query(
            "update tenant_ring
             set until_at = $1
             where tenant_id = $2 and until_at is null",
        )
        .bind(now.as_micros())
        .bind(id.to_string())
        .execute(&mut *tx)
        .await
        .map_err(StoreError::statement(WHAT))?;
        if let Some(catalog) = catalog.filter(|_| state == TenantState::Active) {
            ring_begin_tx(&mut tx, id, catalog, now).await?;
        }
        if state != TenantState::Active {
            catalogue_sessions_end_tx(&mut tx, id).await?;
        }
        if state == TenantState::Deleted {
            catalogue_access_remove_tx(&mut tx, id).await?;
            sqlx::query("delete from tenant_secret where tenant_id = $1")
                .bind(id.to_string())
                .execute(&mut *tx)
                .await
                .map_err(StoreError::statement(WHAT))?;
        }
        tx.commit().await.map_err(StoreError::statement(WHAT))?;
        Ok(true)
    }

    /// Says which items a tenant may have; all if no list is given. False, and nothing is changed, if
    /// [`Db::tenancy_mark`] is not `as_of` any more.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn tenant_entitle(
        &self,
        (id, as_of): (TenantId, Option<&str>),
        entitled: Option<&[String]>,
    ) -> Result<bool, StoreError> {
        const WHAT: &str = "entitle a tenant";
        let mut tx = self.begin(WHAT).await?;
        if !is_as_of_tx(&mut tx, as_of).await? {
            return Ok(false);
        }
        sqlx::query(
            "update tenant
             set entitled = $1
             where id = $2",
        )
        .bind(entitled_text(entitled))
        .bind(id.to_string())
        .execute(&mut *tx)
        .await
        .map_err(StoreError::statement(WHAT))?;
        tx.commit().await.map_err(StoreError::statement(WHAT))?;
        Ok(true)
    }

    /// Which rings tenants could read, and when; the oldest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn tenant_rings(&self) -> Result<Vec<TenantRing>, StoreError> {
        let rows: Vec<(String, String, i64, Option<i64>)> = sqlx::query_as(
            "select tenant_id, catalog, from_at, until_at
             from tenant_ring
             order by from_at, id",
        )
        .fetch_all(self.reader())
        .await
        .map_err(StoreError::statement("list the rings of tenants"))?;
        rows.into_iter()
            .map(|(tenant, catalog, from, until)| {
                Ok(TenantRing {
                    tenant: column::word("tenant_ring.tenant_id", &tenant)?,
                    catalog,
                    from: Timestamp::from_micros(from),
                    until: until.map(Timestamp::from_micros),
                })
            })
            .collect()
    }

    /// Which rings a tenant could read, and when; the oldest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn tenant_rings_of(&self, tenant: TenantId) -> Result<Vec<TenantRing>, StoreError> {
        let rows: Vec<(String, i64, Option<i64>)> = sqlx::query_as(
            "select catalog, from_at, until_at
             from tenant_ring
             where tenant_id = $1
             order by from_at, id",
        )
        .bind(tenant.to_string())
        .fetch_all(self.reader())
        .await
        .map_err(StoreError::statement("list the rings of a tenant"))?;
        let ring = |(catalog, from, until): (String, i64, Option<i64>)| TenantRing {
            tenant,
            catalog,
            from: Timestamp::from_micros(from),
            until: until.map(Timestamp::from_micros),
        };
        Ok(rows.into_iter().map(ring).collect())
    }

    /// Puts a secret in the place of the one of its kind, which is taken until `old_until` beside it.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn tenant_secret_replace(
        &self,
        secret: &SealedSecret,
        old_until: Timestamp,
    ) -> Result<(), StoreError> {
        const WHAT: &str = "replace a secret of a tenant";
        let mut tx = self.begin(WHAT).await?;
        sqlx::query(
            "update tenant_secret
             set valid_until = $1
             where tenant_id = $2 and kind = $3 and (valid_until is null or valid_until > $1)",
        )
        .bind(old_until.as_micros())
        .bind(secret.tenant.to_string())
        .bind(&secret.kind)
        .execute(&mut *tx)
        .await
        .map_err(StoreError::statement(WHAT))?;
        secret_add_tx(&mut tx, secret).await?;
        tx.commit().await.map_err(StoreError::statement(WHAT))
    }

    /// The secrets of a tenant, or of all, that are taken at `now`; the newest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn tenant_secrets(
        &self,
        tenant: Option<TenantId>,
        now: Timestamp,
    ) -> Result<Vec<SealedSecret>, StoreError> {
        let tenant = tenant.map_or_else(String::new, |id| id.to_string());
        let rows: Vec<SecretRow> = sqlx::query_as(
            "select id, tenant_id, kind, sealed, key_id, made_at, valid_until
             from tenant_secret
             where ($1 = '' or tenant_id = $1) and (valid_until is null or valid_until > $2)
             order by made_at desc, id desc",
        )
        .bind(tenant)
        .bind(now.as_micros())
        .fetch_all(self.reader())
        .await
        .map_err(StoreError::statement("read the secrets of tenants"))?;
        rows.into_iter().map(SealedSecret::try_from).collect()
    }

    /// Removes secrets that are taken no more at `now`; answers how many.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn tenant_secrets_forget(&self, now: Timestamp) -> Result<u64, StoreError> {
        const WHAT: &str = "forget secrets of tenants";
        let mut tx = self.begin(WHAT).await?;
        let forgotten = sqlx::query("delete from tenant_secret where valid_until <= $1")
            .bind(now.as_micros())
            .execute(&mut *tx)
            .await
            .map_err(StoreError::statement(WHAT))?;
        tx.commit().await.map_err(StoreError::statement(WHAT))?;
        Ok(forgotten.rows_affected())
    }

    /// Writes secrets sealed anew, all or none; one that was replaced meanwhile is gone, and stays so.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn tenant_secrets_reseal(&self, secrets: &[SealedSecret]) -> Result<(), StoreError> {
        const WHAT: &str = "seal the secrets of tenants anew";
        let mut tx = self.begin(WHAT).await?;
        for secret in secrets {
            sqlx::query(
                "update tenant_secret
                 set sealed = $1, key_id = $2
                 where id = $3",
            )
            .bind(&secret.sealed)
            .bind(&secret.key_id)
            .bind(secret.id.to_string())
            .execute(&mut *tx)
            .await
            .map_err(StoreError::statement(WHAT))?;
        }
        tx.commit().await.map_err(StoreError::statement(WHAT))
    }
}

fn entitled_text(entitled: Option<&[String]>) -> Option<String> {
    entitled.map(|names| serde_json::Value::from(names.to_vec()).to_string())
}

async fn ring_begin_tx(
    tx: &mut Tx,
    tenant: TenantId,
    catalog: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "insert into tenant_ring (tenant_id, catalog, from_at)
         values ($1, $2, $3)",
    )
    .bind(tenant.to_string())
    .bind(catalog)
    .bind(now.as_micros())
    .execute(&mut **tx)
    .await
    .map_err(StoreError::statement("note the ring of a tenant"))?;
    Ok(())
}

async fn secret_add_tx(tx: &mut Tx, secret: &SealedSecret) -> Result<(), StoreError> {
    sqlx::query(
        "insert into tenant_secret (id, tenant_id, kind, sealed, key_id, made_at, valid_until)
         values ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(secret.id.to_string())
    .bind(secret.tenant.to_string())
    .bind(&secret.kind)
    .bind(&secret.sealed)
    .bind(&secret.key_id)
    .bind(secret.made_at.as_micros())
    .bind(secret.valid_until.map(Timestamp::as_micros))
    .execute(&mut **tx)
    .await
    .map_err(StoreError::statement("add a secret of a tenant"))?;
    Ok(())
}
