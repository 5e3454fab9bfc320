//! Whom titles are signed by: a record to which entries are only added.

use std::str::FromStr;

use model::{IdentityId, RunId, Timestamp, Title, UnknownWord};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Db, Lease, StoreError, column, db::Tx};

/// One entry of the record.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct IdentityEntry {
    /// Its name; of two entries the later one has the greater.
    pub id: IdentityId,
    /// The title.
    pub title: Title,
    /// What the entry says.
    pub state: IdentityState,
    /// Everything that was verified, as its reader wrote it.
    pub identities: Value,
    /// What was accepted before, if anything was.
    pub accepted: Option<Value>,
    /// The run that verified it.
    pub run: RunId,
    /// When the entry was made.
    pub recorded_at: Timestamp,
    /// Who decided, and why, if it is a decision.
    pub decision: Option<IdentityDecision>,
}

/// A person's part in an entry.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct IdentityDecision {
    /// Who decided.
    pub by: String,
    /// Why so.
    pub reason: String,
}

/// What an entry says.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IdentityState {
    /// A run published what is signed so.
    Accepted,
    /// A person lets it pass.
    Approved,
    /// A run waits for a person.
    Held,
    /// A person does not let it pass.
    Refused,
}

impl IdentityState {
    const ALL: [Self; 4] = [Self::Accepted, Self::Approved, Self::Held, Self::Refused];

    /// The name used in tables, logs and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Approved => "approved",
            Self::Held => "held",
            Self::Refused => "refused",
        }
    }
}

impl FromStr for IdentityState {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == word)
            .ok_or_else(|| UnknownWord {
                list: "state of an identity",
                word: word.to_owned(),
            })
    }
}

#[derive(sqlx::FromRow)]
struct IdentityRow {
    id: String,
    title: String,
    state: String,
    identities: String,
    accepted: Option<String>,
    run_id: String,
    recorded_at: i64,
    decided_by: Option<String>,
    reason: Option<String>,
}

impl TryFrom<IdentityRow> for IdentityEntry {
    type Error = StoreError;

    fn try_from(row: IdentityRow) -> Result<Self, StoreError> {
        let accepted = row.accepted.as_deref();
        Ok(Self {
            id: column::word("identity.id", &row.id)?,
            title: column::word("identity.title", &row.title)?,
            state: column::word("identity.state", &row.state)?,
            identities: column::json("identity.identities", &row.identities)?,
            accepted: accepted
                .map(|text| column::json("identity.accepted", text))
                .transpose()?,
            run: column::word("identity.run_id", &row.run_id)?,
            recorded_at: Timestamp::from_micros(row.recorded_at),
            decision: row
                .decided_by
                .zip(row.reason)
                .map(|(by, reason)| IdentityDecision { by, reason }),
        })
    }
}

