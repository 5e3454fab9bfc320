//! Rings: what people have said of items in them, and since when items are in which catalog.

use model::{RuleId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Db, StoreError, column, db::Tx};

/// What a person has said of an item.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RingRule {
    /// Its name.
    pub id: RuleId,
    /// What it does: `hold`, `pin`, `recall` or `urgent`.
    pub kind: String,
    /// The item.
    pub name: String,
    /// The version; every one if not given.
    pub version: Option<String>,
    /// The ring; every one if not given.
    pub ring: Option<String>,
    /// Why.
    pub reason: String,
    /// Who said so.
    pub made_by: String,
    /// When.
    pub made_at: Timestamp,
    /// How it was ended, if it was.
    pub end: Option<RuleEnd>,
}

/// How a rule was ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RuleEnd {
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// Since when, and until when, an item was in a catalog.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct RingStay {
    /// Where its pkginfo is.
    pub pkginfo: String,
    /// The item's name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The catalog.
    pub catalog: String,
    /// How it came in.
    pub entered: Passage,
    /// How it left, if it has.
    pub left: Option<Passage>,
}

/// That an item came into a catalog, or left it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Passage {
    /// When.
    pub at: Timestamp,
    /// Why, in a word.
    pub why: String,
    /// Who had it so, if it was a person.
    pub by: Option<String>,
}

#[derive(sqlx::FromRow)]
struct RuleRow {
    id: String,
    kind: String,
    name: String,
    version: Option<String>,
    ring: Option<String>,
    reason: String,
    made_by: String,
    made_at: i64,
    ended_by: Option<String>,
    end_reason: Option<String>,
    ended_at: Option<i64>,
}

impl TryFrom<RuleRow> for RingRule {
    type Error = StoreError;

    fn try_from(row: RuleRow) -> Result<Self, StoreError> {
        let end = row.ended_at.zip(row.ended_by).zip(row.end_reason);
        Ok(Self {
            id: column::word("ring_rule.id", &row.id)?,
            kind: row.kind,
            name: row.name,
            version: row.version,
            ring: row.ring,
            reason: row.reason,
            made_by: row.made_by,
            made_at: Timestamp::from_micros(row.made_at),
            end: end.map(|((at, by), reason)| RuleEnd {
                at: Timestamp::from_micros(at),
                by,
                reason,
            }),
        })
    }
}

#[derive(sqlx::FromRow)]
struct StayRow {
    pkginfo: String,
    name: String,
    version: String,
    catalog: String,
    entered_at: i64,
    entered_why: String,
    entered_by: Option<String>,
    left_at: Option<i64>,
    left_why: Option<String>,
    left_by: Option<String>,
}

impl From<StayRow> for RingStay {
    fn from(row: StayRow) -> Self {
        let left = row.left_at.zip(row.left_why).map(|(at, why)| Passage {
            at: Timestamp::from_micros(at),
            why,
            by: row.left_by,
        });
        Self {
            pkginfo: row.pkginfo,
            name: row.name,
            version: row.version,
            catalog: row.catalog,
            entered: Passage {
                at: Timestamp::from_micros(row.entered_at),
                why: row.entered_why,
                by: row.entered_by,
            },
            left,
        }
    }
}

