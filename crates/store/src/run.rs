//! Runs: the queue, the leases under which workers carry them, and how they ended.

use model::{FailureClass, IncidentId, RunId, RunState, Timestamp, Title, Trigger};
use serde_json::Value;

use crate::{Db, StoreError, column, db::Tx};

/// One execution of an override.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Run {
    /// Its name.
    pub id: RunId,
    /// The title.
    pub title: Title,
    /// What set it off.
    pub trigger: Trigger,
    /// What was asked for, as its reader wrote it.
    pub request: Value,
    /// Where it stands.
    pub state: RunState,
    /// When it was asked for.
    pub queued_at: Timestamp,
    /// When a worker first took it up.
    pub started_at: Option<Timestamp>,
    /// When it ended, or began to wait for a person.
    pub finished_at: Option<Timestamp>,
    /// When somebody is to look at it next.
    pub due_at: Timestamp,
    /// Until when it may stay parked.
    pub deadline_at: Option<Timestamp>,
    /// What is needed to go on with a parked run, as its reader wrote it.
    pub parked: Option<Value>,
    /// How often a worker has taken it up.
    pub attempts: u32,
    /// Why it failed or is held.
    pub failure: Option<RunFailure>,
}

/// Why a run failed, or is held.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RunFailure {
    /// What kind of failure.
    pub class: FailureClass,
    /// What happened, in plain words.
    pub cause: String,
    /// What to do about it.
    pub next_step: String,
    /// The step that failed, if it was a step.
    pub step: Option<String>,
    /// More for those who look closer: what differs from what was approved.
    pub detail: Option<String>,
    /// The incident that tells of it.
    pub incident: Option<IncidentId>,
}

/// What to put into the queue.
#[derive(Clone, Debug)]
pub struct NewRun {
    /// The title.
    pub title: Title,
    /// What sets it off.
    pub trigger: Trigger,
    /// What is asked for.
    pub request: Value,
}

/// What became of a run that was to be queued.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Queued {
    /// It is in the queue.
    New(RunId),
    /// The title has a run already, which has not ended.
    Already(RunId),
}

/// The right to carry a run on; it is lost when it is not renewed in time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Lease {
    /// The run.
    pub run: RunId,
    /// The fencing number: who took the run last has the largest, and only that one can change it.
    pub fence: u32,
}

/// What a worker that parks a run leaves for the next.
#[derive(Clone, Debug)]
pub struct Parking {
    /// What is needed to go on.
    pub parked: Value,
    /// When to look again.
    pub due_at: Timestamp,
    /// How long to wait at all.
    pub deadline_at: Timestamp,
}

/// How a run ends.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RunEnd {
    /// Somebody stopped it.
    Cancelled,
    /// Something stopped it.
    Failed(RunFailure),
    /// It waits for a person.
    Held(RunFailure),
    /// The repository has what it staged.
    Published,
    /// There was nothing new.
    Unchanged,
}

impl RunEnd {
    /// The state it leaves the run in.
    pub const fn state(&self) -> RunState {
        match self {
            Self::Cancelled => RunState::Cancelled,
            Self::Failed(_) => RunState::Failed,
            Self::Held(_) => RunState::Held,
            Self::Published => RunState::Published,
            Self::Unchanged => RunState::Unchanged,
        }
    }

    /// Why, if it is no good end.
    pub const fn failure(&self) -> Option<&RunFailure> {
        match self {
            Self::Failed(failure) | Self::Held(failure) => Some(failure),
            Self::Cancelled | Self::Published | Self::Unchanged => None,
        }
    }
}

/// How many runs ended in one way.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RunCount {
    /// Where they stand.
    pub state: RunState,
    /// Why they failed or are held.
    pub class: Option<FailureClass>,
    /// How many.
    pub count: u64,
}

/// What is read of a run; the same in every statement.
macro_rules! columns {
    () => {
        "id, title, trigger_word, request, state, queued_at, started_at, finished_at, due_at, deadline_at, parked,
         attempts, fence, class, cause, next_step, step, detail, incident_id"
    };
}

#[derive(sqlx::FromRow)]
struct RunRow {
    id: String,
    title: String,
    trigger_word: String,
    request: String,
    state: String,
    queued_at: i64,
    started_at: Option<i64>,
    finished_at: Option<i64>,
    due_at: i64,
    deadline_at: Option<i64>,
    parked: Option<String>,
    attempts: i64,
    fence: i64,
    class: Option<String>,
    cause: Option<String>,
    next_step: Option<String>,
    step: Option<String>,
    detail: Option<String>,
    incident_id: Option<String>,
}

impl RunRow {
    fn failure(&mut self) -> Result<Option<RunFailure>, StoreError> {
        let Some(class) = &self.class else {
            return Ok(None);
        };
        Ok(Some(RunFailure {
            class: column::word("run.class", class)?,
            cause: self.cause.take().unwrap_or_default(),
            next_step: self.next_step.take().unwrap_or_default(),
            step: self.step.take(),
            detail: self.detail.take(),
            incident: column::optional_word("run.incident_id", self.incident_id.as_deref())?,
        }))
    }

    fn claimed(self) -> Result<(Run, Lease), StoreError> {
        let fence = column::count("run.fence", self.fence)?;
        let run = Run::try_from(self)?;
        let lease = Lease { run: run.id, fence };
        Ok((run, lease))
    }
}

