//! What is noted of a run while it goes on, and with a good end.

use std::{collections::HashMap, fmt};

use model::{Sha256, Timestamp};
use sqlx::Row as _;

use super::{Lease, RunEnd};
use crate::{Db, Download, StepEnd, StepState, StoreError, batch::Batch};

/// What is to be written down of a run that is under way.
#[derive(Clone, Debug, Default)]
pub struct Notes {
    /// Its steps; of each position one.
    pub steps: Vec<StepNote>,
    /// Its downloads; of each path one.
    pub downloads: Vec<Download>,
    /// The digest of what it goes by, as it was recorded.
    pub plan: Option<Sha256>,
}

/// A step that has begun.
#[derive(Clone, Debug)]
pub struct StepNote {
    /// Its place in the run, from zero.
    pub position: u32,
    /// The processor.
    pub processor: String,
    /// When it began.
    pub started_at: Timestamp,
    /// How and when it ended, if it did.
    pub end: Option<(StepEnd, Timestamp)>,
}

impl StepNote {
    /// A step begins.
    pub fn begun(position: u32, processor: &str, started_at: Timestamp) -> Self {
        Self {
            position,
            processor: processor.to_owned(),
            started_at,
            end: None,
        }
    }
}

impl From<StepNote> for Notes {
    fn from(step: StepNote) -> Self {
        Self {
            steps: vec![step],
            ..Self::default()
        }
    }
}

impl From<Download> for Notes {
    fn from(download: Download) -> Self {
        Self {
            downloads: vec![download],
            ..Self::default()
        }
    }
}

impl Notes {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.downloads.is_empty() && self.plan.is_none()
    }
}

/// How a good end was written down.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Finished {
    /// The lease is lost: nothing was written.
    Lost,
    /// Nobody needs to be told.
    Told,
    /// The title has unresolved incidents, and the desk must hear of it.
    Untold,
}

impl Finished {
    /// By what the run says of it, where the lease was had.
    const fn of(told: Option<i64>) -> Self {
        match told {
            None => Self::Lost,
            Some(0) => Self::Untold,
            Some(_) => Self::Told,
        }
    }
}

/// A good end of a run.
#[derive(Clone, Debug)]
pub struct GoodEnd {
    /// Under which the run was carried.
    pub lease: Lease,
    /// How it ended.
    pub end: RunEnd,
    /// What is still to be noted of it.
    pub notes: Notes,
    /// If it is an end after which incidents of the title are resolved: those of this scope decide whether the desk must
    /// hear of it.
    pub resolves_in: Option<String>,
    /// When it ended.
    pub at: Timestamp,
}

impl Db {
    /// Writes down what is noted of a run, over what was noted of the same step or path before; false if the lease is
    /// lost.
    ///
    /// A power failure may take it along until the run is parked or ends: who takes the run up begins anew then.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn run_note(&self, lease: Lease, notes: &Notes) -> Result<bool, StoreError> {
        if notes.is_empty() {
            return Ok(true);
        }
        let writing = async {
            let mut batch = Batch::default();
            let leased = Leased::of(&mut batch, lease)?;
            let mut count = note_in(&mut batch, &leased, notes)?;
            if let Some(plan) = notes.plan {
                let plan = batch.bind(plan.to_string())?;
                count += 1;
                batch.push(format!("update run set plan = {plan} where {leased}"));
            }
            if !self.is_server() {
                return Ok(batch.carry_out_lightly(self.writer()).await? > 0);
            }
            let rows = batch.returning(count).carry_out(self.writer(), true).await;
            Ok(!rows?.is_empty())
        };
        writing
            .await
            .map_err(StoreError::statement("note how a run goes on"))
    }

    /// Brings a run to a good end, together with what is still to be noted of it.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn run_finish_well(&self, good: &GoodEnd) -> Result<Finished, StoreError> {
        let finished = async {
            let mut batch = Batch::default();
            end_in(&mut batch, good)?;
            let rows = batch.carry_out(self.writer(), self.is_server()).await?;
            let told: Option<i64> = rows.first().map(|row| row.try_get(1)).transpose()?;
            Ok(Finished::of(told))
        };
        finished.await.map_err(StoreError::statement("end a run"))
    }

    /// Brings runs to their good ends, all or none of them; answers what became of each, in their order. As
    /// [`Db::run_finish_well`] one after the other, only that it waits for the disk once.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn run_finish_all_well(&self, all: &[GoodEnd]) -> Result<Vec<Finished>, StoreError> {
        if self.is_server() || all.len() < 2 {
            let mut finished = Vec::new();
            for good in all {
                finished.push(self.run_finish_well(good).await?);
            }
            return Ok(finished);
        }
        let finished = async {
            let mut batch = Batch::default();
            for good in all {
                end_in(&mut batch, good)?;
            }
            let mut told = HashMap::new();
            for row in batch.carry_out(self.writer(), false).await? {
                let (id, is_told): (String, i64) = (row.try_get(0)?, row.try_get(1)?);
                told.insert(id, is_told);
            }
            let finished = all.iter().map(|good| {
                let told = told.get(&good.lease.run.to_string());
                Finished::of(told.copied())
            });
            Ok(finished.collect())
        };
        finished.await.map_err(StoreError::statement("end runs"))
    }
}

