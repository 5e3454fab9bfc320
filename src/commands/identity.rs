//! `identity`: whose signatures were accepted of titles, and what a person says to a change.

use anyhow::bail;
use pipeline::{Engine, IdentityEntry, IdentityVerdict, Request};
use serde_json::{Value, json};
use store::{IdentityDecision, IdentityState};

use crate::{
    cli::identity::{Decide, Identity, List, Show},
    exit::ExitStatus,
    explain,
    house::House,
    ledger::Ledger,
    person,
    printer::Printer,
};

/// Does what was asked.
pub(crate) async fn run(
    verb: Identity,
    house: &House,
    printer: Printer,
) -> anyhow::Result<ExitStatus> {
    let engine = house.engine().await?;
    match verb {
        Identity::Approve(arguments) => {
            decide(arguments, IdentityVerdict::Approve, &engine, printer).await
        }
        Identity::List(arguments) => list(&arguments, &engine, printer).await,
        Identity::Refuse(arguments) => {
            decide(arguments, IdentityVerdict::Refuse, &engine, printer).await
        }
        Identity::Show(arguments) => show(&arguments, &engine, printer).await,
    }
}

async fn decide(
    arguments: Decide,
    verdict: IdentityVerdict,
    engine: &Engine,
    printer: Printer,
) -> anyhow::Result<ExitStatus> {
    if arguments.reason.trim().is_empty() {
        bail!("a decision needs a reason");
    }
    let decision = IdentityDecision {
        by: person::named(arguments.by.as_deref())?,
        reason: arguments.reason,
    };
    let ledger = Ledger::new(engine.db(), Some(&decision.by));
    let (about, reason) = (arguments.id.to_string(), decision.reason.clone());
    let did = match verdict {
        IdentityVerdict::Approve => "identity.approve",
        IdentityVerdict::Refuse => "identity.refuse",
    };
    ledger.asked((did, &about, reason.clone())).await?;
    let decided = engine.decide_identity(arguments.id, verdict, decision);
    let decided = decided.await;
    let wrong = decided
        .as_ref()
        .err()
        .map(|failure| failure.message.as_str());
    ledger.ended((did, &about, reason), wrong).await?;
    match decided {
        Ok(entry) => {
            tell_one(&entry, arguments.json, printer)?;
            if verdict == IdentityVerdict::Approve {
                printer.talk(format!("`auto-update run {}` will pass", entry.title));
            }
            Ok(ExitStatus::Done)
        }
        Err(failure) => {
            explain::failure(&arguments.id.to_string(), &failure, printer);
            Ok(ExitStatus::Failed)
        }
    }
}

async fn list(arguments: &List, engine: &Engine, printer: Printer) -> anyhow::Result<ExitStatus> {
    let mut titles = Vec::new();
    for name in &arguments.names {
        match engine.title(&Request::named(name)).await {
            Ok(title) => titles.push(Some(title)),
            Err(failure) => {
                explain::failure(name, &failure, printer);
                return Ok(ExitStatus::Failed);
            }
        }
    }
    if titles.is_empty() {
        titles.push(None);
    }
    let mut is_empty = true;
    for title in &titles {
        let entries = if arguments.all {
            engine.identity_history(title.as_ref()).await
        } else {
            engine.identities(title.as_ref()).await
        };
        for entry in &entries.map_err(|failure| anyhow::anyhow!(failure.message))? {
            tell_one(entry, arguments.json, printer)?;
            is_empty = false;
        }
    }
    if is_empty && !arguments.json {
        printer.talk("No signature was accepted yet, and none is held");
    }
    Ok(ExitStatus::Done)
}

async fn show(arguments: &Show, engine: &Engine, printer: Printer) -> anyhow::Result<ExitStatus> {
    let entry = match engine.identity(arguments.id).await {
        Ok(entry) => entry,
        Err(failure) => {
            explain::failure(&arguments.id.to_string(), &failure, printer);
            return Ok(ExitStatus::Failed);
        }
    };
    tell_one(&entry, arguments.json, printer)?;
    if arguments.json {
        return Ok(ExitStatus::Done);
    }
    if let Some(decision) = &entry.decision {
        printer.data(format!("  reason        {}", decision.reason))?;
    }
    printer.data(format!("  run           {}", entry.run))?;
    let text = if entry.state == IdentityState::Accepted {
        pipeline::signers_shown(&entry.found)
    } else {
        pipeline::changes_shown(&entry.accepted, &entry.found)
    };
    for line in text.lines() {
        printer.data(format!("  {line}"))?;
    }
    Ok(ExitStatus::Done)
}

fn tell_one(entry: &IdentityEntry, as_json: bool, printer: Printer) -> anyhow::Result<()> {
    if as_json {
        printer.data(to_json(entry))?;
    } else {
        printer.data(line(entry))?;
    }
    Ok(())
}

/// `ENTRY held Widget.munki 2026-11-24T20:32:00Z code com.example.Widget of ABCDE12345`
fn line(entry: &IdentityEntry) -> String {
    let things = entry.found.identities.iter().map(|identity| {
        let identifier = identity.identifier.iter();
        let name = identifier.map(|identifier| format!(" {identifier}"));
        let name = name.collect::<String>();
        format!("{}{name} of {}", identity.kind.as_str(), signer(identity))
    });
    let keys = entry.found.keys.iter().map(ToString::to_string);
    let mut things = things.chain(keys).collect::<Vec<_>>().join(", ");
    if things.is_empty() {
        "nothing is checked".clone_into(&mut things);
    }
    let by = entry.decision.as_ref();
    let by = by.map_or(String::new(), |decision| format!(" by {}", decision.by));
    format!(
        "{} {} {} {}{by} {things}",
        entry.id,
        entry.state.as_str(),
        entry.title,
        entry.recorded_at,
    )
}

/// The team; without one, what the certificate calls the signer: nobody is to be taken for Apple.
fn signer(identity: &codesign::Identity) -> &str {
    let signer = identity.team_id.as_ref().or(identity.authorities.first());
    signer.map_or("nobody", String::as_str)
}

fn to_json(entry: &IdentityEntry) -> Value {
    let decision = entry.decision.as_ref();
    json!({
        "schema": 1,
        "id": entry.id,
        "title": entry.title,
        "state": entry.state,
        "accepted": entry.accepted,
        "found": entry.found,
        "run": entry.run,
        "recorded_at": entry.recorded_at.to_string(),
        "decided_by": decision.map(|decision| &decision.by),
        "reason": decision.map(|decision| &decision.reason),
    })
}

#[cfg(test)]
mod tests {
    use codesign::{Identity, IdentityKind};

    use super::signer;

    #[test]
    fn who_has_no_team_is_named_by_the_certificate_and_not_taken_for_apple() {
        let mut identity = Identity {
            kind: IdentityKind::Code,
            identifier: None,
            team_id: Some("ABCDE12345".to_owned()),
            authorities: vec!["Somebody's own".to_owned()],
            designated_requirement: None,
        };
        assert_eq!(signer(&identity), "ABCDE12345");
        identity.team_id = None;
        assert_eq!(signer(&identity), "Somebody's own");
        identity.authorities.clear();
        assert_eq!(signer(&identity), "nobody");
    }
}
