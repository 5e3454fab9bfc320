//! `retention`: versions that nobody needs any more.

use pipeline::Engine;
use publication::Superfluous;
use serde_json::{Value as Json, json};

use crate::{
    cli::retention::{Apply, Preview, Records, Retention},
    commands::ring::hand,
    exit::ExitStatus,
    explain,
    house::House,
    printer::Printer,
};

/// Does what was asked.
pub(crate) async fn run(
    verb: Retention,
    house: &House,
    printer: Printer,
) -> anyhow::Result<ExitStatus> {
    let engine = house.engine().await?;
    match verb {
        Retention::Apply(arguments) => apply(&arguments, &engine, printer).await,
        Retention::Preview(arguments) => preview(&arguments, &engine, printer).await,
        Retention::Records(arguments) => records(&arguments, &engine, printer).await,
    }
}

async fn preview(
    arguments: &Preview,
    engine: &Engine,
    printer: Printer,
) -> anyhow::Result<ExitStatus> {
    let keep = arguments.keep.unwrap_or(engine.retention().keep);
    let found = match engine.superfluous(keep).await {
        Ok(found) => found,
        Err(failure) => {
            explain::failure("retention", &failure, printer);
            return Ok(ExitStatus::Failed);
        }
    };
    if arguments.json {
        printer.data(to_json(&found, None))?;
        return Ok(ExitStatus::Done);
    }
    tell("would go", &found, true, printer)?;
    printer.talk(format!(
        "{} items would go with {} packages if the newest {keep} are kept; nothing was changed",
        found.items.len(),
        found.packages.len()
    ));
    Ok(ExitStatus::Done)
}

async fn apply(arguments: &Apply, engine: &Engine, printer: Printer) -> anyhow::Result<ExitStatus> {
    let keep = arguments.keep.unwrap_or(engine.retention().keep);
    let hand = hand(&arguments.reason, arguments.by.as_deref())?;
    let retired = engine.retire(keep, arguments.orphans, Some(&hand)).await;
    let (found, change) = match retired {
        Ok(retired) => retired,
        Err(failure) => {
            explain::failure("retention", &failure, printer);
            return Ok(ExitStatus::Failed);
        }
    };
    let change = change.map(|id| id.to_string());
    if arguments.json {
        printer.data(to_json(&found, change.as_deref()))?;
        return Ok(ExitStatus::Done);
    }
    tell("gone", &found, !arguments.orphans, printer)?;
    if arguments.orphans {
        for location in &found.orphans {
            printer.data(format!("gone: pkgs/{location}"))?;
        }
    }
    match change {
        Some(change) => printer.talk(format!(
            "For {} days `auto-update change undo {change}` brings it back",
            engine.retention().undo_days
        )),
        None => printer.talk("There is nothing to remove"),
    }
    Ok(ExitStatus::Done)
}

async fn records(
    arguments: &Records,
    engine: &Engine,
    printer: Printer,
) -> anyhow::Result<ExitStatus> {
    let found = if arguments.apply {
        engine.forget_old().await
    } else {
        engine.old_records().await
    };
    let old = match found {
        Ok(old) => old,
        Err(failure) => {
            explain::failure("records", &failure, printer);
            return Ok(ExitStatus::Failed);
        }
    };
    if arguments.json {
        printer.data(json!({
            "schema": 1,
            "removed": arguments.apply,
            "runs": old.runs,
            "receipts": old.receipts,
            "folders": old.folders,
        }))?;
        return Ok(ExitStatus::Done);
    }
    let word = if arguments.apply { "gone" } else { "would go" };
    for path in old.folders.iter().chain(&old.receipts) {
        printer.data(format!("{word}: {}", path.display()))?;
    }
    printer.data(format!("{word}: {} runs", old.runs))?;
    Ok(ExitStatus::Done)
}

fn tell(
    word: &str,
    found: &Superfluous,
    with_orphans: bool,
    printer: Printer,
) -> anyhow::Result<()> {
    for item in &found.items {
        printer.data(format!(
            "{word}: {} {} (pkgsinfo/{})",
            item.name, item.version, item.pkginfo
        ))?;
    }
    for package in &found.packages {
        printer.data(format!("{word}: pkgs/{package}"))?;
    }
    for (item, reason) in &found.kept {
        printer.data(format!("stays: {} {}: {reason}", item.name, item.version))?;
    }
    if with_orphans {
        for location in &found.orphans {
            printer.data(format!("belongs to no item: pkgs/{location}"))?;
        }
    }
    Ok(())
}

fn to_json(found: &Superfluous, change: Option<&str>) -> Json {
    let items = found.items.iter();
    let items = items.map(|item| {
        json!({"name": item.name, "version": item.version, "pkginfo": item.pkginfo, "catalogs": item.catalogs})
    });
    let kept = found.kept.iter();
    let kept = kept.map(|(item, reason)| {
        json!({"name": item.name, "version": item.version, "pkginfo": item.pkginfo, "why": reason.to_string()})
    });
    json!({
        "schema": 1,
        "items": items.collect::<Vec<Json>>(),
        "packages": found.packages,
        "orphans": found.orphans,
        "kept": kept.collect::<Vec<Json>>(),
        "change": change,
    })
}
