//! The queue of runs, and the leases under which workers carry them.

use model::{RunId, Timestamp};

use super::{Lease, NewRun, Queued, Run, RunRow};
use crate::{Db, StoreError, column, db::Tx};

impl Db {
    /// Puts a run into the queue, unless one of the same title has not ended yet.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn run_queue(&self, new: &NewRun, now: Timestamp) -> Result<Queued, StoreError> {
        let mut tx = self.begin("queue a run").await?;
        let queued = queue_tx(&mut tx, new, now).await?;
        tx.commit()
            .await
            .map_err(StoreError::statement("queue a run"))?;
        Ok(queued)
    }

    /// Takes the run that is due longest, until `leased_until`; `None` if none is due.
    ///
    /// A run whose worker did not renew its lease is due again at once, in whatever state it was left.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn run_claim(
        &self,
        owner: &str,
        now: Timestamp,
        leased_until: Timestamp,
    ) -> Result<Option<(Run, Lease)>, StoreError> {
        let row: Option<RunRow> = sqlx::query_as(concat!(
            "update run
             set lease_owner = $1, leased_until_at = $3, fence = fence + 1, attempts = attempts + 1
             where id = (
                 select due.id
                 from run as due
                 where due.state in ('queued', 'running', 'scanning', 'publishing')
                   and due.due_at <= $2
                   and (due.leased_until_at is null or due.leased_until_at <= $2)
                 order by due.due_at, due.id
                 limit 1
             )
             returning ",
            columns!()
        ))
        .bind(owner)
        .bind(now.as_micros())
        .bind(leased_until.as_micros())
        .fetch_optional(self.writer())
        .await
        .map_err(StoreError::statement("claim a run"))?;
        row.map(RunRow::claimed).transpose()
    }

    /// Takes one run, due or not, unless somebody else holds it or it has ended.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn run_claim_one(
        &self,
        id: RunId,
        owner: &str,
        now: Timestamp,
        leased_until: Timestamp,
    ) -> Result<Option<(Run, Lease)>, StoreError> {
        let row: Option<RunRow> = sqlx::query_as(concat!(
            "update run
             set lease_owner = $1, leased_until_at = $3, fence = fence + 1, attempts = attempts + 1
             where id = $4
               and state in ('queued', 'running', 'scanning', 'publishing')
               and (leased_until_at is null or leased_until_at <= $2)
             returning ",
            columns!()
        ))
        .bind(owner)
        .bind(now.as_micros())
        .bind(leased_until.as_micros())
        .bind(id.to_string())
        .fetch_optional(self.writer())
        .await
        .map_err(StoreError::statement("claim a run"))?;
        row.map(RunRow::claimed).transpose()
    }

    /// Ends the leases of a process that is known to be gone, so that its runs need not wait for them to lapse.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn run_lapse(&self, owner: &str) -> Result<u64, StoreError> {
        let lapsed = sqlx::query(
            "update run
             set lease_owner = null, leased_until_at = null
             where lease_owner = $1",
        )
        .bind(owner)
        .execute(self.writer())
        .await
        .map_err(StoreError::statement("end the leases of a worker"))?;
        Ok(lapsed.rows_affected())
    }

    /// Who holds a lease at present.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn run_lease_owners(&self) -> Result<Vec<String>, StoreError> {
        sqlx::query_scalar(
            "select distinct lease_owner
             from run
             where lease_owner is not null
             order by lease_owner",
        )
        .fetch_all(self.reader())
        .await
        .map_err(StoreError::statement("list the holders of leases"))
    }

    /// Makes a run that waits due at `now`; one that has ended stays as it is.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn run_hurry(&self, id: RunId, now: Timestamp) -> Result<(), StoreError> {
        sqlx::query(
            "update run
             set due_at = $1
             where id = $2 and state in ('queued', 'scanning') and due_at > $1",
        )
        .bind(now.as_micros())
        .bind(id.to_string())
        .execute(self.writer())
        .await
        .map_err(StoreError::statement("hurry a run"))?;
        Ok(())
    }

    /// Renews a lease until `leased_until`; false if it is lost.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn run_heartbeat(
        &self,
        lease: Lease,
        leased_until: Timestamp,
    ) -> Result<bool, StoreError> {
        let renewed = sqlx::query(
            "update run
             set leased_until_at = $1
             where id = $2 and fence = $3 and lease_owner is not null",
        )
        .bind(leased_until.as_micros())
        .bind(lease.run.to_string())
        .bind(i64::from(lease.fence))
        .execute(self.writer())
        .await
        .map_err(StoreError::statement("renew a lease"))?;
        Ok(renewed.rows_affected() == 1)
    }

    /// Gives a run back to the queue, due at `due_at`, in the state it is in; one whose steps were under way starts
    /// again. False if the lease is lost.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn run_release(&self, lease: Lease, due_at: Timestamp) -> Result<bool, StoreError> {
        let released = sqlx::query(
            "update run
             set state = case when state = 'running' then 'queued' else state end,
                 due_at = $1, lease_owner = null, leased_until_at = null
             where id = $2 and fence = $3 and lease_owner is not null",
        )
        .bind(due_at.as_micros())
        .bind(lease.run.to_string())
        .bind(i64::from(lease.fence))
        .execute(self.writer())
        .await
        .map_err(StoreError::statement("give a run back"))?;
        Ok(released.rows_affected() == 1)
    }
}

/// Puts a run into the queue, unless one of the same title has not ended yet.
pub(crate) async fn queue_tx(
    tx: &mut Tx,
    new: &NewRun,
    now: Timestamp,
) -> Result<Queued, StoreError> {
    let failed = || StoreError::statement("queue a run");
    let active: Option<String> = sqlx::query_scalar(
        "select id
         from run
         where title = $1 and state in ('queued', 'running', 'scanning', 'publishing')",
    )
    .bind(new.title.as_str())
    .fetch_optional(&mut **tx)
    .await
    .map_err(failed())?;
    if let Some(active) = active {
        return Ok(Queued::Already(column::word("run.id", &active)?));
    }
    let id = RunId::new();
    sqlx::query(
        "insert into run (id, title, trigger_word, request, state, queued_at, due_at)
         values ($1, $2, $3, $4, 'queued', $5, $5)",
    )
    .bind(id.to_string())
    .bind(new.title.as_str())
    .bind(new.trigger.as_str())
    .bind(new.request.to_string())
    .bind(now.as_micros())
    .execute(&mut **tx)
    .await
    .map_err(failed())?;
    Ok(Queued::New(id))
}
