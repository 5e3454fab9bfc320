//! The daily letter: what is open, what came and went in a day, and what was published.

use std::{collections::BTreeMap, fmt::Write as _, sync::Arc, time::Duration};

use chrono::{DateTime, NaiveDate, NaiveTime, TimeZone as _, Utc};
use model::{RunState, Timestamp, UnknownZone, Zone, chain};
use serde::Deserialize;
use store::{Incident, IncidentFilter, IncidentState, RunCount};

use crate::{Config, Connector, Desk, DeskError, clean};

/// What a letter tells of.
const DAY: Duration = Duration::from_hours(24);

/// How long sending one may take; nobody else sends it meanwhile.
const LEASE: Duration = Duration::from_mins(5);

/// How often a letter is tried; the next day has its own.
const MOST_ATTEMPTS: u32 = 20;

/// How many lines each part has at most.
const MOST_LINES: usize = 100;

/// The longest headline, and the longest text of what went wrong, in bytes.
const LINE_BYTES: usize = 300;

/// When a letter goes out, and through which connectors.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DigestConfig {
    /// When: `07:30`.
    pub at: String,
    /// The time zone of that, by its name in the IANA database; UTC if empty.
    #[serde(default)]
    pub time_zone: String,
    /// The names of connectors that send mail; all of them if not given.
    #[serde(default)]
    pub connectors: Vec<String>,
}

/// The same, read.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    at: NaiveTime,
    zone: Zone,
    connectors: Vec<String>,
}

/// A letter that is about no single incident.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Letter {
    /// Names it, so that who gets it twice can tell.
    pub id: String,
    /// Its subject.
    pub subject: String,
    /// Its text.
    pub text: String,
    /// When it was written.
    pub at: Timestamp,
}

impl Schedule {
    /// Reads what the configuration says; nothing if there are no letters.
    pub(crate) fn of(config: &Config) -> Result<Option<Self>, DeskError> {
        let Some(digest) = &config.digest else {
            return Ok(None);
        };
        let wrong = |why: String| DeskError::Digest { why };
        let at = NaiveTime::parse_from_str(&digest.at, "%H:%M")
            .ok()
            .filter(|_| digest.at.len() == 5)
            .ok_or_else(|| wrong(format!("`{}` is no time such as `07:30`", digest.at)))?;
        let zone = match digest.time_zone.as_str() {
            "" => Zone::UTC,
            name => name
                .parse()
                .map_err(|unknown: UnknownZone| wrong(unknown.to_string()))?,
        };
        let mail: Vec<String> = config.email.iter().map(|it| it.name.clone()).collect();
        if let Some(other) = digest.connectors.iter().find(|name| !mail.contains(name)) {
            return Err(wrong(format!(
                "there is no `[[desk.email]]` named `{other}`"
            )));
        }
        if mail.is_empty() {
            return Err(wrong(
                "there is no `[[desk.email]]` to send it through".to_owned(),
            ));
        }
        let connectors = if digest.connectors.is_empty() {
            mail
        } else {
            digest.connectors.clone()
        };
        Ok(Some(Self {
            at,
            zone,
            connectors,
        }))
    }

    /// The day whose letter is to be sent, from its time on until midnight.
    fn due(&self, now: Timestamp) -> Option<NaiveDate> {
        let day = now.to_utc().with_timezone(&self.zone).date_naive();
        // A time that the change of a clock skips is taken an hour later, which there is.
        let moment = |at: NaiveTime| self.zone.from_local_datetime(&day.and_time(at)).earliest();
        let later = self.at.overflowing_add_signed(chrono::Duration::hours(1)).0;
        let moment = moment(self.at).or_else(|| moment(later))?;
        (now.to_utc() >= moment.with_timezone(&Utc)).then_some(day)
    }
}

impl Desk {
    /// Sends the letter of the day where it is due and nobody has; answers how many were sent.
    ///
    /// # Errors
    /// If the database fails. A mail server that does not take it is asked again later.
    ///
    /// # Cancellation
    /// A letter that was under way is sent again.
    pub async fn digest(&self) -> Result<usize, DeskError> {
        let Some(schedule) = &self.digest else {
            return Ok(0);
        };
        let Some(day) = schedule.due(self.clock.now()) else {
            return Ok(0);
        };
        let mut sent = 0;
        for name in &schedule.connectors {
            let (key, now) = (day.to_string(), self.clock.now());
            let claimed = self
                .db
                .digest_claim((&key, name), now, now.plus(LEASE))
                .await?;
            let (Some(attempts), Some(connector)) = (claimed, self.connector(name)) else {
                continue;
            };
            if attempts <= MOST_ATTEMPTS && self.send(&connector, &key, schedule.zone).await? {
                self.db.digest_sent((&key, name), self.clock.now()).await?;
                sent += 1;
            }
        }
        Ok(sent)
    }

