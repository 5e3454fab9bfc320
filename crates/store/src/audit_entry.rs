//! The audit log: what people did. It is only added to, and each entry holds the digest of the one before it.

use std::str::FromStr;

use model::{Sha256, Timestamp, UnknownWord};
use serde_json::json;

use crate::{Db, StoreError, column};

/// Before the first entry.
const NOTHING: &str = "";

/// What somebody did.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NewAuditEntry {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub who: String,
    /// By which way: `terminal`, `pages` or `api`.
    pub via: &'static str,
    /// Where from, if it came over the network.
    pub address: Option<String>,
    /// What: `tenant.suspend`.
    pub did: String,
    /// To what.
    pub about: String,
    /// What became of it.
    pub outcome: AuditOutcome,
    /// What else there is to say, without secrets.
    pub detail: String,
}

/// What became of what somebody did.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AuditOutcome {
    /// It is about to be done. Without a later entry it is not known whether it was.
    Asked,
    /// It was done.
    Done,
    /// It went wrong.
    Failed,
    /// They may not.
    Refused,
}

impl AuditOutcome {
    const ALL: [Self; 4] = [Self::Asked, Self::Done, Self::Failed, Self::Refused];

    /// The name used in tables, logs and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Refused => "refused",
        }
    }
}

impl FromStr for AuditOutcome {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        Self::ALL
            .into_iter()
            .find(|outcome| outcome.as_str() == word)
            .ok_or_else(|| UnknownWord {
                list: "outcome in the audit log",
                word: word.to_owned(),
            })
    }
}

/// An entry of the audit log.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AuditEntry {
    /// Its number, from 1 on.
    pub sequence: u64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub who: String,
    /// By which way.
    pub via: String,
    /// Where from, if it came over the network.
    pub address: Option<String>,
    /// What.
    pub did: String,
    /// To what.
    pub about: String,
    /// What became of it.
    pub outcome: AuditOutcome,
    /// What else there is to say.
    pub detail: String,
    /// The digest of this entry and the one before.
    pub digest: String,
}

impl AuditEntry {
    /// The digest that it has to have behind one with the digest `before`.
    pub fn digest_after(&self, before: &str) -> Sha256 {
        let told = json!([
            before,
            self.sequence,
            self.at.as_micros(),
            self.who,
            self.via,
            self.address,
            self.did,
            self.about,
            self.outcome.as_str(),
            self.detail,
        ]);
        Sha256::of(told.to_string().as_bytes())
    }
}

#[derive(sqlx::FromRow)]
struct EntryRow {
    sequence: i64,
    happened_at: i64,
    who: String,
    via: String,
    address: Option<String>,
    did: String,
    about: String,
    outcome: String,
    detail: String,
    digest: String,
}

impl TryFrom<EntryRow> for AuditEntry {
    type Error = StoreError;

    fn try_from(row: EntryRow) -> Result<Self, StoreError> {
        Ok(Self {
            sequence: column::count("audit_entry.sequence", row.sequence)?,
            at: Timestamp::from_micros(row.happened_at),
            who: row.who,
            via: row.via,
            address: row.address,
            did: row.did,
            about: row.about,
            outcome: column::word("audit_entry.outcome", &row.outcome)?,
            detail: row.detail,
            digest: row.digest,
        })
    }
}

impl Db {
    /// Adds an entry to the audit log; it lasts when this returns.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn audit_add(&self, new: &NewAuditEntry) -> Result<AuditEntry, StoreError> {
        const WHAT: &str = "write the audit log";
        let mut tx = self.begin(WHAT).await?;
        let last: Option<(i64, String)> = sqlx::query_as(
            "select sequence, digest from audit_entry order by sequence desc limit 1",
        )
        .fetch_optional(&mut *tx)
        .await
        .map_err(StoreError::statement(WHAT))?;
        let (sequence, before) = last.unwrap_or((0, NOTHING.to_owned()));
        let sequence = sequence.saturating_add(1);
        let mut entry = AuditEntry {
            sequence: column::count("audit_entry.sequence", sequence)?,
            at: new.at,
            who: new.who.clone(),
            via: new.via.to_owned(),
            address: new.address.clone(),
            did: new.did.clone(),
            about: new.about.clone(),
            outcome: new.outcome,
            detail: new.detail.clone(),
            digest: String::new(),
        };
        entry.digest = entry.digest_after(&before).to_string();
        sqlx::query(
            "insert into audit_entry
                 (sequence, happened_at, who, via, address, did, about, outcome, detail, digest)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(sequence)
        .bind(entry.at.as_micros())
        .bind(&entry.who)
        .bind(&entry.via)
        .bind(entry.address.as_deref())
        .bind(&entry.did)
        .bind(&entry.about)
        .bind(entry.outcome.as_str())
        .bind(&entry.detail)
        .bind(&entry.digest)
        .execute(&mut *tx)
        .await
        .map_err(StoreError::statement(WHAT))?;
        tx.commit().await.map_err(StoreError::statement(WHAT))?;
        Ok(entry)
    }

    /// At most `limit` entries with numbers below `before`, the newest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn audit_list(
        &self,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        let before = before.and_then(|before| i64::try_from(before).ok());
        let rows: Vec<EntryRow> = sqlx::query_as(
            "select sequence, happened_at, who, via, address, did, about, outcome, detail, digest
             from audit_entry
             where sequence < $1
             order by sequence desc
             limit $2",
        )
        .bind(before.unwrap_or(i64::MAX))
        .bind(i64::from(limit))
        .fetch_all(self.reader())
        .await
        .map_err(StoreError::statement("read the audit log"))?;
        rows.into_iter().map(AuditEntry::try_from).collect()
    }

    /// The entries with numbers above `after`, at most `limit`, the oldest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn audit_from(&self, after: u64, limit: u32) -> Result<Vec<AuditEntry>, StoreError> {
        let rows: Vec<EntryRow> = sqlx::query_as(
            "select sequence, happened_at, who, via, address, did, about, outcome, detail, digest
             from audit_entry
             where sequence > $1
             order by sequence
             limit $2",
        )
        .bind(i64::try_from(after).unwrap_or(i64::MAX))
        .bind(i64::from(limit))
        .fetch_all(self.reader())
        .await
        .map_err(StoreError::statement("read the audit log"))?;
        rows.into_iter().map(AuditEntry::try_from).collect()
    }
}
