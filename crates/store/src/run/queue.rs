//! The queue of runs, and the leases under which workers carry them.

use model::{RunId, Timestamp};
use sqlx::FromRow as _;

use super::{Heartbeat, Lease, NewRun, Queued, Run, RunRow, Worker};
use crate::{Db, StoreError, batch::Batch, column, db::Tx, postgres};

/// How long a run waits that was taken up thrice or more and never left, in microseconds: half a minute longer each time.
/// What takes its process down must not do so without end, and what was beside it is to go on without it.
macro_rules! rest {
    ($run:literal) => {
        concat!(
            "(case when ",
            $run,
            "attempts < 3 then 0 else (",
            $run,
            "attempts - 2) * 30000000 end)"
        )
    };
}

/// Takes the run that is due longest. Where several machines do so at once, none waits for another's row.
///
/// Its index has them in the order in which they go: with any other each claim would look at everything that is due.
/// SQLite has to be told.
macro_rules! claim {
    ($index:literal, $lock:literal) => {
        concat!(
            "update run
             set lease_owner = $1, leased_until_at = $3, fence = fence + 1, attempts = attempts + 1, node = $4,
                 state = case when state = 'queued' then 'running' else state end,
                 started_at = coalesce(started_at, $2)
             where id = (
                 select due.id
                 from run as due ",
            $index,
            " where due.state in ('queued', 'running', 'scanning', 'publishing')
                   and due.due_at <= $2
                   and (due.leased_until_at is null or due.leased_until_at + ",
            rest!("due."),
            " <= $2)
                   and (due.label is null or $5 like '%,' || due.label || ',%')
                   and (due.state in ('queued', 'running')
                        or due.node is null
                        or due.node = $4
                        or not exists (
                            select 1 from node where node.name = due.node and node.seen_at >= $6
                        ))
                   and not exists (
                       select 1
                       from run_wait
                       join run as other on other.title = run_wait.title
                       where run_wait.run_id = due.id
                         and other.state in ('queued', 'running', 'scanning', 'publishing')
                   )
                 order by due.priority desc, due.due_at, due.id
                 limit 1 ",
            $lock,
            ")
             returning ",
            columns!()
        )
    };
}

const CLAIM_ON_SERVER: &str = claim!("", "for update of due skip locked");
const CLAIM_IN_FILE: &str = claim!("indexed by run_claim", "");

impl Db {
    /// Puts a run into the queue, unless one of the same title has not ended yet.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn run_queue(&self, new: &NewRun, now: Timestamp) -> Result<Queued, StoreError> {
        let mut tx = self.begin("queue a run").await?;
        let queued = queue_tx(&mut tx, new, now).await?;
        self.announce_run(&mut tx).await?;
        tx.commit()
            .await
            .map_err(StoreError::statement("queue a run"))?;
        Ok(queued)
    }

    /// Begins a run at once: puts it into the queue and takes it, in one step. `None` if one of the same title has not
    /// ended yet. It waits for no other title, and goes whatever else is due.
    ///
    /// A power failure may take it along until something is written of it that must not be lost: it never was then, as it
    /// ended with its process.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn run_begin(
        &self,
        new: &NewRun,
        worker: &Worker,
        now: Timestamp,
        leased_until: Timestamp,
    ) -> Result<Option<(Run, Lease)>, StoreError> {
        let begun = async {
            if self.is_server() {
                return self
                    .run_begin_on_server(new, worker, (now, leased_until))
                    .await;
            }
            let failed = StoreError::statement("begin a run");
            let batch = beginning(new, worker, (now, leased_until)).map_err(failed)?;
            let rows = batch.rows_lightly(self.writer()).await;
            let rows = rows.map_err(StoreError::statement("begin a run"))?;
            let row = rows.first().map(RunRow::from_row).transpose();
            row.map_err(StoreError::statement("begin a run"))
        };
        begun.await?.map(RunRow::claimed).transpose()
    }

    async fn run_begin_on_server(
        &self,
        new: &NewRun,
        worker: &Worker,
        (now, leased_until): (Timestamp, Timestamp),
    ) -> Result<Option<RunRow>, StoreError> {
        let mut tx = self.begin("begin a run").await?;
        let Queued::New(id) = queue_tx(&mut tx, new, now).await? else {
            return Ok(None);
        };
        let row: Option<RunRow> = sqlx::query_as(concat!(
            "update run
             set state = 'running', started_at = $1, lease_owner = $2, leased_until_at = $3, node = $4,
                 fence = fence + 1, attempts = attempts + 1
             where id = $5
             returning ",
            columns!()
        ))
        .bind(now.as_micros())
        .bind(&worker.owner)
        .bind(leased_until.as_micros())
        .bind(&worker.node)
        .bind(id.to_string())
        .fetch_optional(&mut *tx)
        .await
        .map_err(StoreError::statement("begin a run"))?;
        tx.commit()
            .await
            .map_err(StoreError::statement("begin a run"))?;
        Ok(row)
    }

    /// Takes, of the runs that are due and may be carried by `worker`, the one of the highest priority that is due
    /// longest, until `leased_until`; `None` if there is none.
    ///
    /// A run whose worker did not renew its lease is due again at once, in whatever state it was left; one that was taken
    /// up thrice or more, later and later. One that waits
    /// for its scan or is being published is left to the node that has its files, unless that node is gone. One that was
    /// queued is running from now on; if it was taken up before, [`Db::run_start`] clears what that left behind.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn run_claim(
        &self,
        worker: &Worker,
        now: Timestamp,
        leased_until: Timestamp,
    ) -> Result<Option<(Run, Lease)>, StoreError> {
        let claim = if self.is_server() {
            CLAIM_ON_SERVER
        } else {
            CLAIM_IN_FILE
        };
        let row: Option<RunRow> = sqlx::query_as(claim)
            .bind(&worker.owner)
            .bind(now.as_micros())
            .bind(leased_until.as_micros())
            .bind(&worker.node)
            .bind(worker.listed())
            .bind(worker.node_seen_since.as_micros())
            .fetch_optional(self.claims())
            .await
            .map_err(StoreError::statement("claim a run"))?;
        row.map(RunRow::claimed).transpose()
    }

    /// Takes one run, due or not, unless somebody else holds it or it has ended. It is left in its state.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn run_claim_one(
        &self,
        id: RunId,
        worker: &Worker,
        now: Timestamp,
        leased_until: Timestamp,
    ) -> Result<Option<(Run, Lease)>, StoreError> {
        let row: Option<RunRow> = sqlx::query_as(concat!(
            "update run
             set lease_owner = $1, leased_until_at = $3, fence = fence + 1, attempts = attempts + 1, node = $5
             where id = $4
               and state in ('queued', 'running', 'scanning', 'publishing')
               and (leased_until_at is null or leased_until_at <= $2)
             returning ",
            columns!()
        ))
        .bind(&worker.owner)
        .bind(now.as_micros())
        .bind(leased_until.as_micros())
        .bind(id.to_string())
        .bind(&worker.node)
        .fetch_optional(self.writer())
        .await
        .map_err(StoreError::statement("claim a run"))?;
        row.map(RunRow::claimed).transpose()
    }

    /// Ends the leases of a process that is known to be gone, so that its runs need not wait for them to lapse; those
    /// that were taken up thrice or more wait all the same.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn run_lapse(&self, owner: &str, now: Timestamp) -> Result<u64, StoreError> {
        let lapsed = sqlx::query(concat!(
            "update run
             set lease_owner = null, leased_until_at = null,
                 due_at = case when attempts < 3 then due_at else $2 + ",
            rest!(""),
            " end
             where lease_owner = $1",
        ))
        .bind(owner)
        .bind(now.as_micros())
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

    /// Renews a lease until `leased_until`.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn run_heartbeat(
        &self,
        lease: Lease,
        leased_until: Timestamp,
    ) -> Result<Heartbeat, StoreError> {
        let renewed: Option<(Option<String>,)> = sqlx::query_as(
            "update run
             set leased_until_at = $1
             where id = $2 and fence = $3 and lease_owner is not null
             returning case when state = 'publishing' then null else cancelled_by end",
        )
        .bind(leased_until.as_micros())
        .bind(lease.run.to_string())
        .bind(i64::from(lease.fence))
        .fetch_optional(self.writer())
        .await
        .map_err(StoreError::statement("renew a lease"))?;
        Ok(match renewed {
            Some((Some(_who),)) => Heartbeat::Cancelled,
            Some((None,)) => Heartbeat::Kept,
            None => Heartbeat::Lost,
        })
    }

    /// Asks whoever carries a run to stop it, by the name of `who`; false if nobody does, or it is being published.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn run_ask_to_stop(&self, id: RunId, who: &str) -> Result<bool, StoreError> {
        let asked = sqlx::query(
            "update run
             set cancelled_by = coalesce(cancelled_by, $1)
             where id = $2 and lease_owner is not null and state in ('queued', 'running', 'scanning')",
        )
        .bind(who)
        .bind(id.to_string())
        .execute(self.writer())
        .await
        .map_err(StoreError::statement("ask to stop a run"))?;
        Ok(asked.rows_affected() == 1)
    }

    /// Has a run that was parked begin with its first step again, under the same lease, because what it staged is not
    /// there any more. False if the lease is lost.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn run_begin_again(&self, lease: Lease) -> Result<bool, StoreError> {
        let begun = sqlx::query(
            "update run
             set state = 'queued', parked = null, deadline_at = null
             where id = $1 and fence = $2 and lease_owner is not null and state in ('scanning', 'publishing')",
        )
        .bind(lease.run.to_string())
        .bind(i64::from(lease.fence))
        .execute(self.writer())
        .await
        .map_err(StoreError::statement("begin a run again"))?;
        Ok(begun.rows_affected() == 1)
    }

    /// Gives a run back to the queue, due at `due_at`, in the state it is in; one whose steps were under way starts
    /// again. That it was taken up does not count against it. False if the lease is lost.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn run_release(&self, lease: Lease, due_at: Timestamp) -> Result<bool, StoreError> {
        let released = sqlx::query(
            "update run
             set state = case when state = 'running' then 'queued' else state end,
                 due_at = $1, lease_owner = null, leased_until_at = null,
                 attempts = case when attempts > 0 then attempts - 1 else 0 end
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

impl Db {
    /// Tells other processes, when the transaction ends well, that there is work.
    pub(crate) async fn announce_run(&self, tx: &mut Tx) -> Result<(), StoreError> {
        if self.is_server() {
            sqlx::query(postgres::ANNOUNCE_RUN)
                .execute(&mut **tx)
                .await
                .map_err(StoreError::statement("announce a run"))?;
        }
        Ok(())
    }
}

/// What puts a run into a file's queue and takes it. Both are told of, as if they were done one after the other.
fn beginning(
    new: &NewRun,
    worker: &Worker,
    (now, leased_until): (Timestamp, Timestamp),
) -> Result<Batch, sqlx::Error> {
    let mut batch = Batch::default();
    let id = batch.bind(RunId::new().to_string())?;
    let now = batch.bind(now.as_micros())?;
    let values = [
        batch.bind(new.title.as_str())?,
        batch.bind(new.trigger.as_str())?,
        batch.bind(new.request.to_string())?,
        batch.bind(new.terms.priority)?,
        batch.bind(new.terms.label.clone())?,
        batch.bind(i64::from(new.terms.tries))?,
    ];
    batch.push(format!(
        "insert into run (id, queued_at, due_at, state, title, trigger_word, request, priority, label, tries)
         values ({id}, {now}, {now}, 'queued', {})
         on conflict do nothing",
        values.join(", ")
    ));
    let owner = batch.bind(worker.owner.clone())?;
    let until = batch.bind(leased_until.as_micros())?;
    let node = batch.bind(worker.node.clone())?;
    batch.push(format!(
        "update run
         set state = 'running', started_at = {now}, lease_owner = {owner}, leased_until_at = {until}, node = {node},
             fence = fence + 1, attempts = attempts + 1
         where id = {id}
         returning {}",
        columns!()
    ));
    Ok(batch)
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
    let (id, terms) = (RunId::new(), &new.terms);
    sqlx::query(
        "insert into run (id, title, trigger_word, request, state, queued_at, due_at, priority, label, tries)
         values ($1, $2, $3, $4, 'queued', $5, $6, $7, $8, $9)",
    )
    .bind(id.to_string())
    .bind(new.title.as_str())
    .bind(new.trigger.as_str())
    .bind(new.request.to_string())
    .bind(now.as_micros())
    .bind(terms.not_before.unwrap_or(now).as_micros())
    .bind(terms.priority)
    .bind(&terms.label)
    .bind(i64::from(terms.tries))
    .execute(&mut **tx)
    .await
    .map_err(failed())?;
    for title in &terms.after {
        sqlx::query("insert into run_wait (run_id, title) values ($1, $2)")
            .bind(id.to_string())
            .bind(title.as_str())
            .execute(&mut **tx)
            .await
            .map_err(failed())?;
    }
    Ok(Queued::New(id))
}

#[cfg(test)]
mod tests {
    use sqlx::{AssertSqlSafe, Row as _};

    use super::*;

    /// A plan that sorts looks at every run that is due.
    #[tokio::test]
    async fn a_claim_takes_the_first_that_its_index_has() {
        let (_folder, db) = crate::testing::database().await;
        let (explain, claim) = if db.is_server() {
            ("explain", CLAIM_ON_SERVER)
        } else {
            ("explain query plan", CLAIM_IN_FILE)
        };
        let mut plan = sqlx::query(AssertSqlSafe(format!("{explain} {claim}")));
        plan = plan.bind("w").bind(0).bind(0).bind("n").bind("").bind(0);
        let steps = plan.fetch_all(db.claims()).await.unwrap();
        let column = if db.is_server() { 0 } else { 3 };
        let steps: Vec<String> = steps.iter().map(|step| step.get(column)).collect();
        let steps = steps.join("\n");
        let scan = if db.is_server() {
            "Index Scan using run_claim on run due"
        } else {
            "SCAN due USING INDEX run_claim"
        };
        assert!(steps.contains(scan), "{steps}");
        assert!(
            !steps.contains("TEMP") && !steps.contains("Sort"),
            "{steps}"
        );
    }
}
