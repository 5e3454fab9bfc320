//! What programs call the API with.

use model::{Sha256, Timestamp, TokenId};

use crate::{Db, StoreError, column};

/// A token, without that itself, which is kept nowhere.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ApiToken {
    /// Its name here.
    pub id: TokenId,
    /// What people call it.
    pub name: String,
    /// The digest of what is sent.
    pub digest: Sha256,
    /// What may be done with it, as the rules call it.
    pub role: String,
    /// When it was made.
    pub made_at: Timestamp,
    /// By whom.
    pub made_by: String,
    /// Until when it is taken; always if nothing.
    pub expires_at: Option<Timestamp>,
    /// When it was used last, to the minute.
    pub used_at: Option<Timestamp>,
    /// Since when it is not taken any more.
    pub revoked_at: Option<Timestamp>,
    /// Who has said so.
    pub revoked_by: Option<String>,
}

#[derive(sqlx::FromRow)]
struct TokenRow {
    id: String,
    name: String,
    digest: String,
    role: String,
    made_at: i64,
    made_by: String,
    expires_at: Option<i64>,
    used_at: Option<i64>,
    revoked_at: Option<i64>,
    revoked_by: Option<String>,
}

impl TryFrom<TokenRow> for ApiToken {
    type Error = StoreError;

    fn try_from(row: TokenRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: column::word("api_token.id", &row.id)?,
            name: row.name,
            digest: column::word("api_token.digest", &row.digest)?,
            role: row.role,
            made_at: Timestamp::from_micros(row.made_at),
            made_by: row.made_by,
            expires_at: row.expires_at.map(Timestamp::from_micros),
            used_at: row.used_at.map(Timestamp::from_micros),
            revoked_at: row.revoked_at.map(Timestamp::from_micros),
            revoked_by: row.revoked_by,
        })
    }
}

impl Db {
    /// Adds a token; false if there is one of that name that is not revoked.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn api_token_add(&self, token: &ApiToken) -> Result<bool, StoreError> {
        let added = sqlx::query(
            "insert into api_token (id, name, digest, role, made_at, made_by, expires_at)
             values ($1, $2, $3, $4, $5, $6, $7)
             on conflict do nothing",
        )
        .bind(token.id.to_string())
        .bind(&token.name)
        .bind(token.digest.to_string())
        .bind(&token.role)
        .bind(token.made_at.as_micros())
        .bind(&token.made_by)
        .bind(token.expires_at.map(Timestamp::as_micros))
        .execute(self.writer())
        .await
        .map_err(StoreError::statement("add a token"))?;
        Ok(added.rows_affected() == 1)
    }

    /// Every token that there ever was, by name, the oldest of a name first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn api_token_list(&self) -> Result<Vec<ApiToken>, StoreError> {
        let rows: Vec<TokenRow> = sqlx::query_as(
            "select id, name, digest, role, made_at, made_by, expires_at, used_at, revoked_at, revoked_by
             from api_token
             order by name, id",
        )
        .fetch_all(self.reader())
        .await
        .map_err(StoreError::statement("list tokens"))?;
        rows.into_iter().map(ApiToken::try_from).collect()
    }

    /// The token with that digest, whether or not it is taken.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn api_token_find(&self, digest: &Sha256) -> Result<Option<ApiToken>, StoreError> {
        let row: Option<TokenRow> = sqlx::query_as(
            "select id, name, digest, role, made_at, made_by, expires_at, used_at, revoked_at, revoked_by
             from api_token
             where digest = $1",
        )
        .bind(digest.to_string())
        .fetch_optional(self.reader())
        .await
        .map_err(StoreError::statement("look for a token"))?;
        row.map(ApiToken::try_from).transpose()
    }

    /// Notes that a token was used.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn api_token_used(&self, id: TokenId, now: Timestamp) -> Result<(), StoreError> {
        sqlx::query(
            "update api_token
             set used_at = $2
             where id = $1 and (used_at is null or used_at < $2)",
        )
        .bind(id.to_string())
        .bind(now.as_micros())
        .execute(self.writer())
        .await
        .map_err(StoreError::statement("note the use of a token"))?;
        Ok(())
    }

    /// Takes the token of that name no more; false if there is none, or it is revoked already.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn api_token_revoke(
        &self,
        name: &str,
        by: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let revoked = sqlx::query(
            "update api_token
             set revoked_at = $2, revoked_by = $3
             where name = $1 and revoked_at is null",
        )
        .bind(name)
        .bind(now.as_micros())
        .bind(by)
        .execute(self.writer())
        .await
        .map_err(StoreError::statement("revoke a token"))?;
        Ok(revoked.rows_affected() == 1)
    }
}
