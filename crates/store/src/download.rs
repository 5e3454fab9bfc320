//! Downloads: what came over the network, and where from.

use model::{RunId, Sha256, Timestamp};

use crate::{Db, Lease, StoreError, column};

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

impl Db {
    /// Notes a download of a run; false if the lease on the run is lost.
    ///
    /// A power failure may take the note with it until the run is parked or ends.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn download_note(
        &self,
        lease: Lease,
        download: &Download,
    ) -> Result<bool, StoreError> {
        let len_bytes = download
            .len_bytes
            .map(|len_bytes| i64::try_from(len_bytes).unwrap_or(i64::MAX));
        let note = sqlx::query(
            "insert into download (run_id, path, url, sha256, len_bytes, changed, seen_at)
             select id, $3, $4, $5, $6, $7, $8
             from run
             where id = $1 and fence = $2 and lease_owner is not null
             on conflict (run_id, path) do update
             set url = excluded.url, sha256 = excluded.sha256, len_bytes = excluded.len_bytes,
                 changed = excluded.changed, seen_at = excluded.seen_at",
        )
        .bind(lease.run.to_string())
        .bind(i64::from(lease.fence))
        .bind(download.path.clone())
        .bind(download.url.clone())
        .bind(download.sha256.map(|digest| digest.to_string()))
        .bind(len_bytes)
        .bind(i64::from(download.changed))
        .bind(download.seen_at.as_micros());
        let noted = self.execute_lightly(note).await;
        Ok(noted.map_err(StoreError::statement("note a download"))? == 1)
    }

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
