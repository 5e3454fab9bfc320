//! Incidents and their history.

use std::{fmt, str::FromStr};

use model::{FailureClass, IncidentId, Priority, RunId, Timestamp, Title, UnknownWord};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Db, EventKind, Keeping, StoreError, column, db::Tx, delivery, incident_keeping};

/// What makes two failures the same incident; the version of the software is no part of it.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct IncidentKey {
    /// Whose titles: the house's own, or a tenant's.
    pub scope: String,
    /// The title.
    pub title: Title,
    /// What kind of failure.
    pub class: FailureClass,
}

/// `scope:title:class`
impl fmt::Display for IncidentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.scope, self.title, self.class)
    }
}

/// Where an incident stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IncidentState {
    /// Nobody has taken it yet.
    Open,
    /// Somebody looks after it.
    Acknowledged,
    /// It is over.
    Resolved,
}

impl IncidentState {
    /// The name used in tables, logs and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Acknowledged => "acknowledged",
            Self::Resolved => "resolved",
        }
    }
}

impl FromStr for IncidentState {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        [Self::Open, Self::Acknowledged, Self::Resolved]
            .into_iter()
            .find(|state| state.as_str() == word)
            .ok_or_else(|| UnknownWord {
                list: "state of an incident",
                word: word.to_owned(),
            })
    }
}

/// A failure as the service desk sees it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Incident {
    /// Its name.
    pub id: IncidentId,
    /// What makes it this incident and not another.
    pub key: IncidentKey,
    /// Where it stands.
    pub state: IncidentState,
    /// How urgent it is.
    pub priority: Priority,
    /// What happened the last time, in plain words.
    pub cause: String,
    /// What to do about it.
    pub next_step: String,
    /// The run that failed last, if it was a run.
    pub run: Option<RunId>,
    /// The step of that run.
    pub step: Option<String>,
    /// The end of that run's log.
    pub excerpt: String,
    /// How often it happened, the first time included.
    pub repeats: u32,
    /// How often it came back after it was resolved.
    pub reopened: u32,
    /// When it happened first.
    pub first_seen_at: Timestamp,
    /// When it happened last.
    pub last_seen_at: Timestamp,
    /// When its clocks began: when it was opened, or last opened again.
    pub opened_at: Timestamp,
    /// Until when somebody must have taken it.
    pub respond_by_at: Timestamp,
    /// Until when it must be over.
    pub resolve_by_at: Timestamp,
    /// When somebody took it.
    pub acknowledged_at: Option<Timestamp>,
    /// Who took it.
    pub acknowledged_by: Option<String>,
    /// When it was over.
    pub resolved_at: Option<Timestamp>,
    /// Why it is over.
    pub resolution: Option<String>,
    /// When desks were told of it last.
    pub told_at: Timestamp,
    /// What is remembered of it besides.
    pub keeping: Keeping,
}

/// What is to become of an incident, and whom to tell.
#[derive(Clone, Debug)]
pub struct IncidentChange {
    /// The incident as it shall stand.
    pub incident: Incident,
    /// What desks are told; nothing if `None`.
    pub event: Option<NewEvent>,
}

/// An event to be told to desks.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// What happened.
    pub kind: EventKind,
    /// When.
    pub happened_at: Timestamp,
    /// What is said about it.
    pub payload: Value,
    /// Which desks are to be told.
    pub connectors: Vec<String>,
}

/// One event in the history of an incident.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct IncidentEvent {
    /// Its place in the history, from one.
    pub sequence: u32,
    /// What happened.
    pub kind: EventKind,
    /// When.
    pub happened_at: Timestamp,
    /// What somebody wrote, or what has become of a clock.
    pub remark: Option<String>,
}

/// Which incidents to list.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum IncidentFilter {
    /// Every one.
    All,
    /// Those that are not over.
    Unresolved,
}

