//! What recipes runs went by, so that they can be carried out again with the same ones.

use model::{RunId, Sha256, Timestamp};
use serde_json::Value;

use crate::{Db, StoreError, column};

/// The files that a run went by.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RecordedPlan {
    /// The files, as their reader wrote them.
    pub members: Value,
}

impl Db {
    /// Keeps a plan and the texts of its files, each by its digest. What is there already is kept for longer.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn plan_record(
        &self,
        (plan, members): (Sha256, &str),
        texts: &[(Sha256, String)],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let failed = || StoreError::statement("record what a run goes by");
        let mut tx = self.begin("record what a run goes by").await?;
        sqlx::query(
            "insert into recorded_plan (sha256, members, recorded_at)
             values ($1, $2, $3)
             on conflict (sha256) do update
             set recorded_at = excluded.recorded_at",
        )
        .bind(plan.to_string())
        .bind(members)
        .bind(now.as_micros())
        .execute(&mut *tx)
        .await
        .map_err(failed())?;
        for (sha256, body) in texts {
            sqlx::query(
                "insert into recorded_text (sha256, body, recorded_at)
                 values ($1, $2, $3)
                 on conflict (sha256) do update
                 set recorded_at = excluded.recorded_at",
            )
            .bind(sha256.to_string())
            .bind(body)
            .bind(now.as_micros())
            .execute(&mut *tx)
            .await
            .map_err(failed())?;
            sqlx::query(
                "insert into recorded_member (plan, text) values ($1, $2) on conflict do nothing",
            )
            .bind(plan.to_string())
            .bind(sha256.to_string())
            .execute(&mut *tx)
            .await
            .map_err(failed())?;
        }
        tx.commit().await.map_err(failed())
    }

    /// Whether the plan is kept, and was recorded after `since`.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn plan_is_recorded(
        &self,
        plan: Sha256,
        since: Timestamp,
    ) -> Result<bool, StoreError> {
        let recorded_at: Option<i64> =
            sqlx::query_scalar("select recorded_at from recorded_plan where sha256 = $1")
                .bind(plan.to_string())
                .fetch_optional(self.reader())
                .await
                .map_err(StoreError::statement("look whether a plan is recorded"))?;
        Ok(recorded_at.is_some_and(|at| at > since.as_micros()))
    }

    /// What `run` went by; nothing if that was not recorded.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn plan_of(&self, run: RunId) -> Result<Option<RecordedPlan>, StoreError> {
        let members: Option<String> = sqlx::query_scalar(
            "select recorded_plan.members
             from run
             join recorded_plan on recorded_plan.sha256 = run.plan
             where run.id = $1",
        )
        .bind(run.to_string())
        .fetch_optional(self.reader())
        .await
        .map_err(StoreError::statement("read what a run went by"))?;
        members
            .map(|members| {
                Ok(RecordedPlan {
                    members: column::json("recorded_plan.members", &members)?,
                })
            })
            .transpose()
    }

    /// The text that is kept of a file with this digest.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn plan_text(&self, sha256: Sha256) -> Result<Option<String>, StoreError> {
        sqlx::query_scalar("select body from recorded_text where sha256 = $1")
            .bind(sha256.to_string())
            .fetch_optional(self.reader())
            .await
            .map_err(StoreError::statement("read the text of a recipe"))
    }

    /// Forgets plans that no run goes by, and texts that no plan names, of those that were recorded before `limit`;
    /// answers how many plans.
    ///
    /// # Errors
    /// If the database fails; then none is forgotten.
    pub async fn plan_forget(&self, limit: Timestamp) -> Result<u64, StoreError> {
        let failed = || StoreError::statement("forget what runs went by");
        let mut tx = self.begin("forget what runs went by").await?;
        let mut count = 0;
        for statement in [
            "delete from recorded_member
             where plan in (
                 select sha256 from recorded_plan
                 where recorded_at < $1 and not exists (select 1 from run where run.plan = recorded_plan.sha256)
             )",
            "delete from recorded_text
             where recorded_at < $1
               and not exists (select 1 from recorded_member where recorded_member.text = recorded_text.sha256)",
            "delete from recorded_plan
             where recorded_at < $1 and not exists (select 1 from run where run.plan = recorded_plan.sha256)",
        ] {
            let deleted = sqlx::query(statement)
                .bind(limit.as_micros())
                .execute(&mut *tx)
                .await
                .map_err(failed())?;
            count = deleted.rows_affected();
        }
        tx.commit().await.map_err(failed())?;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use model::Trigger;

    use super::*;
    use crate::{GoodEnd, NewRun, Notes, Queued, RunEnd, Terms, Worker};

    const TEXT: &str = "Identifier: a";

    async fn ended_run(db: &Db, plan: Option<Sha256>, now: Timestamp) -> RunId {
        let new = NewRun {
            title: "A".parse().unwrap(),
            trigger: Trigger::Manual,
            request: serde_json::json!({}),
            terms: Terms::default(),
        };
        let Queued::New(id) = db.run_queue(&new, now).await.unwrap() else {
            panic!("nothing else is queued");
        };
        let claimed = db
            .run_claim_one(id, &Worker::named("a"), now, now.plus(HOUR))
            .await;
        let (_run, lease) = claimed.unwrap().unwrap();
        let notes = Notes {
            plan,
            ..Notes::default()
        };
        let good = GoodEnd {
            lease,
            end: RunEnd::Unchanged,
            notes,
            resolves_in: None,
            at: now,
        };
        db.run_finish_well(&good).await.unwrap();
        id
    }

    const HOUR: std::time::Duration = std::time::Duration::from_hours(1);

    #[tokio::test]
    async fn what_a_run_went_by_is_kept_as_long_as_the_run() {
        let (_folder, db) = crate::testing::database().await;
        let now = Timestamp::default().plus(HOUR);
        let (one, two) = (Sha256::of(b"one"), Sha256::of(b"two"));
        let text = (Sha256::of(TEXT.as_bytes()), TEXT.to_owned());
        for plan in [one, two, one] {
            let members = (plan, "{\"members\":[]}");
            db.plan_record(members, std::slice::from_ref(&text), now)
                .await
                .unwrap();
        }
        let run = ended_run(&db, Some(one), now).await;
        let other = ended_run(&db, None, now).await;
        assert!(db.plan_of(run).await.unwrap().is_some());
        assert_eq!(db.plan_of(other).await.unwrap(), None);
        assert_eq!(db.plan_text(text.0).await.unwrap().as_deref(), Some(TEXT));

        assert_eq!(db.plan_forget(now).await.unwrap(), 0, "just recorded");
        assert_eq!(
            db.plan_forget(now.plus(HOUR)).await.unwrap(),
            1,
            "nothing went by the second"
        );
        assert!(
            db.plan_text(text.0).await.unwrap().is_some(),
            "the first names it"
        );
        // Two runs of the title are newer, so this one can go.
        ended_run(&db, None, now).await;
        assert_eq!(db.run_forget(now.plus(HOUR), 1).await.unwrap(), 2);
        assert_eq!(db.plan_forget(now.plus(HOUR)).await.unwrap(), 1);
        assert_eq!(db.plan_text(text.0).await.unwrap(), None);
    }
}
