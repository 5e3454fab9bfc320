//! `trust`: approves overrides, and shows what has changed since.

use pipeline::{Engine, Request, Standing};
use serde_json::json;

use crate::{
    cli::{
        around::Around,
        folders::Folders,
        trust::{Approve, List, Override, Trust},
    },
    exit::ExitStatus,
    explain,
    house::House,
    person,
    printer::Printer,
};

/// Does what was asked.
pub(crate) async fn run(
    verb: Trust,
    house: &House,
    printer: Printer,
) -> anyhow::Result<ExitStatus> {
    let engine = house.engine().await?;
    match verb {
        Trust::Approve(arguments) => approve(&arguments, &engine, printer).await,
        Trust::Diff(arguments) => diff(&arguments, &engine, printer).await,
        Trust::List(arguments) => list(&arguments, &engine, printer).await,
        Trust::Show(arguments) => show(&arguments, &engine, printer).await,
    }
}

/// Every one that can be approved is; the others are told.
async fn approve(
    arguments: &Approve,
    engine: &Engine,
    printer: Printer,
) -> anyhow::Result<ExitStatus> {
    let who = person::named(arguments.by.as_deref())?;
    let mut status = ExitStatus::Done;
    for name in &arguments.names {
        let request = request(name, &arguments.folders, &arguments.around);
        match engine.approve(&request, &who).await {
            Ok(before) => {
                let changes = before.changes().len();
                printer.data(format!(
                    "{}: approved {} by {who}, {} since the last approval",
                    before.title,
                    counted(before.now.members().len(), "file", "files"),
                    counted(changes, "change", "changes"),
                ))?;
            }
            Err(failure) => {
                explain::failure(name, &failure, printer);
                status = ExitStatus::Failed;
            }
        }
    }
    Ok(status)
}

async fn diff(
    arguments: &Override,
    engine: &Engine,
    printer: Printer,
) -> anyhow::Result<ExitStatus> {
    let Some(standing) = standing(arguments, engine, printer).await else {
        return Ok(ExitStatus::Failed);
    };
    if arguments.json {
        let changes: Vec<_> = standing
            .changes()
            .iter()
            .map(|change| {
                let member = change.member();
                json!({
                    "change": change.to_string(),
                    "role": member.role,
                    "name": member.name,
                    "path": member.path,
                    "sha256": member.sha256,
                    "commit": member.commit,
                })
            })
            .collect();
        printer.data(json!({
            "schema": 1,
            "title": standing.title,
            "approved": standing.is_approved(),
            "changes": changes,
        }))?;
    } else {
        describe(&standing, engine, printer).await?;
    }
    Ok(if standing.is_approved() {
        ExitStatus::Done
    } else {
        ExitStatus::Failed
    })
}

async fn describe(standing: &Standing, engine: &Engine, printer: Printer) -> anyhow::Result<()> {
    let title = &standing.title;
    match &standing.approval {
        None => printer.talk(format!(
            "{title} was never approved; this is what it reaches:"
        )),
        Some(approval) if standing.is_approved() => printer.talk(format!(
            "{title} is as {} approved it on {}",
            approval.approved_by, approval.approved_at
        )),
        Some(approval) => printer.talk(format!(
            "{title} has changed since {} approved it on {}:",
            approval.approved_by, approval.approved_at
        )),
    }
    let difference = engine
        .difference(standing)
        .await
        .map_err(|failure| anyhow::anyhow!(failure.message))?;
    for line in difference.lines() {
        printer.data(line)?;
    }
    Ok(())
}

async fn show(
    arguments: &Override,
    engine: &Engine,
    printer: Printer,
) -> anyhow::Result<ExitStatus> {
    let Some(standing) = standing(arguments, engine, printer).await else {
        return Ok(ExitStatus::Failed);
    };
    if arguments.json {
        printer.data(json!({
            "schema": 1,
            "title": standing.title,
            "approved": standing.is_approved(),
            "approved_by": standing.approval.as_ref().map(|approval| &approval.approved_by),
            "approved_at": standing.approval.as_ref().map(|approval| approval.approved_at.to_string()),
            "members": standing.now.members(),
        }))?;
        return Ok(ExitStatus::Done);
    }
    for member in standing.now.members() {
        printer.data(format!("{} {}", member.role, member.name))?;
        printer.data(format!("    path    {}", member.path.display()))?;
        let sha256 = member
            .sha256
            .map_or_else(|| "(no such file)".to_owned(), |sha256| sha256.to_string());
        printer.data(format!("    SHA-256 {sha256}"))?;
        if let Some(commit) = &member.commit {
            printer.data(format!("    commit  {commit}"))?;
        }
    }
    Ok(ExitStatus::Done)
}

async fn list(arguments: &List, engine: &Engine, printer: Printer) -> anyhow::Result<ExitStatus> {
    for approval in engine.db().approval_list().await? {
        let (title, who, when) = (&approval.title, &approval.approved_by, approval.approved_at);
        if arguments.json {
            printer.data(json!({
                "schema": 1,
                "title": title,
                "approved_by": who,
                "approved_at": when.to_string(),
            }))?;
        } else {
            printer.data(format!("{title}  {when}  {who}"))?;
        }
    }
    Ok(ExitStatus::Done)
}

async fn standing(arguments: &Override, engine: &Engine, printer: Printer) -> Option<Standing> {
    let request = request(&arguments.name, &arguments.folders, &arguments.around);
    match engine.standing(&request).await {
        Ok(standing) => Some(standing),
        Err(failure) => {
            explain::failure(&arguments.name, &failure, printer);
            None
        }
    }
}

fn request(name: &str, folders: &Folders, around: &Around) -> Request {
    Request {
        preprocessors: around.before.clone(),
        postprocessors: around.after.clone(),
        search_dirs: folders.search_dirs.clone(),
        override_dirs: folders.override_dirs.clone(),
        ..Request::named(name)
    }
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
