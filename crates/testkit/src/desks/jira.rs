//! Jira Service Management: requests, their transitions, and the issues that they are.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Answer, Call, Protocol, is_basic, text, unauthorised};

/// One request.
#[derive(Clone, Debug, Default)]
pub struct JiraRequest {
    /// `summary`.
    pub summary: String,
    /// `description`.
    pub description: String,
    /// The name of its priority, if one was given.
    pub priority: String,
    /// Whether its status is in the category "done".
    pub is_done: bool,
    /// Whether it may be opened again.
    pub is_final: bool,
    /// Its comments, the oldest first.
    pub comments: Vec<String>,
}

/// A site whose agent `desk@example.org` has the token `jira-token`.
#[derive(Clone, Debug, Default)]
pub struct Jira {
    /// The requests by key, `DESK-1` and so on.
    pub requests: BTreeMap<String, JiraRequest>,
}

impl Protocol for Jira {
    fn answer(&mut self, call: &Call) -> Answer {
        if !is_basic(call, "desk@example.org:jira-token") {
            return unauthorised();
        }
        let (method, parts) = call.parts();
        match (method, parts.as_slice()) {
            ("GET", ["rest", "api", "3", "search", "jql"]) => self.search(call),
            ("POST", ["rest", "servicedeskapi", "request"]) => self.create(&call.body),
            ("GET", ["rest", "api", "2", "issue", key, "comment"]) => self.comments(key),
            ("GET", ["rest", "api", "2", "issue", key]) => self.issue(key),
            ("GET", ["rest", "servicedeskapi", "request", key, "transition"]) => self.offered(key),
            ("POST", ["rest", "servicedeskapi", "request", key, "transition"]) => {
                self.transit(key, &call.body)
            }
            ("POST", ["rest", "servicedeskapi", "request", key, "comment"]) => {
                self.comment(key, &call.body)
            }
            // The search of old, which is gone for good.
            ("GET", ["rest", "api", "2", "search"]) => (410, Value::Null),
            _ => not_found(),
        }
    }
}

impl Jira {
    fn search(&self, call: &Call) -> Answer {
        let jql = call.asked("jql").unwrap_or_default();
        let phrase = jql.split("\\\"").nth(1).unwrap_or_default();
        let mut newest = self.requests.iter().rev();
        let found = newest.find(|(_, one)| one.description.contains(phrase));
        let issues: Vec<Value> = found
            .map(|(key, _)| json!({"key": key}))
            .into_iter()
            .collect();
        (200, json!({"issues": issues}))
    }

    fn create(&mut self, body: &Value) -> Answer {
        let summary = text(body, "/requestFieldValues/summary");
        let is_known = text(body, "/serviceDeskId") == "10" && text(body, "/requestTypeId") == "25";
        if !is_known || summary.is_empty() || summary.contains('\n') || summary.len() > 255 {
            return (
                400,
                json!({"errorMessage": "Your request could not be created."}),
            );
        }
        let key = format!("DESK-{}", self.requests.len() + 1);
        let request = JiraRequest {
            summary,
            description: text(body, "/requestFieldValues/description"),
            priority: text(body, "/requestFieldValues/priority/name"),
            ..JiraRequest::default()
        };
        self.requests.insert(key.clone(), request);
        (201, json!({"issueId": "10001", "issueKey": key}))
    }

    fn comments(&self, key: &str) -> Answer {
        self.requests.get(key).map_or_else(not_found, |one| {
            let newest = one.comments.iter().rev().take(50);
            let comments: Vec<Value> = newest.map(|body| json!({"body": body})).collect();
            (200, json!({"comments": comments}))
        })
    }

    fn issue(&self, key: &str) -> Answer {
        self.requests.get(key).map_or_else(not_found, |one| {
            let category = if one.is_done { "done" } else { "indeterminate" };
            let status = json!({"statusCategory": {"key": category}});
            let fields = json!({"description": one.description, "status": status});
            (200, json!({"key": key, "fields": fields}))
        })
    }

    fn offered(&self, key: &str) -> Answer {
        self.requests.get(key).map_or_else(not_found, |one| {
            let values = match (one.is_done, one.is_final) {
                (false, _) => json!([{"id": "761", "name": "Resolve this issue"}]),
                (true, false) => json!([{"id": "781", "name": "Back to in progress"}]),
                (true, true) => json!([]),
            };
            (200, json!({"values": values}))
        })
    }

    fn transit(&mut self, key: &str, body: &Value) -> Answer {
        let Some(one) = self.requests.get_mut(key) else {
            return not_found();
        };
        match (text(body, "/id").as_str(), one.is_done) {
            ("761", false) => one.is_done = true,
            ("781", true) if !one.is_final => one.is_done = false,
            _ => {
                return (
                    400,
                    json!({"errorMessage": "It is not possible to transition"}),
                );
            }
        }
        (204, Value::Null)
    }

    fn comment(&mut self, key: &str, body: &Value) -> Answer {
        let Some(one) = self.requests.get_mut(key) else {
            return not_found();
        };
        one.comments.push(text(body, "/body"));
        (201, json!({"id": "1"}))
    }
}

fn not_found() -> Answer {
    (404, json!({"errorMessages": ["Issue does not exist"]}))
}