impl Db {
    /// Adds the entry of a run that is held; false if the lease on the run is lost.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn identity_hold(
        &self,
        lease: Lease,
        entry: &IdentityEntry,
    ) -> Result<bool, StoreError> {
        let added = sqlx::query(
            "insert into identity (id, title, state, identities, accepted, run_id, recorded_at)
             select $1, $2, $3, $4, $5, id, $6
             from run
             where id = $7 and fence = $8 and lease_owner is not null",
        )
        .bind(entry.id.to_string())
        .bind(entry.title.as_str())
        .bind(entry.state.as_str())
        .bind(entry.identities.to_string())
        .bind(entry.accepted.as_ref().map(Value::to_string))
        .bind(entry.recorded_at.as_micros())
        .bind(lease.run.to_string())
        .bind(i64::from(lease.fence))
        .execute(self.writer())
        .await
        .map_err(StoreError::statement("hold an identity"))?;
        Ok(added.rows_affected() == 1)
    }

    /// Adds a decision; false if the newest entry of its title is not `newest` any more, so that what was decided on
    /// is not what there is now.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn identity_decide(
        &self,
        newest: IdentityId,
        entry: &IdentityEntry,
    ) -> Result<bool, StoreError> {
        let failed = || StoreError::statement("decide on an identity");
        let mut tx = self.begin("decide on an identity").await?;
        let found: Option<String> =
            sqlx::query_scalar("select max(id) from identity where title = $1")
                .bind(entry.title.as_str())
                .fetch_one(&mut *tx)
                .await
                .map_err(failed())?;
        if found != Some(newest.to_string()) {
            return Ok(false);
        }
        identity_add_tx(&mut tx, entry).await?;
        tx.commit().await.map_err(failed())?;
        Ok(true)
    }

    /// The record of `title`, newest entry first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn identity_record(&self, title: &Title) -> Result<Vec<IdentityEntry>, StoreError> {
        let rows: Vec<IdentityRow> = sqlx::query_as(
            "select id, title, state, identities, accepted, run_id, recorded_at, decided_by, reason
             from identity
             where title = $1
             order by id desc",
        )
        .bind(title.as_str())
        .fetch_all(self.reader())
        .await
        .map_err(StoreError::statement("read a record of identities"))?;
        rows.into_iter().map(IdentityEntry::try_from).collect()
    }

    /// The newest entry of `title` that was accepted, if there is one.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn identity_accepted(
        &self,
        title: &Title,
    ) -> Result<Option<IdentityEntry>, StoreError> {
        let row: Option<IdentityRow> = sqlx::query_as(
            "select id, title, state, identities, accepted, run_id, recorded_at, decided_by, reason
             from identity
             where title = $1 and state = 'accepted'
             order by id desc
             limit 1",
        )
        .bind(title.as_str())
        .fetch_optional(self.reader())
        .await
        .map_err(StoreError::statement("read an accepted identity"))?;
        row.map(IdentityEntry::try_from).transpose()
    }

    /// One entry.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn identity_find(&self, id: IdentityId) -> Result<Option<IdentityEntry>, StoreError> {
        let row: Option<IdentityRow> = sqlx::query_as(
            "select id, title, state, identities, accepted, run_id, recorded_at, decided_by, reason
             from identity
             where id = $1",
        )
        .bind(id.to_string())
        .fetch_optional(self.reader())
        .await
        .map_err(StoreError::statement("read an identity"))?;
        row.map(IdentityEntry::try_from).transpose()
    }

    /// The titles that have a record, by name.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn identity_titles(&self) -> Result<Vec<Title>, StoreError> {
        let titles: Vec<String> =
            sqlx::query_scalar("select distinct title from identity order by title")
                .fetch_all(self.reader())
                .await
                .map_err(StoreError::statement("list records of identities"))?;
        let titles = titles.iter();
        titles
            .map(|title| column::word("identity.title", title))
            .collect()
    }
}

