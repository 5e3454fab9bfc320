//! What was found, for people and as JSON.

use pipeline::Runs;
use recipe::Finding;
use serde_json::{Value, json};

use super::{
    judge::{Foreign, Loading, Title, Trust},
    setup::{List, Place, Setup},
};
use crate::printer::Printer;

pub(super) fn as_text(setup: &Setup, titles: &[Title], printer: Printer) -> anyhow::Result<()> {
    printer.data(format!(
        "Preferences: {}",
        setup.preferences.file().display()
    ))?;
    for place in &setup.places {
        let state = if place.found {
            ""
        } else {
            " (not here: copy it, or say `--home`)"
        };
        let purpose = place.purpose.name();
        printer.data(format!("    {purpose:<11} {}{state}", place.here.display()))?;
    }
    if !setup.secrets.is_empty() {
        printer.data(format!(
            "Secrets, which are not copied and which you set yourself: {}",
            setup.secrets.join(", ")
        ))?;
    }
    for List { path, list } in &setup.lists {
        printer.data(format!(
            "Recipe list: {} ({} recipes)",
            path.display(),
            list.recipes.len()
        ))?;
        for name in list.preprocessors.iter().chain(&list.postprocessors) {
            printer.data(format!(
                "    also runs {name}; what only tells somebody is the desk's business here"
            ))?;
        }
    }
    for title in titles {
        text_of(title, printer)?;
    }
    let count = |runs: Runs| titles.iter().filter(|title| title.runs == runs).count();
    printer.data(format!(
        "\n{} titles: {} run natively, {} with steps in the sandbox, {} cannot be run",
        titles.len(),
        count(Runs::Native),
        count(Runs::Sandbox),
        count(Runs::Cannot)
    ))?;
    let unloadable = |title: &&Title| {
        let mut foreign = title.foreign.iter();
        foreign.any(|foreign| matches!(foreign.loading, Loading::Fails(_)))
    };
    let unloadable = titles.iter().filter(unloadable).count();
    if unloadable > 0 {
        printer.data(format!(
            "{unloadable} of them {} a processor that cannot be loaded here",
            if unloadable == 1 { "has" } else { "have" }
        ))?;
    }
    if titles.is_empty() {
        printer.hint("no overrides and no recipe list were found: `make-override` makes overrides, `audit --root` looks recipes over");
    }
    Ok(())
}

fn text_of(title: &Title, printer: Printer) -> anyhow::Result<()> {
    let trust = match &title.trust {
        Trust::Failed(_) => "trust information does not hold",
        Trust::Missing if title.is_override => "no trust information",
        Trust::Missing => "no override: make one",
        Trust::Ok => "trust information holds",
    };
    printer.data(format!("{}: {} ({trust})", title.name, title.runs.name()))?;
    for reason in &title.reasons {
        printer.data(format!(
            "    {}:{}: {}",
            reason.file.display(),
            reason.line,
            reason.message
        ))?;
        printer.data(format!("        {}", reason.mend))?;
    }
    for foreign in &title.foreign {
        printer.data(format!(
            "    in the sandbox: {}: {}",
            foreign.name,
            said_of(foreign)
        ))?;
    }
    if let (Trust::Failed(why), true) = (&title.trust, printer.verbosity > 0) {
        for line in why.lines() {
            printer.data(format!("    {line}"))?;
        }
    }
    Ok(())
}

fn said_of(foreign: &Foreign) -> String {
    let (first, doubts) = match &foreign.loading {
        Loading::Fails(why) => return why.clone(),
        Loading::Loads => (Some("it can be loaded".to_owned()), &foreign.doubts),
        Loading::Untried => (None, &foreign.doubts),
    };
    let said = first
        .into_iter()
        .chain(doubts.iter().map(ToString::to_string));
    let said: Vec<String> = said.collect();
    if said.is_empty() {
        "nothing seems to be missing".to_owned()
    } else {
        said.join("; ")
    }
}

pub(super) fn as_json(setup: &Setup, titles: &[Title]) -> Value {
    let place = |place: &Place| {
        json!({
            "purpose": place.purpose.name(),
            "written": place.written,
            "path": place.here.display().to_string(),
            "found": place.found,
        })
    };
    let list = |List { path, list }: &List| {
        json!({
            "path": path.display().to_string(),
            "recipes": list.recipes,
            "preprocessors": list.preprocessors,
            "postprocessors": list.postprocessors,
        })
    };
    json!({
        "schema": 1,
        "preferences": setup.preferences.file().display().to_string(),
        "folders": setup.places.iter().map(place).collect::<Vec<_>>(),
        "secrets": setup.secrets,
        "lists": setup.lists.iter().map(list).collect::<Vec<_>>(),
        "titles": titles.iter().map(title_as_json).collect::<Vec<_>>(),
    })
}

fn title_as_json(title: &Title) -> Value {
    let (trust, detail) = match &title.trust {
        Trust::Failed(why) => ("failed", Some(why)),
        Trust::Missing => ("missing", None),
        Trust::Ok => ("ok", None),
    };
    let foreign = |foreign: &Foreign| {
        json!({
            "name": foreign.name,
            "path": foreign.path.display().to_string(),
            "doubts": foreign.doubts.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "loads": match foreign.loading {
                Loading::Fails(_) => Some(false),
                Loading::Loads => Some(true),
                Loading::Untried => None,
            },
            "load_error": match &foreign.loading {
                Loading::Fails(why) => Some(why),
                _ => None,
            },
        })
    };
    let reason = |reason: &Finding| {
        json!({
            "rule": reason.rule.id,
            "file": reason.file.display().to_string(),
            "line": reason.line,
            "message": reason.message,
            "mend": reason.mend,
        })
    };
    json!({
        "name": title.name,
        "path": title.path.as_ref().map(|path| path.display().to_string()),
        "is_override": title.is_override,
        "runs": title.runs.name(),
        "processors": title.foreign.iter().map(foreign).collect::<Vec<_>>(),
        "reasons": title.reasons.iter().map(reason).collect::<Vec<_>>(),
        "trust": trust,
        "trust_detail": detail,
    })
}
