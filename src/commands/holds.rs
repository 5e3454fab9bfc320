//! `holds`: what waits for a person, and what people say to it.

use pipeline::{Decided, Engine, Failure, Hold};
use serde_json::{Value, json};
use store::{HoldDecision, HoldVerdict};

use crate::{
    cli::holds::{Decide, Holds, List, Show},
    exit::ExitStatus,
    explain,
    house::House,
    ledger::Ledger,
    person,
    printer::Printer,
};

/// Does what was asked.
pub(crate) async fn run(
    verb: Holds,
    house: &House,
    printer: Printer,
) -> anyhow::Result<ExitStatus> {
    let engine = house.engine().await?;
    match verb {
        Holds::Approve(arguments) => {
            decide(&arguments, HoldVerdict::Approve, &engine, printer).await
        }
        Holds::List(arguments) => list(&arguments, &engine, printer).await,
        Holds::Refuse(arguments) => decide(&arguments, HoldVerdict::Refuse, &engine, printer).await,
        Holds::Show(arguments) => show(&arguments, &engine, printer).await,
    }
}

async fn decide(
    arguments: &Decide,
    verdict: HoldVerdict,
    engine: &Engine,
    printer: Printer,
) -> anyhow::Result<ExitStatus> {
    let by = person::named(arguments.by.as_deref())?;
    let said = (by.as_str(), arguments.reason.trim());
    anyhow::ensure!(!said.1.is_empty(), "a decision needs a reason");
    let (ledger, about) = (
        Ledger::new(engine.db(), Some(&by)),
        arguments.id.to_string(),
    );
    let did = match verdict {
        HoldVerdict::Approve => "hold.approve",
        HoldVerdict::Refuse => "hold.refuse",
    };
    ledger.asked((did, &about, said.1.to_owned())).await?;
    let decided = engine.decide_hold(arguments.id, verdict, said, arguments.about);
    let decided = decided.await;
    let wrong = decided
        .as_ref()
        .err()
        .map(|failure| failure.message.as_str());
    ledger
        .ended((did, &about, said.1.to_owned()), wrong)
        .await?;
    let decided = match decided {
        Ok(decided) => decided,
        Err(failure) => {
            explain::failure(&arguments.id.to_string(), &failure, printer);
            return Ok(ExitStatus::Failed);
        }
    };
    if arguments.json {
        let (word, run, missing) = match decided {
            Decided::Passed(run) => ("passed", Some(run), None),
            Decided::Missing(people) => ("missing", None, Some(people)),
            Decided::Refused => ("refused", None, None),
        };
        printer.data(json!({"schema": 1, "decided": word, "run": run, "missing": missing}))?;
        return Ok(ExitStatus::Done);
    }
    match decided {
        Decided::Passed(run) => {
            printer.data(run)?;
            printer.talk("It is in the queue: the service runs it, and lets it pass");
        }
        Decided::Missing(1) => printer.talk("One more person must approve"),
        Decided::Missing(people) => printer.talk(format!("{people} more people must approve")),
        Decided::Refused => printer.talk("It stays off"),
    }
    Ok(ExitStatus::Done)
}

fn failed(failure: &Failure) -> anyhow::Error {
    anyhow::anyhow!("{}", failure.message)
}

async fn list(arguments: &List, engine: &Engine, printer: Printer) -> anyhow::Result<ExitStatus> {
    let holds = engine.holds().await.map_err(|it| failed(&it))?;
    let wanted = holds
        .iter()
        .filter(|hold| arguments.all || hold.refused().is_none());
    let mut is_empty = true;
    for hold in wanted {
        is_empty = false;
        if arguments.json {
            printer.data(told(hold))?;
            continue;
        }
        let (run, failure) = (&hold.run, hold.run.failure.as_ref());
        printer.data(format!(
            "{} {} {}{}",
            run.id,
            run.title,
            failure.map_or("", |failure| failure.class.as_str()),
            standing(hold)
        ))?;
        if let Some(failure) = failure {
            printer.data(format!("    {}", failure.cause))?;
        }
    }
    if is_empty {
        printer.talk("Nothing waits for a person");
    }
    Ok(ExitStatus::Done)
}

/// What was said so far, in a few words.
fn standing(hold: &Hold) -> String {
    if let Some(refusal) = hold.refused() {
        return format!(", refused by {}", refusal.by);
    }
    match hold.approved_by().as_slice() {
        [] => String::new(),
        names => format!(
            ", approved by {} of {}: {}",
            names.len(),
            hold.people,
            names.join(", ")
        ),
    }
}

async fn show(arguments: &Show, engine: &Engine, printer: Printer) -> anyhow::Result<ExitStatus> {
    let hold = match engine.held(arguments.id).await {
        Ok(hold) => hold,
        Err(failure) => {
            explain::failure(&arguments.id.to_string(), &failure, printer);
            return Ok(ExitStatus::Failed);
        }
    };
    if arguments.json {
        printer.data(told(&hold))?;
        return Ok(ExitStatus::Done);
    }
    printer.data(format!("{}{}", hold.run.title, standing(&hold)))?;
    if let Some(failure) = &hold.run.failure {
        printer.data(format!("{}: {}", failure.class, failure.cause))?;
        printer.data(&failure.next_step)?;
    }
    printer.data(format!("about {}", hold.about))?;
    if let Some(shown) = &hold.shown {
        printer.data(shown.trim_end())?;
    }
    for decision in &hold.decisions {
        printer.data(format!(
            "{} {} by {}: {}",
            decision.at,
            decision.verdict.as_str(),
            decision.by,
            decision.reason
        ))?;
    }
    Ok(ExitStatus::Done)
}

fn told(hold: &Hold) -> Value {
    let failure = hold.run.failure.as_ref();
    let decision = |it: &HoldDecision| {
        json!({
            "verdict": it.verdict,
            "by": it.by,
            "reason": it.reason,
            "about": it.about,
            "at": it.at.to_string(),
        })
    };
    json!({
        "schema": 1,
        "run": hold.run.id,
        "title": hold.run.title,
        "class": failure.map(|it| it.class.as_str()),
        "cause": failure.map(|it| &it.cause),
        "next_step": failure.map(|it| &it.next_step),
        "incident": failure.and_then(|it| it.incident),
        "since": hold.run.finished_at.map(|at| at.to_string()),
        "about": hold.about,
        "shown": hold.shown,
        "people": hold.people,
        "approved_by": hold.approved_by(),
        "refused_by": hold.refused().map(|it| &it.by),
        "decisions": hold.decisions.iter().map(decision).collect::<Vec<_>>(),
    })
}
