//! Runs that wait for a person, and what people have said to them.

use std::str::FromStr;

use model::{RunId, Sha256, Timestamp, UnknownWord};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Db, Run, StoreError, column,
    run::{RunRow, columns},
};

/// What a person says to a run that waits.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HoldVerdict {
    /// It is right.
    Approve,
    /// It is not.
    Refuse,
}

impl HoldVerdict {
    /// The name used in tables, logs and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Refuse => "refuse",
        }
    }
}

impl FromStr for HoldVerdict {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        [Self::Approve, Self::Refuse]
            .into_iter()
            .find(|verdict| verdict.as_str() == word)
            .ok_or_else(|| UnknownWord {
                list: "verdict on a hold",
                word: word.to_owned(),
            })
    }
}

/// What somebody has said to a run that waits.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HoldDecision {
    /// The run.
    pub run: RunId,
    /// What was said.
    pub verdict: HoldVerdict,
    /// Who said it.
    pub by: String,
    /// Why.
    pub reason: String,
    /// The digest of what was decided on.
    pub about: Sha256,
    /// When.
    pub at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct DecisionRow {
    run_id: String,
    verdict: String,
    decided_by: String,
    reason: String,
    about: String,
    decided_at: i64,
}

impl TryFrom<DecisionRow> for HoldDecision {
    type Error = StoreError;

    fn try_from(row: DecisionRow) -> Result<Self, StoreError> {
        Ok(Self {
            run: column::word("hold_decision.run_id", &row.run_id)?,
            verdict: column::word("hold_decision.verdict", &row.verdict)?,
            about: column::word("hold_decision.about", &row.about)?,
            by: row.decided_by,
            reason: row.reason,
            at: Timestamp::from_micros(row.decided_at),
        })
    }
}

impl Db {
    /// The newest runs of their titles that wait for a person, or failed because something was not trusted; the oldest
    /// first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn hold_list(&self) -> Result<Vec<Run>, StoreError> {
        self.hold_page(None, u32::MAX).await
    }

    /// As [`Db::hold_list`], those behind `after` and at most `limit`.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn hold_page(
        &self,
        after: Option<RunId>,
        limit: u32,
    ) -> Result<Vec<Run>, StoreError> {
        let rows: Vec<RunRow> = sqlx::query_as(concat!(
            "select ",
            columns!(),
            " from run
             where id in (
                 select run_id from title where waits = 1 and run_id > $1 order by run_id limit $2
             )
             order by id"
        ))
        .bind(after.map_or_else(String::new, |id| id.to_string()))
        .bind(i64::from(limit))
        .fetch_all(self.reader())
        .await
        .map_err(StoreError::statement("list what waits for a person"))?;
        rows.into_iter().map(Run::try_from).collect()
    }

    /// How many runs wait for a person.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn hold_count(&self) -> Result<u64, StoreError> {
        let count: i64 = sqlx::query_scalar("select count(*) from title where waits = 1")
            .fetch_one(self.reader())
            .await
            .map_err(StoreError::statement("count what waits for a person"))?;
        column::count("title.waits", count)
    }

    /// Adds what somebody has said.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn hold_decide(&self, decision: &HoldDecision) -> Result<(), StoreError> {
        sqlx::query(
            "insert into hold_decision (id, run_id, verdict, decided_by, reason, about, decided_at)
             values ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(Uuid::now_v7().to_string())
        .bind(decision.run.to_string())
        .bind(decision.verdict.as_str())
        .bind(&decision.by)
        .bind(&decision.reason)
        .bind(decision.about.to_string())
        .bind(decision.at.as_micros())
        .execute(self.writer())
        .await
        .map_err(StoreError::statement("note a decision"))?;
        Ok(())
    }

    /// What was said to a run, in the order it was.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn hold_decisions(&self, run: RunId) -> Result<Vec<HoldDecision>, StoreError> {
        let rows: Vec<DecisionRow> = sqlx::query_as(
            "select run_id, verdict, decided_by, reason, about, decided_at
             from hold_decision
             where run_id = $1
             order by id",
        )
        .bind(run.to_string())
        .fetch_all(self.reader())
        .await
        .map_err(StoreError::statement("read decisions"))?;
        rows.into_iter().map(HoldDecision::try_from).collect()
    }
}

#[cfg(test)]
mod tests {
    use model::{FailureClass, Trigger};
    use serde_json::json;

    use super::*;
    use crate::{NewRun, Queued, RunEnd, RunFailure, Terms, Worker};

    async fn ended(db: &Db, title: &str, end: &RunEnd) -> RunId {
        let now = Timestamp::from_secs(1);
        let new = NewRun {
            title: title.parse().unwrap(),
            trigger: Trigger::Manual,
            request: json!({}),
            terms: Terms::default(),
        };
        let Queued::New(run) = db.run_queue(&new, now).await.unwrap() else {
            panic!("{title} has a run");
        };
        let until = Timestamp::from_secs(60);
        let claimed = db.run_claim_one(run, &Worker::named("w"), now, until).await;
        let (_, lease) = claimed.unwrap().unwrap();
        assert!(db.run_finish(lease, end, None, now).await.unwrap());
        run
    }

    fn failure(class: FailureClass) -> RunFailure {
        RunFailure {
            class,
            cause: "something".to_owned(),
            next_step: "look".to_owned(),
            step: None,
            detail: None,
            incident: None,
        }
    }

    #[tokio::test]
    async fn the_newest_runs_that_wait_are_listed_and_what_was_said_stays() {
        let (_folder, db) = crate::testing::database().await;
        let held = RunEnd::Held(failure(FailureClass::ReRelease));
        ended(&db, "A", &held).await;
        let newest = ended(&db, "A", &held).await;
        ended(&db, "B", &held).await;
        ended(&db, "B", &RunEnd::Unchanged).await;
        ended(&db, "C", &RunEnd::Failed(failure(FailureClass::Download))).await;
        let untrusted = ended(&db, "D", &RunEnd::Failed(failure(FailureClass::Trust))).await;
        let listed = db.hold_list().await.unwrap();
        let ids: Vec<RunId> = listed.iter().map(|run| run.id).collect();
        assert_eq!(ids, [newest, untrusted]);

        let decision = HoldDecision {
            run: newest,
            verdict: HoldVerdict::Approve,
            by: "ada".to_owned(),
            reason: "asked the vendor".to_owned(),
            about: Sha256::of(b"it"),
            at: Timestamp::from_secs(9),
        };
        db.hold_decide(&decision).await.unwrap();
        assert_eq!(db.hold_decisions(newest).await.unwrap(), [decision]);
        assert_eq!(db.hold_decisions(untrusted).await.unwrap(), []);
    }
}
