//! Opinions: what scanners that need no internet say of one SHA-256.

use model::{Sha256, Timestamp};
use serde_json::Value;

use crate::{Db, StoreError, column};

/// What one scanner says of one SHA-256; the newest takes the place of the one before.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ScanOpinion {
    /// Which scanner.
    pub scanner: String,
    /// What it says, as its reader wrote it.
    pub said: Value,
    /// When it was said.
    pub said_at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct OpinionRow {
    scanner: String,
    said: String,
    said_at: i64,
}

impl TryFrom<OpinionRow> for ScanOpinion {
    type Error = StoreError;

    fn try_from(row: OpinionRow) -> Result<Self, StoreError> {
        Ok(Self {
            said: column::json("scan_opinion.said", &row.said)?,
            said_at: Timestamp::from_micros(row.said_at),
            scanner: row.scanner,
        })
    }
}

impl Db {
    /// Keeps what a scanner says of `sha256`, in place of what it said before.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn opinion_keep(
        &self,
        sha256: Sha256,
        opinion: &ScanOpinion,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "insert into scan_opinion (sha256, scanner, said, said_at)
             values ($1, $2, $3, $4)
             on conflict (sha256, scanner) do update
             set said = excluded.said, said_at = excluded.said_at",
        )
        .bind(sha256.to_string())
        .bind(&opinion.scanner)
        .bind(opinion.said.to_string())
        .bind(opinion.said_at.as_micros())
        .execute(self.writer())
        .await
        .map_err(StoreError::statement("keep an opinion"))?;
        Ok(())
    }

    /// What scanners say of `sha256`, by the names of the scanners.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn opinion_list(&self, sha256: Sha256) -> Result<Vec<ScanOpinion>, StoreError> {
        let rows: Vec<OpinionRow> = sqlx::query_as(
            "select scanner, said, said_at
             from scan_opinion
             where sha256 = $1
             order by scanner",
        )
        .bind(sha256.to_string())
        .fetch_all(self.reader())
        .await
        .map_err(StoreError::statement("list opinions"))?;
        rows.into_iter().map(ScanOpinion::try_from).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn the_newest_opinion_of_a_scanner_holds() {
        let (_folder, db) = crate::testing::database().await;
        let digest = Sha256::of(b"app");
        let opinion = |scanner: &str, said: &str, secs| ScanOpinion {
            scanner: scanner.to_owned(),
            said: json!(said),
            said_at: Timestamp::from_secs(secs),
        };
        assert_eq!(db.opinion_list(digest).await.unwrap(), []);
        let (first, second) = (opinion("clamd", "clean", 1), opinion("clamd", "found", 2));
        let other = opinion("another", "clean", 1);
        for kept in [&first, &other, &second] {
            db.opinion_keep(digest, kept).await.unwrap();
        }
        assert_eq!(db.opinion_list(digest).await.unwrap(), [other, second]);
        assert_eq!(db.opinion_list(Sha256::of(b"else")).await.unwrap(), []);
    }
}