impl TryFrom<RunRow> for Run {
    type Error = StoreError;

    fn try_from(mut row: RunRow) -> Result<Self, StoreError> {
        Ok(Self {
            failure: row.failure()?,
            id: column::word("run.id", &row.id)?,
            title: column::word("run.title", &row.title)?,
            trigger: column::word("run.trigger_word", &row.trigger_word)?,
            request: column::json("run.request", &row.request)?,
            state: column::word("run.state", &row.state)?,
            queued_at: Timestamp::from_micros(row.queued_at),
            started_at: row.started_at.map(Timestamp::from_micros),
            finished_at: row.finished_at.map(Timestamp::from_micros),
            due_at: Timestamp::from_micros(row.due_at),
            deadline_at: row.deadline_at.map(Timestamp::from_micros),
            parked: row
                .parked
                .map(|text| column::json("run.parked", &text))
                .transpose()?,
            attempts: column::count("run.attempts", row.attempts)?,
        })
    }
}

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

    /// Sets a run going, from the start: what an earlier attempt noted of its steps and downloads is dropped.
    ///
    /// False if the lease is lost, or the run is past its steps.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn run_start(&self, lease: Lease, now: Timestamp) -> Result<bool, StoreError> {
        let failed = || StoreError::statement("start a run");
        let mut tx = self.begin("start a run").await?;
        let started = sqlx::query(
            "update run
             set state = 'running', started_at = coalesce(started_at, $1)
             where id = $2 and fence = $3 and lease_owner is not null and state in ('queued', 'running')",
        )
        .bind(now.as_micros())
        .bind(lease.run.to_string())
        .bind(i64::from(lease.fence))
        .execute(&mut *tx)
        .await
        .map_err(failed())?;
        if started.rows_affected() == 0 {
            return Ok(false);
        }
        for statement in [
            "delete from step where run_id = $1",
            "delete from download where run_id = $1",
        ] {
            sqlx::query(statement)
                .bind(lease.run.to_string())
                .execute(&mut *tx)
                .await
                .map_err(failed())?;
        }
        tx.commit().await.map_err(failed())?;
        Ok(true)
    }

    /// Parks a run until its scan is to be looked at again, and gives the lease back; false if the lease is lost.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn run_park(&self, lease: Lease, parking: &Parking) -> Result<bool, StoreError> {
        let parked = sqlx::query(
            "update run
             set state = 'scanning', parked = $1, due_at = $2, deadline_at = $3, attempts = 0,
                 lease_owner = null, leased_until_at = null
             where id = $4 and fence = $5 and lease_owner is not null and state in ('running', 'scanning')",
        )
        .bind(parking.parked.to_string())
        .bind(parking.due_at.as_micros())
        .bind(parking.deadline_at.as_micros())
        .bind(lease.run.to_string())
        .bind(i64::from(lease.fence))
        .execute(self.writer())
        .await
        .map_err(StoreError::statement("park a run"))?;
        Ok(parked.rows_affected() == 1)
    }

    /// Marks that the change set of a run is being applied, with what is needed to do so again; false if the lease
    /// is lost.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn run_publish(&self, lease: Lease, parked: &Value) -> Result<bool, StoreError> {
        let moved = sqlx::query(
            "update run
             set state = 'publishing', parked = $1
             where id = $2
               and fence = $3
               and lease_owner is not null
               and state in ('running', 'scanning', 'publishing')",
        )
        .bind(parked.to_string())
        .bind(lease.run.to_string())
        .bind(i64::from(lease.fence))
        .execute(self.writer())
        .await
        .map_err(StoreError::statement("begin a publication"))?;
        Ok(moved.rows_affected() == 1)
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

    /// Ends a run, or leaves it to a person; false if the lease is lost.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn run_finish(
        &self,
        lease: Lease,
        end: &RunEnd,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let failure = end.failure();
        let finished = sqlx::query(
            "update run
             set state = $1, finished_at = $2, class = $3, cause = $4, next_step = $5, step = $6, detail = $7,
                 incident_id = $8, lease_owner = null, leased_until_at = null
             where id = $9
               and fence = $10
               and lease_owner is not null
               and state in ('queued', 'running', 'scanning', 'publishing')",
        )
        .bind(end.state().as_str())
        .bind(now.as_micros())
        .bind(failure.map(|failure| failure.class.as_str()))
        .bind(failure.map(|failure| failure.cause.as_str()))
        .bind(failure.map(|failure| failure.next_step.as_str()))
        .bind(failure.and_then(|failure| failure.step.as_deref()))
        .bind(failure.and_then(|failure| failure.detail.as_deref()))
        .bind(failure.and_then(|failure| failure.incident).map(|id| id.to_string()))
        .bind(lease.run.to_string())
        .bind(i64::from(lease.fence))
        .execute(self.writer())
        .await
        .map_err(StoreError::statement("end a run"))?;
        Ok(finished.rows_affected() == 1)
    }

    /// Notes that the service desk knows how a run ended, and which incident tells of it.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn run_told(
        &self,
        id: RunId,
        incident: Option<IncidentId>,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "update run
             set desk_told = 1, incident_id = coalesce($1, incident_id)
             where id = $2",
        )
        .bind(incident.map(|incident| incident.to_string()))
        .bind(id.to_string())
        .execute(self.writer())
        .await
        .map_err(StoreError::statement("note that the desk knows of a run"))?;
        Ok(())
    }

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

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
