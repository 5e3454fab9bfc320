//! Looking at runs.

use model::{RunId, RunState, Timestamp, Title};

use super::{Run, RunCount, RunFilter, RunRow};
use crate::{Db, StoreError, column};

/// Runs that are meant, newest first.
macro_rules! meant {
    ($which:literal) => {
        concat!(
            "select ",
            columns!(),
            " from run where id < $1 and ",
            $which,
            " order by id desc limit $4"
        )
    };
}

impl Db {
    /// The runs that have ended, or wait for a person, without the service desk knowing, oldest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn run_untold(&self) -> Result<Vec<Run>, StoreError> {
        let rows: Vec<RunRow> = sqlx::query_as(concat!(
            "select ",
            columns!(),
            " from run
             where finished_at is not null and desk_told = 0
             order by finished_at, id"
        ))
        .fetch_all(self.reader())
        .await
        .map_err(StoreError::statement(
            "list runs that the desk does not know",
        ))?;
        rows.into_iter().map(Run::try_from).collect()
    }

    /// When a run last came to an end, or to where it waits for a person.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn run_last_end(&self) -> Result<Option<Timestamp>, StoreError> {
        let last: Option<i64> = sqlx::query_scalar("select max(finished_at) from run")
            .fetch_one(self.reader())
            .await
            .map_err(StoreError::statement("read when a run last ended"))?;
        Ok(last.map(Timestamp::from_micros))
    }

    /// The runs that wait, with what they have made.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn run_parked(&self) -> Result<Vec<Run>, StoreError> {
        let rows: Vec<RunRow> = sqlx::query_as(concat!(
            "select ",
            columns!(),
            " from run
             where state = 'scanning'
             order by id"
        ))
        .fetch_all(self.reader())
        .await
        .map_err(StoreError::statement("list runs that wait"))?;
        rows.into_iter().map(Run::try_from).collect()
    }

    /// The run of this name.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn run_find(&self, id: RunId) -> Result<Option<Run>, StoreError> {
        let row: Option<RunRow> = sqlx::query_as(concat!(
            "select ",
            columns!(),
            " from run
             where id = $1"
        ))
        .bind(id.to_string())
        .fetch_optional(self.reader())
        .await
        .map_err(StoreError::statement("read a run"))?;
        row.map(Run::try_from).transpose()
    }

    /// The newest runs, at most `limit`, newest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn run_list(&self, limit: u32) -> Result<Vec<Run>, StoreError> {
        let rows: Vec<RunRow> = sqlx::query_as(concat!(
            "select ",
            columns!(),
            " from run
             order by id desc
             limit $1"
        ))
        .bind(i64::from(limit))
        .fetch_all(self.reader())
        .await
        .map_err(StoreError::statement("list runs"))?;
        rows.into_iter().map(Run::try_from).collect()
    }

    /// The newest runs that are meant, at most `limit`, newest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn run_page(&self, filter: &RunFilter, limit: u32) -> Result<Vec<Run>, StoreError> {
        // Each has an index that gives the rows in their order.
        let statement = match (&filter.title, filter.state) {
            (None, None) => meant!("$2 = '' and $3 = ''"),
            (None, Some(_)) => meant!("$2 = '' and state = $3"),
            (Some(_), _) => meant!("title = $2 and ($3 = '' or state = $3)"),
        };
        let rows: Vec<RunRow> = sqlx::query_as(statement)
            // No id is above this.
            .bind(
                filter
                    .before
                    .map_or_else(|| "~".to_owned(), |id| id.to_string()),
            )
            .bind(filter.title.as_ref().map_or("", Title::as_str))
            .bind(filter.state.map_or("", RunState::as_str))
            .bind(i64::from(limit))
            .fetch_all(self.reader())
            .await
            .map_err(StoreError::statement("list runs"))?;
        rows.into_iter().map(Run::try_from).collect()
    }

    /// How many runs stand where, and why.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn run_counts(&self) -> Result<Vec<RunCount>, StoreError> {
        let rows: Vec<(String, Option<String>, i64)> = sqlx::query_as(
            "select state, class, count(*)
             from run
             group by state, class
             order by state, class",
        )
        .fetch_all(self.reader())
        .await
        .map_err(StoreError::statement("count runs"))?;
        rows.into_iter()
            .map(|(state, class, count)| {
                Ok(RunCount {
                    state: column::word("run.state", &state)?,
                    class: column::optional_word("run.class", class.as_deref())?,
                    count: column::count("run.count", count)?,
                })
            })
            .collect()
    }
}