impl Db {
    /// Changes the newest incident of `key`, or opens one, in a single transaction with what desks are told.
    ///
    /// `decide` gets the newest incident of that key, resolved or not, and answers what is to become of it; `None`
    /// leaves everything as it is. It must not wait for anything: the database is locked meanwhile. Answers the
    /// incident as it now stands.
    ///
    /// # Errors
    /// If the database fails, or `decide` opens a second unresolved incident of one key.
    pub async fn incident_change(
        &self,
        key: &IncidentKey,
        decide: impl FnOnce(Option<&Incident>) -> Option<IncidentChange> + Send,
    ) -> Result<Option<Incident>, StoreError> {
        let mut tx = self.begin("change an incident").await?;
        let row = sqlx::query_as(
            "select id, scope, title, class, state, priority, cause, next_step, run_id, step, excerpt,
                    repeats, reopened, first_seen_at, last_seen_at, opened_at, respond_by_at, resolve_by_at,
                    acknowledged_at, acknowledged_by, resolved_at, resolution, told_at
             from incident
             where scope = $1 and title = $2 and class = $3
             order by id desc
             limit 1",
        )
        .bind(&key.scope)
        .bind(key.title.as_str())
        .bind(key.class.as_str())
        .fetch_optional(&mut *tx)
        .await
        .map_err(StoreError::statement("read an incident"))?;
        change_tx(tx, row, decide).await
    }

    /// As [`Db::incident_change`], for the incident of this name; `decide` is not asked if there is none.
    ///
    /// # Errors
    /// As [`Db::incident_change`].
    pub async fn incident_change_by_id(
        &self,
        id: IncidentId,
        decide: impl FnOnce(&Incident) -> Option<IncidentChange> + Send,
    ) -> Result<Option<Incident>, StoreError> {
        let mut tx = self.begin("change an incident").await?;
        let row = sqlx::query_as(BY_ID)
            .bind(id.to_string())
            .fetch_optional(&mut *tx)
            .await
            .map_err(StoreError::statement("read an incident"))?;
        change_tx(tx, row, |incident| incident.and_then(decide)).await
    }

    /// The incident of this name.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn incident_find(&self, id: IncidentId) -> Result<Option<Incident>, StoreError> {
        let row: Option<IncidentRow> = sqlx::query_as(BY_ID)
            .bind(id.to_string())
            .fetch_optional(self.reader())
            .await
            .map_err(StoreError::statement("read an incident"))?;
        let found: Vec<Incident> = row
            .map(Incident::try_from)
            .transpose()?
            .into_iter()
            .collect();
        Ok(self.with_keeping(found).await?.pop())
    }

    /// Incidents, the most urgent first, among equals the oldest.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn incident_list(&self, filter: IncidentFilter) -> Result<Vec<Incident>, StoreError> {
        let rows: Vec<IncidentRow> = sqlx::query_as(
            "select id, scope, title, class, state, priority, cause, next_step, run_id, step, excerpt,
                    repeats, reopened, first_seen_at, last_seen_at, opened_at, respond_by_at, resolve_by_at,
                    acknowledged_at, acknowledged_by, resolved_at, resolution, told_at
             from incident
             where state <> 'resolved' or $1
             order by (state = 'resolved'), priority, id",
        )
        .bind(filter == IncidentFilter::All)
        .fetch_all(self.reader())
        .await
        .map_err(StoreError::statement("list incidents"))?;
        let incidents = rows.into_iter().map(Incident::try_from);
        self.with_keeping(incidents.collect::<Result<_, _>>()?)
            .await
    }

    /// The unresolved incidents of one title.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn incident_list_of_title(
        &self,
        scope: &str,
        title: &Title,
    ) -> Result<Vec<Incident>, StoreError> {
        let rows: Vec<IncidentRow> = sqlx::query_as(
            "select id, scope, title, class, state, priority, cause, next_step, run_id, step, excerpt,
                    repeats, reopened, first_seen_at, last_seen_at, opened_at, respond_by_at, resolve_by_at,
                    acknowledged_at, acknowledged_by, resolved_at, resolution, told_at
             from incident
             where scope = $1 and title = $2 and state <> 'resolved'
             order by id",
        )
        .bind(scope)
        .bind(title.as_str())
        .fetch_all(self.reader())
        .await
        .map_err(StoreError::statement("list the incidents of a title"))?;
        let incidents = rows.into_iter().map(Incident::try_from);
        self.with_keeping(incidents.collect::<Result<_, _>>()?)
            .await
    }

    /// What happened to an incident, in order.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn incident_history(&self, id: IncidentId) -> Result<Vec<IncidentEvent>, StoreError> {
        let rows: Vec<(i64, String, i64, String)> = sqlx::query_as(
            "select sequence, kind, happened_at, payload
             from incident_event
             where incident_id = $1
             order by sequence",
        )
        .bind(id.to_string())
        .fetch_all(self.reader())
        .await
        .map_err(StoreError::statement("read the history of an incident"))?;
        let event = |(sequence, kind, happened_at, payload): (i64, String, i64, String)| {
            let payload: Value = column::json("incident_event.payload", &payload)?;
            let remark = payload.pointer("/data/remark").and_then(Value::as_str);
            Ok(IncidentEvent {
                remark: remark.map(str::to_owned),
                sequence: column::count("incident_event.sequence", sequence)?,
                kind: column::word("incident_event.kind", &kind)?,
                happened_at: Timestamp::from_micros(happened_at),
            })
        };
        rows.into_iter().map(event).collect()
    }
}

