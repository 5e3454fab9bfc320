//! Steps: what each processor of a run was given and gave.

use std::str::FromStr;

use model::{RunId, RunState, Timestamp, UnknownWord};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Db, Lease, StoreError, column};

/// Where a step stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepState {
    /// It is being carried out, or was when its process died.
    Running,
    /// It did what it should.
    Done,
    /// It stopped the run.
    Failed,
}

impl StepState {
    /// The name used in tables, logs and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

impl FromStr for StepState {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        [Self::Running, Self::Done, Self::Failed]
            .into_iter()
            .find(|state| state.as_str() == word)
            .ok_or_else(|| UnknownWord {
                list: "state of a step",
                word: word.to_owned(),
            })
    }
}

/// One step of a run.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Step {
    /// Its place in the run, from zero.
    pub position: u32,
    /// The processor.
    pub processor: String,
    /// Where it stands.
    pub state: StepState,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// What it read, secrets taken out.
    pub input: Option<Value>,
    /// What it set, secrets taken out.
    pub output: Option<Value>,
    /// What it said, secrets taken out.
    pub messages: String,
    /// What was held against its downloads, and what came of it, as whoever checked wrote it.
    pub checks: Value,
}

/// How a step ended. Secrets must have been taken out.
#[derive(Clone, Debug)]
pub struct StepEnd {
    /// Whether it did what it should.
    pub state: StepState,
    /// What it read.
    pub input: Value,
    /// What it set.
    pub output: Value,
    /// What it said.
    pub messages: String,
    /// What was held against its downloads, and what came of it.
    pub checks: Value,
}

#[derive(sqlx::FromRow)]
struct StepRow {
    position: i64,
    processor: String,
    state: String,
    started_at: i64,
    finished_at: Option<i64>,
    input: Option<String>,
    output: Option<String>,
    messages: String,
    checks: String,
}

impl TryFrom<StepRow> for Step {
    type Error = StoreError;

    fn try_from(row: StepRow) -> Result<Self, StoreError> {
        let json =
            |column, text: Option<String>| text.map(|text| column::json(column, &text)).transpose();
        Ok(Self {
            position: column::count("step.position", row.position)?,
            processor: row.processor,
            state: column::word("step.state", &row.state)?,
            started_at: Timestamp::from_micros(row.started_at),
            finished_at: row.finished_at.map(Timestamp::from_micros),
            input: json("step.input", row.input)?,
            output: json("step.output", row.output)?,
            messages: row.messages,
            checks: column::json("step.checks", &row.checks)?,
        })
    }
}

impl Db {
    /// Notes what a step has said up to now; nothing if it has ended, or the lease on the run is lost.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn step_say(
        &self,
        lease: Lease,
        position: u32,
        messages: &str,
    ) -> Result<(), StoreError> {
        let note = sqlx::query(
            "update step
             set messages = $1
             where run_id = $2
               and position = $3
               and state = 'running'
               and exists (
                   select 1
                   from run
                   where run.id = step.run_id and run.fence = $4 and run.lease_owner is not null
               )",
        )
        .bind(messages.to_owned())
        .bind(lease.run.to_string())
        .bind(i64::from(position))
        .bind(i64::from(lease.fence));
        let noted = self.execute_lightly(note).await;
        noted
            .map(drop)
            .map_err(StoreError::statement("note what a step says"))
    }

    /// Something that differs whenever anything of a run does that its page shows of its steps; nothing if there is no
    /// such run.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn run_pulse(&self, run: RunId) -> Result<Option<(RunState, String)>, StoreError> {
        let row: Option<(String, i64, i64, i64)> = sqlx::query_as(
            "select state,
                    (select count(*) from step where run_id = run.id),
                    (select count(*) from step where run_id = run.id and state <> 'running'),
                    (select cast(coalesce(sum(length(messages)), 0) as bigint) from step where run_id = run.id)
             from run
             where id = $1",
        )
        .bind(run.to_string())
        .fetch_optional(self.reader())
        .await
        .map_err(StoreError::statement("see how far a run is"))?;
        row.map(|(state, begun, ended, said)| {
            let told = column::word("run.state", &state)?;
            Ok((told, format!("{state} {begun} {ended} {said}")))
        })
        .transpose()
    }

    /// The steps of a run, in their order.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn step_list(&self, run: RunId) -> Result<Vec<Step>, StoreError> {
        let rows: Vec<StepRow> = sqlx::query_as(
            "select position, processor, state, started_at, finished_at, input, output, messages, checks
             from step
             where run_id = $1
             order by position",
        )
        .bind(run.to_string())
        .fetch_all(self.reader())
        .await
        .map_err(StoreError::statement("list the steps of a run"))?;
        rows.into_iter().map(Step::try_from).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use model::Trigger;
    use serde_json::json;

    use super::*;
    use crate::{NewRun, Queued, StepNote};

    #[tokio::test]
    async fn what_was_checked_is_kept_with_its_step() {
        let (_folder, db) = crate::testing::database().await;
        let now = Timestamp::from_secs(1);
        let new = NewRun {
            title: "Widget.munki".parse().unwrap(),
            trigger: Trigger::Manual,
            request: json!({}),
            terms: crate::Terms::default(),
        };
        let Queued::New(run) = db.run_queue(&new, now).await.unwrap() else {
            panic!("the queue was empty");
        };
        let until = now.plus(Duration::from_mins(1));
        let claimed = db
            .run_claim_one(run, &crate::Worker::named("me"), now, until)
            .await
            .unwrap();
        let (_run, lease) = claimed.unwrap();
        assert!(db.run_start(lease, now).await.unwrap());
        let begun = |position| StepNote::begun(position, "URLDownloader", now);
        for position in [0, 1] {
            let noted = db.run_note(lease, &begun(position).into()).await;
            assert!(noted.unwrap());
        }
        db.step_say(lease, 0, "Downloading").await.unwrap();
        let pulse = db.run_pulse(run).await.unwrap();
        assert_eq!(
            pulse,
            Some((RunState::Running, "running 2 0 11".to_owned()))
        );
        let checks = json!([{"name": "github-asset-digest", "result": "pass"}]);
        let end = StepEnd {
            state: StepState::Done,
            input: json!({}),
            output: json!({"pathname": "f"}),
            messages: "Downloaded f".to_owned(),
            checks: checks.clone(),
        };
        let ended = StepNote {
            end: Some((end, now)),
            ..begun(0)
        };
        assert!(db.run_note(lease, &ended.into()).await.unwrap());
        db.step_say(lease, 0, "too late").await.unwrap();
        let steps = db.step_list(run).await.unwrap();
        assert_eq!(steps[0].checks, checks);
        assert_eq!(steps[0].messages, "Downloaded f");
        assert_eq!(steps[1].checks, json!([]), "a step that has not ended");
    }
}
