//! `ring list`, `ring rules` and `ring history`.

use anyhow::bail;
use model::Timestamp;
use pipeline::{Engine, Failure, Look};
use publication::ShelfItem;
use serde_json::{Value as Json, json};
use store::{Passage, RingRule, RingStay};

use crate::{
    cli::ring::{History, List, Rules},
    exit::ExitStatus,
    printer::Printer,
};

/// What failed, as an error of the program.
fn failed(failure: &Failure) -> anyhow::Error {
    anyhow::anyhow!("{}", failure.cause())
}

pub(super) async fn items(
    arguments: &List,
    engine: &Engine,
    printer: Printer,
) -> anyhow::Result<ExitStatus> {
    let look = engine.look().await.map_err(|failure| failed(&failure))?;
    let due = look.due(engine.rings(), engine.clock().now());
    let mut is_empty = true;
    for item in &look.shelf.items {
        if !arguments.names.is_empty() && !arguments.names.contains(&item.name) {
            continue;
        }
        is_empty = false;
        let next = due.iter().find(|moved| moved.pkginfo == item.pkginfo);
        if arguments.json {
            printer.data(json!({
                "schema": 1,
                "name": item.name,
                "version": item.version,
                "pkginfo": item.pkginfo,
                "catalogs": catalogs(item, &look),
                "due": next.map(|moved| &moved.to),
            }))?;
            continue;
        }
        let places: Vec<String> = item
            .catalogs
            .iter()
            .map(|catalog| match look.entered(item, catalog) {
                Some(since) => format!("{catalog} since {since}"),
                None => catalog.clone(),
            })
            .collect();
        let next = next.map_or_else(String::new, |moved| {
            format!("; due: {}", moved.to.join(", "))
        });
        printer.data(format!(
            "{} {}: {}{next}",
            item.name,
            item.version,
            places.join(", ")
        ))?;
    }
    for (location, why) in &look.shelf.unreadable {
        printer.complaint(format!("pkgsinfo/{location} is left out: {why}"));
    }
    if is_empty && !arguments.names.is_empty() {
        bail!("the repository has no item of that name");
    }
    Ok(ExitStatus::Done)
}

fn catalogs(item: &ShelfItem, look: &Look) -> Vec<Json> {
    let catalogs = item.catalogs.iter();
    catalogs
        .map(|catalog| {
            let since = look.entered(item, catalog).map(|since| since.to_string());
            json!({"catalog": catalog, "since": since})
        })
        .collect()
}

pub(super) async fn rules(
    arguments: &Rules,
    engine: &Engine,
    printer: Printer,
) -> anyhow::Result<ExitStatus> {
    let rules = engine.ring_rules(arguments.all).await;
    let rules = rules.map_err(|failure| failed(&failure))?;
    for rule in &rules {
        if arguments.json {
            printer.data(rule_to_json(rule))?;
        } else {
            printer.data(rule_in_words(rule))?;
        }
    }
    if rules.is_empty() && !arguments.json {
        printer.talk("No rule holds");
    }
    Ok(ExitStatus::Done)
}

fn rule_in_words(rule: &RingRule) -> String {
    let version = rule.version.as_deref().unwrap_or("every version");
    let ring = rule.ring.as_deref().unwrap_or("every ring");
    let end = rule.end.as_ref().map_or_else(String::new, |end| {
        format!("; ended by {} on {} ({})", end.by, end.at, end.reason)
    });
    format!(
        "{}: {} {} {version}, {ring}; by {} on {} ({}){end}",
        rule.id, rule.kind, rule.name, rule.made_by, rule.made_at, rule.reason
    )
}

fn rule_to_json(rule: &RingRule) -> Json {
    json!({
        "schema": 1,
        "rule": rule.id.to_string(),
        "kind": rule.kind,
        "name": rule.name,
        "version": rule.version,
        "ring": rule.ring,
        "reason": rule.reason,
        "by": rule.made_by,
        "at": rule.made_at.to_string(),
        "end": rule.end.as_ref().map(|end| json!({
            "by": end.by,
            "at": end.at.to_string(),
            "reason": end.reason,
        })),
    })
}

pub(super) async fn history(
    arguments: &History,
    engine: &Engine,
    printer: Printer,
) -> anyhow::Result<ExitStatus> {
    // What others have changed meanwhile belongs to it.
    engine.look().await.map_err(|failure| failed(&failure))?;
    let stays = engine
        .offers(&arguments.name, arguments.version.as_deref())
        .await;
    let stays = stays.map_err(|failure| failed(&failure))?;
    for stay in &stays {
        if arguments.json {
            printer.data(stay_to_json(stay))?;
        } else {
            printer.data(stay_in_words(stay))?;
        }
    }
    if stays.is_empty() && !arguments.json {
        printer.talk("Nothing is known of that");
    }
    Ok(ExitStatus::Done)
}

pub(super) fn stay_in_words(stay: &RingStay) -> String {
    let passage = |passage: &Passage| {
        let by = passage.by.iter().map(|by| format!(" by {by}"));
        format!("{} ({}{})", passage.at, passage.why, by.collect::<String>())
    };
    let left = stay.left.as_ref().map_or_else(|| "now".to_owned(), passage);
    format!(
        "{} {} was in `{}` from {} until {left}",
        stay.name,
        stay.version,
        stay.catalog,
        passage(&stay.entered)
    )
}

pub(super) fn stay_to_json(stay: &RingStay) -> Json {
    let at = |at: Timestamp| at.to_string();
    json!({
        "schema": 1,
        "name": stay.name,
        "version": stay.version,
        "pkginfo": stay.pkginfo,
        "catalog": stay.catalog,
        "from": at(stay.entered.at),
        "came": {"why": stay.entered.why, "by": stay.entered.by},
        "until": stay.left.as_ref().map(|left| at(left.at)),
        "left": stay.left.as_ref().map(|left| json!({"why": left.why, "by": left.by})),
    })
}
