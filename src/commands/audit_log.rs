//! `audit-log`: what people did.

use serde_json::{Value, json};
use store::AuditEntry;
use tenancy::administration::{AuditFault, check_log};

use crate::{
    cli::audit_log::{AuditLog, List, Verify},
    exit::ExitStatus,
    house::House,
    printer::Printer,
};

/// Does what was asked.
pub(crate) async fn run(
    verb: AuditLog,
    house: &House,
    printer: Printer,
) -> anyhow::Result<ExitStatus> {
    match verb {
        AuditLog::List(arguments) => list(&arguments, house, printer).await,
        AuditLog::Verify(arguments) => verify(&arguments, house, printer).await,
    }
}

async fn list(arguments: &List, house: &House, printer: Printer) -> anyhow::Result<ExitStatus> {
    let db = house.database().await?;
    for entry in db.audit_list(arguments.before, arguments.limit).await? {
        if arguments.json {
            printer.data(told(&entry))?;
            continue;
        }
        let from = entry.address.as_deref().unwrap_or(&entry.via);
        let detail = match entry.detail.as_str() {
            "" => String::new(),
            detail => format!(": {detail}"),
        };
        printer.data(format!(
            "{} {} {} ({from}) {} {} {}{detail}",
            entry.sequence,
            entry.at,
            entry.who,
            entry.outcome.as_str(),
            entry.did,
            entry.about,
        ))?;
    }
    Ok(ExitStatus::Done)
}

fn told(entry: &AuditEntry) -> Value {
    json!({
        "schema": 1,
        "sequence": entry.sequence,
        "at": entry.at.to_string(),
        "who": entry.who,
        "via": entry.via,
        "address": entry.address,
        "did": entry.did,
        "about": entry.about,
        "outcome": entry.outcome.as_str(),
        "detail": entry.detail,
        "digest": entry.digest,
    })
}

async fn verify(arguments: &Verify, house: &House, printer: Printer) -> anyhow::Result<ExitStatus> {
    let db = house.database().await?;
    let (is_whole, why, entries, digest) = match check_log(&db).await {
        Ok((entries, digest)) => (true, None, Some(entries), Some(digest)),
        Err(AuditFault::Store(error)) => return Err(error.into()),
        Err(fault) => (false, Some(fault.to_string()), None, None),
    };
    if arguments.json {
        printer.data(json!({
            "schema": 1, "whole": is_whole, "why": why, "entries": entries, "digest": digest,
        }))?;
    } else if let Some(why) = &why {
        printer.data(format!("The audit log is not what was written: {why}"))?;
    } else {
        printer.data(format!(
            "{} entries, each as it was written; the last one has the digest {}",
            entries.unwrap_or_default(),
            digest.unwrap_or_default()
        ))?;
    }
    Ok(if is_whole {
        ExitStatus::Done
    } else {
        ExitStatus::Failed
    })
}
