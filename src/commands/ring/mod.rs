//! `ring`: what comes into which ring, and what people say to that.

mod list;

use pipeline::{Engine, Failure, Hand, Recalled};
use publication::{Move, Rule, RuleKind};
use serde_json::{Value as Json, json};

use self::list::stay_to_json;
use crate::{
    cli::ring::{Decision, End, Promote, Recall, Ring, Rollback},
    exit::ExitStatus,
    explain,
    house::House,
    person,
    printer::Printer,
};

/// Does what was asked.
pub(crate) async fn run(verb: Ring, house: &House, printer: Printer) -> anyhow::Result<ExitStatus> {
    let engine = house.engine().await?;
    let needs_rings = !matches!(
        verb,
        Ring::History(_) | Ring::List(_) | Ring::Recall(_) | Ring::Rules(_) | Ring::End(_)
    );
    if needs_rings && engine.rings().is_empty() {
        anyhow::bail!("no catalogs are rings (section `rings` of the configuration)");
    }
    match verb {
        Ring::Due(arguments) => {
            let due = engine.rings_due().await;
            tell_moves(
                "due",
                due.map(|moves| (None, moves)),
                arguments.json,
                printer,
            )
        }
        Ring::End(arguments) => end(&arguments, &engine, printer).await,
        Ring::History(arguments) => list::history(&arguments, &engine, printer).await,
        Ring::Hold(arguments) => {
            let rule = rule(
                RuleKind::Hold,
                arguments.name,
                arguments.version,
                arguments.ring,
            );
            lay_down(&rule, &arguments.decision, &engine, printer).await
        }
        Ring::List(arguments) => list::items(&arguments, &engine, printer).await,
        Ring::Pin(arguments) => {
            let version = Some(arguments.version);
            let rule = rule(RuleKind::Pin, arguments.name, version, arguments.ring);
            lay_down(&rule, &arguments.decision, &engine, printer).await
        }
        Ring::Promote(arguments) => promote(&arguments, &engine, printer).await,
        Ring::Recall(arguments) => recall(&arguments, &engine, printer).await,
        Ring::Rollback(arguments) => roll_back(&arguments, &engine, printer).await,
        Ring::Rules(arguments) => list::rules(&arguments, &engine, printer).await,
        Ring::Urgent(arguments) => {
            let rule = rule(
                RuleKind::Urgent,
                arguments.name,
                Some(arguments.version),
                None,
            );
            lay_down(&rule, &arguments.decision, &engine, printer).await
        }
    }
}

fn rule(kind: RuleKind, name: String, version: Option<String>, ring: Option<String>) -> Rule {
    Rule {
        kind,
        name,
        version,
        ring,
    }
}

impl Decision {
    fn hand(&self) -> anyhow::Result<Hand> {
        hand(&self.reason, self.by.as_deref())
    }
}

/// Who decides, and why.
///
/// # Errors
/// If nobody is named, or the reason says nothing.
pub(super) fn hand(reason: &str, by: Option<&str>) -> anyhow::Result<Hand> {
    if reason.trim().is_empty() {
        anyhow::bail!("a decision needs a reason");
    }
    Ok(Hand {
        by: person::named(by)?,
        reason: reason.to_owned(),
    })
}

async fn lay_down(
    rule: &Rule,
    decision: &Decision,
    engine: &Engine,
    printer: Printer,
) -> anyhow::Result<ExitStatus> {
    let laid = engine.ring_rule(rule, &decision.hand()?).await;
    let laid = laid.map(|(id, moves)| (Some(id.to_string()), moves));
    tell_moves(&rule.name, laid, decision.json, printer)
}

async fn end(arguments: &End, engine: &Engine, printer: Printer) -> anyhow::Result<ExitStatus> {
    let ended = engine
        .ring_rule_end(arguments.id, &arguments.decision.hand()?)
        .await;
    if let Err(failure) = ended {
        explain::failure(&arguments.id.to_string(), &failure, printer);
        return Ok(ExitStatus::Failed);
    }
    if arguments.decision.json {
        printer.data(json!({"schema": 1, "rule": arguments.id.to_string()}))?;
    } else {
        printer.talk("The rule is ended; what it kept out comes in when it is due");
    }
    Ok(ExitStatus::Done)
}