/// Adds an entry; that a run accepted is added once.
pub(crate) async fn identity_add_tx(tx: &mut Tx, entry: &IdentityEntry) -> Result<(), StoreError> {
    let decision = entry.decision.as_ref();
    sqlx::query(
        "insert into identity
             (id, title, state, identities, accepted, run_id, recorded_at, decided_by, reason)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         on conflict (run_id) where state = 'accepted' do nothing",
    )
    .bind(entry.id.to_string())
    .bind(entry.title.as_str())
    .bind(entry.state.as_str())
    .bind(entry.identities.to_string())
    .bind(entry.accepted.as_ref().map(Value::to_string))
    .bind(entry.run.to_string())
    .bind(entry.recorded_at.as_micros())
    .bind(decision.map(|decision| &decision.by))
    .bind(decision.map(|decision| &decision.reason))
    .execute(&mut **tx)
    .await
    .map_err(StoreError::statement("add to a record of identities"))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use model::{ChangeSetId, Trigger};
    use serde_json::json;

    use super::*;
    use crate::{NewPublication, NewRun, Queued};

    const NOW: Timestamp = Timestamp::from_secs(1);

    async fn run_of(db: &Db, title: &Title) -> Lease {
        let new = NewRun {
            title: title.clone(),
            trigger: Trigger::Manual,
            request: json!({}),
            terms: crate::Terms::default(),
        };
        let Queued::New(run) = db.run_queue(&new, NOW).await.unwrap() else {
            panic!("the queue was empty");
        };
        let until = NOW.plus(Duration::from_mins(1));
        db.run_claim_one(run, &crate::Worker::named("me"), NOW, until)
            .await
            .unwrap()
            .unwrap()
            .1
    }

    fn entry(title: &Title, run: RunId, state: IdentityState, who: &str) -> IdentityEntry {
        IdentityEntry {
            id: IdentityId::new(),
            title: title.clone(),
            state,
            identities: json!([who]),
            accepted: None,
            run,
            recorded_at: NOW,
            decision: None,
        }
    }

    #[tokio::test]
    async fn the_record_grows_and_a_decision_is_about_what_there_was() {
        let (_folder, db) = crate::testing::database().await;
        let title: Title = "Widget.munki".parse().unwrap();
        let lease = run_of(&db, &title).await;
        let held = entry(&title, lease.run, IdentityState::Held, "B");
        assert!(db.identity_hold(lease, &held).await.unwrap());
        let decided = IdentityEntry {
            accepted: Some(json!(["A"])),
            decision: Some(IdentityDecision {
                by: "ann".to_owned(),
                reason: "the vendor says so".to_owned(),
            }),
            ..entry(&title, lease.run, IdentityState::Approved, "B")
        };
        assert!(db.identity_decide(held.id, &decided).await.unwrap());
        let late = IdentityEntry {
            id: IdentityId::new(),
            state: IdentityState::Refused,
            ..decided.clone()
        };
        assert!(!db.identity_decide(held.id, &late).await.unwrap());
        let record = db.identity_record(&title).await.unwrap();
        assert_eq!(record, [decided.clone(), held]);
        let found = db.identity_find(decided.id).await.unwrap();
        assert_eq!(found, Some(decided));
        assert_eq!(db.identity_titles().await.unwrap(), [title]);
    }

    #[tokio::test]
    async fn who_lost_the_run_holds_nothing() {
        let (_folder, db) = crate::testing::database().await;
        let title: Title = "Widget.munki".parse().unwrap();
        let lease = run_of(&db, &title).await;
        let stale = Lease {
            fence: lease.fence + 1,
            ..lease
        };
        let held = entry(&title, lease.run, IdentityState::Held, "B");
        assert!(!db.identity_hold(stale, &held).await.unwrap());
        assert_eq!(db.identity_record(&title).await.unwrap(), []);
    }

    #[tokio::test]
    async fn a_decision_needs_a_name_and_a_reason() {
        let (_folder, db) = crate::testing::database().await;
        let title: Title = "Widget.munki".parse().unwrap();
        let lease = run_of(&db, &title).await;
        let held = entry(&title, lease.run, IdentityState::Held, "B");
        assert!(db.identity_hold(lease, &held).await.unwrap());
        let nobody = entry(&title, lease.run, IdentityState::Approved, "B");
        assert!(db.identity_decide(held.id, &nobody).await.is_err());
        assert_eq!(db.identity_record(&title).await.unwrap(), [held]);
    }

    #[tokio::test]
    async fn what_a_run_accepts_is_noted_with_its_publication_and_once() {
        let (_folder, db) = crate::testing::database().await;
        let title: Title = "Widget.munki".parse().unwrap();
        let lease = run_of(&db, &title).await;
        let publication = NewPublication {
            change_set: ChangeSetId::new(),
            run: lease.run,
            title: title.clone(),
            items: json!([]),
        };
        db.publication_begin(&publication, NOW).await.unwrap();
        let first = entry(&title, lease.run, IdentityState::Accepted, "A");
        let again = IdentityEntry {
            id: IdentityId::new(),
            ..first.clone()
        };
        for accepted in [&first, &again] {
            db.publication_finish(&publication, &[], Some(accepted), NOW)
                .await
                .unwrap();
        }
        assert_eq!(db.identity_record(&title).await.unwrap(), [first]);
    }
}
