//! Who is told of incidents, and how fast they must be over, as the configuration file says it.

mod desks;
mod secrets;
mod webhooks;

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use model::{FailureClass, Priority};
use redact::Secret;
use serde::Deserialize;
use store::EventKind;

use crate::{Calendar, CalendarConfig, DeskError, DigestConfig};

pub use self::{
    desks::{
        ChatConfig, FreshserviceConfig, ImpactUrgency, JiraConfig, PagerDutyConfig,
        ServiceNowConfig, ZendeskConfig,
    },
    secrets::SecretPlace,
    webhooks::{EndpointConfig, WebhooksConfig},
};

/// Who is told of incidents, and how fast they must be over.
///
/// ```toml
/// [desk]
/// reopen-hours = 24
/// [desk.priorities]
/// download = "P2"
/// [desk.clocks.P1]
/// respond-minutes = 15
/// resolve-minutes = 240
/// calendar = "office"
/// [desk.calendars.office]
/// time-zone = "Europe/Berlin"
/// hours = { mon = ["08:00-17:00"], tue = ["08:00-17:00"] }
/// holidays = ["2026-12-25"]
/// [[desk.email]]
/// name = "service-desk"
/// host = "mail.example.org"
/// tls = "starttls"
/// from = "Auto-Update <auto-update@example.org>"
/// to = ["desk@example.org"]
/// [[desk.webhook]]
/// name = "chat"
/// url = "https://hooks.example.org/incidents"
/// secrets = ["whsec_…"]
/// events = ["opened", "resolved"]
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Whose titles these are; a part of the key of each incident.
    pub scope: String,
    /// For how long after its resolution an incident is opened again instead of a new one.
    pub reopen_hours: u64,
    /// Priorities that differ from [`FailureClass::default_priority`].
    pub priorities: BTreeMap<FailureClass, Priority>,
    /// Clocks that differ from [`Clocks::of`].
    pub clocks: BTreeMap<Priority, Clocks>,
    /// Calendars that clocks may name.
    pub calendars: BTreeMap<String, CalendarConfig>,
    /// What desks are told of only if it does not pass by itself.
    pub patience: Patience,
    /// What is done about incidents that come and go.
    pub flapping: Flapping,
    /// The daily letter.
    pub digest: Option<DigestConfig>,
    /// Connectors that send mail.
    pub email: Vec<EmailConfig>,
    /// Connectors that call webhooks.
    pub webhook: Vec<WebhookConfig>,
    /// Service desks of Jira Service Management.
    pub jira: Vec<JiraConfig>,
    /// `ServiceNow` instances.
    pub servicenow: Vec<ServiceNowConfig>,
    /// Zendesk accounts.
    pub zendesk: Vec<ZendeskConfig>,
    /// Freshservice accounts.
    pub freshservice: Vec<FreshserviceConfig>,
    /// Services of PagerDuty.
    pub pagerduty: Vec<PagerDutyConfig>,
    /// Channels of Slack.
    pub slack: Vec<ChatConfig>,
    /// Channels of Teams.
    pub teams: Vec<ChatConfig>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            scope: "house".to_owned(),
            reopen_hours: 24,
            priorities: BTreeMap::new(),
            clocks: BTreeMap::new(),
            calendars: BTreeMap::new(),
            patience: Patience::default(),
            flapping: Flapping::default(),
            digest: None,
            email: Vec::new(),
            webhook: Vec::new(),
            jira: Vec::new(),
            servicenow: Vec::new(),
            zendesk: Vec::new(),
            freshservice: Vec::new(),
            pagerduty: Vec::new(),
            slack: Vec::new(),
            teams: Vec::new(),
        }
    }
}

impl Config {
    pub(crate) fn priority(&self, class: FailureClass) -> Priority {
        let configured = self.priorities.get(&class).copied();
        configured.unwrap_or_else(|| class.default_priority())
    }

    pub(crate) fn clocks(&self, priority: Priority) -> Clocks {
        let configured = self.clocks.get(&priority).cloned();
        configured.unwrap_or_else(|| Clocks::of(priority))
    }

    /// The calendars of the clocks.
    pub(crate) fn calendars(&self) -> Result<BTreeMap<String, Arc<Calendar>>, DeskError> {
        let wrong = |name: &String, why: String| DeskError::Calendar {
            name: name.clone(),
            why,
        };
        let mut calendars = BTreeMap::new();
        for (name, calendar) in &self.calendars {
            let read = calendar.read().map_err(|why| wrong(name, why))?;
            calendars.insert(name.clone(), Arc::new(read));
        }
        let named = self
            .clocks
            .values()
            .filter_map(|clocks| clocks.calendar.as_ref());
        match named
            .into_iter()
            .find(|name| !calendars.contains_key(*name))
        {
            Some(name) => Err(wrong(
                name,
                "there is no `[desk.calendars]` of this name".to_owned(),
            )),
            None => Ok(calendars),
        }
    }

