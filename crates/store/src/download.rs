//! Downloads: what came over the network, and where from.

use model::{RunId, Sha256, Timestamp};

use crate::{Db, StoreError, batch::Batch, column, run::Leased};

/// One file that a run downloaded, or found unchanged.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Download {
    /// Where it lies.
    pub path: String,
    /// Where it came from, secrets taken out.
    pub url: String,
    /// Its digest, if it was read.
    pub sha256: Option<Sha256>,
    /// Its length, if it was read.
    pub len_bytes: Option<u64>,
    /// Whether it is new.
    pub changed: bool,
    /// When.
    pub seen_at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct DownloadRow {
    path: String,
    url: String,
    sha256: Option<String>,
    len_bytes: Option<i64>,
    changed: i64,
    seen_at: i64,
}

impl TryFrom<DownloadRow> for Download {
    type Error = StoreError;

    fn try_from(row: DownloadRow) -> Result<Self, StoreError> {
        Ok(Self {
            path: row.path,
            url: row.url,
            sha256: column::optional_word("download.sha256", row.sha256.as_deref())?,
            len_bytes: row
                .len_bytes
                .map(|len_bytes| column::count("download.len_bytes", len_bytes))
                .transpose()?,
            changed: row.changed != 0,
            seen_at: Timestamp::from_micros(row.seen_at),
        })
    }
}

impl Download {
    /// Its row in a batch about the run that has it.
    pub(crate) fn row(&self, batch: &mut Batch, leased: &Leased) -> Result<String, sqlx::Error> {
        let len_bytes = self
            .len_bytes
            .map(|len_bytes| i64::try_from(len_bytes).unwrap_or(i64::MAX));
        let values = [
            batch.bind(self.path.clone())?,
            batch.bind(self.url.clone())?,
            batch.bind(self.sha256.map(|digest| digest.to_string()))?,
            batch.bind(len_bytes)?,
            batch.bind(i64::from(self.changed))?,
            batch.bind(self.seen_at.as_micros())?,
        ];
        Ok(leased.row(&values))
    }
}

impl Db {
    /// The downloads of a run, by path.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn download_list(&self, run: RunId) -> Result<Vec<Download>, StoreError> {
        let rows: Vec<DownloadRow> = sqlx::query_as(
            "select path, url, sha256, len_bytes, changed, seen_at
             from download
             where run_id = $1
             order by path",
        )
        .bind(run.to_string())
        .fetch_all(self.reader())
        .await
        .map_err(StoreError::statement("list the downloads of a run"))?;
        rows.into_iter().map(Download::try_from).collect()
    }
}
