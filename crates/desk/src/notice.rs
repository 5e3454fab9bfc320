//! What desks are told: the documented, versioned shape that webhooks carry and mails are written from.

use chrono::{DateTime, Utc};
use model::{FailureClass, IncidentId, Priority, RunId, Timestamp, Title};
use serde::{Deserialize, Serialize};
use store::{EventKind, Incident, IncidentState, PauseReason, QuietReason};

use crate::headline;

/// The version of [`NoticeData`]. Fields are added without raising it; none is changed or dropped.
pub const SCHEMA: u32 = 1;

/// One event of one incident; the body of a webhook.
///
/// ```json
/// {
///   "type": "incident.opened",
///   "timestamp": "2026-11-24T20:32:00Z",
///   "data": { "schema": 1, "incident": { "id": "…", "key": "house:Firefox.munki:code-signature", … } }
/// }
/// ```
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Notice {
    /// `incident.` and the kind of event: `incident.opened`.
    #[serde(rename = "type")]
    pub type_: String,
    /// When it happened.
    pub timestamp: DateTime<Utc>,
    /// What happened to what.
    pub data: NoticeData,
}

/// What a notice carries.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct NoticeData {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The incident as it stands after the event.
    pub incident: NoticeIncident,
    /// What somebody wrote, or what has become of a clock.
    #[serde(default)]
    pub remark: Option<String>,
}

/// An incident as desks see it; times are RFC 3339 in UTC.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct NoticeIncident {
    /// Its name; a UUID.
    pub id: String,
    /// `scope:title:class`, by which other programs know that two incidents are of one kind.
    pub key: String,
    /// Whose title.
    pub scope: String,
    /// The title.
    pub title: Title,
    /// What kind of failure.
    pub class: FailureClass,
    /// How urgent it is.
    pub priority: Priority,
    /// Where it stands.
    pub state: IncidentState,
    /// The class in plain words.
    pub headline: String,
    /// What happened the last time, in plain words.
    pub cause: String,
    /// What to do about it.
    pub next_step: String,
    /// The run that failed last; a UUID.
    pub run: Option<String>,
    /// The step of that run.
    pub step: Option<String>,
    /// The end of that run's log.
    pub excerpt: String,
    /// How often it happened.
    pub repeats: u32,
    /// How often it came back after it was resolved.
    pub reopened: u32,
    /// When it happened first.
    pub first_seen_at: DateTime<Utc>,
    /// When it happened last.
    pub last_seen_at: DateTime<Utc>,
    /// When its clocks began.
    pub opened_at: DateTime<Utc>,
    /// Until when somebody must have taken it.
    pub respond_by_at: DateTime<Utc>,
    /// Until when it must be over.
    pub resolve_by_at: DateTime<Utc>,
    /// When somebody took it.
    pub acknowledged_at: Option<DateTime<Utc>>,
    /// Who took it.
    pub acknowledged_by: Option<String>,
    /// When it was over.
    pub resolved_at: Option<DateTime<Utc>>,
    /// Why it is over.
    pub resolution: Option<String>,
    /// Since when its clocks stand still.
    #[serde(default)]
    pub paused_at: Option<DateTime<Utc>>,
    /// Whom it waits for meanwhile.
    #[serde(default)]
    pub pause_reason: Option<PauseReason>,
    /// The incident that it became a part of; a UUID.
    #[serde(default)]
    pub merged_into: Option<String>,
    /// Why desks are not told of it now.
    #[serde(default)]
    pub quiet: Option<QuietReason>,
    /// Until when they are not.
    #[serde(default)]
    pub quiet_until_at: Option<DateTime<Utc>>,
}

impl Notice {
    /// Tells that `kind` happened to `incident`, which stands as it is after that.
    pub fn of(incident: &Incident, kind: EventKind, now: Timestamp) -> Self {
        Self {
            type_: format!("incident.{}", kind.as_str()),
            timestamp: now.to_utc(),
            data: NoticeData {
                schema: SCHEMA,
                incident: incident.into(),
                remark: None,
            },
        }
    }

    /// The same with something to say about it.
    #[must_use]
    pub fn with_remark(mut self, remark: Option<String>) -> Self {
        self.data.remark = remark;
        self
    }
}

impl From<&Incident> for NoticeIncident {
    fn from(incident: &Incident) -> Self {
        let utc = |at: Option<Timestamp>| at.map(Timestamp::to_utc);
        let keeping = &incident.keeping;
        Self {
            id: IncidentId::to_string(&incident.id),
            key: incident.key.to_string(),
            scope: incident.key.scope.clone(),
            title: incident.key.title.clone(),
            class: incident.key.class,
            priority: incident.priority,
            state: incident.state,
            headline: headline(incident.key.class).to_owned(),
            cause: incident.cause.clone(),
            next_step: incident.next_step.clone(),
            run: incident.run.as_ref().map(RunId::to_string),
            step: incident.step.clone(),
            excerpt: incident.excerpt.clone(),
            repeats: incident.repeats,
            reopened: incident.reopened,
            first_seen_at: incident.first_seen_at.to_utc(),
            last_seen_at: incident.last_seen_at.to_utc(),
            opened_at: incident.opened_at.to_utc(),
            respond_by_at: incident.respond_by_at.to_utc(),
            resolve_by_at: incident.resolve_by_at.to_utc(),
            acknowledged_at: utc(incident.acknowledged_at),
            acknowledged_by: incident.acknowledged_by.clone(),
            resolved_at: utc(incident.resolved_at),
            resolution: incident.resolution.clone(),
            paused_at: utc(keeping.pause.map(|pause| pause.since)),
            pause_reason: keeping.pause.map(|pause| pause.reason),
            merged_into: keeping.merged_into.as_ref().map(IncidentId::to_string),
            quiet: keeping.quiet.map(|quiet| quiet.reason),
            quiet_until_at: utc(keeping.quiet.map(|quiet| quiet.until)),
        }
    }
}
