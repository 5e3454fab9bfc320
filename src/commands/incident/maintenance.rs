//! `incident maintenance`: times in which desks are not told.

use std::time::Duration;

use anyhow::bail;
use desk::{Desk, NewMaintenance};
use model::{Clock as _, SystemClock};
use serde_json::{Value, json};
use store::{Db, Maintenance as Window};

use crate::{
    cli::incident::{AddMaintenance, Maintenance},
    exit::ExitStatus,
    person,
    printer::Printer,
};

/// Does what was asked.
pub(super) async fn run(
    verb: Maintenance,
    db: &Db,
    desk: &Desk,
    printer: Printer,
) -> anyhow::Result<ExitStatus> {
    let now = SystemClock.now();
    match verb {
        Maintenance::Add(arguments) => {
            let window = desk.maintain(&wanted(&arguments)?).await?;
            tell(&window, arguments.json, printer)?;
        }
        Maintenance::End(arguments) => {
            let name = &arguments.name;
            if !db.maintenance_end(name, now).await? {
                bail!("there is no maintenance window `{name}` that is not over");
            }
            // What was kept back is told now, and not when the service looks next.
            desk.tick().await?;
            printer.data(format!("`{name}` is over"))?;
        }
        Maintenance::List(arguments) => {
            let windows = db.maintenance_list(now).await?;
            for window in &windows {
                tell(window, arguments.json, printer)?;
            }
            if windows.is_empty() && !arguments.json {
                printer.talk("There is no maintenance");
            }
        }
    }
    Ok(ExitStatus::Done)
}

fn wanted(arguments: &AddMaintenance) -> anyhow::Result<NewMaintenance> {
    Ok(NewMaintenance {
        name: arguments.name.clone(),
        starts_in: Duration::from_hours(arguments.in_hours.into()),
        lasts: Duration::from_hours(arguments.hours.into()),
        titles: arguments.titles.clone(),
        classes: arguments.classes.clone(),
        reason: arguments.reason.clone(),
        made_by: person::named(arguments.by.as_deref())?,
    })
}

fn tell(window: &Window, as_json: bool, printer: Printer) -> anyhow::Result<()> {
    if as_json {
        printer.data(to_json(window))?;
    } else {
        printer.data(line(window))?;
    }
    Ok(())
}

/// `proxy 2026-11-26T09:00:00Z to 2026-11-26T12:00:00Z, Adobe*, every class, by ann: the proxy is changed`
fn line(window: &Window) -> String {
    let titles = match window.titles.as_slice() {
        [] => "every title".to_owned(),
        titles => titles.join(", "),
    };
    let classes: Vec<&str> = window.classes.iter().map(|class| class.as_str()).collect();
    let classes = match classes.as_slice() {
        [] => "every class".to_owned(),
        classes => classes.join(", "),
    };
    format!(
        "{} {} to {}, {titles}, {classes}, by {}: {}",
        window.name, window.starts_at, window.ends_at, window.made_by, window.reason
    )
}

fn to_json(window: &Window) -> Value {
    json!({
        "schema": 1,
        "name": window.name,
        "starts_at": window.starts_at.to_string(),
        "ends_at": window.ends_at.to_string(),
        "titles": window.titles,
        "classes": window.classes,
        "reason": window.reason,
        "made_by": window.made_by,
        "made_at": window.made_at.to_string(),
    })
}
