//! The text of a mail about one event.

use std::fmt::Write as _;

use chrono::{DateTime, SecondsFormat, Utc};
use store::IncidentState;

use crate::{Notice, NoticeIncident};

/// The subject, the same for all mails of an incident, because mail programs also thread by it.
pub(crate) fn subject(notice: &Notice) -> String {
    let incident = &notice.data.incident;
    format!(
        "[{}] {}: {}",
        incident.priority, incident.title, incident.headline
    )
}

/// What happened to the incident, in one sentence.
pub(crate) fn opening(notice: &Notice) -> String {
    let incident = &notice.data.incident;
    let title = &incident.title;
    let kind = notice.type_.as_str();
    let is_remark = [
        "incident.updated",
        "incident.warned",
        "incident.breached",
        "incident.noted",
    ]
    .contains(&kind);
    if let Some(remark) = notice.data.remark.as_ref().filter(|_| is_remark) {
        return format!("{title}: {remark}");
    }
    match kind {
        "incident.opened" => format!("{title} was stopped: {}.", incident.headline),
        "incident.reopened" => format!("{title} is stopped again: {}.", incident.headline),
        "incident.resolved" => format!(
            "Resolved: {}",
            incident
                .resolution
                .as_deref()
                .unwrap_or("no reason was given")
        ),
        _ => match (incident.state, &incident.acknowledged_by) {
            (IncidentState::Acknowledged, Some(who)) if incident.repeats == 1 => {
                format!("{who} looks after {title}.")
            }
            _ => format!(
                "{title} was stopped {} times: {}.",
                incident.repeats, incident.headline
            ),
        },
    }
}

/// Names and values of the table of facts.
pub(crate) fn facts(incident: &NoticeIncident) -> Vec<(&'static str, String)> {
    let mut facts = vec![("Priority", incident.priority.to_string())];
    if let Some(resolved_at) = incident.resolved_at {
        facts.push(("Resolved at", utc(resolved_at)));
    } else {
        match (incident.acknowledged_at, &incident.acknowledged_by) {
            (Some(at), Some(who)) => facts.push(("Taken", format!("{}, by {who}", utc(at)))),
            _ => facts.push(("Respond by", utc(incident.respond_by_at))),
        }
        facts.push(("Resolve by", utc(incident.resolve_by_at)));
    }
    let mut seen = utc(incident.last_seen_at);
    if incident.repeats > 1 {
        seen = format!(
            "{} times, first {}, last {seen}",
            incident.repeats,
            utc(incident.first_seen_at)
        );
    }
    facts.push(("Seen", seen));
    facts.extend(incident.step.clone().map(|step| ("Step", step)));
    facts.extend(incident.run.clone().map(|run| ("Run", run)));
    facts.push(("Incident", incident.id.clone()));
    facts
}

/// What is said in whole sentences, with the heading of each.
pub(crate) fn paragraphs(notice: &Notice) -> impl Iterator<Item = (&'static str, &str)> {
    let incident = &notice.data.incident;
    let what_to_do = ("What to do", incident.next_step.as_str());
    let open = incident.resolved_at.is_none().then_some(what_to_do);
    // What an update says stands at its beginning already.
    let is_new = matches!(
        notice.type_.as_str(),
        "incident.opened" | "incident.reopened"
    );
    let remark = notice.data.remark.as_deref().filter(|_| is_new);
    [("What happened", incident.cause.as_str())]
        .into_iter()
        .chain(remark.map(|remark| ("Besides", remark)))
        .chain(open)
}

/// The mail as plain text.
pub(crate) fn text(notice: &Notice) -> String {
    let incident = &notice.data.incident;
    let mut text = format!("{}\n\n", opening(notice));
    for (heading, body) in paragraphs(notice) {
        // Writing to a string cannot fail.
        write!(text, "{heading}\n    {body}\n\n").unwrap_or_default();
    }
    for (name, value) in facts(incident) {
        writeln!(text, "{name:<12}{value}").unwrap_or_default();
    }
    if !incident.excerpt.is_empty() {
        text.push_str("\nEnd of the log\n");
        for line in incident.excerpt.lines() {
            writeln!(text, "    {line}").unwrap_or_default();
        }
    }
    text
}

/// The mail as HTML, which loads nothing from anywhere.
pub(crate) fn html(notice: &Notice) -> String {
    let incident = &notice.data.incident;
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{}</title></head>\n\
         <body style=\"font-family:sans-serif;max-width:45em\">\n<p><strong>{}</strong></p>\n",
        escape(&subject(notice)),
        escape(&opening(notice)),
    );
    for (heading, body) in paragraphs(notice) {
        let body = escape(body);
        writeln!(html, "<h3>{heading}</h3>\n<p>{body}</p>").unwrap_or_default();
    }
    html.push_str("<table>\n");
    for (name, value) in facts(incident) {
        let value = escape(&value);
        writeln!(
            html,
            "<tr><th style=\"text-align:left;padding-right:1em\">{name}</th><td>{value}</td></tr>"
        )
        .unwrap_or_default();
    }
    html.push_str("</table>\n");
    if !incident.excerpt.is_empty() {
        let excerpt = escape(&incident.excerpt);
        writeln!(
            html,
            "<h3>End of the log</h3>\n<pre style=\"background:#f4f4f4;padding:1em;white-space:pre-wrap\">{excerpt}</pre>"
        )
        .unwrap_or_default();
    }
    html.push_str("</body></html>\n");
    html
}

/// Plain text as HTML that shows it as it is.
pub(crate) fn preformatted(text: &str) -> String {
    format!("<pre>{}</pre>", escape(text))
}

fn utc(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(char),
        }
    }
    escaped
}
