//! Who of those who administer is signed in.

use model::{AdministratorId, Timestamp};

use crate::{Administrator, Db, StoreError, administrator::AdministratorRow, db::Tx};

/// That somebody is signed in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AdministratorSession {
    /// Who.
    pub administrator: Administrator,
    /// Since when.
    pub began_at: Timestamp,
    /// When it was last heard of.
    pub seen_at: Timestamp,
}

impl Db {
    /// Whose session it is, if it began after `began_after` and was heard of after `seen_after`.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn administrator_session(
        &self,
        session: &str,
        began_after: Timestamp,
        seen_after: Timestamp,
    ) -> Result<Option<AdministratorSession>, StoreError> {
        const WHAT: &str = "look for a session";
        let times: Option<(String, i64, i64)> = sqlx::query_as(
            "select administrator_id, began_at, seen_at
             from administrator_session
             where id = $1 and began_at > $2 and seen_at > $3",
        )
        .bind(session)
        .bind(began_after.as_micros())
        .bind(seen_after.as_micros())
        .fetch_optional(self.reader())
        .await
        .map_err(StoreError::statement(WHAT))?;
        let Some((id, began_at, seen_at)) = times else {
            return Ok(None);
        };
        let row: Option<AdministratorRow> = sqlx::query_as(
            "select id, name, role, state, failures, locked_until, made_at, made_by
             from administrator
             where id = $1 and state = 'active'",
        )
        .bind(id)
        .fetch_optional(self.reader())
        .await
        .map_err(StoreError::statement(WHAT))?;
        let Some(row) = row else {
            return Ok(None);
        };
        Ok(Some(AdministratorSession {
            administrator: Administrator::try_from(row)?,
            began_at: Timestamp::from_micros(began_at),
            seen_at: Timestamp::from_micros(seen_at),
        }))
    }

    /// Notes that a session was heard of.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn administrator_session_seen(
        &self,
        session: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query("update administrator_session set seen_at = $2 where id = $1 and seen_at < $2")
            .bind(session)
            .bind(now.as_micros())
            .execute(self.writer())
            .await
            .map_err(StoreError::statement("note a session"))?;
        Ok(())
    }

    /// Ends a session.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn administrator_session_end(&self, session: &str) -> Result<(), StoreError> {
        sqlx::query("delete from administrator_session where id = $1")
            .bind(session)
            .execute(self.writer())
            .await
            .map_err(StoreError::statement("end a session"))?;
        Ok(())
    }

    /// Forgets sessions that were not heard of since `before`; answers how many.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn administrator_sessions_forget(
        &self,
        before: Timestamp,
    ) -> Result<u64, StoreError> {
        let forgotten = sqlx::query("delete from administrator_session where seen_at < $1")
            .bind(before.as_micros())
            .execute(self.writer())
            .await
            .map_err(StoreError::statement("forget sessions"))?;
        Ok(forgotten.rows_affected())
    }
}

/// Signs somebody out everywhere.
pub(crate) async fn sessions_end_tx(
    tx: &mut Tx,
    administrator: AdministratorId,
) -> Result<(), StoreError> {
    sqlx::query("delete from administrator_session where administrator_id = $1")
        .bind(administrator.to_string())
        .execute(&mut **tx)
        .await
        .map_err(StoreError::statement(
            "end the sessions of an administrator",
        ))?;
    Ok(())
}