    pub(crate) const fn reopen_within(&self) -> Duration {
        Duration::from_secs(self.reopen_hours.saturating_mul(3_600))
    }
}

/// How fast an incident must be taken, and be over.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Clocks {
    /// Minutes until somebody must have taken it.
    pub respond_minutes: u64,
    /// Minutes until it must be over.
    pub resolve_minutes: u64,
    /// The calendar in whose hours they run; day and night if not given.
    #[serde(default)]
    pub calendar: Option<String>,
}

impl Clocks {
    /// The clocks of a priority unless the operator says otherwise.
    pub const fn of(priority: Priority) -> Self {
        let (respond_minutes, resolve_minutes) = match priority {
            Priority::P1 => (15, 4 * 60),
            Priority::P2 => (60, 24 * 60),
            Priority::P3 => (8 * 60, 3 * 24 * 60),
            Priority::P4 => (24 * 60, 7 * 24 * 60),
        };
        Self {
            respond_minutes,
            resolve_minutes,
            calendar: None,
        }
    }

    pub(crate) const fn respond_within(&self) -> Duration {
        Duration::from_secs(self.respond_minutes.saturating_mul(60))
    }

    pub(crate) const fn resolve_within(&self) -> Duration {
        Duration::from_secs(self.resolve_minutes.saturating_mul(60))
    }
}

/// What desks are told of only if it does not pass by itself.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Patience {
    /// Which classes.
    pub classes: Vec<FailureClass>,
    /// After how many failures desks are told all the same.
    pub failures: u32,
    /// After how many hours desks are told all the same.
    pub hours: u64,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            classes: vec![FailureClass::RateLimited, FailureClass::Timeout],
            failures: 3,
            hours: 4,
        }
    }
}

impl Patience {
    pub(crate) const fn time(&self) -> Duration {
        Duration::from_secs(self.hours.saturating_mul(3_600))
    }
}

/// What is done about incidents that come and go.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Flapping {
    /// How often an incident must have come back; 0 for never minding.
    pub reopened: u32,
    /// For how many hours it must then have been over before desks are told so.
    pub quiet_hours: u64,
}

impl Default for Flapping {
    fn default() -> Self {
        Self {
            reopened: 3,
            quiet_hours: 6,
        }
    }
}

impl Flapping {
    pub(crate) const fn is_flapping(&self, reopened: u32) -> bool {
        self.reopened > 0 && reopened >= self.reopened
    }

    pub(crate) const fn quiet(&self) -> Duration {
        Duration::from_secs(self.quiet_hours.saturating_mul(3_600))
    }
}

/// A connector that sends mail.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct EmailConfig {
    /// Its name, by which the outbox knows it.
    pub name: String,
    /// The mail server.
    pub host: String,
    /// Its port; 465, 587 or 25 by [`MailTls`] if not given.
    pub port: Option<u16>,
    /// How the connection is protected.
    #[serde(default)]
    pub tls: MailTls,
    /// The user to log in as, with `password`.
    pub user: Option<String>,
    /// The password to log in with.
    pub password: Option<Secret<String>>,
    /// A file that holds the password instead. Whoever reads the configuration reads it too.
    pub password_file: Option<PathBuf>,
    /// Who the mails are from: `Auto-Update <auto-update@example.org>`.
    pub from: String,
    /// Whom they go to.
    pub to: Vec<String>,
    /// Which events are sent.
    #[serde(default = "told_by_default")]
    pub events: Vec<EventKind>,
}

/// How a connection to a mail server is protected.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MailTls {
    /// It begins in clear text and must turn to TLS before anything is said (RFC 3207).
    #[default]
    Starttls,
    /// It is TLS from its first byte (RFC 8314).
    Implicit,
    /// It is not. With a password only on the loopback interface.
    None,
}

/// A connector that calls a webhook.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct WebhookConfig {
    /// Its name, by which the outbox knows it.
    pub name: String,
    /// The address, which may hold a token: `https`, or `http` on the loopback interface where that is allowed.
    pub url: Secret<String>,
    /// `whsec_` secrets; each signs, so that a new one can be brought in before the old one goes.
    #[serde(default)]
    pub secrets: Vec<Secret<String>>,
    /// Files that hold further secrets, one each. Whoever reads the configuration reads them too.
    #[serde(default)]
    pub secret_files: Vec<PathBuf>,
    /// Which events are sent.
    #[serde(default = "told_by_default")]
    pub events: Vec<EventKind>,
    /// Whether `http` on the loopback interface is allowed.
    #[serde(default)]
    pub allow_loopback_http: bool,
    /// How long one attempt may take.
    #[serde(default = "twenty")]
    pub timeout_seconds: u64,
}

pub(crate) fn told_by_default() -> Vec<EventKind> {
    // Warnings are many; who wants them says so.
    let all = EventKind::ALL.into_iter();
    all.filter(|kind| *kind != EventKind::Warned).collect()
}

pub(crate) const fn twenty() -> u64 {
    20
}
