//! `incident`: what the service desk knows, and what a person does about it.

mod connectors;
mod maintenance;

use anyhow::Context as _;
use desk::{Desk, NoticeIncident, Tally};
use serde_json::{Value, json};
use store::{Db, Delivery, IncidentEvent, IncidentFilter, Ticket};

use crate::{
    cli::incident::{Deliver, Incident, List, Show},
    exit::ExitStatus,
    house::House,
    person,
    printer::Printer,
};

/// Does what was asked.
pub(crate) async fn run(
    verb: Incident,
    house: &House,
    printer: Printer,
) -> anyhow::Result<ExitStatus> {
    let db = house.database().await?;
    let desk = || house.desk(db.clone());
    match verb {
        Incident::Acknowledge(arguments) => {
            let who = person::named(arguments.by.as_deref())?;
            let taken = desk()?.acknowledge(arguments.id, &who).await?;
            tell_one(&taken, arguments.json, printer)
        }
        Incident::Connectors(arguments) => connectors::list(&arguments, &desk()?, printer).await,
        Incident::Deliver(arguments) => deliver(&arguments, &db, &desk()?, printer).await,
        Incident::List(arguments) => list(&arguments, &db, printer).await,
        Incident::Maintenance(verb) => maintenance::run(verb, &db, &desk()?, printer).await,
        Incident::Merge(arguments) => {
            let who = person::named(arguments.by.as_deref())?;
            let merged = desk()?.merge(arguments.id, arguments.into, &who).await?;
            tell_one(&merged, arguments.json, printer)
        }
        Incident::Note(arguments) => {
            let who = person::named(arguments.by.as_deref())?;
            let noted = desk()?.note(arguments.id, &who, &arguments.text).await?;
            tell_one(&noted, arguments.json, printer)
        }
        Incident::Pause(arguments) => {
            let who = person::named(arguments.by.as_deref())?;
            let whom = (arguments.waits_for, who.as_str());
            let paused = desk()?.pause(arguments.id, whom, &arguments.reason).await?;
            tell_one(&paused, arguments.json, printer)
        }
        Incident::Reopen(arguments) => {
            let who = person::named(arguments.by.as_deref())?;
            let again = desk()?
                .reopen(arguments.id, &who, &arguments.reason)
                .await?;
            tell_one(&again, arguments.json, printer)
        }
        Incident::Resume(arguments) => {
            let who = person::named(arguments.by.as_deref())?;
            let resumed = desk()?.resume(arguments.id, &who).await?;
            tell_one(&resumed, arguments.json, printer)
        }
        Incident::Resolve(arguments) => {
            let (id, reason) = (arguments.id, &arguments.reason);
            let resolved = desk()?.resolve_by_hand(id, reason).await?;
            tell_one(&resolved, arguments.json, printer)
        }
        Incident::Show(arguments) => show(&arguments, &db, printer).await,
        Incident::TestFire(arguments) => connectors::test_fire(&arguments, &desk()?, printer).await,
    }
}

fn tell_one(
    incident: &store::Incident,
    as_json: bool,
    printer: Printer,
) -> anyhow::Result<ExitStatus> {
    if as_json {
        printer.data(to_json(incident)?)?;
    } else {
        printer.data(line(incident))?;
    }
    Ok(ExitStatus::Done)
}

async fn deliver(
    arguments: &Deliver,
    db: &Db,
    desk: &Desk,
    printer: Printer,
) -> anyhow::Result<ExitStatus> {
    if arguments.failed {
        desk.take_up_again().await?;
    }
    desk.tick().await?;
    let Tally {
        delivered,
        postponed,
        failed,
    } = desk.deliver_waiting().await?;
    if arguments.json {
        printer.data(json!({
            "schema": 1,
            "delivered": delivered,
            "postponed": postponed,
            "failed": failed,
        }))?;
    } else {
        printer.data(format!(
            "{delivered} delivered, {postponed} postponed, {failed} given up"
        ))?;
    }
    if postponed + failed > 0 && !arguments.json {
        for delivery in db.delivery_list(None).await? {
            if let Some(error) = unanswered(&delivery) {
                printer.warning(format!("{}: {error}", delivery.connector));
            }
        }
    }
    Ok(if failed == 0 {
        ExitStatus::Done
    } else {
        ExitStatus::Failed
    })
}

/// Why a desk has not taken a delivery.
fn unanswered(delivery: &Delivery) -> Option<&str> {
    match delivery.delivered_at {
        Some(_) => None,
        None => delivery.last_error.as_deref(),
    }
}

async fn list(arguments: &List, db: &Db, printer: Printer) -> anyhow::Result<ExitStatus> {
    let filter = if arguments.all {
        IncidentFilter::All
    } else {
        IncidentFilter::Unresolved
    };
    let incidents = db.incident_list(filter).await?;
    for incident in &incidents {
        tell_one(incident, arguments.json, printer)?;
    }
    if incidents.is_empty() && !arguments.json {
        printer.talk("There are no incidents");
    }
    Ok(ExitStatus::Done)
}

