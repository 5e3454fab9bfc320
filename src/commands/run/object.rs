//! What `--json` tells of a run.

use model::{FailureClass, IncidentId, RunId, RunState, Title};
use pipeline::{Failure, Item, Worked};
use serde::Serialize;

/// The object of one override: `docs/reference/json.md`, `run`.
#[derive(Serialize)]
pub(super) struct Object<'a> {
    pub(super) schema: u8,
    #[serde(rename = "override")]
    pub(super) name: &'a str,
    /// As the run, missing where none was begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) title: Option<&'a Title>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) run: Option<RunId>,
    pub(super) state: RunState,
    pub(super) class: Option<FailureClass>,
    pub(super) message: Option<&'a str>,
    pub(super) next_step: Option<&'a str>,
    /// When what is not old enough is published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) until: Option<String>,
    pub(super) published: &'a [Item],
    pub(super) incident: Option<IncidentId>,
}

impl<'a> Object<'a> {
    /// Of a name for which no run was begun.
    pub(super) const fn without_run(name: &'a str, state: RunState) -> Self {
        Self {
            schema: 1,
            name,
            title: None,
            run: None,
            state,
            class: None,
            message: None,
            next_step: None,
            until: None,
            published: &[],
            incident: None,
        }
    }

    /// Of a run and what came of it.
    pub(super) fn of(name: &'a str, worked: &'a Worked, state: RunState) -> Self {
        let object = Self {
            title: Some(&worked.title),
            run: Some(worked.run),
            published: &worked.published,
            incident: worked.incident,
            ..Self::without_run(name, state)
        };
        match &worked.failure {
            Some(failure) => object.failed(failure),
            None => object,
        }
    }

    /// With what went wrong.
    pub(super) fn failed(self, failure: &'a Failure) -> Self {
        Self {
            class: Some(failure.class),
            message: Some(&failure.message),
            next_step: Some(failure.next_step()),
            ..self
        }
    }
}
