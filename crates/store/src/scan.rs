//! Scans: what a scanner was asked about one SHA-256, and what it answered.

use model::{ScanId, Sha256, Timestamp};
use serde_json::Value;

use crate::{Db, StoreError, column};

/// How far asking about one SHA-256 has come.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ScanState {
    /// It is to be looked up.
    Asked,
    /// Somebody uploads it, since the scan last changed.
    Uploading,
    /// It was uploaded and is analysed under this name.
    Analysing {
        /// The scanner's name for the analysis.
        analysis_id: String,
    },
    /// There is a report.
    Reported {
        /// The report, as its reader wrote it.
        report: Value,
    },
    /// There will be none until somebody asks again.
    Unanswered,
}

impl ScanState {
    const fn word(&self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Uploading => "uploading",
            Self::Analysing { .. } => "analysing",
            Self::Reported { .. } => "reported",
            Self::Unanswered => "unanswered",
        }
    }

    fn analysis_id(&self) -> Option<&str> {
        match self {
            Self::Analysing { analysis_id } => Some(analysis_id),
            _ => None,
        }
    }

    fn report(&self) -> Option<String> {
        match self {
            Self::Reported { report } => Some(report.to_string()),
            _ => None,
        }
    }
}

/// One scan; there is one for each SHA-256.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Scan {
    /// Its name.
    pub id: ScanId,
    /// The bytes it is about.
    pub sha256: Sha256,
    /// How far it has come.
    pub state: ScanState,
    /// When it was first asked for.
    pub asked_at: Timestamp,
    /// When it last changed; also its fencing number.
    pub changed_at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct ScanRow {
    id: String,
    sha256: String,
    state: String,
    analysis_id: Option<String>,
    report: Option<String>,
    asked_at: i64,
    changed_at: i64,
}

impl TryFrom<ScanRow> for Scan {
    type Error = StoreError;

    fn try_from(row: ScanRow) -> Result<Self, StoreError> {
        let state = match (row.state.as_str(), row.analysis_id, row.report) {
            ("asked", _, _) => ScanState::Asked,
            ("uploading", _, _) => ScanState::Uploading,
            ("analysing", Some(analysis_id), _) => ScanState::Analysing { analysis_id },
            ("reported", _, Some(report)) => ScanState::Reported {
                report: column::json("scan.report", &report)?,
            },
            ("unanswered", _, _) => ScanState::Unanswered,
            _ => return Err(StoreError::row("scan.state", row.state)),
        };
        Ok(Self {
            id: column::word("scan.id", &row.id)?,
            sha256: column::word("scan.sha256", &row.sha256)?,
            state,
            asked_at: Timestamp::from_micros(row.asked_at),
            changed_at: Timestamp::from_micros(row.changed_at),
        })
    }
}

impl Db {
    /// The scan of `sha256`; a new one if it was never asked for.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn scan_ask(&self, sha256: Sha256, now: Timestamp) -> Result<Scan, StoreError> {
        let row: ScanRow = sqlx::query_as(
            "insert into scan (id, sha256, state, asked_at, changed_at)
             values ($1, $2, 'asked', $3, $3)
             on conflict (sha256) do update
             set asked_at = scan.asked_at
             returning id, sha256, state, analysis_id, report, asked_at, changed_at",
        )
        .bind(ScanId::new().to_string())
        .bind(sha256.to_string())
        .bind(now.as_micros())
        .fetch_one(self.writer())
        .await
        .map_err(StoreError::statement("ask for a scan"))?;
        row.try_into()
    }

    /// The scan of `sha256`, if it was ever asked for.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn scan_find(&self, sha256: Sha256) -> Result<Option<Scan>, StoreError> {
        let row: Option<ScanRow> = sqlx::query_as(
            "select id, sha256, state, analysis_id, report, asked_at, changed_at
             from scan
             where sha256 = $1",
        )
        .bind(sha256.to_string())
        .fetch_optional(self.reader())
        .await
        .map_err(StoreError::statement("read a scan"))?;
        row.map(Scan::try_from).transpose()
    }

    /// Moves `scan` on to `state`, unless somebody else has moved it since it was read: then `None`.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn scan_move(
        &self,
        scan: &Scan,
        state: ScanState,
        now: Timestamp,
    ) -> Result<Option<Scan>, StoreError> {
        // Two changes within one tick of the clock must still be told apart.
        let changed_at = Timestamp::from_micros(
            now.as_micros()
                .max(scan.changed_at.as_micros().saturating_add(1)),
        );
        let moved = sqlx::query(
            "update scan
             set state = $1, analysis_id = $2, report = $3, changed_at = $4
             where id = $5 and state = $6 and changed_at = $7",
        )
        .bind(state.word())
        .bind(state.analysis_id())
        .bind(state.report())
        .bind(changed_at.as_micros())
        .bind(scan.id.to_string())
        .bind(scan.state.word())
        .bind(scan.changed_at.as_micros())
        .execute(self.writer())
        .await
        .map_err(StoreError::statement("move a scan on"))?;
        Ok((moved.rows_affected() == 1).then(|| Scan {
            state,
            changed_at,
            ..scan.clone()
        }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn one_scan_for_one_digest() {
        let (_folder, db) = crate::testing::database().await;
        let digest = Sha256::of(b"app");
        assert_eq!(db.scan_find(digest).await.unwrap(), None);
        let first = db.scan_ask(digest, Timestamp::from_secs(1)).await.unwrap();
        let second = db.scan_ask(digest, Timestamp::from_secs(2)).await.unwrap();
        assert_eq!(first, second);
        assert_eq!(db.scan_find(digest).await.unwrap(), Some(first));
    }

    #[tokio::test]
    async fn moves_only_from_where_it_was_read() {
        let (_folder, db) = crate::testing::database().await;
        let now = Timestamp::from_secs(1);
        let asked = db.scan_ask(Sha256::of(b"app"), now).await.unwrap();
        let uploading = db
            .scan_move(&asked, ScanState::Uploading, now)
            .await
            .unwrap();
        assert_eq!(
            db.scan_move(&asked, ScanState::Uploading, now)
                .await
                .unwrap(),
            None
        );
        let analysing = ScanState::Analysing {
            analysis_id: "a1".to_owned(),
        };
        let analysing = db
            .scan_move(&uploading.unwrap(), analysing, now)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            db.scan_find(asked.sha256).await.unwrap(),
            Some(analysing.clone())
        );
        let report = json!({"malicious": 0});
        let reported = db
            .scan_move(&analysing, ScanState::Reported { report }, now)
            .await
            .unwrap();
        assert_eq!(db.scan_find(asked.sha256).await.unwrap(), reported);
    }
}
