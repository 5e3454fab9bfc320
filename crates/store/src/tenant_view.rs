//! What has to be known of a tenant to let somebody in: how it stands, what it reads, and its sealed secrets, in one go.

use model::Timestamp;

use crate::{Db, SealedSecret, StoreError, Tenant, column};

/// By what a tenant is asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TenantKey<'a> {
    /// By its customer ID.
    Customer(&'a str),
    /// By the name of its view.
    Slug(&'a str),
}

/// A tenant as who lets people in has to know it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TenantView {
    /// The tenant.
    pub tenant: Tenant,
    /// The catalog it reads, if it may read any.
    pub catalog: Option<String>,
    /// Its secrets that are taken, the newest first.
    pub secrets: Vec<SealedSecret>,
}

#[derive(sqlx::FromRow)]
struct ViewRow {
    id: String,
    customer: String,
    slug: String,
    state: String,
    entitled: Option<String>,
    created_at: i64,
    created_by: String,
    catalog: Option<String>,
    secret_id: Option<String>,
    kind: Option<String>,
    sealed: Option<String>,
    key_id: Option<String>,
    made_at: Option<i64>,
    valid_until: Option<i64>,
}

impl ViewRow {
    fn tenant(&self) -> Result<Tenant, StoreError> {
        let entitled = self.entitled.as_deref();
        Ok(Tenant {
            id: column::word("tenant.id", &self.id)?,
            customer: self.customer.clone(),
            slug: self.slug.clone(),
            state: column::word("tenant.state", &self.state)?,
            entitled: entitled
                .map(|text| column::json("tenant.entitled", text))
                .transpose()?,
            created_at: Timestamp::from_micros(self.created_at),
            created_by: self.created_by.clone(),
        })
    }

    /// The secret of this row, if it has one: a tenant without any has one row all the same.
    fn secret(self) -> Result<Option<SealedSecret>, StoreError> {
        let (Some(id), Some(kind), Some(sealed), Some(key_id), Some(made_at)) = (
            self.secret_id,
            self.kind,
            self.sealed,
            self.key_id,
            self.made_at,
        ) else {
            return Ok(None);
        };
        Ok(Some(SealedSecret {
            id: column::word("tenant_secret.id", &id)?,
            tenant: column::word("tenant.id", &self.id)?,
            kind,
            sealed,
            key_id,
            made_at: Timestamp::from_micros(made_at),
            valid_until: self.valid_until.map(Timestamp::from_micros),
        }))
    }
}

impl Db {
    /// The tenant of that key, unless it is no more, with the secrets that are taken at `now`.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn tenant_view(
        &self,
        key: TenantKey<'_>,
        now: Timestamp,
    ) -> Result<Option<TenantView>, StoreError> {
        // Neither is ever empty.
        let (customer, slug) = match key {
            TenantKey::Customer(customer) => (customer, ""),
            TenantKey::Slug(slug) => ("", slug),
        };
        let rows: Vec<ViewRow> = sqlx::query_as(
            "select tenant.id as id, customer, slug, state, entitled, created_at, created_by,
                    tenant_ring.catalog as catalog, tenant_secret.id as secret_id,
                    kind, sealed, key_id, made_at, valid_until
             from tenant
             left join tenant_ring
             on tenant_ring.tenant_id = tenant.id and tenant_ring.until_at is null
             left join tenant_secret
             on tenant_secret.tenant_id = tenant.id and (valid_until is null or valid_until > $3)
             where (customer = $1 or slug = $2) and state <> 'deleted'
             order by made_at desc, tenant_secret.id desc",
        )
        .bind(customer)
        .bind(slug)
        .bind(now.as_micros())
        .fetch_all(self.reader())
        .await
        .map_err(StoreError::statement("read what a tenant may do"))?;
        let Some(first) = rows.first() else {
            return Ok(None);
        };
        let (tenant, catalog) = (first.tenant()?, first.catalog.clone());
        let mut secrets = Vec::new();
        for row in rows {
            secrets.extend(row.secret()?);
        }
        Ok(Some(TenantView {
            tenant,
            catalog,
            secrets,
        }))
    }
}
