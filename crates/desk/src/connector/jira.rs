//! Jira Service Management, Cloud and Data Center.
//!
//! Requests are made and moved as a customer's would be; what is found and read again is issues, because requests
//! cannot be searched by what stands in them.
//!
//! # Source
//! Jira Service Management REST API, "Request" (`servicedeskapi/request`); Jira REST API, "Issue search" and "Issue
//! comments".

use async_trait::async_trait;
use reqwest::Method;
use serde_json::{Map, Value, json};
use store::{EventKind, Ticket};

use super::{
    DeliveryError,
    http::{Api, Login, Question},
    ticket::{Outcome, TicketDesk, Tickets, Told, any_has, name_of, token, unless_missing},
};
use crate::{DeskError, JiraConfig};

/// The longest summary that Jira takes, in characters.
const SUMMARY_CHARS: usize = 255;

#[derive(Debug)]
struct Jira {
    api: Api,
    config: JiraConfig,
}

/// The connector of a service desk.
pub(super) fn new(config: &JiraConfig) -> Result<Tickets, DeskError> {
    let token = token(&config.name, config.token.as_ref())?;
    let login = match &config.user {
        Some(user) => Login::Basic(user, token),
        None => Login::Bearer(token),
    };
    let jira = Jira {
        api: Api::new(config.line(), login)?,
        config: config.clone(),
    };
    Ok(Tickets::new(&config.name, &config.events, jira))
}

#[async_trait]
impl TicketDesk for Jira {
    async fn find(&self, told: &Told<'_>) -> Result<Option<Ticket>, DeliveryError> {
        let path = if self.config.data_center {
            "rest/api/2/search"
        } else {
            "rest/api/3/search/jql"
        };
        // The name of the incident is a UUID, so nothing in the query needs an escape.
        let jql = format!(
            "creator = currentUser() AND description ~ \"\\\"{}\\\"\" ORDER BY created DESC",
            told.incident_id()
        );
        let question = Question {
            query: vec![
                ("jql", jql),
                ("maxResults", "1".to_owned()),
                ("fields", "summary".to_owned()),
            ],
            ..Question::get(path)
        };
        let answer = self.api.ask(question, told.attempt.at).await?;
        let Some(issue) = answer.pointer("/issues/0") else {
            return Ok(None);
        };
        self.ticket(issue.get("key")).map(Some)
    }

    async fn create(
        &self,
        told: &Told<'_>,
        closed: Option<&Ticket>,
    ) -> Result<Ticket, DeliveryError> {
        let mut fields: Map<String, Value> = self.config.fields.clone().into_iter().collect();
        let mut description = told.text();
        if let Some(closed) = closed {
            description = format!("Follows {}.\n\n{description}", closed.reference);
        }
        let summary: String = told.subject().chars().take(SUMMARY_CHARS).collect();
        fields.insert("summary".to_owned(), summary.into());
        fields.insert("description".to_owned(), description.into());
        if let Some(priority) = self.config.priorities.get(&told.incident().priority) {
            fields.insert("priority".to_owned(), json!({"name": priority}));
        }
        let body = json!({
            "serviceDeskId": self.config.service_desk_id,
            "requestTypeId": self.config.request_type_id,
            "requestFieldValues": fields,
        });
        let question = Question::send(Method::POST, "rest/servicedeskapi/request", body);
        let answer = self.api.ask(question, told.attempt.at).await?;
        self.ticket(answer.get("issueKey"))
    }

    async fn knows(&self, ticket: &Ticket, told: &Told<'_>) -> Result<bool, DeliveryError> {
        let mark = told.mark();
        let key = &ticket.reference;
        let newest = Question {
            query: vec![
                ("orderBy", "-created".to_owned()),
                ("maxResults", "50".to_owned()),
            ],
            ..Question::get(format!("rest/api/2/issue/{key}/comment"))
        };
        let answer = self.api.ask(newest, told.attempt.at).await;
        let Some(answer) = unless_missing(answer)? else {
            return Ok(false);
        };
        if any_has(answer.get("comments"), "body", &mark) {
            return Ok(true);
        }
        let issue = self.issue(key, "description", told).await?;
        let description = issue.as_ref().and_then(|issue| {
            let text = issue.pointer("/fields/description")?.as_str()?;
            Some(text.contains(&mark))
        });
        Ok(description.unwrap_or(false))
    }

    async fn update(&self, ticket: &Ticket, told: &Told<'_>) -> Result<Outcome, DeliveryError> {
        let key = &ticket.reference;
        let Some(issue) = self.issue(key, "status", told).await? else {
            return Ok(Outcome::Closed);
        };
        let is_done = issue
            .pointer("/fields/status/statusCategory/key")
            .and_then(Value::as_str)
            == Some("done");
        let moved = match told.kind {
            EventKind::Resolved if !is_done => {
                let name = &self.config.resolve_transition;
                if !self.transit(key, name, told).await? {
                    return Err(DeliveryError::Answer {
                        what: "the transition that `resolve-transition` names",
                    });
                }
                true
            }
            EventKind::Reopened if is_done => {
                let name = &self.config.reopen_transition;
                self.transit(key, name, told).await?
            }
            _ => true,
        };
        if !moved {
            return Ok(Outcome::Closed);
        }
        // Last, because by it the whole update is known to be made.
        let path = format!("rest/servicedeskapi/request/{key}/comment");
        let body = json!({"body": told.text(), "public": false});
        let question = Question::send(Method::POST, path, body);
        self.api.ask(question, told.attempt.at).await?;
        Ok(Outcome::Made)
    }
}

impl Jira {
    fn ticket(&self, key: Option<&Value>) -> Result<Ticket, DeliveryError> {
        let reference = name_of(key, "the key of the request")?;
        Ok(Ticket {
            url: self.api.address(&format!("browse/{reference}")),
            reference,
        })
    }

    async fn issue(
        &self,
        key: &str,
        field: &str,
        told: &Told<'_>,
    ) -> Result<Option<Value>, DeliveryError> {
        let question = Question {
            query: vec![("fields", field.to_owned())],
            ..Question::get(format!("rest/api/2/issue/{key}"))
        };
        unless_missing(self.api.ask(question, told.attempt.at).await)
    }

    /// Moves the request along the transition of this name; `false` if it is not offered.
    async fn transit(&self, key: &str, name: &str, told: &Told<'_>) -> Result<bool, DeliveryError> {
        let path = format!("rest/servicedeskapi/request/{key}/transition");
        let offered = self
            .api
            .ask(Question::get(path.clone()), told.attempt.at)
            .await?;
        let transitions = offered.get("values").and_then(Value::as_array);
        let found = transitions.into_iter().flatten().find(|transition| {
            let offered = transition.get("name").and_then(Value::as_str);
            offered.is_some_and(|offered| offered.eq_ignore_ascii_case(name))
        });
        let Some(transition) = found else {
            return Ok(false);
        };
        let id = name_of(transition.get("id"), "the number of a transition")?;
        let question = Question::send(Method::POST, path, json!({"id": id}));
        self.api.ask(question, told.attempt.at).await?;
        Ok(true)
    }
}