const BY_ID: &str = "\
    select id, scope, title, class, state, priority, cause, next_step, run_id, step, excerpt,
           repeats, reopened, first_seen_at, last_seen_at, opened_at, respond_by_at, resolve_by_at,
           acknowledged_at, acknowledged_by, resolved_at, resolution, told_at
    from incident
    where id = $1";

async fn change_tx(
    mut tx: Tx,
    row: Option<IncidentRow>,
    decide: impl FnOnce(Option<&Incident>) -> Option<IncidentChange>,
) -> Result<Option<Incident>, StoreError> {
    let mut before = row.map(Incident::try_from).transpose()?;
    if let Some(incident) = &mut before {
        incident.keeping = incident_keeping::find_tx(&mut tx, incident.id).await?;
    }
    let Some(change) = decide(before.as_ref()) else {
        return Ok(before);
    };
    incident_put_tx(&mut tx, &change.incident).await?;
    incident_keeping::put_tx(&mut tx, change.incident.id, &change.incident.keeping).await?;
    if let Some(event) = &change.event {
        let sequence = event_insert_tx(&mut tx, change.incident.id, event).await?;
        for connector in &event.connectors {
            delivery::insert_tx(&mut tx, (change.incident.id, sequence), connector, event).await?;
        }
    }
    tx.commit()
        .await
        .map_err(StoreError::statement("change an incident"))?;
    Ok(Some(change.incident))
}

async fn incident_put_tx(tx: &mut Tx, incident: &Incident) -> Result<(), StoreError> {
    let micros = |at: Option<Timestamp>| at.map(Timestamp::as_micros);
    sqlx::query(
        "insert into incident (id, scope, title, class, state, priority, cause, next_step, run_id, step,
                               excerpt, repeats, reopened, first_seen_at, last_seen_at, opened_at,
                               respond_by_at, resolve_by_at, acknowledged_at, acknowledged_by, resolved_at,
                               resolution, told_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,
                 $21, $22, $23)
         on conflict (id) do update
         set state = excluded.state, priority = excluded.priority, cause = excluded.cause,
             next_step = excluded.next_step, run_id = excluded.run_id, step = excluded.step,
             excerpt = excluded.excerpt, repeats = excluded.repeats, reopened = excluded.reopened,
             last_seen_at = excluded.last_seen_at, opened_at = excluded.opened_at,
             respond_by_at = excluded.respond_by_at, resolve_by_at = excluded.resolve_by_at,
             acknowledged_at = excluded.acknowledged_at, acknowledged_by = excluded.acknowledged_by,
             resolved_at = excluded.resolved_at, resolution = excluded.resolution,
             told_at = excluded.told_at",
    )
    .bind(incident.id.to_string())
    .bind(&incident.key.scope)
    .bind(incident.key.title.as_str())
    .bind(incident.key.class.as_str())
    .bind(incident.state.as_str())
    .bind(incident.priority.as_str())
    .bind(&incident.cause)
    .bind(&incident.next_step)
    .bind(incident.run.map(|run| run.to_string()))
    .bind(&incident.step)
    .bind(&incident.excerpt)
    .bind(i64::from(incident.repeats))
    .bind(i64::from(incident.reopened))
    .bind(incident.first_seen_at.as_micros())
    .bind(incident.last_seen_at.as_micros())
    .bind(incident.opened_at.as_micros())
    .bind(incident.respond_by_at.as_micros())
    .bind(incident.resolve_by_at.as_micros())
    .bind(micros(incident.acknowledged_at))
    .bind(&incident.acknowledged_by)
    .bind(micros(incident.resolved_at))
    .bind(&incident.resolution)
    .bind(incident.told_at.as_micros())
    .execute(&mut **tx)
    .await
    .map_err(StoreError::statement("write an incident"))?;
    Ok(())
}

