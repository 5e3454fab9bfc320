//! Approvals: what was trusted, when and by whom.

use model::{ApprovalId, Timestamp, Title};
use serde_json::Value;

use crate::{Db, StoreError, column};

/// What was trusted of one override.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Approval {
    /// Its name.
    pub id: ApprovalId,
    /// The title.
    pub title: Title,
    /// Everything the plan reached, with digests, as its reader wrote it.
    pub closure: Value,
    /// When.
    pub approved_at: Timestamp,
    /// By whom.
    pub approved_by: String,
}

#[derive(sqlx::FromRow)]
struct ApprovalRow {
    id: String,
    title: String,
    closure: String,
    approved_at: i64,
    approved_by: String,
}

impl TryFrom<ApprovalRow> for Approval {
    type Error = StoreError;

    fn try_from(row: ApprovalRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: column::word("approval.id", &row.id)?,
            title: column::word("approval.title", &row.title)?,
            closure: column::json("approval.closure", &row.closure)?,
            approved_at: Timestamp::from_micros(row.approved_at),
            approved_by: row.approved_by,
        })
    }
}

impl Db {
    /// Records an approval; it replaces older ones of the title, which stay on record.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn approval_record(
        &self,
        title: &Title,
        closure: &Value,
        approved_by: &str,
        now: Timestamp,
    ) -> Result<ApprovalId, StoreError> {
        let id = ApprovalId::new();
        sqlx::query(
            "insert into approval (id, title, closure, approved_at, approved_by)
             values ($1, $2, $3, $4, $5)",
        )
        .bind(id.to_string())
        .bind(title.as_str())
        .bind(closure.to_string())
        .bind(now.as_micros())
        .bind(approved_by)
        .execute(self.writer())
        .await
        .map_err(StoreError::statement("record an approval"))?;
        Ok(id)
    }

    /// The approval of `title` that holds, if there is one.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn approval_find(&self, title: &Title) -> Result<Option<Approval>, StoreError> {
        let row: Option<ApprovalRow> = sqlx::query_as(
            "select id, title, closure, approved_at, approved_by
             from approval
             where title = $1
             order by id desc
             limit 1",
        )
        .bind(title.as_str())
        .fetch_optional(self.reader())
        .await
        .map_err(StoreError::statement("read an approval"))?;
        row.map(Approval::try_from).transpose()
    }

    /// When and by whom titles from `first` to `last` were approved last, by title.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn approval_between(
        &self,
        first: &Title,
        last: &Title,
    ) -> Result<Vec<(Title, Timestamp, String)>, StoreError> {
        let rows: Vec<(String, i64, String)> = sqlx::query_as(
            "select title, approved_at, approved_by
             from approval as held
             where title >= $1 and title <= $2
               and not exists (
                 select 1
                 from approval as later
                 where later.title = held.title and later.id > held.id
             )
             order by title",
        )
        .bind(first.as_str())
        .bind(last.as_str())
        .fetch_all(self.reader())
        .await
        .map_err(StoreError::statement("list who approved titles"))?;
        let told = |(title, at, by): (String, i64, String)| {
            let title = column::word("approval.title", &title)?;
            Ok((title, Timestamp::from_micros(at), by))
        };
        rows.into_iter().map(told).collect()
    }

    /// The approvals that hold, by title.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn approval_list(&self) -> Result<Vec<Approval>, StoreError> {
        let rows: Vec<ApprovalRow> = sqlx::query_as(
            "select id, title, closure, approved_at, approved_by
             from approval as held
             where not exists (
                 select 1
                 from approval as later
                 where later.title = held.title and later.id > held.id
             )
             order by title",
        )
        .fetch_all(self.reader())
        .await
        .map_err(StoreError::statement("list approvals"))?;
        rows.into_iter().map(Approval::try_from).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn the_newest_approval_holds() {
        let (_folder, db) = crate::testing::database().await;
        let title: Title = "Firefox.munki".parse().unwrap();
        assert_eq!(db.approval_find(&title).await.unwrap(), None);
        for (when, who) in [(1, "ann"), (2, "bob")] {
            let closure = json!({"version": when});
            db.approval_record(&title, &closure, who, Timestamp::from_secs(when))
                .await
                .unwrap();
        }
        let held = db.approval_find(&title).await.unwrap().unwrap();
        assert_eq!(
            (held.approved_by.as_str(), &held.closure),
            ("bob", &json!({"version": 2}))
        );
        assert_eq!(db.approval_list().await.unwrap(), [held]);
    }
}