    async fn send(
        &self,
        connector: &Arc<dyn Connector>,
        day: &str,
        zone: Zone,
    ) -> Result<bool, DeskError> {
        let letter = self.letter(day, zone).await?;
        match connector.post(&letter).await {
            Ok(()) => {
                tracing::info!(day, desk = connector.name(), "daily letter sent");
                Ok(true)
            }
            Err(error) => {
                let why = clean::line(&self.scrubber, &chain(&error), LINE_BYTES);
                tracing::warn!(
                    day,
                    desk = connector.name(),
                    why,
                    "a daily letter is sent later"
                );
                Ok(false)
            }
        }
    }

    async fn letter(&self, day: &str, zone: Zone) -> Result<Letter, DeskError> {
        let now = self.clock.now();
        let since = now.minus(DAY);
        let incidents = self.db.incident_list(IncidentFilter::All).await?;
        let runs = self.db.run_counts_since(since).await?;
        let published = self.db.run_published_since(since).await?;
        let waiting = self.db.hold_list().await?.len();
        let text = text(&Told {
            incidents: &incidents,
            runs: &runs,
            published: &published,
            waiting,
            since,
            now,
            zone,
        });
        let open = open(&incidents).count();
        Ok(Letter {
            id: format!("digest.{day}"),
            subject: format!(
                "Auto-Update on {day}: {open} open, {} published",
                published.len()
            ),
            text,
            at: now,
        })
    }
}

/// What a letter is written from.
struct Told<'a> {
    incidents: &'a [Incident],
    runs: &'a [RunCount],
    published: &'a [String],
    waiting: usize,
    since: Timestamp,
    now: Timestamp,
    zone: Zone,
}

fn open(incidents: &[Incident]) -> impl Iterator<Item = &Incident> {
    let all = incidents.iter();
    all.filter(|incident| incident.state != IncidentState::Resolved)
}

fn text(told: &Told<'_>) -> String {
    let mut still: Vec<&Incident> = open(told.incidents).collect();
    still.sort_by_key(|incident| (incident.priority, incident.resolve_by_at));
    let is_new = |incident: &&Incident| incident.opened_at >= told.since;
    let of_the_day = told.incidents.iter();
    let over = of_the_day.filter(|it| it.resolved_at.is_some_and(|at| at >= told.since));
    let mut text = String::new();
    let lines: Vec<String> = still.iter().map(|it| line(it, told)).collect();
    part(&mut text, "Open incidents", &lines);
    let new = still.iter().copied().filter(is_new).count();
    let late = still
        .iter()
        .filter(|it| it.resolve_by_at < told.now)
        .count();
    // Writing to a string cannot fail.
    writeln!(
        text,
        "New in the last 24 hours: {new}. Past the time for their resolution: {late}.\n"
    )
    .unwrap_or_default();
    let lines: Vec<String> = over
        .map(|it| format!("{}: {}", it.key.title, it.key.class))
        .collect();
    part(&mut text, "Resolved in the last 24 hours", &lines);
    part(&mut text, "Published in the last 24 hours", told.published);
    writeln!(
        text,
        "Waiting for a person: {}{}",
        told.waiting,
        if told.waiting > 0 {
            " (`auto-update holds list`)"
        } else {
            ""
        }
    )
    .unwrap_or_default();
    writeln!(text, "Runs that ended: {}", runs(told.runs)).unwrap_or_default();
    text
}

fn line(incident: &Incident, told: &Told<'_>) -> String {
    let by: DateTime<Zone> = incident.resolve_by_at.to_utc().with_timezone(&told.zone);
    let late = if incident.resolve_by_at < told.now {
        ", LATE"
    } else {
        ""
    };
    let taken = match &incident.acknowledged_by {
        Some(who) => format!(", {who} looks after it"),
        None => String::new(),
    };
    format!(
        "{} {}: {}, {} times{taken}, to be over by {}{late}",
        incident.priority,
        incident.key.title,
        incident.key.class,
        incident.repeats,
        by.format("%Y-%m-%d %H:%M")
    )
}

fn part(text: &mut String, heading: &str, lines: &[String]) {
    writeln!(text, "{heading}: {}", lines.len()).unwrap_or_default();
    for line in lines.iter().take(MOST_LINES) {
        writeln!(text, "    {line}").unwrap_or_default();
    }
    let more = lines.len().saturating_sub(MOST_LINES);
    if more > 0 {
        writeln!(text, "    and {more} more").unwrap_or_default();
    }
    text.push('\n');
}

/// `12 unchanged, 2 published`.
fn runs(counts: &[RunCount]) -> String {
    let mut by_state: BTreeMap<&str, u64> = BTreeMap::new();
    for count in counts {
        let sum = by_state.entry(word(count.state)).or_default();
        *sum = sum.saturating_add(count.count);
    }
    if by_state.is_empty() {
        return "none".to_owned();
    }
    let told = by_state
        .iter()
        .map(|(state, count)| format!("{count} {state}"));
    told.collect::<Vec<_>>().join(", ")
}

const fn word(state: RunState) -> &'static str {
    state.as_str()
}

#[cfg(test)]
#[path = "digest_tests.rs"]
mod tests;