impl Db {
    /// Adds rules, all or none.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn ring_rule_add(&self, rules: &[RingRule]) -> Result<(), StoreError> {
        let failed = || StoreError::statement("add a rule of the rings");
        let mut tx = self.begin("add a rule of the rings").await?;
        for rule in rules {
            sqlx::query(
                "insert into ring_rule (id, kind, name, version, ring, reason, made_by, made_at)
                 values ($1, $2, $3, $4, $5, $6, $7, $8)",
            )
            .bind(rule.id.to_string())
            .bind(&rule.kind)
            .bind(&rule.name)
            .bind(&rule.version)
            .bind(&rule.ring)
            .bind(&rule.reason)
            .bind(&rule.made_by)
            .bind(rule.made_at.as_micros())
            .execute(&mut *tx)
            .await
            .map_err(failed())?;
        }
        tx.commit().await.map_err(failed())
    }

    /// Ends a rule; false if there is none of that name that holds.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn ring_rule_end(&self, id: RuleId, end: &RuleEnd) -> Result<bool, StoreError> {
        let ended = sqlx::query(
            "update ring_rule
             set ended_by = $1, end_reason = $2, ended_at = $3
             where id = $4 and ended_at is null",
        )
        .bind(&end.by)
        .bind(&end.reason)
        .bind(end.at.as_micros())
        .bind(id.to_string())
        .execute(self.writer())
        .await
        .map_err(StoreError::statement("end a rule of the rings"))?;
        Ok(ended.rows_affected() == 1)
    }

    /// The rules that hold; and those that have been ended, if they are asked for. The newest come first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn ring_rule_list(&self, with_ended: bool) -> Result<Vec<RingRule>, StoreError> {
        let rows: Vec<RuleRow> = sqlx::query_as(
            "select id, kind, name, version, ring, reason, made_by, made_at, ended_by, end_reason, ended_at
             from ring_rule
             where ended_at is null or $1
             order by id desc",
        )
        .bind(with_ended)
        .fetch_all(self.reader())
        .await
        .map_err(StoreError::statement("list the rules of the rings"))?;
        rows.into_iter().map(RingRule::try_from).collect()
    }

    /// Notes stays that have begun and stays that have ended, all or none; what is known already is not noted again.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn ring_stay_note(&self, stays: &[RingStay]) -> Result<(), StoreError> {
        if stays.is_empty() {
            return Ok(());
        }
        let mut tx = self.begin(NOTE_STAY).await?;
        stay_note_tx(&mut tx, stays).await?;
        tx.commit().await.map_err(StoreError::statement(NOTE_STAY))
    }

    /// Every stay that has not ended; and those that have, if they are asked for. Oldest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn ring_stay_list(&self, with_ended: bool) -> Result<Vec<RingStay>, StoreError> {
        let rows: Vec<StayRow> = sqlx::query_as(
            "select pkginfo, name, version, catalog,
                    entered_at, entered_why, entered_by, left_at, left_why, left_by
             from ring_stay
             where left_at is null or $1
             order by entered_at, id",
        )
        .bind(with_ended)
        .fetch_all(self.reader())
        .await
        .map_err(StoreError::statement("list what is in the catalogs"))?;
        Ok(rows.into_iter().map(RingStay::from).collect())
    }

    /// The stays in a catalog that have not ended, oldest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn ring_stay_in(&self, catalog: &str) -> Result<Vec<RingStay>, StoreError> {
        let rows: Vec<StayRow> = sqlx::query_as(
            "select pkginfo, name, version, catalog,
                    entered_at, entered_why, entered_by, left_at, left_why, left_by
             from ring_stay
             where catalog = $1 and left_at is null
             order by entered_at, id",
        )
        .bind(catalog)
        .fetch_all(self.reader())
        .await
        .map_err(StoreError::statement("list what is in a catalog"))?;
        Ok(rows.into_iter().map(RingStay::from).collect())
    }

    /// Every stay of an item, oldest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn ring_stay_of(&self, name: &str) -> Result<Vec<RingStay>, StoreError> {
        let rows: Vec<StayRow> = sqlx::query_as(
            "select pkginfo, name, version, catalog,
                    entered_at, entered_why, entered_by, left_at, left_why, left_by
             from ring_stay
             where name = $1
             order by entered_at, id",
        )
        .bind(name)
        .fetch_all(self.reader())
        .await
        .map_err(StoreError::statement("list where an item was"))?;
        Ok(rows.into_iter().map(RingStay::from).collect())
    }
}

const NOTE_STAY: &str = "note what came into a catalog";

