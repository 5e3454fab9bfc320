//! Changes of the repository that no run has published.

use std::str::FromStr;

use model::{ChangeSetId, Timestamp, UnknownWord};
use serde_json::Value;

use crate::{Db, RingStay, StoreError, column, ring};

/// A change of the repository that no run has published.
#[derive(Clone, Debug, PartialEq)]
pub struct RepositoryChange {
    /// The change set.
    pub change_set: ChangeSetId,
    /// What it does, why, and for whom.
    pub told: Value,
    /// What became of it.
    pub state: ChangeState,
    /// When it was begun.
    pub started_at: Timestamp,
    /// When that was known.
    pub finished_at: Option<Timestamp>,
}

/// What became of a change.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ChangeState {
    /// The repository is as it says.
    Done,
    /// The repository is as it was before.
    RolledBack,
    /// It is under way, or a crash has interrupted it.
    Started,
}

impl ChangeState {
    const ALL: [Self; 3] = [Self::Done, Self::RolledBack, Self::Started];

    /// The name used in tables, logs and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::RolledBack => "rolled-back",
            Self::Started => "started",
        }
    }
}

impl FromStr for ChangeState {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == word)
            .ok_or_else(|| UnknownWord {
                list: "state of a change",
                word: word.to_owned(),
            })
    }
}

#[derive(sqlx::FromRow)]
struct ChangeRow {
    change_set_id: String,
    told: String,
    state: String,
    started_at: i64,
    finished_at: Option<i64>,
}

impl TryFrom<ChangeRow> for RepositoryChange {
    type Error = StoreError;

    fn try_from(row: ChangeRow) -> Result<Self, StoreError> {
        Ok(Self {
            change_set: column::word("repository_change.change_set_id", &row.change_set_id)?,
            told: column::json("repository_change.told", &row.told)?,
            state: column::word("repository_change.state", &row.state)?,
            started_at: Timestamp::from_micros(row.started_at),
            finished_at: row.finished_at.map(Timestamp::from_micros),
        })
    }
}

impl Db {
    /// Notes that a change set is about to be applied.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn change_begin(
        &self,
        change_set: ChangeSetId,
        told: &Value,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "insert into repository_change (change_set_id, told, state, started_at)
             values ($1, $2, 'started', $3)",
        )
        .bind(change_set.to_string())
        .bind(told.to_string())
        .bind(now.as_micros())
        .execute(self.writer())
        .await
        .map_err(StoreError::statement("begin a change of the repository"))?;
        Ok(())
    }

    /// Notes that a change set was applied, and which stays in catalogs began and ended by that. It may have been taken
    /// for lost before; doing so twice changes nothing.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn change_finish(
        &self,
        change_set: ChangeSetId,
        stays: &[RingStay],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        const WHAT: &str = "end a change of the repository";
        let mut tx = self.begin(WHAT).await?;
        sqlx::query(
            "update repository_change
             set state = 'done', finished_at = $1
             where change_set_id = $2 and state <> 'done'",
        )
        .bind(now.as_micros())
        .bind(change_set.to_string())
        .execute(&mut *tx)
        .await
        .map_err(StoreError::statement(WHAT))?;
        ring::stay_note_tx(&mut tx, stays).await?;
        tx.commit().await.map_err(StoreError::statement(WHAT))
    }

    /// Notes that a change set was not applied.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn change_roll_back(
        &self,
        change_set: ChangeSetId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "update repository_change
             set state = 'rolled-back', finished_at = $1
             where change_set_id = $2 and state = 'started'",
        )
        .bind(now.as_micros())
        .bind(change_set.to_string())
        .execute(self.writer())
        .await
        .map_err(StoreError::statement(
            "take a change of the repository back",
        ))?;
        Ok(())
    }

    /// Changes, the newest first: at most `limit` of them.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn change_list(&self, limit: u32) -> Result<Vec<RepositoryChange>, StoreError> {
        let rows: Vec<ChangeRow> = sqlx::query_as(
            "select change_set_id, told, state, started_at, finished_at
             from repository_change
             order by change_set_id desc
             limit $1",
        )
        .bind(i64::from(limit))
        .fetch_all(self.reader())
        .await
        .map_err(StoreError::statement("list changes of the repository"))?;
        rows.into_iter().map(RepositoryChange::try_from).collect()
    }

    /// Changes of which it is not known what became of them.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn change_list_open(&self) -> Result<Vec<RepositoryChange>, StoreError> {
        let rows: Vec<ChangeRow> = sqlx::query_as(
            "select change_set_id, told, state, started_at, finished_at
             from repository_change
             where state = 'started'
             order by change_set_id",
        )
        .fetch_all(self.reader())
        .await
        .map_err(StoreError::statement(
            "list interrupted changes of the repository",
        ))?;
        rows.into_iter().map(RepositoryChange::try_from).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn what_became_of_a_change_is_noted_once() {
        let (_folder, db) = crate::testing::database().await;
        let (first, second) = (ChangeSetId::new(), ChangeSetId::new());
        let at = Timestamp::from_secs;
        for id in [first, second] {
            db.change_begin(id, &json!({"what": "moved"}), at(1))
                .await
                .unwrap();
        }
        assert_eq!(db.change_list_open().await.unwrap().len(), 2);
        db.change_finish(first, &[], at(2)).await.unwrap();
        db.change_finish(first, &[], at(3)).await.unwrap();
        db.change_roll_back(first, at(4)).await.unwrap();
        // Taken for lost while another process was at it: that it was done counts.
        db.change_roll_back(second, at(5)).await.unwrap();
        db.change_finish(second, &[], at(6)).await.unwrap();
        assert_eq!(db.change_list_open().await.unwrap(), []);
        let listed = db.change_list(9).await.unwrap();
        let listed: Vec<_> = listed
            .iter()
            .map(|change| (change.change_set, change.state, change.finished_at))
            .collect();
        assert_eq!(
            listed,
            [
                (second, ChangeState::Done, Some(at(6))),
                (first, ChangeState::Done, Some(at(2))),
            ]
        );
        assert_eq!(db.change_list(1).await.unwrap().len(), 1);
    }
}
