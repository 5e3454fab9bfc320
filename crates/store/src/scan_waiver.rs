//! Waivers: a person lets what scanners say of one SHA-256 pass, until a moment.

use model::{Sha256, Timestamp, WaiverId};

use crate::{Db, StoreError, column};

/// That a person lets pass what scanners say of one SHA-256.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ScanWaiver {
    /// Its name.
    pub id: WaiverId,
    /// The bytes it is about.
    pub sha256: Sha256,
    /// The engines whose objections it is about; doubts of all if there are none.
    pub engines: Vec<String>,
    /// Why.
    pub reason: String,
    /// Who says so.
    pub by: String,
    /// When it was given.
    pub at: Timestamp,
    /// Until when it holds.
    pub until: Timestamp,
    /// Who took it back, and when, if somebody did.
    pub revoked: Option<(String, Timestamp)>,
}

impl ScanWaiver {
    /// Whether it holds at `now`.
    pub fn holds(&self, now: Timestamp) -> bool {
        self.revoked.is_none() && now < self.until
    }
}

#[derive(sqlx::FromRow)]
struct WaiverRow {
    id: String,
    sha256: String,
    engines: String,
    reason: String,
    waived_by: String,
    waived_at: i64,
    until_at: i64,
    revoked_by: Option<String>,
    revoked_at: Option<i64>,
}

impl TryFrom<WaiverRow> for ScanWaiver {
    type Error = StoreError;

    fn try_from(row: WaiverRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: column::word("scan_waiver.id", &row.id)?,
            sha256: column::word("scan_waiver.sha256", &row.sha256)?,
            engines: column::json("scan_waiver.engines", &row.engines)?,
            reason: row.reason,
            by: row.waived_by,
            at: Timestamp::from_micros(row.waived_at),
            until: Timestamp::from_micros(row.until_at),
            revoked: row
                .revoked_by
                .zip(row.revoked_at.map(Timestamp::from_micros)),
        })
    }
}

impl Db {
    /// Keeps a waiver.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn waiver_add(&self, waiver: &ScanWaiver) -> Result<(), StoreError> {
        sqlx::query(
            "insert into scan_waiver (id, sha256, engines, reason, waived_by, waived_at, until_at)
             values ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(waiver.id.to_string())
        .bind(waiver.sha256.to_string())
        .bind(serde_json::Value::from(waiver.engines.clone()).to_string())
        .bind(&waiver.reason)
        .bind(&waiver.by)
        .bind(waiver.at.as_micros())
        .bind(waiver.until.as_micros())
        .execute(self.writer())
        .await
        .map_err(StoreError::statement("keep a waiver"))?;
        Ok(())
    }

    /// Every waiver that was ever given, of `sha256` or of everything; the newest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn waiver_list(&self, sha256: Option<Sha256>) -> Result<Vec<ScanWaiver>, StoreError> {
        let rows: Vec<WaiverRow> = sqlx::query_as(
            "select id, sha256, engines, reason, waived_by, waived_at, until_at, revoked_by, revoked_at
             from scan_waiver
             where $1 = '' or sha256 = $1
             order by waived_at desc, id desc",
        )
        .bind(sha256.map(|it| it.to_string()).unwrap_or_default())
        .fetch_all(self.reader())
        .await
        .map_err(StoreError::statement("list waivers"))?;
        rows.into_iter().map(ScanWaiver::try_from).collect()
    }

    /// Takes every waiver of `sha256` that holds at `now` back; answers how many there were.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn waiver_revoke(
        &self,
        sha256: Sha256,
        by: &str,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let revoked = sqlx::query(
            "update scan_waiver
             set revoked_by = $2, revoked_at = $3
             where sha256 = $1 and revoked_at is null and until_at > $3",
        )
        .bind(sha256.to_string())
        .bind(by)
        .bind(now.as_micros())
        .execute(self.writer())
        .await
        .map_err(StoreError::statement("take a waiver back"))?;
        Ok(revoked.rows_affected())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_waiver_holds_until_its_end_or_until_it_is_taken_back() {
        let (_folder, db) = crate::testing::database().await;
        let digest = Sha256::of(b"app");
        let at = Timestamp::from_secs;
        let waiver = |until| ScanWaiver {
            id: WaiverId::new(),
            sha256: digest,
            engines: vec!["Wary".to_owned()],
            reason: "A known false alarm".to_owned(),
            by: "jo".to_owned(),
            at: at(10),
            until: at(until),
            revoked: None,
        };
        let (short, long) = (waiver(20), waiver(90));
        for given in [&short, &long] {
            db.waiver_add(given).await.unwrap();
        }
        let kept = db.waiver_list(Some(digest)).await.unwrap();
        assert_eq!(kept, [long.clone(), short.clone()]);
        assert_eq!(db.waiver_list(Some(Sha256::of(b"else"))).await.unwrap(), []);
        assert!(short.holds(at(19)) && !short.holds(at(20)));

        assert_eq!(db.waiver_revoke(digest, "al", at(30)).await.unwrap(), 1);
        let kept = db.waiver_list(None).await.unwrap();
        assert_eq!(
            kept.first().unwrap().revoked,
            Some(("al".to_owned(), at(30)))
        );
        assert_eq!(kept.last(), Some(&short), "what is over stays as it was");
        assert!(!kept.iter().any(|waiver| waiver.holds(at(31))));
    }
}
