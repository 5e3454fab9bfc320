//! What changes were answered that came with a key, so that each is done once.

use model::{Sha256, Timestamp, TokenId};

use crate::{Db, StoreError, column};

/// A key that came with a change, and with what.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AnswerKey {
    /// Who sent it.
    pub token: TokenId,
    /// The key.
    pub key: String,
    /// The digest of everything that was asked with it.
    pub asked: Sha256,
}

/// An answer that cannot be read without its key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SealedAnswer {
    /// The sealed answer.
    pub sealed: String,
    /// The key that opens it.
    pub key_id: String,
}

/// How it stands with a key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum AnswerState {
    /// It has not come before: whoever asks has it now.
    New,
    /// This was answered to it.
    Answered(SealedAnswer),
    /// It came with something else.
    Different,
    /// It is being done at this very moment.
    UnderWay,
}

#[derive(sqlx::FromRow)]
struct AnswerRow {
    asked: String,
    sealed: Option<String>,
    key_id: Option<String>,
}

impl Db {
    /// Takes a key, unless somebody has it. What was not answered since `lost` is taken over: whoever had it is gone.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn api_answer_begin(
        &self,
        key: &AnswerKey,
        now: Timestamp,
        lost: Timestamp,
    ) -> Result<AnswerState, StoreError> {
        const WHAT: &str = "take a key";
        let mut tx = self.begin(WHAT).await?;
        let found: Option<AnswerRow> = sqlx::query_as(
            "select asked, sealed, key_id
             from api_answer
             where token_id = $1 and key = $2 and (sealed is not null or asked_at > $3)",
        )
        .bind(key.token.to_string())
        .bind(&key.key)
        .bind(lost.as_micros())
        .fetch_optional(&mut *tx)
        .await
        .map_err(StoreError::statement(WHAT))?;
        if let Some(found) = found {
            let asked: Sha256 = column::word("api_answer.asked", &found.asked)?;
            return Ok(match (found.sealed, found.key_id) {
                _ if asked != key.asked => AnswerState::Different,
                (Some(sealed), Some(key_id)) => {
                    AnswerState::Answered(SealedAnswer { sealed, key_id })
                }
                _ => AnswerState::UnderWay,
            });
        }
        sqlx::query(
            "insert into api_answer (token_id, key, asked, asked_at)
             values ($1, $2, $3, $4)
             on conflict (token_id, key) do update
             set asked = excluded.asked, asked_at = excluded.asked_at",
        )
        .bind(key.token.to_string())
        .bind(&key.key)
        .bind(key.asked.to_string())
        .bind(now.as_micros())
        .execute(&mut *tx)
        .await
        .map_err(StoreError::statement(WHAT))?;
        tx.commit().await.map_err(StoreError::statement(WHAT))?;
        Ok(AnswerState::New)
    }

    /// Keeps what was answered to a key.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn api_answer_keep(
        &self,
        key: &AnswerKey,
        answer: &SealedAnswer,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "update api_answer
             set sealed = $4, key_id = $5
             where token_id = $1 and key = $2 and asked = $3 and sealed is null",
        )
        .bind(key.token.to_string())
        .bind(&key.key)
        .bind(key.asked.to_string())
        .bind(&answer.sealed)
        .bind(&answer.key_id)
        .execute(self.writer())
        .await
        .map_err(StoreError::statement("keep an answer"))?;
        Ok(())
    }

    /// Gives a key back that nothing came of, so that it can be tried again.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn api_answer_drop(&self, key: &AnswerKey) -> Result<(), StoreError> {
        sqlx::query("delete from api_answer where token_id = $1 and key = $2 and sealed is null")
            .bind(key.token.to_string())
            .bind(&key.key)
            .execute(self.writer())
            .await
            .map_err(StoreError::statement("give a key back"))?;
        Ok(())
    }

    /// Forgets answers to what was asked before `before`; answers how many.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn api_answer_forget(&self, before: Timestamp) -> Result<u64, StoreError> {
        let forgotten = sqlx::query("delete from api_answer where asked_at < $1")
            .bind(before.as_micros())
            .execute(self.writer())
            .await
            .map_err(StoreError::statement("forget answers"))?;
        Ok(forgotten.rows_affected())
    }

    /// The keys that answers are sealed with.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn api_answer_keys(&self) -> Result<Vec<String>, StoreError> {
        sqlx::query_scalar("select distinct key_id from api_answer where key_id is not null")
            .fetch_all(self.reader())
            .await
            .map_err(StoreError::statement("list the keys of answers"))
    }
}
