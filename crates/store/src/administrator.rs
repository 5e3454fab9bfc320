//! People who sign in to the administration pages, and who of them is signed in.

use std::str::FromStr;

use model::{AdministratorId, Timestamp, UnknownWord};

use crate::{Db, StoreError, administrator_session::sessions_end_tx, column};

/// Somebody who may sign in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Administrator {
    /// Its name here.
    pub id: AdministratorId,
    /// The user ID.
    pub name: String,
    /// What it may do, as its rules call it.
    pub role: String,
    /// Whether it may sign in at all.
    pub state: AdministratorState,
    /// How often in a row somebody has failed to sign in as this one.
    pub failures: u32,
    /// Until when nobody can sign in as this one.
    pub locked_until: Option<Timestamp>,
    /// When it was made.
    pub made_at: Timestamp,
    /// By whom.
    pub made_by: String,
}

/// What somebody proves with who they are.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Proof {
    /// The digest of the password, as a PHC string.
    pub password: String,
    /// What one-time codes are made of, sealed.
    pub code_secret: String,
    /// The key that opens it.
    pub key_id: String,
}

/// Whether somebody may sign in at all.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AdministratorState {
    /// It may.
    Active,
    /// It may not.
    Disabled,
}

impl AdministratorState {
    /// The name used in tables, logs and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }
}

impl FromStr for AdministratorState {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        [Self::Active, Self::Disabled]
            .into_iter()
            .find(|state| state.as_str() == word)
            .ok_or_else(|| UnknownWord {
                list: "state of an administrator",
                word: word.to_owned(),
            })
    }
}

/// When a number of failures locks somebody out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LockRule {
    /// How many failures.
    pub failures: u32,
    /// Until when.
    pub until: Timestamp,
}

#[derive(sqlx::FromRow)]
pub(crate) struct AdministratorRow {
    id: String,
    name: String,
    role: String,
    state: String,
    failures: i64,
    locked_until: Option<i64>,
    made_at: i64,
    made_by: String,
}

impl TryFrom<AdministratorRow> for Administrator {
    type Error = StoreError;

    fn try_from(row: AdministratorRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: column::word("administrator.id", &row.id)?,
            name: row.name,
            role: row.role,
            state: column::word("administrator.state", &row.state)?,
            failures: column::count("administrator.failures", row.failures)?,
            locked_until: row.locked_until.map(Timestamp::from_micros),
            made_at: Timestamp::from_micros(row.made_at),
            made_by: row.made_by,
        })
    }
}

#[derive(sqlx::FromRow)]
struct ProofRow {
    password: String,
    code_secret: String,
    key_id: String,
}

impl From<ProofRow> for Proof {
    fn from(row: ProofRow) -> Self {
        Self {
            password: row.password,
            code_secret: row.code_secret,
            key_id: row.key_id,
        }
    }
}

