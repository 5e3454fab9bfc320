//! Zendesk: tickets that close for good, comments, and idempotency keys.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Answer, Call, Protocol, is_basic, text, unauthorised};

/// One ticket.
#[derive(Clone, Debug, Default)]
pub struct ZendeskTicket {
    /// `subject`.
    pub subject: String,
    /// `external_id`.
    pub external_id: String,
    /// `priority`.
    pub priority: String,
    /// `new`, `open`, `solved`, `closed`.
    pub status: String,
    /// The bodies of its comments, the oldest first.
    pub comments: Vec<String>,
    /// The ticket that it follows.
    pub follows: Option<u64>,
}

/// An account whose agent `desk@example.org` has the token `zendesk-token`.
#[derive(Clone, Debug, Default)]
pub struct Zendesk {
    /// The tickets by number, the first is 1.
    pub tickets: BTreeMap<u64, ZendeskTicket>,
    keys: BTreeMap<String, u64>,
}

impl Protocol for Zendesk {
    fn answer(&mut self, call: &Call) -> Answer {
        if !is_basic(call, "desk@example.org/token:zendesk-token") {
            return unauthorised();
        }
        let (method, parts) = call.parts();
        match (method, parts.as_slice()) {
            ("GET", ["api", "v2", "tickets.json"]) => self.list(call),
            ("POST", ["api", "v2", "tickets.json"]) => self.create(call),
            ("GET", ["api", "v2", "tickets", id, "comments.json"]) => self.comments(id),
            ("GET", ["api", "v2", "tickets", id]) => self.show(id),
            ("PUT", ["api", "v2", "tickets", id]) => self.update(id, &call.body),
            _ => not_found(),
        }
    }
}

impl Zendesk {
    fn list(&self, call: &Call) -> Answer {
        let wanted = call.asked("external_id").unwrap_or_default();
        let found = self
            .tickets
            .iter()
            .filter(|(_, one)| one.external_id == wanted);
        let found: Vec<Value> = found.map(|(id, one)| shown(*id, one)).collect();
        (200, json!({"tickets": found}))
    }

    fn create(&mut self, call: &Call) -> Answer {
        let key = call.header("idempotency-key").map(str::to_owned);
        let known = key.as_ref().and_then(|key| self.keys.get(key)).copied();
        if let Some((id, ticket)) = known.and_then(|id| Some((id, self.tickets.get(&id)?))) {
            return (201, json!({"ticket": shown(id, ticket)}));
        }
        let body = call.body.get("ticket").unwrap_or(&Value::Null);
        let comment = text(body, "/comment/body");
        let priority = text(body, "/priority");
        if comment.is_empty() || !["urgent", "high", "normal", "low"].contains(&priority.as_str()) {
            return invalid("Description: cannot be blank");
        }
        let follows = body.get("via_followup_source_id").and_then(Value::as_u64);
        let source = follows.and_then(|id| self.tickets.get(&id));
        if follows.is_some() && source.is_none_or(|source| source.status != "closed") {
            return invalid("Via followup source: is invalid");
        }
        let ticket = ZendeskTicket {
            subject: text(body, "/subject"),
            external_id: text(body, "/external_id"),
            priority,
            status: "open".to_owned(),
            comments: vec![comment],
            follows,
        };
        let id = u64::try_from(self.tickets.len()).unwrap_or(u64::MAX) + 1;
        let answer = json!({"ticket": shown(id, &ticket)});
        self.tickets.insert(id, ticket);
        self.keys.extend(key.map(|key| (key, id)));
        (201, answer)
    }

    fn comments(&self, id: &str) -> Answer {
        let Some(ticket) = id.parse().ok().and_then(|id: u64| self.tickets.get(&id)) else {
            return not_found();
        };
        let newest = ticket.comments.iter().rev().take(100);
        let comments: Vec<Value> = newest.map(|body| json!({"body": body})).collect();
        (200, json!({"comments": comments}))
    }

    fn show(&self, id: &str) -> Answer {
        let id = id.trim_end_matches(".json").parse().unwrap_or(0);
        let ticket = self.tickets.get(&id);
        ticket.map_or_else(not_found, |ticket| {
            (200, json!({"ticket": shown(id, ticket)}))
        })
    }

    fn update(&mut self, id: &str, body: &Value) -> Answer {
        let id = id.trim_end_matches(".json").parse().unwrap_or(0);
        let Some(ticket) = self.tickets.get_mut(&id) else {
            return not_found();
        };
        if ticket.status == "closed" {
            return invalid("Status: closed prevents ticket update");
        }
        let change = |pointer, field: &mut String| {
            let new = text(body, pointer);
            if !new.is_empty() {
                *field = new;
            }
        };
        change("/ticket/status", &mut ticket.status);
        change("/ticket/priority", &mut ticket.priority);
        let comment = text(body, "/ticket/comment/body");
        ticket.comments.push(comment);
        (200, json!({"ticket": shown(id, ticket)}))
    }
}

fn shown(id: u64, ticket: &ZendeskTicket) -> Value {
    json!({"id": id, "status": ticket.status, "external_id": ticket.external_id, "subject": ticket.subject})
}

fn not_found() -> Answer {
    (
        404,
        json!({"error": "RecordNotFound", "description": "Not found"}),
    )
}

fn invalid(why: &str) -> Answer {
    (
        422,
        json!({"error": "RecordInvalid", "description": "Record validation errors", "details": {"base": [{"description": why}]}}),
    )
}
