//! Desks that keep tickets, and what pages people and writes to chats, as the configuration file says it.

use std::{collections::BTreeMap, path::PathBuf};

use model::Priority;
use redact::Secret;
use serde::Deserialize;
use serde_json::Value;
use store::EventKind;

use super::{told_by_default, twenty};
use crate::connector::Line;

/// Where a connector that is configured so speaks to.
macro_rules! has_line {
    ($name:ident) => {
        impl $name {
            pub(crate) fn line(&self) -> Line<'_> {
                Line {
                    name: &self.name,
                    address: &self.url,
                    allow_loopback_http: self.allow_loopback_http,
                    timeout_seconds: self.timeout_seconds,
                }
            }
        }
    };
}

/// A desk with an address and a token: its keys stand flat beside those of its own kind, and an unknown one is an
/// error, which `serde(flatten)` could not tell.
macro_rules! with_address {
    ($(#[$doc:meta])* $name:ident { $($own:tt)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Deserialize)]
        #[serde(deny_unknown_fields, rename_all = "kebab-case")]
        pub struct $name {
            /// Its name, by which the outbox knows it.
            pub name: String,
            /// Where it is: `https`, or `http` on the loopback interface where that is allowed.
            pub url: String,
            /// The user to ask as.
            pub user: Option<String>,
            /// The token or password to ask with.
            pub token: Option<Secret<String>>,
            /// A file that holds it instead. Whoever reads the configuration reads it too.
            pub token_file: Option<PathBuf>,
            /// Further fields of each new ticket, as the desk names them.
            #[serde(default)]
            pub fields: BTreeMap<String, Value>,
            /// Which events it is told of.
            #[serde(default = "told_by_default")]
            pub events: Vec<EventKind>,
            /// Whether `http` on the loopback interface is allowed.
            #[serde(default)]
            pub allow_loopback_http: bool,
            /// How long one question may take.
            #[serde(default = "twenty")]
            pub timeout_seconds: u64,
            $($own)*
        }

        has_line!($name);
    };
}

with_address! {
    /// A service desk of Jira Service Management. Without `user` the token is a personal one of Data Center.
    JiraConfig {
        /// The number of the service desk.
        pub service_desk_id: String,
        /// The number of the type of request that is made.
        pub request_type_id: String,
        /// Names of priorities there; not said if left out, because not every request type has the field.
        #[serde(default)]
        pub priorities: BTreeMap<Priority, String>,
        /// The transition by which a request is resolved, as its button reads.
        #[serde(default = "resolve_transition")]
        pub resolve_transition: String,
        /// The transition by which it is opened again.
        #[serde(default = "reopen_transition")]
        pub reopen_transition: String,
        /// Whether it is Data Center, whose search has another address.
        #[serde(default)]
        pub data_center: bool,
    }
}

with_address! {
    /// A `ServiceNow` instance. Without `user` the token is an API key.
    ServiceNowConfig {
        /// Impact and urgency, of which the priority is made there.
        #[serde(default)]
        pub priorities: BTreeMap<Priority, ImpactUrgency>,
        /// The table of incidents.
        #[serde(default = "incident_table")]
        pub table: String,
        /// What is given as the code of the end.
        #[serde(default = "close_code")]
        pub close_code: String,
        /// The number of the state "resolved".
        #[serde(default = "six")]
        pub resolved_state: u32,
        /// The number of the state that an incident is in when it is opened again.
        #[serde(default = "two")]
        pub reopened_state: u32,
    }
}

with_address! {
    /// A Zendesk account. Without `user` the token is one of OAuth.
    ZendeskConfig {
        /// Names of priorities there: `urgent`, `high`, `normal`, `low`.
        #[serde(default)]
        pub priorities: BTreeMap<Priority, String>,
    }
}

with_address! {
    /// A Freshservice account. The token is an API key; `user` is not used.
    FreshserviceConfig {
        /// The requester of each ticket.
        pub email: String,
        /// Numbers of priorities there: 4 is urgent, 1 is low.
        #[serde(default)]
        pub priorities: BTreeMap<Priority, u32>,
    }
}

/// What the priority of an incident is made of in `ServiceNow`.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImpactUrgency {
    /// 1 is high, 3 is low.
    pub impact: u32,
    /// 1 is high, 3 is low.
    pub urgency: u32,
}

/// A service of PagerDuty, told through the Events API v2.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PagerDutyConfig {
    /// Its name, by which the outbox knows it.
    pub name: String,
    /// Where events go.
    #[serde(default = "pagerduty_url")]
    pub url: String,
    /// The routing key of the service's integration.
    pub routing_key: Option<Secret<String>>,
    /// A file that holds it instead. Whoever reads the configuration reads it too.
    pub routing_key_file: Option<PathBuf>,
    /// Severities there: `critical`, `error`, `warning`, `info`.
    #[serde(default)]
    pub priorities: BTreeMap<Priority, String>,
    /// Which events it is told of.
    #[serde(default = "told_by_default")]
    pub events: Vec<EventKind>,
    /// Whether `http` on the loopback interface is allowed.
    #[serde(default)]
    pub allow_loopback_http: bool,
    /// How long one attempt may take.
    #[serde(default = "twenty")]
    pub timeout_seconds: u64,
}

has_line!(PagerDutyConfig);

/// A channel of Slack or Teams that an incoming webhook writes to.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ChatConfig {
    /// Its name, by which the outbox knows it.
    pub name: String,
    /// The webhook's address, which is a secret itself.
    pub url: Option<Secret<String>>,
    /// A file that holds it instead. Whoever reads the configuration reads it too.
    pub url_file: Option<PathBuf>,
    /// Which events are written of.
    #[serde(default = "told_by_default")]
    pub events: Vec<EventKind>,
    /// Whether `http` on the loopback interface is allowed.
    #[serde(default)]
    pub allow_loopback_http: bool,
    /// How long one attempt may take.
    #[serde(default = "twenty")]
    pub timeout_seconds: u64,
}

fn pagerduty_url() -> String {
    "https://events.pagerduty.com/v2/enqueue".to_owned()
}

fn resolve_transition() -> String {
    "Resolve this issue".to_owned()
}

fn reopen_transition() -> String {
    "Back to in progress".to_owned()
}

fn incident_table() -> String {
    "incident".to_owned()
}

fn close_code() -> String {
    "Solution provided".to_owned()
}

const fn six() -> u32 {
    6
}

const fn two() -> u32 {
    2
}
