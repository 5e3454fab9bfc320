//! What the desk remembers of an incident besides what happened: pauses, warnings, merges, and what desks know.

use std::{collections::HashMap, str::FromStr};

use model::{IncidentId, Timestamp, UnknownWord};
use serde::{Deserialize, Serialize};

use crate::{Db, Incident, IncidentKey, StoreError, column, db::Tx};

/// Words that are kept as text.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $list:literal { $($(#[$word_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum $name {
            $($(#[$word_doc])* $variant,)*
        }

        impl $name {
            /// Every word.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The name used in tables, logs and JSON.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;

            fn from_str(word: &str) -> Result<Self, UnknownWord> {
                let known = Self::ALL.iter().find(|known| known.as_str() == word);
                known.copied().ok_or_else(|| UnknownWord {
                    list: $list,
                    word: word.to_owned(),
                })
            }
        }
    };
}

words! {
    /// Whom an incident waits for while its clocks stand still.
    PauseReason, "reason of a pause" {
        /// The vendor of the software.
        Vendor = "vendor",
        /// The customer whose Macs get it.
        Customer = "customer",
        /// Something else.
        Other = "other",
    }
}

words! {
    /// Why desks are not told of an incident.
    QuietReason, "reason to be quiet" {
        /// There is a maintenance window.
        Maintenance = "maintenance",
        /// It may pass by itself.
        Patience = "patience",
        /// It comes and goes.
        Flapping = "flapping",
    }
}

words! {
    /// What desks know of an incident.
    Known, "state of knowledge" {
        /// They were never told.
        Nothing = "nothing",
        /// That it is there.
        Open = "open",
        /// That it is over.
        Over = "over",
    }
}

/// Since when, and why, the clocks of an incident stand still.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Pause {
    /// Since when.
    pub since: Timestamp,
    /// Whom it waits for.
    pub reason: PauseReason,
}

/// Until when, and why, desks are not told of an incident.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Quiet {
    /// Why.
    pub reason: QuietReason,
    /// Until when.
    pub until: Timestamp,
}

/// What the desk remembers of an incident besides what happened.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Keeping {
    /// Whether its clocks stand still.
    pub pause: Option<Pause>,
    /// How much of the response clock was told, in percent.
    pub respond_told: u32,
    /// How much of the resolution clock was told, in percent.
    pub resolve_told: u32,
    /// The incident that it became a part of.
    pub merged_into: Option<IncidentId>,
    /// Whether desks are not told of it.
    pub quiet: Option<Quiet>,
    /// What desks know of it.
    pub known: Known,
}

impl Default for Keeping {
    fn default() -> Self {
        Self {
            pause: None,
            respond_told: 0,
            resolve_told: 0,
            merged_into: None,
            quiet: None,
            known: Known::Nothing,
        }
    }
}

#[derive(sqlx::FromRow)]
struct KeepingRow {
    incident_id: String,
    paused_at: Option<i64>,
    pause_reason: Option<String>,
    respond_told: i64,
    resolve_told: i64,
    merged_into: Option<String>,
    quiet_reason: Option<String>,
    quiet_until_at: Option<i64>,
    known: String,
}

impl TryFrom<KeepingRow> for Keeping {
    type Error = StoreError;

    fn try_from(row: KeepingRow) -> Result<Self, StoreError> {
        let pause_reason =
            column::optional_word("incident_keeping.pause_reason", row.pause_reason.as_deref())?;
        let pause = row.paused_at.zip(pause_reason);
        let quiet_reason =
            column::optional_word("incident_keeping.quiet_reason", row.quiet_reason.as_deref())?;
        let quiet = row.quiet_until_at.zip(quiet_reason);
        Ok(Self {
            pause: pause.map(|(since, reason)| Pause {
                since: Timestamp::from_micros(since),
                reason,
            }),
            respond_told: column::count("incident_keeping.respond_told", row.respond_told)?,
            resolve_told: column::count("incident_keeping.resolve_told", row.resolve_told)?,
            merged_into: column::optional_word(
                "incident_keeping.merged_into",
                row.merged_into.as_deref(),
            )?,
            quiet: quiet.map(|(until, reason)| Quiet {
                reason,
                until: Timestamp::from_micros(until),
            }),
            known: column::word("incident_keeping.known", &row.known)?,
        })
    }
}

