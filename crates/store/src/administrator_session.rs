//! Who of those who administer is signed in.

use model::{AdministratorId, Timestamp};

use crate::{Administrator, Db, StoreError, administrator::AdministratorRow, column, db::Tx};

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

/// How often somebody is signed in, and when they last were.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AdministratorPresence {
    /// Who.
    pub administrator: AdministratorId,
    /// The newest step of their one-time codes that was used; 0: none yet.
    pub last_step: u64,
    /// How many sessions of theirs go on.
    pub sessions: u32,
    /// When one of their sessions was last heard of, if there still is one.
    pub seen_at: Option<Timestamp>,
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

    /// How often everybody is signed in: sessions count that began after `began_after` and were heard of after
    /// `seen_after`.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn administrator_presence(
        &self,
        began_after: Timestamp,
        seen_after: Timestamp,
    ) -> Result<Vec<AdministratorPresence>, StoreError> {
        let rows: Vec<(String, i64, i64, Option<i64>)> = sqlx::query_as(
            "select administrator.id, administrator.last_step, count(session.id), max(session.seen_at)
             from administrator
             left join administrator_session as session
               on session.administrator_id = administrator.id
              and session.began_at > $1 and session.seen_at > $2
             group by administrator.id, administrator.last_step
             order by administrator.id",
        )
        .bind(began_after.as_micros())
        .bind(seen_after.as_micros())
        .fetch_all(self.reader())
        .await
        .map_err(StoreError::statement("look who is signed in"))?;
        let presence = |(id, last_step, sessions, seen_at): (String, i64, i64, Option<i64>)| {
            Ok(AdministratorPresence {
                administrator: column::word("administrator.id", &id)?,
                last_step: column::count("administrator.last_step", last_step)?,
                sessions: column::count("administrator_session.count", sessions)?,
                seen_at: seen_at.map(Timestamp::from_micros),
            })
        };
        rows.into_iter().map(presence).collect()
    }

    /// Signs somebody out everywhere.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn administrator_sessions_end(&self, id: AdministratorId) -> Result<(), StoreError> {
        const WHAT: &str = "sign an administrator out";
        let mut tx = self.begin(WHAT).await?;
        sessions_end_tx(&mut tx, id).await?;
        tx.commit().await.map_err(StoreError::statement(WHAT))
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