/// Notes stays that have begun and stays that have ended.
pub(crate) async fn stay_note_tx(tx: &mut Tx, stays: &[RingStay]) -> Result<(), StoreError> {
    for stay in stays {
        let query = match &stay.left {
            None => sqlx::query(
                "insert into ring_stay
                     (pkginfo, catalog, entered_at, entered_why, entered_by, name, version)
                 values ($1, $2, $3, $4, $5, $6, $7)
                 on conflict (pkginfo, catalog) where left_at is null do nothing",
            ),
            Some(_) => sqlx::query(
                "update ring_stay
                 set left_at = $3, left_why = $4, left_by = $5
                 where pkginfo = $1 and catalog = $2 and left_at is null",
            ),
        };
        let passage = stay.left.as_ref().unwrap_or(&stay.entered);
        let mut query = query
            .bind(&stay.pkginfo)
            .bind(&stay.catalog)
            .bind(passage.at.as_micros())
            .bind(&passage.why)
            .bind(&passage.by);
        if stay.left.is_none() {
            query = query.bind(&stay.name).bind(&stay.version);
        }
        query
            .execute(&mut **tx)
            .await
            .map_err(StoreError::statement(NOTE_STAY))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passage(seconds: i64, why: &str) -> Passage {
        Passage {
            at: Timestamp::from_secs(seconds),
            why: why.to_owned(),
            by: Some("kim".to_owned()),
        }
    }

    fn stay(catalog: &str, entered: Passage, left: Option<Passage>) -> RingStay {
        RingStay {
            pkginfo: "Widget-1.0.plist".to_owned(),
            name: "Widget".to_owned(),
            version: "1.0".to_owned(),
            catalog: catalog.to_owned(),
            entered,
            left,
        }
    }

    #[tokio::test]
    async fn a_stay_begins_and_ends_once_however_often_it_is_told() {
        let (_folder, db) = crate::testing::database().await;
        let entered = stay("testing", passage(1, "published"), None);
        let again = stay("testing", passage(2, "observed"), None);
        for told in [&entered, &again] {
            db.ring_stay_note(std::slice::from_ref(told)).await.unwrap();
        }
        assert_eq!(
            db.ring_stay_list(false).await.unwrap(),
            std::slice::from_ref(&entered)
        );

        let left = |seconds| {
            stay(
                "testing",
                passage(9, "x"),
                Some(passage(seconds, "rolled-back")),
            )
        };
        for told in [left(3), left(4)] {
            db.ring_stay_note(&[told]).await.unwrap();
        }
        assert_eq!(db.ring_stay_list(false).await.unwrap(), []);
        let ended = stay(
            "testing",
            passage(1, "published"),
            Some(passage(3, "rolled-back")),
        );
        db.ring_stay_note(std::slice::from_ref(&again))
            .await
            .unwrap();
        assert_eq!(
            db.ring_stay_list(true).await.unwrap(),
            [ended, again],
            "it came back"
        );
    }

    #[tokio::test]
    async fn a_rule_holds_until_it_is_ended_and_ends_once() {
        let (_folder, db) = crate::testing::database().await;
        let rule = RingRule {
            id: RuleId::new(),
            kind: "hold".to_owned(),
            name: "Widget".to_owned(),
            version: None,
            ring: None,
            reason: "crashes".to_owned(),
            made_by: "kim".to_owned(),
            made_at: Timestamp::from_secs(1),
            end: None,
        };
        db.ring_rule_add(std::slice::from_ref(&rule)).await.unwrap();
        assert_eq!(
            db.ring_rule_list(false).await.unwrap(),
            std::slice::from_ref(&rule)
        );
        let end = RuleEnd {
            at: Timestamp::from_secs(2),
            by: "alex".to_owned(),
            reason: "mended".to_owned(),
        };
        assert!(db.ring_rule_end(rule.id, &end).await.unwrap());
        assert!(!db.ring_rule_end(rule.id, &end).await.unwrap());
        assert_eq!(db.ring_rule_list(false).await.unwrap(), []);
        let ended = RingRule {
            end: Some(end),
            ..rule
        };
        assert_eq!(db.ring_rule_list(true).await.unwrap(), [ended]);
        let unknown = RingRule {
            id: RuleId::new(),
            kind: "pin".to_owned(),
            version: None,
            end: None,
            ..db.ring_rule_list(true).await.unwrap().remove(0)
        };
        assert!(
            db.ring_rule_add(&[unknown]).await.is_err(),
            "a pin is about a version"
        );
    }
}