impl Db {
    /// The incidents of which desks are not told, by name.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn incident_quiet_list(&self) -> Result<Vec<IncidentId>, StoreError> {
        let ids: Vec<String> = sqlx::query_scalar(
            "select incident_id
             from incident_keeping
             where quiet_until_at is not null
             order by incident_id",
        )
        .fetch_all(self.reader())
        .await
        .map_err(StoreError::statement("list quiet incidents"))?;
        let id = |id: String| column::word("incident_keeping.incident_id", &id);
        ids.into_iter().map(id).collect()
    }

    /// What the newest incident of `key` became a part of, if it did.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn incident_merged_into(
        &self,
        key: &IncidentKey,
    ) -> Result<Option<IncidentId>, StoreError> {
        let newest: Option<Option<String>> = sqlx::query_scalar(
            "select keeping.merged_into
             from incident
             left join incident_keeping as keeping on keeping.incident_id = incident.id
             where incident.scope = $1 and incident.title = $2 and incident.class = $3
             order by incident.id desc
             limit 1",
        )
        .bind(&key.scope)
        .bind(key.title.as_str())
        .bind(key.class.as_str())
        .fetch_optional(self.reader())
        .await
        .map_err(StoreError::statement("read a merge"))?;
        column::optional_word("incident_keeping.merged_into", newest.flatten().as_deref())
    }

    /// The incidents with what is remembered of each.
    pub(crate) async fn with_keeping(
        &self,
        mut incidents: Vec<Incident>,
    ) -> Result<Vec<Incident>, StoreError> {
        let ids: Vec<String> = incidents.iter().map(|it| it.id.to_string()).collect();
        let rows: Vec<KeepingRow> = match incidents.as_slice() {
            [] => return Ok(incidents),
            [only] => sqlx::query_as(ONE)
                .bind(only.id.to_string())
                .fetch_all(self.reader())
                .await
                .map_err(StoreError::statement("read what is remembered of an incident"))?,
            // Of those that are over there may be very many.
            _ => sqlx::query_as(
                "select incident_id, paused_at, pause_reason, respond_told, resolve_told, merged_into,
                        quiet_reason, quiet_until_at, known
                 from incident_keeping
                 where incident_id >= $1 and incident_id <= $2",
            )
            .bind(ids.iter().min())
            .bind(ids.iter().max())
            .fetch_all(self.reader())
            .await
            .map_err(StoreError::statement("read what is remembered of incidents"))?,
        };
        let mut kept: HashMap<String, KeepingRow> = rows
            .into_iter()
            .map(|row| (row.incident_id.clone(), row))
            .collect();
        for incident in &mut incidents {
            if let Some(row) = kept.remove(&incident.id.to_string()) {
                incident.keeping = row.try_into()?;
            }
        }
        Ok(incidents)
    }
}

const ONE: &str = "\
    select incident_id, paused_at, pause_reason, respond_told, resolve_told, merged_into,
           quiet_reason, quiet_until_at, known
    from incident_keeping
    where incident_id = $1";

/// What is remembered of the incident; the beginning if nothing is.
pub(crate) async fn find_tx(tx: &mut Tx, id: IncidentId) -> Result<Keeping, StoreError> {
    let row: Option<KeepingRow> = sqlx::query_as(ONE)
        .bind(id.to_string())
        .fetch_optional(&mut **tx)
        .await
        .map_err(StoreError::statement(
            "read what is remembered of an incident",
        ))?;
    row.map_or(Ok(Keeping::default()), Keeping::try_from)
}

/// Remembers it.
pub(crate) async fn put_tx(
    tx: &mut Tx,
    id: IncidentId,
    keeping: &Keeping,
) -> Result<(), StoreError> {
    sqlx::query(
        "insert into incident_keeping (incident_id, paused_at, pause_reason, respond_told, resolve_told,
                                       merged_into, quiet_reason, quiet_until_at, known)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         on conflict (incident_id) do update
         set paused_at = excluded.paused_at, pause_reason = excluded.pause_reason,
             respond_told = excluded.respond_told, resolve_told = excluded.resolve_told,
             merged_into = excluded.merged_into, quiet_reason = excluded.quiet_reason,
             quiet_until_at = excluded.quiet_until_at, known = excluded.known",
    )
    .bind(id.to_string())
    .bind(keeping.pause.map(|pause| pause.since.as_micros()))
    .bind(keeping.pause.map(|pause| pause.reason.as_str()))
    .bind(i64::from(keeping.respond_told))
    .bind(i64::from(keeping.resolve_told))
    .bind(keeping.merged_into.map(|id| id.to_string()))
    .bind(keeping.quiet.map(|quiet| quiet.reason.as_str()))
    .bind(keeping.quiet.map(|quiet| quiet.until.as_micros()))
    .bind(keeping.known.as_str())
    .execute(&mut **tx)
    .await
    .map_err(StoreError::statement("remember what there is of an incident"))?;
    Ok(())
}
