//! `evidence`: what was published, and what was checked before.

mod item;
mod key;
mod log;
mod words;

use std::path::PathBuf;

use anyhow::Context as _;
use evidence::{Line, PublicKey, Verdict};
use serde_json::{Value as Json, json};

use self::item::{Found, State};
use crate::{
    cli::evidence::{Evidence, Show, Verify},
    exit::ExitStatus,
    house::House,
    printer::Printer,
};

/// Does what was asked.
pub(crate) fn run(verb: &Evidence, house: &House, printer: Printer) -> anyhow::Result<ExitStatus> {
    match verb {
        Evidence::Key(arguments) => key::show(arguments, house, printer),
        Evidence::Log(arguments) => log::show(arguments, house, printer),
        Evidence::RotateKey(arguments) => key::rotate(arguments, house, printer),
        Evidence::Show(arguments) => show(arguments, house, printer),
        Evidence::Verify(arguments) => verify(arguments, printer),
        Evidence::VerifyLog(arguments) => log::verify(arguments, house, printer),
    }
}

/// The keys in files that were named.
fn keys(paths: &[PathBuf]) -> anyhow::Result<Vec<PublicKey>> {
    let mut keys = Vec::new();
    for path in paths {
        let text = fs_err::read_to_string(path)?;
        let found = PublicKey::all_from_pem(&text);
        keys.extend(found.with_context(|| format!("`{}` cannot be used", path.display()))?);
    }
    Ok(keys)
}

/// The keys in files that were named, else all that the configured house has ever had.
fn keys_or_own(paths: &[PathBuf], house: &House) -> anyhow::Result<Vec<PublicKey>> {
    if paths.is_empty() {
        return Ok(house.config()?.keyring().public_keys()?);
    }
    keys(paths)
}

fn verify(arguments: &Verify, printer: Printer) -> anyhow::Result<ExitStatus> {
    let keys = match keys(&arguments.keys) {
        Ok(keys) => keys,
        Err(error) => {
            printer.error(&error);
            return Ok(ExitStatus::Usage);
        }
    };
    let (found, mut verdict) = judge(&arguments.item, &keys)?;
    if arguments.strict {
        verdict.refusals.extend(found.changed(&verdict));
    }
    if arguments.json {
        printer.data(to_json(&found, &verdict))?;
    } else {
        printer.data(words::verdict(&found, &verdict))?;
    }
    Ok(if verdict.is_valid() {
        ExitStatus::Done
    } else {
        ExitStatus::Failed
    })
}

/// Finds the item and its evidence, and holds one against the other.
fn judge(
    named: &crate::cli::evidence::Item,
    keys: &[PublicKey],
) -> anyhow::Result<(Found, Verdict)> {
    let found = Found::find(&named.item, named.evidence.as_deref())?;
    let verdict = found.verify(keys)?;
    Ok((found, verdict))
}

fn show(arguments: &Show, house: &House, printer: Printer) -> anyhow::Result<ExitStatus> {
    let keys = keys_or_own(&arguments.keys, house)?;
    let (found, verdict) = judge(&arguments.item, &keys)?;
    for statement in verdict.lines.iter().filter_map(Line::statement) {
        let shown = json!({
            "predicateType": statement.predicate.kind,
            "subjects": words::subjects(statement),
            "predicate": statement.predicate.value,
        });
        printer.data(serde_json::to_string_pretty(&shown)?)?;
    }
    if verdict.is_valid() {
        return Ok(ExitStatus::Done);
    }
    printer.complaint(words::conclusion(&found, &verdict));
    Ok(ExitStatus::Failed)
}

fn to_json(found: &Found, verdict: &Verdict) -> Json {
    let problems = verdict.refusals.iter();
    let problems = problems
        .map(|refusal| json!({"code": refusal.code.as_str(), "detail": refusal.detail}))
        .collect::<Vec<Json>>();
    json!({
        "schema": 1,
        "valid": verdict.is_valid(),
        "item": found.item.as_ref().map(|item| item.display().to_string()),
        "sha256": found.sha256,
        "evidence": found.bundles.iter().map(|path| path.display().to_string()).collect::<Vec<_>>(),
        "statements": verdict.lines.iter().map(|line| line_to_json(found, line)).collect::<Vec<Json>>(),
        "problems": problems,
    })
}

/// Nothing of a line that nobody trusted has signed is repeated.
fn line_to_json(found: &Found, line: &Line) -> Json {
    let refusal = line.refusal();
    let key = match line {
        Line::Signed { key, .. } => Some(key.to_string()),
        Line::Refused(_) => None,
    };
    let statement = line.statement();
    let subjects = statement.into_iter().flat_map(|it| &it.subjects);
    let subjects = subjects.map(|subject| {
        json!({
            "name": subject.name,
            "sha256": subject.sha256,
            "state": found.state(subject).as_str(),
        })
    });
    json!({
        "predicateType": statement.map(|it| it.predicate.kind.as_str()),
        "subjects": subjects.collect::<Vec<Json>>(),
        "keyid": key,
        "verified": refusal.is_none(),
        "code": refusal.map(|refusal| refusal.code.as_str()),
        "detail": refusal.map(|refusal| refusal.detail.as_str()),
        "predicate": statement.map(|it| &it.predicate.value),
    })
}

impl State {
    /// Its name in JSON.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Same => "matches",
            Self::Changed => "differs",
            Self::Gone => "not-there",
            Self::Unknown => "not-looked-at",
        }
    }
}
