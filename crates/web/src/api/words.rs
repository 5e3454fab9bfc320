//! How the words of the house look in JSON, and in its schema.

use std::{borrow::Cow, fmt::Display};

use model::{FailureClass, Priority, RunState, Timestamp, Trigger};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};
use store::{EventKind, HoldVerdict, IncidentState, PublicationState, StepState, TenantState};
use tenancy::administration::Office;

/// A moment, as RFC 3339 in UTC.
#[derive(Clone, Copy, Debug)]
pub(super) struct At(pub(super) Timestamp);

impl Serialize for At {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl JsonSchema for At {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("At")
    }

    fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "date-time"})
    }
}

/// The name of a row.
#[derive(Clone, Debug)]
pub(super) struct Id(String);

impl Id {
    pub(super) fn of(id: impl Display) -> Self {
        Self(id.to_string())
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl JsonSchema for Id {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("Id")
    }

    fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "uuid"})
    }
}

/// One of these words.
fn one_of<const N: usize>(words: [&'static str; N]) -> Schema {
    json_schema!({"type": "string", "enum": words.to_vec()})
}

/// One of these words, or null.
fn one_of_or_null<const N: usize>(words: [&'static str; N]) -> Schema {
    let mut all: Vec<Option<&str>> = words.into_iter().map(Some).collect();
    all.push(None);
    json_schema!({"type": ["string", "null"], "enum": all})
}

pub(super) fn run_state(_: &mut SchemaGenerator) -> Schema {
    one_of(RunState::ALL.map(RunState::as_str))
}

pub(super) fn trigger(_: &mut SchemaGenerator) -> Schema {
    one_of([Trigger::Manual, Trigger::Schedule].map(Trigger::as_str))
}

pub(super) fn class(_: &mut SchemaGenerator) -> Schema {
    one_of(FailureClass::ALL.map(FailureClass::as_str))
}

pub(super) fn class_or_null(_: &mut SchemaGenerator) -> Schema {
    one_of_or_null(FailureClass::ALL.map(FailureClass::as_str))
}

pub(super) fn priority(_: &mut SchemaGenerator) -> Schema {
    one_of(Priority::ALL.map(Priority::as_str))
}

pub(super) fn step_state(_: &mut SchemaGenerator) -> Schema {
    one_of([StepState::Running, StepState::Done, StepState::Failed].map(StepState::as_str))
}

pub(super) fn verdict(_: &mut SchemaGenerator) -> Schema {
    one_of([HoldVerdict::Approve, HoldVerdict::Refuse].map(HoldVerdict::as_str))
}

pub(super) fn incident_state(_: &mut SchemaGenerator) -> Schema {
    let all = [
        IncidentState::Open,
        IncidentState::Acknowledged,
        IncidentState::Resolved,
    ];
    one_of(all.map(IncidentState::as_str))
}

pub(super) fn incident_event(_: &mut SchemaGenerator) -> Schema {
    one_of(EventKind::ALL.map(EventKind::as_str))
}

pub(super) fn publication_state(_: &mut SchemaGenerator) -> Schema {
    one_of(PublicationState::ALL.map(PublicationState::as_str))
}

pub(super) fn tenant_state(_: &mut SchemaGenerator) -> Schema {
    let all = [
        TenantState::Active,
        TenantState::Suspended,
        TenantState::Deleted,
    ];
    one_of(all.map(TenantState::as_str))
}

pub(super) fn office(_: &mut SchemaGenerator) -> Schema {
    one_of(Office::ALL.map(Office::as_str))
}

pub(super) fn sha256(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "pattern": "^[0-9a-f]{64}$"})
}