async fn promote(
    arguments: &Promote,
    engine: &Engine,
    printer: Printer,
) -> anyhow::Result<ExitStatus> {
    let moves = match (&arguments.name, &arguments.reason) {
        (Some(name), Some(reason)) => {
            let hand = hand(reason, arguments.by.as_deref())?;
            let item = (name.as_str(), arguments.version.as_deref());
            engine
                .ring_promote(item, arguments.to.as_deref(), &hand)
                .await
        }
        _ => engine.rings_turn().await,
    };
    let name = arguments.name.as_deref().unwrap_or("rings");
    tell_moves(
        name,
        moves.map(|moves| (None, moves)),
        arguments.json,
        printer,
    )
}

async fn roll_back(
    arguments: &Rollback,
    engine: &Engine,
    printer: Printer,
) -> anyhow::Result<ExitStatus> {
    let item = (arguments.name.as_str(), arguments.to.as_deref());
    let hand = arguments.decision.hand()?;
    let moves = engine
        .ring_rollback(item, arguments.ring.as_deref(), &hand)
        .await;
    let is_done = moves.is_ok();
    let told = moves.map(|moves| (None, moves));
    let status = tell_moves(&arguments.name, told, arguments.decision.json, printer)?;
    if is_done && !arguments.decision.json {
        printer.talk(
            "Munki does not take installed software back: Macs that have the version keep it until a newer one comes",
        );
    }
    Ok(status)
}

async fn recall(
    arguments: &Recall,
    engine: &Engine,
    printer: Printer,
) -> anyhow::Result<ExitStatus> {
    let hand = arguments.decision.hand()?;
    let recalled = match engine
        .recall(&arguments.name, &arguments.version, &hand)
        .await
    {
        Ok(recalled) => recalled,
        Err(failure) => {
            explain::failure(&arguments.name, &failure, printer);
            return Ok(ExitStatus::Failed);
        }
    };
    if arguments.decision.json {
        printer.data(recalled_to_json(&recalled))?;
        return Ok(ExitStatus::Done);
    }
    for item in &recalled.items {
        printer.data(format!(
            "{} {}: gone (pkgsinfo/{})",
            item.name, item.version, item.pkginfo
        ))?;
    }
    for stay in &recalled.offered {
        printer.data(list::stay_in_words(stay))?;
    }
    if recalled.items.is_empty() {
        printer.talk("The repository does not have that version, and will not get it");
    }
    if let Some(change) = recalled.change {
        printer.talk(format!(
            "Macs that have it keep it. What is gone is kept for {} days: `auto-update change undo {change}`",
            engine.retention().undo_days
        ));
    }
    Ok(ExitStatus::Done)
}

fn recalled_to_json(recalled: &Recalled) -> Json {
    let items = recalled.items.iter();
    let items = items.map(|item| {
        json!({
            "name": item.name,
            "version": item.version,
            "pkginfo": item.pkginfo,
            "packages": item.packages,
            "catalogs": item.catalogs,
        })
    });
    json!({
        "schema": 1,
        "items": items.collect::<Vec<Json>>(),
        "offered": recalled.offered.iter().map(stay_to_json).collect::<Vec<Json>>(),
        "change": recalled.change.map(|id| id.to_string()),
    })
}

/// Tells what was moved, and by which rule.
fn tell_moves(
    name: &str,
    done: Result<(Option<String>, Vec<Move>), Failure>,
    as_json: bool,
    printer: Printer,
) -> anyhow::Result<ExitStatus> {
    let (rule, moves) = match done {
        Ok(done) => done,
        Err(failure) => {
            explain::failure(name, &failure, printer);
            return Ok(ExitStatus::Failed);
        }
    };
    if as_json {
        let moves: Vec<Json> = moves.iter().map(move_to_json).collect();
        printer.data(json!({"schema": 1, "rule": rule, "moves": moves}))?;
        return Ok(ExitStatus::Done);
    }
    for moved in &moves {
        printer.data(moved)?;
    }
    match (rule, moves.is_empty()) {
        (Some(rule), _) => printer.talk(format!(
            "The rule holds until `auto-update ring end {rule}`"
        )),
        (None, true) => printer.talk("Nothing is due"),
        (None, false) => {}
    }
    Ok(ExitStatus::Done)
}

fn move_to_json(moved: &Move) -> Json {
    json!({
        "name": moved.name,
        "version": moved.version,
        "pkginfo": moved.pkginfo,
        "from": moved.from,
        "to": moved.to,
        "why": moved.why.as_str(),
    })
}
