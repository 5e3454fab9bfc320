//! Maintenance windows: times in which desks are not told.

use model::{FailureClass, Timestamp};

use crate::{Db, StoreError, column};

/// A time in which desks are not told of certain incidents.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Maintenance {
    /// Its name, unlike that of any other that is not over.
    pub name: String,
    /// When it begins.
    pub starts_at: Timestamp,
    /// When it ends.
    pub ends_at: Timestamp,
    /// Titles, in which `*` stands for anything; every one if empty.
    pub titles: Vec<String>,
    /// Classes; every one if empty.
    pub classes: Vec<FailureClass>,
    /// Why.
    pub reason: String,
    /// Who made it.
    pub made_by: String,
    /// When it was made.
    pub made_at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct MaintenanceRow {
    name: String,
    starts_at: i64,
    ends_at: i64,
    titles: String,
    classes: String,
    reason: String,
    made_by: String,
    made_at: i64,
}

impl TryFrom<MaintenanceRow> for Maintenance {
    type Error = StoreError;

    fn try_from(row: MaintenanceRow) -> Result<Self, StoreError> {
        Ok(Self {
            name: row.name,
            starts_at: Timestamp::from_micros(row.starts_at),
            ends_at: Timestamp::from_micros(row.ends_at),
            titles: column::json("maintenance.titles", &row.titles)?,
            classes: column::json("maintenance.classes", &row.classes)?,
            reason: row.reason,
            made_by: row.made_by,
            made_at: Timestamp::from_micros(row.made_at),
        })
    }
}

impl Db {
    /// Keeps a maintenance window. `false` if there is one of this name that is not over.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn maintenance_add(&self, window: &Maintenance) -> Result<bool, StoreError> {
        let added = sqlx::query(
            "insert into maintenance (name, starts_at, ends_at, titles, classes, reason, made_by, made_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8)
             on conflict (name) do update
             set starts_at = excluded.starts_at, ends_at = excluded.ends_at, titles = excluded.titles,
                 classes = excluded.classes, reason = excluded.reason, made_by = excluded.made_by,
                 made_at = excluded.made_at
             where maintenance.ends_at <= excluded.made_at",
        )
        .bind(&window.name)
        .bind(window.starts_at.as_micros())
        .bind(window.ends_at.as_micros())
        .bind(serde_json::json!(window.titles).to_string())
        .bind(serde_json::json!(window.classes).to_string())
        .bind(&window.reason)
        .bind(&window.made_by)
        .bind(window.made_at.as_micros())
        .execute(self.writer())
        .await
        .map_err(StoreError::statement("keep a maintenance window"))?;
        Ok(added.rows_affected() == 1)
    }

    /// The maintenance windows that are not over at `now`, the earliest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn maintenance_list(&self, now: Timestamp) -> Result<Vec<Maintenance>, StoreError> {
        let rows: Vec<MaintenanceRow> = sqlx::query_as(
            "select name, starts_at, ends_at, titles, classes, reason, made_by, made_at
             from maintenance
             where ends_at > $1
             order by starts_at, name",
        )
        .bind(now.as_micros())
        .fetch_all(self.reader())
        .await
        .map_err(StoreError::statement("list maintenance windows"))?;
        rows.into_iter().map(Maintenance::try_from).collect()
    }

    /// Ends a maintenance window `now`. `false` if there is none of this name that is not over.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn maintenance_end(&self, name: &str, now: Timestamp) -> Result<bool, StoreError> {
        let ended = sqlx::query(
            "update maintenance
             set ends_at = $2, starts_at = case when starts_at > $2 then $2 else starts_at end
             where name = $1 and ends_at > $2",
        )
        .bind(name)
        .bind(now.as_micros())
        .execute(self.writer())
        .await
        .map_err(StoreError::statement("end a maintenance window"))?;
        Ok(ended.rows_affected() == 1)
    }
}
