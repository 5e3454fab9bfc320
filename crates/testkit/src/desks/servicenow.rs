//! `ServiceNow`: the table of incidents, with its states.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Answer, Call, Protocol, is_basic, text, unauthorised};

/// One record: its fields, and its work notes apart from them, because each adds to those before.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// The fields, all of them text.
    pub fields: BTreeMap<String, String>,
    /// Its work notes, the oldest first.
    pub work_notes: Vec<String>,
}

impl Record {
    fn put(&mut self, changes: &Map<String, Value>) {
        for (name, value) in changes {
            let value = value.as_str().unwrap_or_default().to_owned();
            if name == "work_notes" {
                self.work_notes.push(value);
            } else {
                self.fields.insert(name.clone(), value);
            }
        }
    }

    /// A field; empty if it has none.
    pub fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }
}

/// An instance whose user `desk` has the password `servicenow-token`.
#[derive(Clone, Debug, Default)]
pub struct ServiceNow {
    /// The records by `sys_id`; of two, the later one has the greater name.
    pub records: BTreeMap<String, Record>,
}

impl Protocol for ServiceNow {
    fn answer(&mut self, call: &Call) -> Answer {
        if !is_basic(call, "desk:servicenow-token") {
            return unauthorised();
        }
        let (method, parts) = call.parts();
        let body = call.body.as_object();
        match (method, parts.as_slice(), body) {
            ("GET", ["api", "now", "table", "incident"], _) => self.find(call),
            ("POST", ["api", "now", "table", "incident"], Some(body)) => self.create(body),
            ("GET", ["api", "now", "table", "incident", id], _) => self.show(id),
            ("PATCH", ["api", "now", "table", "incident", id], Some(body)) => self.change(id, body),
            _ => no_record(),
        }
    }
}

impl ServiceNow {
    fn find(&self, call: &Call) -> Answer {
        let query = call.asked("sysparm_query").unwrap_or_default();
        let mut conditions = query.split('^');
        let wanted = conditions
            .next()
            .and_then(|condition| condition.strip_prefix("correlation_id="))
            .unwrap_or_default();
        let mut found = self.records.iter();
        let newest = found.rfind(|(_, record)| record.field("correlation_id") == wanted);
        let result: Vec<Value> = newest
            .map(|(id, record)| shown(id, record))
            .into_iter()
            .collect();
        (200, json!({"result": result}))
    }

    fn create(&mut self, body: &Map<String, Value>) -> Answer {
        let id = format!("{:032x}", self.records.len() + 1);
        let mut record = Record::default();
        record.fields.insert("state".to_owned(), "1".to_owned());
        record.put(body);
        let answer = json!({"result": shown(&id, &record)});
        self.records.insert(id, record);
        (201, answer)
    }

    fn show(&self, id: &str) -> Answer {
        let record = self.records.get(id);
        record.map_or_else(no_record, |record| {
            (200, json!({"result": shown(id, record)}))
        })
    }

    fn change(&mut self, id: &str, body: &Map<String, Value>) -> Answer {
        let Some(record) = self.records.get_mut(id) else {
            return no_record();
        };
        let is_resolving = text(&Value::Object(body.clone()), "/state") == "6";
        if is_resolving && (!body.contains_key("close_code") || !body.contains_key("close_notes")) {
            let why = "Data Policy Exception: Resolution code and Resolution notes are mandatory";
            return (403, json!({"error": {"message": why}}));
        }
        record.put(body);
        (200, json!({"result": shown(id, record)}))
    }
}

fn shown(id: &str, record: &Record) -> Value {
    json!({
        "sys_id": id,
        "state": record.field("state"),
        "correlation_display": record.field("correlation_display"),
    })
}

fn no_record() -> Answer {
    (
        404,
        json!({"error": {"message": "No Record found"}, "status": "failure"}),
    )
}
