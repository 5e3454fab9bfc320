//! `evidence log` and `evidence verify-log`.

use std::path::PathBuf;

use evidence::{Chain, Entry, Event, LogError, Refusal, Subject};
use publication::FolderRepository;
use serde_json::{Value as Json, json};

use super::{key, keys, keys_or_own};
use crate::{
    cli::evidence::{Log, VerifyLog},
    exit::ExitStatus,
    house::House,
    printer::Printer,
};

/// Shows every entry; each was verified before.
pub(super) fn show(arguments: &Log, house: &House, printer: Printer) -> anyhow::Result<ExitStatus> {
    let keys = keys_or_own(&arguments.keys, house)?;
    let chain = open(arguments.repo.as_ref(), house)?.log().read(&keys)?;
    let mut lines = printer.lines();
    for entry in &chain.entries {
        if arguments.json {
            lines.data(to_json(entry)?)?;
        } else {
            lines.data(words(entry))?;
        }
    }
    lines.finish()?;
    if chain.torn_len > 0 {
        printer.warning("the last entry was cut off by a crash; the next publication mends that");
    }
    Ok(ExitStatus::Done)
}

/// Holds the log against its chain, its checkpoints and the keys.
pub(super) fn verify(
    arguments: &VerifyLog,
    house: &House,
    printer: Printer,
) -> anyhow::Result<ExitStatus> {
    let read = || {
        let kept = arguments.checkpoints.iter().map(fs_err::read);
        anyhow::Ok((keys(&arguments.keys)?, kept.collect::<Result<Vec<_>, _>>()?))
    };
    let (keys, kept) = match read() {
        Ok(read) => read,
        Err(error) => {
            printer.error(&error);
            return Ok(ExitStatus::Usage);
        }
    };
    let log = open(arguments.repo.as_ref(), house)?.log();
    let (chain, refusal) = match log.read_against(&keys, &kept) {
        Ok(chain) => (chain, None),
        Err(LogError::Altered { source, .. }) => (Chain::default(), Some(source)),
        Err(error) => return Err(error.into()),
    };
    if arguments.json {
        printer.data(verdict(&chain, refusal.as_ref())?)?;
    } else if let Some(refusal) = &refusal {
        printer.data(format!("invalid: {refusal}"))?;
    } else {
        let count = chain.entries.len();
        let head = chain.head().map(|head| head.to_string());
        let head = head.unwrap_or_else(|| "nothing".to_owned());
        printer.data(format!("valid: {count} entries, the last one is {head}"))?;
        for key in &chain.keys {
            printer.data(format!("key {}", key.id()))?;
        }
    }
    Ok(if refusal.is_none() {
        ExitStatus::Done
    } else {
        ExitStatus::Failed
    })
}

fn verdict(chain: &Chain, refusal: Option<&Refusal>) -> anyhow::Result<Json> {
    let keys = chain.keys.iter().map(key::to_json);
    Ok(json!({
        "schema": 1,
        "valid": refusal.is_none(),
        "entries": chain.entries.len(),
        "head": chain.head(),
        "keys": keys.collect::<anyhow::Result<Vec<Json>>>()?,
        "cut_off_bytes": chain.torn_len,
        "code": refusal.map(|refusal| refusal.code.as_str()),
        "detail": refusal.map(|refusal| refusal.detail.as_str()),
    }))
}

fn open(named: Option<&PathBuf>, house: &House) -> anyhow::Result<FolderRepository> {
    let path = match named {
        Some(path) => path.clone(),
        None => house.config()?.repository_dir(),
    };
    Ok(FolderRepository::open(&path)?)
}

fn to_json(entry: &Entry) -> anyhow::Result<Json> {
    let event = match &entry.event {
        Event::Published {
            change_set,
            title,
            files,
        } => json!({
            "type": "published",
            "change_set": change_set,
            "title": title,
            "files": listed(files),
        }),
        Event::Changed {
            change_set,
            what,
            items,
            files,
            removed,
            by,
            reason,
        } => json!({
            "type": "changed",
            "change_set": change_set,
            "what": what,
            "items": items,
            "files": listed(files),
            "removed": listed(removed),
            "by": by,
            "reason": reason,
        }),
        Event::KeyChanged { to } => json!({"type": "key-changed", "to": key::to_json(to)?}),
    };
    Ok(json!({
        "schema": 1,
        "number": entry.number,
        "at": entry.at,
        "keyid": entry.key.to_string(),
        "event": event,
    }))
}

fn listed(files: &[Subject]) -> Vec<Json> {
    let files = files.iter();
    files
        .map(|file| json!({"name": file.name, "sha256": file.sha256}))
        .collect()
}

fn words(entry: &Entry) -> String {
    let lines = |mark: &str, files: &[Subject]| -> String {
        let lines = files
            .iter()
            .map(|file| format!("\n  {mark} {}  {}", file.sha256, file.name));
        lines.collect::<Vec<_>>().concat()
    };
    let told = match &entry.event {
        Event::Published { title, files, .. } => {
            format!("{title} was published{}", lines(" ", files))
        }
        Event::Changed {
            what,
            items,
            files,
            removed,
            by,
            reason,
            ..
        } => {
            let by = by.as_deref().unwrap_or("the service");
            let reason = reason.iter().map(|reason| format!(" ({reason})"));
            let items = items.iter().map(|item| format!("\n    {item}"));
            format!(
                "{what} by {by}{}{}{}{}",
                reason.collect::<String>(),
                items.collect::<String>(),
                lines("+", files),
                lines("-", removed)
            )
        }
        Event::KeyChanged { to } => format!("key {} signs from here on", to.id()),
    };
    format!("{} {} {told}", entry.number, entry.at)
}