async fn show(arguments: &Show, db: &Db, printer: Printer) -> anyhow::Result<ExitStatus> {
    let id = arguments.id;
    let incident = db.incident_find(id).await?;
    let incident = incident.with_context(|| format!("there is no incident {id}"))?;
    let history = db.incident_history(id).await?;
    let deliveries = db.delivery_list(Some(id)).await?;
    let tickets = db.ticket_list(id).await?;
    if arguments.json {
        let mut shown = to_json(&incident)?;
        if let Value::Object(fields) = &mut shown {
            let history = history.iter().map(event_json).collect();
            let deliveries = deliveries.iter().map(delivery_json).collect();
            fields.insert("history".to_owned(), Value::Array(history));
            fields.insert("deliveries".to_owned(), Value::Array(deliveries));
            let tickets = tickets.iter().map(ticket_json).collect();
            fields.insert("tickets".to_owned(), Value::Array(tickets));
        }
        printer.data(shown)?;
        return Ok(ExitStatus::Done);
    }
    printer.data(line(&incident))?;
    for (name, value) in facts(&incident) {
        printer.data(format!("  {name:<13} {value}"))?;
    }
    for event in &history {
        let remark = event.remark.as_ref();
        let remark = remark.map_or(String::new(), |remark| format!(": {remark}"));
        printer.data(format!(
            "  {:<13} {}{remark}",
            event.kind.as_str(),
            event.happened_at
        ))?;
    }
    for delivery in &deliveries {
        let error = unanswered(delivery).map_or(String::new(), |error| format!(": {error}"));
        printer.data(format!(
            "  {:<13} {} {}{error}",
            delivery.connector,
            delivery.kind.as_str(),
            delivery.state.as_str(),
        ))?;
    }
    for (connector, ticket) in &tickets {
        let place = ticket.url.as_deref().unwrap_or(&ticket.reference);
        printer.data(format!("  {connector:<13} ticket {place}"))?;
    }
    for text in incident.excerpt.lines() {
        printer.data(format!("  | {text}"))?;
    }
    Ok(ExitStatus::Done)
}

/// What there is to say of an incident besides its line, by name.
fn facts(incident: &store::Incident) -> Vec<(&'static str, String)> {
    let taken = incident.acknowledged_by.as_deref().map(|who| {
        let at = incident.acknowledged_at;
        at.map_or_else(|| who.to_owned(), |at| format!("{at} by {who}"))
    });
    let over = incident.resolved_at.map(|at| {
        let why = incident.resolution.as_deref().unwrap_or_default();
        format!("{at}: {why}")
    });
    let keeping = &incident.keeping;
    let paused = keeping.pause.map(|pause| {
        let whom = pause.reason.as_str();
        format!("{}: waits for {whom}", pause.since)
    });
    let quiet = keeping.quiet.map(|quiet| {
        let why = quiet.reason.as_str();
        format!("desks are not told until {}: {why}", quiet.until)
    });
    let facts = [
        ("cause", Some(incident.cause.clone())),
        ("next step", Some(incident.next_step.clone())),
        ("step", incident.step.clone()),
        ("run", incident.run.map(|run| run.to_string())),
        ("respond by", Some(incident.respond_by_at.to_string())),
        ("resolve by", Some(incident.resolve_by_at.to_string())),
        ("taken", taken),
        ("over", over),
        ("paused", paused),
        ("part of", keeping.merged_into.map(|into| into.to_string())),
        ("quiet", quiet),
    ];
    facts
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
}

/// `ID P1 open malware Firefox.munki, 2 times, last 2026-11-24T20:32:00Z`
fn line(incident: &store::Incident) -> String {
    let times = match incident.repeats {
        1 => "once".to_owned(),
        repeats => format!("{repeats} times"),
    };
    format!(
        "{} {} {} {} {}, {times}, last {}",
        incident.id,
        incident.priority.as_str(),
        incident.state.as_str(),
        incident.key.class,
        incident.key.title,
        incident.last_seen_at,
    )
}

/// The shape that desks are sent, with the version of that shape.
fn to_json(incident: &store::Incident) -> anyhow::Result<Value> {
    let mut shown = json!({"schema": desk::SCHEMA});
    let told = serde_json::to_value(NoticeIncident::from(incident))
        .context("the incident cannot be written as JSON")?;
    if let (Value::Object(fields), Value::Object(told)) = (&mut shown, told) {
        fields.extend(told);
    }
    Ok(shown)
}

fn event_json(event: &IncidentEvent) -> Value {
    json!({
        "sequence": event.sequence,
        "kind": event.kind,
        "happened_at": event.happened_at.to_string(),
        "remark": event.remark,
    })
}

fn delivery_json(delivery: &Delivery) -> Value {
    json!({
        "id": delivery.id.to_string(),
        "connector": delivery.connector,
        "kind": delivery.kind,
        "state": delivery.state,
        "attempts": delivery.attempts,
        "due_at": delivery.due_at.to_string(),
        "delivered_at": delivery.delivered_at.map(|at| at.to_string()),
        "last_error": delivery.last_error,
    })
}

fn ticket_json((connector, ticket): &(String, Ticket)) -> Value {
    json!({
        "connector": connector,
        "reference": ticket.reference,
        "url": ticket.url,
    })
}