async fn event_insert_tx(
    tx: &mut Tx,
    incident: IncidentId,
    event: &NewEvent,
) -> Result<i64, StoreError> {
    sqlx::query_scalar(
        "insert into incident_event (incident_id, sequence, kind, happened_at, payload)
         select $1, coalesce(max(sequence), 0) + 1, $2, $3, $4
         from incident_event
         where incident_id = $1
         returning sequence",
    )
    .bind(incident.to_string())
    .bind(event.kind.as_str())
    .bind(event.happened_at.as_micros())
    .bind(event.payload.to_string())
    .fetch_one(&mut **tx)
    .await
    .map_err(StoreError::statement("write an event of an incident"))
}

#[derive(sqlx::FromRow)]
pub(crate) struct IncidentRow {
    id: String,
    scope: String,
    title: String,
    class: String,
    state: String,
    priority: String,
    cause: String,
    next_step: String,
    run_id: Option<String>,
    step: Option<String>,
    excerpt: String,
    repeats: i64,
    reopened: i64,
    first_seen_at: i64,
    last_seen_at: i64,
    opened_at: i64,
    respond_by_at: i64,
    resolve_by_at: i64,
    acknowledged_at: Option<i64>,
    acknowledged_by: Option<String>,
    resolved_at: Option<i64>,
    resolution: Option<String>,
    told_at: i64,
}

impl TryFrom<IncidentRow> for Incident {
    type Error = StoreError;

    fn try_from(row: IncidentRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: column::word("incident.id", &row.id)?,
            key: IncidentKey {
                scope: row.scope,
                title: column::word("incident.title", &row.title)?,
                class: column::word("incident.class", &row.class)?,
            },
            state: column::word("incident.state", &row.state)?,
            priority: column::word("incident.priority", &row.priority)?,
            cause: row.cause,
            next_step: row.next_step,
            run: column::optional_word("incident.run_id", row.run_id.as_deref())?,
            step: row.step,
            excerpt: row.excerpt,
            repeats: column::count("incident.repeats", row.repeats)?,
            reopened: column::count("incident.reopened", row.reopened)?,
            first_seen_at: Timestamp::from_micros(row.first_seen_at),
            last_seen_at: Timestamp::from_micros(row.last_seen_at),
            opened_at: Timestamp::from_micros(row.opened_at),
            respond_by_at: Timestamp::from_micros(row.respond_by_at),
            resolve_by_at: Timestamp::from_micros(row.resolve_by_at),
            acknowledged_at: row.acknowledged_at.map(Timestamp::from_micros),
            acknowledged_by: row.acknowledged_by,
            resolved_at: row.resolved_at.map(Timestamp::from_micros),
            resolution: row.resolution,
            told_at: Timestamp::from_micros(row.told_at),
            keeping: Keeping::default(),
        })
    }
}

#[cfg(test)]
#[path = "incident_tests.rs"]
mod tests;
