//! Runs that nobody needs any more.

use model::{RunId, Timestamp};
use sqlx::Row as _;

use crate::{Db, StoreError, column};

/// The runs that can go: they ended well or badly, the desk knows of it, and nothing tells of them any more. What was
/// published stays, and so does what waits or waited for a person, what an incident names, the last good run of a
/// title, the one that a schedule set going last, and the newest of each title.
macro_rules! old {
    ($what:literal) => {
        concat!(
            "select ",
            $what,
            " from run
             where run.state in ('unchanged', 'failed', 'cancelled')
               and run.desk_told = 1
               and run.finished_at < $1
               and not exists (select 1 from publication where publication.run_id = run.id)
               and not exists (select 1 from release where release.run_id = run.id)
               and not exists (select 1 from identity where identity.run_id = run.id)
               and not exists (select 1 from hold_decision where hold_decision.run_id = run.id)
               and not exists (select 1 from schedule where schedule.run_id = run.id)
               and not exists (select 1 from incident where incident.run_id = run.id)
               and run.id <> coalesce((
                   select max(good.id) from run as good
                   where good.title = run.title and good.state in ('published', 'unchanged')
               ), '')
               and $2 <= (
                   select count(*) from (
                       select 1 from run as newer
                       where newer.title = run.title and newer.id > run.id
                       limit $2
                   ) as newest
               )"
        )
    };
}

/// How many runs go in one transaction: others wait for it.
const AT_ONCE: i64 = 200;

impl Db {
    /// How many runs that ended before `limit` nobody needs any more, if the `keep` newest of each title stay.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn run_old_count(&self, limit: Timestamp, keep: u32) -> Result<u64, StoreError> {
        let count: i64 = sqlx::query_scalar(old!("count(*)"))
            .bind(limit.as_micros())
            .bind(i64::from(keep))
            .fetch_one(self.reader())
            .await
            .map_err(StoreError::statement("count old runs"))?;
        column::count("run.count", count)
    }

    /// Forgets some of them, with their steps and downloads; answers how many. There may be more.
    ///
    /// # Errors
    /// If the database fails; then none is forgotten.
    pub async fn run_forget(&self, limit: Timestamp, keep: u32) -> Result<u64, StoreError> {
        let failed = || StoreError::statement("forget old runs");
        let mut tx = self.begin("forget old runs").await?;
        let rows = sqlx::query(concat!(old!("run.id"), " order by run.id limit $3"))
            .bind(limit.as_micros())
            .bind(i64::from(keep))
            .bind(AT_ONCE)
            .fetch_all(&mut *tx)
            .await
            .map_err(failed())?;
        let mut count: u64 = 0;
        for row in rows {
            let id: String = row.try_get(0).map_err(failed())?;
            // What was downloaded is counted on, although nothing else tells of it any more.
            sqlx::query(
                "insert into figure (name, value)
                 select 'download_bytes', cast(coalesce(sum(len_bytes), 0) as bigint)
                 from download
                 where run_id = $1 and changed = 1
                 having count(*) > 0
                 on conflict (name) do update
                 set value = figure.value + excluded.value",
            )
            .bind(&id)
            .execute(&mut *tx)
            .await
            .map_err(failed())?;
            for statement in [
                "delete from step where run_id = $1",
                "delete from download where run_id = $1",
                "delete from run_wait where run_id = $1",
                "delete from run where id = $1",
            ] {
                sqlx::query(statement)
                    .bind(&id)
                    .execute(&mut *tx)
                    .await
                    .map_err(failed())?;
            }
            count = count.saturating_add(1);
        }
        tx.commit().await.map_err(failed())?;
        Ok(count)
    }

    /// The runs that have not ended, or wait for a person, with what they have made.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn run_in_use(&self) -> Result<Vec<(RunId, Option<serde_json::Value>)>, StoreError> {
        let rows: Vec<(String, Option<String>)> = sqlx::query_as(
            "select id, parked
             from run
             where state in ('queued', 'running', 'scanning', 'publishing')",
        )
        .fetch_all(self.reader())
        .await
        .map_err(StoreError::statement("list runs that are in use"))?;
        rows.into_iter()
            .map(|(id, parked)| {
                let parked = parked.map(|text| column::json("run.parked", &text));
                Ok((column::word("run.id", &id)?, parked.transpose()?))
            })
            .collect()
    }
}
