//! `munki`: what Munki's own tools do.

use anyhow::Context as _;
use model::{Clock as _, SystemClock};
use munki::{
    CatalogOptions, Compat, InstallerItem, Metadata, PkginfoError, PkginfoOptions, Report,
    Severity, make_pkginfo,
};
use proplist::{KeyOrder, Value};
use serde_json::json;

use crate::{
    cli::munki::{Check, Makecatalogs, Makepkginfo, Munki, Repair},
    commands::payload,
    exit::ExitStatus,
    house::House,
    person,
    printer::Printer,
};

/// Does what was asked.
pub(crate) fn run(verb: &Munki, house: &House, printer: Printer) -> anyhow::Result<ExitStatus> {
    match verb {
        Munki::Check(arguments) => check(arguments, house, printer),
        Munki::Makecatalogs(arguments) => makecatalogs(arguments, house, printer),
        Munki::Makepkginfo(arguments) => makepkginfo(arguments, printer),
        Munki::Payload(arguments) => payload::run(arguments, printer),
        Munki::Repair(arguments) => repair(arguments, house, printer),
    }
}

/// Describes an installer item.
///
/// # Errors
/// If standard output cannot be written.
pub(crate) fn makepkginfo(arguments: &Makepkginfo, printer: Printer) -> anyhow::Result<ExitStatus> {
    let options = match PkginfoOptions::parse(&arguments.arguments) {
        Ok(options) => options,
        Err(error) => {
            printer.error(&error.into());
            printer.hint("`auto-update munki makepkginfo --help` lists the options");
            return Ok(ExitStatus::Usage);
        }
    };
    let item = options
        .item
        .as_deref()
        .map(InstallerItem::open)
        .transpose()?;
    let metadata = Metadata::new(person::user(), SystemClock.now());
    let made = match make_pkginfo(item.as_ref(), &options, &metadata) {
        Ok(made) => made,
        Err(error @ PkginfoError::Nothing) => {
            printer.error(&error.into());
            return Ok(ExitStatus::Usage);
        }
        Err(error) => return Err(error.into()),
    };
    for warning in &made.warnings {
        printer.complaint(warning);
    }
    let text = proplist::to_xml(&Value::Dict(made.pkginfo), KeyOrder::Sorted)
        .context("the pkginfo cannot be written")?;
    printer.data(text)?;
    Ok(ExitStatus::Done)
}

fn makecatalogs(
    arguments: &Makecatalogs,
    house: &House,
    printer: Printer,
) -> anyhow::Result<ExitStatus> {
    let options = CatalogOptions {
        compat: arguments.compat,
        force: arguments.force,
        skip_pkg_check: arguments.skip_pkg_check,
    };
    let repository = house.repository(arguments.repo.as_ref())?;
    let made = publication::make_catalogs(&*repository, options)?;
    if arguments.json {
        printer.data(json!({
            "schema": 1,
            "changed": made.changed,
            "removed": made.removed,
            "notes": notes(&made.report),
        }))?;
    } else {
        tell(&made.report, arguments.compat, printer)?;
    }
    Ok(match made.report.exit_status(arguments.compat) {
        0 => ExitStatus::Done,
        255 => ExitStatus::Munki6Noted,
        _ => ExitStatus::Failed,
    })
}

/// Says what Munki says, where Munki says it.
fn tell(report: &Report, compat: Compat, printer: Printer) -> anyhow::Result<()> {
    if !printer.quiet {
        for line in &report.progress {
            printer.data(line)?;
        }
        if compat == Compat::Munki6 && !report.notes.is_empty() {
            printer.data("")?;
        }
    }
    for line in report.lines(compat) {
        printer.complaint(line);
    }
    Ok(())
}

fn check(arguments: &Check, house: &House, printer: Printer) -> anyhow::Result<ExitStatus> {
    let repository = house.repository(arguments.repo.as_ref())?;
    let checked = publication::check(&*repository, CatalogOptions::default())?;
    let report = &checked.report;
    let is_sound = report.notes.is_empty();
    if arguments.json {
        printer.data(json!({
            "schema": 1,
            "sound": is_sound,
            "pkginfos": checked.pkginfos,
            "pkgs": checked.pkgs,
            "notes": notes(report),
        }))?;
    } else {
        for (severity, text) in &report.notes {
            printer.data(format!("{}: {text}", word(*severity)))?;
        }
        printer.talk(format!(
            "Looked at {} pkginfos and {} packages, found {}",
            checked.pkginfos,
            checked.pkgs,
            match report.notes.len() {
                0 => "nothing wrong".to_owned(),
                1 => "1 thing".to_owned(),
                many => format!("{many} things"),
            }
        ));
    }
    Ok(if is_sound {
        ExitStatus::Done
    } else {
        ExitStatus::Failed
    })
}

fn repair(arguments: &Repair, house: &House, printer: Printer) -> anyhow::Result<ExitStatus> {
    let repository = house.repository(arguments.repo.as_ref())?;
    let options = CatalogOptions::default();
    let found = if arguments.apply {
        publication::repair(&*repository, options)?
    } else {
        publication::repairs(&*repository, options)?
    };
    if arguments.json {
        printer.data(json!({
            "schema": 1,
            "applied": arguments.apply,
            "interrupted": found.interrupted.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "unfinished": found.unfinished,
            "outdated": found.outdated,
            "stale": found.stale,
        }))?;
        return Ok(ExitStatus::Done);
    }
    let interrupted: Vec<String> = found.interrupted.iter().map(ToString::to_string).collect();
    for (what, names) in [
        ("interrupted publication", &interrupted),
        ("unfinished file", &found.unfinished),
        ("outdated catalog", &found.outdated),
        ("stale catalog", &found.stale),
    ] {
        for name in names {
            printer.data(format!("{what}: {name}"))?;
        }
    }
    printer.talk(match (found.is_empty(), arguments.apply) {
        (true, _) => "There is nothing to put right",
        (false, true) => "This was put right",
        (false, false) => "Nothing was changed; `--apply` puts this right",
    });
    Ok(ExitStatus::Done)
}

fn notes(report: &Report) -> serde_json::Value {
    report
        .notes
        .iter()
        .map(|(severity, text)| json!({"severity": word(*severity), "text": text}))
        .collect()
}

const fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}
