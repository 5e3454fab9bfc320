//! Freshservice: tickets whose index lags behind, and their notes.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Answer, Call, Protocol, is_basic, text, unauthorised};

/// One ticket.
#[derive(Clone, Debug, Default)]
pub struct FreshTicket {
    /// `subject`.
    pub subject: String,
    /// `description`, without its tags of HTML.
    pub description: String,
    /// 2 open, 3 pending, 4 resolved, 5 closed.
    pub status: u64,
    /// 1 low to 4 urgent.
    pub priority: u64,
    /// Its tags.
    pub tags: Vec<String>,
    /// Its notes without tags of HTML, the oldest first.
    pub notes: Vec<String>,
}

/// An account with the API key `freshservice-token`.
#[derive(Clone, Debug, Default)]
pub struct Freshservice {
    /// The tickets by number, the first is 1.
    pub tickets: BTreeMap<u64, FreshTicket>,
    /// How many of the newest tickets the index does not know yet.
    pub index_lags: usize,
}

impl Protocol for Freshservice {
    fn answer(&mut self, call: &Call) -> Answer {
        if !is_basic(call, "freshservice-token:X") {
            return unauthorised();
        }
        let (method, parts) = call.parts();
        match (method, parts.as_slice()) {
            ("GET", ["api", "v2", "tickets", "filter"]) => self.filter(call),
            ("GET", ["api", "v2", "tickets"]) => self.newest(),
            ("POST", ["api", "v2", "tickets"]) => self.create(&call.body),
            ("GET", ["api", "v2", "tickets", id, "conversations"]) => self.with(id, |_, one| {
                let notes = one.notes.iter().map(|note| json!({"body_text": note}));
                (200, json!({"conversations": notes.collect::<Vec<_>>()}))
            }),
            ("GET", ["api", "v2", "tickets", id]) => {
                self.with(id, |id, one| (200, json!({"ticket": shown(id, one)})))
            }
            ("PUT", ["api", "v2", "tickets", id]) => self.with(id, |id, one| {
                let number = |name| call.body.get(name).and_then(Value::as_u64);
                one.status = number("status").unwrap_or(one.status);
                one.priority = number("priority").unwrap_or(one.priority);
                (200, json!({"ticket": shown(id, one)}))
            }),
            ("POST", ["api", "v2", "tickets", id, "notes"]) => self.with(id, |_, one| {
                one.notes.push(plain(&text(&call.body, "/body")));
                (201, json!({"conversation": {"id": 1}}))
            }),
            _ => (404, Value::Null),
        }
    }
}

impl Freshservice {
    fn with(&mut self, id: &str, answer: impl FnOnce(u64, &mut FreshTicket) -> Answer) -> Answer {
        let id = id.parse().unwrap_or(0);
        let ticket = self.tickets.get_mut(&id);
        ticket.map_or((404, Value::Null), |ticket| answer(id, ticket))
    }

    fn filter(&self, call: &Call) -> Answer {
        let query = call.asked("query").unwrap_or_default();
        let wanted = query.split('\'').nth(1).unwrap_or_default();
        let known = self.tickets.len().saturating_sub(self.index_lags);
        let indexed = self.tickets.iter().take(known);
        let found = indexed.filter(|(_, one)| one.tags.iter().any(|tag| tag == wanted));
        let found: Vec<Value> = found.map(|(id, one)| shown(*id, one)).collect();
        (200, json!({"tickets": found}))
    }

    fn newest(&self) -> Answer {
        let newest = self.tickets.iter().rev().take(100);
        let newest: Vec<Value> = newest.map(|(id, one)| shown(*id, one)).collect();
        (200, json!({"tickets": newest}))
    }

    fn create(&mut self, body: &Value) -> Answer {
        let number = |name| body.get(name).and_then(Value::as_u64).unwrap_or(0);
        let tags = body.get("tags").and_then(Value::as_array);
        let tags = tags.into_iter().flatten().filter_map(Value::as_str);
        let ticket = FreshTicket {
            subject: text(body, "/subject"),
            description: plain(&text(body, "/description")),
            status: number("status"),
            priority: number("priority"),
            tags: tags.map(str::to_owned).collect(),
            notes: Vec::new(),
        };
        let is_valid = (1..=4).contains(&ticket.priority)
            && ticket.status == 2
            && text(body, "/email").contains('@')
            && ticket.tags.iter().all(|tag| tag.len() <= 32);
        if !is_valid {
            return (
                400,
                json!({"description": "Validation failed", "errors": []}),
            );
        }
        let id = u64::try_from(self.tickets.len()).unwrap_or(u64::MAX) + 1;
        let answer = json!({"ticket": shown(id, &ticket)});
        self.tickets.insert(id, ticket);
        (201, answer)
    }
}

fn shown(id: u64, ticket: &FreshTicket) -> Value {
    json!({"id": id, "status": ticket.status, "description_text": ticket.description})
}

fn plain(html: &str) -> String {
    html.replace("<pre>", "").replace("</pre>", "")
}