/// Has `batch` bring a run to a good end. The last of its statements answers a row: the run, and whether nobody needs to
/// be told.
fn end_in(batch: &mut Batch, good: &GoodEnd) -> Result<(), sqlx::Error> {
    let leased = Leased::of(batch, good.lease)?;
    let _count = note_in(batch, &leased, &good.notes)?;
    let (state, now) = (
        batch.bind(good.end.state().as_str())?,
        batch.bind(good.at.as_micros())?,
    );
    let plan = batch.bind(good.notes.plan.map(|plan| plan.to_string()))?;
    let told = match &good.resolves_in {
        Some(scope) => format!(
            "case when exists (
                 select 1
                 from incident
                 where incident.scope = {} and incident.title = run.title and incident.state <> 'resolved'
             ) then 0 else 1 end",
            batch.bind(scope.clone())?
        ),
        None => "1".to_owned(),
    };
    batch.push(format!(
        "update run
         set state = {state}, finished_at = {now}, plan = coalesce({plan}, plan), desk_told = {told}, class = null, cause = null,
             next_step = null, step = null, detail = null, incident_id = null, lease_owner = null,
             leased_until_at = null
         where {leased}
           and state in ('queued', 'running', 'scanning', 'publishing')
         returning id, desk_told"
    ));
    Ok(())
}

/// A lease as a batch is bound to it: as text, the condition that it is had.
pub(crate) struct Leased {
    run: String,
    fence: String,
}

impl Leased {
    fn of(batch: &mut Batch, lease: Lease) -> Result<Self, sqlx::Error> {
        Ok(Self {
            run: batch.bind(lease.run.to_string())?,
            fence: batch.bind(i64::from(lease.fence))?,
        })
    }

    /// The row `values` of the run, if the lease on it is had.
    pub(crate) fn row(&self, values: &[String]) -> String {
        format!("select id, {} from run where {self}", values.join(", "))
    }
}

impl fmt::Display for Leased {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { run, fence } = self;
        write!(
            f,
            "id = {run} and fence = {fence} and lease_owner is not null"
        )
    }
}

/// Has `batch` write `notes` down while the lease is had; answers in how many statements.
fn note_in(batch: &mut Batch, leased: &Leased, notes: &Notes) -> Result<usize, sqlx::Error> {
    let mut rows = Vec::new();
    for step in &notes.steps {
        rows.push(step_row(batch, leased, step)?);
    }
    let mut count = 0;
    if !rows.is_empty() {
        count += 1;
        batch.push(format!(
            "insert into step (run_id, position, processor, state, started_at, finished_at, input, output, messages,
                               checks)
             {}
             on conflict (run_id, position) do update
             set state = excluded.state, finished_at = excluded.finished_at, input = excluded.input,
                 output = excluded.output, messages = excluded.messages, checks = excluded.checks",
            rows.join(" union all ")
        ));
    }
    let mut rows = Vec::new();
    for download in &notes.downloads {
        rows.push(download.row(batch, leased)?);
    }
    if !rows.is_empty() {
        count += 1;
        batch.push(format!(
            "insert into download (run_id, path, url, sha256, len_bytes, changed, seen_at)
             {}
             on conflict (run_id, path) do update
             set url = excluded.url, sha256 = excluded.sha256, len_bytes = excluded.len_bytes,
                 changed = excluded.changed, seen_at = excluded.seen_at",
            rows.join(" union all ")
        ));
    }
    Ok(count)
}

fn step_row(batch: &mut Batch, leased: &Leased, step: &StepNote) -> Result<String, sqlx::Error> {
    let end = step.end.as_ref().map(|(end, _at)| end);
    let state = end.map_or(StepState::Running, |end| end.state);
    let values = [
        batch.bind(i64::from(step.position))?,
        batch.bind(step.processor.clone())?,
        batch.bind(state.as_str())?,
        batch.bind(step.started_at.as_micros())?,
        batch.bind(step.end.as_ref().map(|(_end, at)| at.as_micros()))?,
        batch.bind(end.map(|end| end.input.to_string()))?,
        batch.bind(end.map(|end| end.output.to_string()))?,
        batch.bind(end.map_or_else(String::new, |end| end.messages.clone()))?,
        batch.bind(end.map_or_else(|| "[]".to_owned(), |end| end.checks.to_string()))?,
    ];
    Ok(leased.row(&values))
}
