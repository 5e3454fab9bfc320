//! `scan`: what scanners say of files, and what people let pass.

use model::{Timestamp, WaiverId};
use serde_json::{Value, json};
use store::{Db, Scan as Known, ScanOpinion, ScanState, ScanWaiver};

use crate::{
    cli::scan::{Revoke, Scan, Show, Waive, Waivers},
    exit::ExitStatus,
    house::House,
    person,
    printer::Printer,
};

/// Does what was asked.
pub(crate) async fn run(verb: Scan, house: &House, printer: Printer) -> anyhow::Result<ExitStatus> {
    let db = house.database().await?;
    match verb {
        Scan::Revoke(arguments) => revoke(&arguments, &db, printer).await,
        Scan::Show(arguments) => show(&arguments, &db, printer).await,
        Scan::Waive(arguments) => waive(arguments, &db, printer).await,
        Scan::Waivers(arguments) => list(&arguments, &db, printer).await,
    }
}

async fn waive(arguments: Waive, db: &Db, printer: Printer) -> anyhow::Result<ExitStatus> {
    let now = db.now().await?;
    let until = Timestamp::from(arguments.until);
    anyhow::ensure!(until > now, "`--until` is past: it would let nothing pass");
    anyhow::ensure!(
        !arguments.reason.trim().is_empty(),
        "a waiver needs a reason"
    );
    let waiver = ScanWaiver {
        id: WaiverId::new(),
        sha256: arguments.sha256,
        engines: arguments.engines,
        reason: arguments.reason.trim().to_owned(),
        by: person::named(arguments.by.as_deref())?,
        at: now,
        until,
        revoked: None,
    };
    db.waiver_add(&waiver).await?;
    tracing::info!(
        file.sha256 = %waiver.sha256,
        waived_by = waiver.by,
        until = %waiver.until,
        engines = ?waiver.engines,
        "what scanners say is waived"
    );
    printer.data(waiver.id)?;
    printer.talk(format!(
        "{} of {} pass until {}; a run that waits for a person is not set going by this",
        about(&waiver),
        waiver.sha256,
        waiver.until
    ));
    Ok(ExitStatus::Done)
}

async fn revoke(arguments: &Revoke, db: &Db, printer: Printer) -> anyhow::Result<ExitStatus> {
    let by = person::named(arguments.by.as_deref())?;
    let now = db.now().await?;
    let count = db.waiver_revoke(arguments.sha256, &by, now).await?;
    if count == 0 {
        printer.talk("No waiver of it holds");
        return Ok(ExitStatus::Failed);
    }
    tracing::info!(file.sha256 = %arguments.sha256, revoked_by = by, count, "waivers taken back");
    printer.talk(format!("Taken back: {count}"));
    Ok(ExitStatus::Done)
}

async fn list(arguments: &Waivers, db: &Db, printer: Printer) -> anyhow::Result<ExitStatus> {
    let now = db.now().await?;
    let given = db.waiver_list(None).await?;
    let wanted: Vec<&ScanWaiver> = given
        .iter()
        .filter(|waiver| arguments.all || waiver.holds(now))
        .collect();
    for waiver in &wanted {
        if arguments.json {
            printer.data(told(waiver, now))?;
        } else {
            tell(waiver, printer)?;
        }
    }
    if wanted.is_empty() {
        printer.talk("There are no waivers");
    }
    Ok(ExitStatus::Done)
}

async fn show(arguments: &Show, db: &Db, printer: Printer) -> anyhow::Result<ExitStatus> {
    let now = db.now().await?;
    let scan = db.scan_find(arguments.sha256).await?;
    let opinions = db.opinion_list(arguments.sha256).await?;
    let waivers = db.waiver_list(Some(arguments.sha256)).await?;
    if arguments.json {
        let offline = opinions.iter().map(opinion);
        printer.data(json!({
            "schema": 1,
            "sha256": arguments.sha256,
            "virus_total": scan.as_ref().map(known),
            "offline": offline.collect::<Vec<Value>>(),
            "waivers": waivers.iter().map(|it| told(it, now)).collect::<Vec<Value>>(),
        }))?;
        return Ok(ExitStatus::Done);
    }
    match &scan {
        Some(scan) => printer.data(format!("VirusTotal: {}", known(scan)))?,
        None => printer.data("VirusTotal was never asked about it")?,
    }
    for said in &opinions {
        printer.data(format!("{}: {}", said.scanner, said.said))?;
    }
    for waiver in &waivers {
        tell(waiver, printer)?;
    }
    Ok(ExitStatus::Done)
}

fn known(scan: &Known) -> Value {
    let (state, report) = match &scan.state {
        ScanState::Asked => ("asked", None),
        ScanState::Uploading => ("uploading", None),
        ScanState::Analysing { .. } => ("analysing", None),
        ScanState::Unanswered => ("unanswered", None),
        ScanState::Reported { report } => ("reported", Some(report)),
    };
    json!({
        "state": state,
        "asked_at": scan.asked_at.to_string(),
        "changed_at": scan.changed_at.to_string(),
        "report": report,
    })
}

fn opinion(opinion: &ScanOpinion) -> Value {
    json!({
        "scanner": opinion.scanner,
        "said_at": opinion.said_at.to_string(),
        "said": opinion.said,
    })
}

fn tell(waiver: &ScanWaiver, printer: Printer) -> anyhow::Result<()> {
    let end = match &waiver.revoked {
        Some((by, at)) => format!("taken back by {by} at {at}"),
        None => format!("until {}", waiver.until),
    };
    printer.data(format!(
        "{} {}, {end}, by {}: {}",
        waiver.sha256,
        about(waiver),
        waiver.by,
        waiver.reason
    ))?;
    Ok(())
}

fn about(waiver: &ScanWaiver) -> String {
    match waiver.engines.as_slice() {
        [] => "doubts".to_owned(),
        engines => format!("what {} finds", engines.join(", ")),
    }
}

fn told(waiver: &ScanWaiver, now: Timestamp) -> Value {
    json!({
        "schema": 1,
        "id": waiver.id,
        "sha256": waiver.sha256,
        "engines": waiver.engines,
        "reason": waiver.reason,
        "by": waiver.by,
        "at": waiver.at.to_string(),
        "until": waiver.until.to_string(),
        "revoked_by": waiver.revoked.as_ref().map(|(by, _)| by),
        "revoked_at": waiver.revoked.as_ref().map(|(_, at)| at.to_string()),
        "holds": waiver.holds(now),
    })
}
