//! `change`: what was changed in the repository besides publications, and taking it back.

use pipeline::{Engine, Undoable};
use serde_json::json;

use crate::{
    cli::change::{Change, List, Undo},
    commands::ring::hand,
    exit::ExitStatus,
    explain,
    house::House,
    printer::Printer,
};

/// Does what was asked.
pub(crate) async fn run(
    verb: Change,
    house: &House,
    printer: Printer,
) -> anyhow::Result<ExitStatus> {
    let engine = house.engine().await?;
    match verb {
        Change::List(arguments) => list(&arguments, &engine, printer).await,
        Change::Undo(arguments) => undo(&arguments, &engine, printer).await,
    }
}

async fn list(arguments: &List, engine: &Engine, printer: Printer) -> anyhow::Result<ExitStatus> {
    let changes = match engine.changes(arguments.count).await {
        Ok(changes) => changes,
        Err(failure) => {
            explain::failure("changes", &failure, printer);
            return Ok(ExitStatus::Failed);
        }
    };
    for change in &changes {
        if arguments.json {
            printer.data(json!({
                "schema": 1,
                "change": change.id.to_string(),
                "at": change.at.to_string(),
                "what": change.told.what.as_str(),
                "items": change.told.items,
                "by": change.told.by,
                "reason": change.told.reason,
                "undo_until": change.until.map(|until| until.to_string()),
            }))?;
        } else {
            printer.data(in_words(change))?;
        }
    }
    if changes.is_empty() && !arguments.json {
        printer.talk("Nothing was changed but by publications");
    }
    Ok(ExitStatus::Done)
}

fn in_words(change: &Undoable) -> String {
    let told = &change.told;
    let by = told.by.as_deref().unwrap_or("the service");
    let reason = told.reason.iter().map(|reason| format!(" ({reason})"));
    let until = match change.until {
        Some(until) => format!("can be undone until {until}"),
        None => "cannot be undone any more".to_owned(),
    };
    let items = told.items.iter().map(|item| format!("\n    {item}"));
    format!(
        "{} {}: {} by {by}{}, {until}{}",
        change.id,
        change.at,
        told.what.as_str(),
        reason.collect::<String>(),
        items.collect::<String>()
    )
}

async fn undo(arguments: &Undo, engine: &Engine, printer: Printer) -> anyhow::Result<ExitStatus> {
    let hand = hand(&arguments.reason, arguments.by.as_deref())?;
    let undone = match engine.undo_change(arguments.id, &hand).await {
        Ok(undone) => undone,
        Err(failure) => {
            explain::failure(&arguments.id.to_string(), &failure, printer);
            return Ok(ExitStatus::Failed);
        }
    };
    if arguments.json {
        printer.data(
            json!({"schema": 1, "undone": arguments.id.to_string(), "change": undone.to_string()}),
        )?;
    } else {
        printer.talk("What the change removed and replaced is there again; its rules hold still");
    }
    Ok(ExitStatus::Done)
}