impl Db {
    /// Adds somebody; false if there is one of that name.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn administrator_add(
        &self,
        administrator: &Administrator,
        proof: &Proof,
    ) -> Result<bool, StoreError> {
        let added = sqlx::query(
            "insert into administrator
                 (id, name, role, state, password, code_secret, key_id, last_step, failures, made_at, made_by)
             values ($1, $2, $3, $4, $5, $6, $7, 0, 0, $8, $9)
             on conflict (name) do nothing",
        )
        .bind(administrator.id.to_string())
        .bind(&administrator.name)
        .bind(&administrator.role)
        .bind(administrator.state.as_str())
        .bind(&proof.password)
        .bind(&proof.code_secret)
        .bind(&proof.key_id)
        .bind(administrator.made_at.as_micros())
        .bind(&administrator.made_by)
        .execute(self.writer())
        .await
        .map_err(StoreError::statement("add an administrator"))?;
        Ok(added.rows_affected() == 1)
    }

    /// Everybody, by name.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn administrator_list(&self) -> Result<Vec<Administrator>, StoreError> {
        let rows: Vec<AdministratorRow> = sqlx::query_as(
            "select id, name, role, state, failures, locked_until, made_at, made_by
             from administrator
             order by name",
        )
        .fetch_all(self.reader())
        .await
        .map_err(StoreError::statement("list administrators"))?;
        rows.into_iter().map(Administrator::try_from).collect()
    }

    /// The one of that name, if there is one.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn administrator_find(
        &self,
        name: &str,
    ) -> Result<Option<Administrator>, StoreError> {
        let row: Option<AdministratorRow> = sqlx::query_as(
            "select id, name, role, state, failures, locked_until, made_at, made_by
             from administrator
             where name = $1",
        )
        .bind(name)
        .fetch_optional(self.reader())
        .await
        .map_err(StoreError::statement("find an administrator"))?;
        row.map(Administrator::try_from).transpose()
    }

    /// What somebody proves with who they are.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn administrator_proof(
        &self,
        id: AdministratorId,
    ) -> Result<Option<Proof>, StoreError> {
        let row: Option<ProofRow> =
            sqlx::query_as("select password, code_secret, key_id from administrator where id = $1")
                .bind(id.to_string())
                .fetch_optional(self.reader())
                .await
                .map_err(StoreError::statement("read what an administrator proves"))?;
        Ok(row.map(Proof::from))
    }

    /// Gives somebody other proofs, and signs them out everywhere. Codes of the earlier secret are taken no more, and
    /// what locked them out is over.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn administrator_prove_anew(
        &self,
        id: AdministratorId,
        proof: &Proof,
    ) -> Result<(), StoreError> {
        const WHAT: &str = "change what an administrator proves";
        let mut tx = self.begin(WHAT).await?;
        sqlx::query(
            "update administrator
             set password = $2, code_secret = $3, key_id = $4, failures = 0, locked_until = null
             where id = $1",
        )
        .bind(id.to_string())
        .bind(&proof.password)
        .bind(&proof.code_secret)
        .bind(&proof.key_id)
        .execute(&mut *tx)
        .await
        .map_err(StoreError::statement(WHAT))?;
        sessions_end_tx(&mut tx, id).await?;
        tx.commit().await.map_err(StoreError::statement(WHAT))
    }

    /// Seals the secret of somebody's codes anew, if it is what it was.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn administrator_reseal(
        &self,
        id: AdministratorId,
        was: &Proof,
        sealed: &str,
        key_id: &str,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "update administrator
             set code_secret = $3, key_id = $4
             where id = $1 and code_secret = $2",
        )
        .bind(id.to_string())
        .bind(&was.code_secret)
        .bind(sealed)
        .bind(key_id)
        .execute(self.writer())
        .await
        .map_err(StoreError::statement("seal secrets of administrators anew"))?;
        Ok(())
    }

    /// Says what somebody may do, and whether they may sign in at all; who may not is signed out everywhere. False, and
    /// nothing is changed, if nobody of the role `needed` who may sign in would be left.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn administrator_stand(
        &self,
        id: AdministratorId,
        (role, state): (&str, AdministratorState),
        needed: &str,
    ) -> Result<bool, StoreError> {
        const WHAT: &str = "change an administrator";
        let mut tx = self.begin(WHAT).await?;
        let changed = sqlx::query(
            "update administrator
             set role = $2, state = $3
             where id = $1
               and (($2 = $4 and $3 = 'active')
                    or exists (select 1
                               from administrator other
                               where other.id <> $1 and other.role = $4 and other.state = 'active'))",
        )
        .bind(id.to_string())
        .bind(role)
        .bind(state.as_str())
        .bind(needed)
        .execute(&mut *tx)
        .await
        .map_err(StoreError::statement(WHAT))?;
        if changed.rows_affected() == 0 {
            return Ok(false);
        }
        if state == AdministratorState::Disabled {
            sessions_end_tx(&mut tx, id).await?;
        }
        tx.commit().await.map_err(StoreError::statement(WHAT))?;
        Ok(true)
    }

    /// Ends what locked somebody out.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn administrator_unlock(&self, id: AdministratorId) -> Result<(), StoreError> {
        sqlx::query("update administrator set failures = 0, locked_until = null where id = $1")
            .bind(id.to_string())
            .execute(self.writer())
            .await
            .map_err(StoreError::statement("unlock an administrator"))?;
        Ok(())
    }

    /// Counts a failure to sign in; with as many as the rule says nobody can sign in as this one until then. Answers
    /// whether that is so from now on.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn administrator_fail(
        &self,
        id: AdministratorId,
        rule: LockRule,
    ) -> Result<bool, StoreError> {
        let locked: Option<i64> = sqlx::query_scalar(
            "update administrator
             set failures = case when failures + 1 >= $2 then 0 else failures + 1 end,
                 locked_until = case when failures + 1 >= $2 then $3 else locked_until end
             where id = $1
             returning cast(case when failures = 0 then 1 else 0 end as bigint)",
        )
        .bind(id.to_string())
        .bind(i64::from(rule.failures))
        .bind(rule.until.as_micros())
        .fetch_optional(self.writer())
        .await
        .map_err(StoreError::statement("count a failure to sign in"))?;
        Ok(locked == Some(1))
    }

    /// Lets somebody in whose code is of `step`, under the session `session`; false if a code of that step or a later one
    /// was used before, by whichever node, or if they may not sign in at `now`.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn administrator_admit(
        &self,
        id: AdministratorId,
        step: u64,
        session: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        const WHAT: &str = "sign an administrator in";
        let mut tx = self.begin(WHAT).await?;
        let admitted = sqlx::query(
            "update administrator
             set last_step = $2, failures = 0, locked_until = null
             where id = $1 and last_step < $2 and state = 'active' and (locked_until is null or locked_until <= $3)",
        )
        .bind(id.to_string())
        .bind(i64::try_from(step).unwrap_or(i64::MAX))
        .bind(now.as_micros())
        .execute(&mut *tx)
        .await
        .map_err(StoreError::statement(WHAT))?;
        if admitted.rows_affected() != 1 {
            return Ok(false);
        }
        sqlx::query(
            "insert into administrator_session (id, administrator_id, began_at, seen_at)
             values ($1, $2, $3, $3)",
        )
        .bind(session)
        .bind(id.to_string())
        .bind(now.as_micros())
        .execute(&mut *tx)
        .await
        .map_err(StoreError::statement(WHAT))?;
        tx.commit().await.map_err(StoreError::statement(WHAT))?;
        Ok(true)
    }
}
