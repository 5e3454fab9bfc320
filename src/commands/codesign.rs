//! `codesign`: judges code signatures.

use anyhow::Context as _;
use codesign::{Notarization, Outcome, Pins, Report, Requirement};
use model::{Clock as _, SystemClock};

use crate::{
    cli::codesign::{Codesign, Verify},
    exit::ExitStatus,
    printer::Printer,
};

/// Does what was asked.
pub(crate) fn run(verb: Codesign, printer: Printer) -> anyhow::Result<ExitStatus> {
    match verb {
        Codesign::Requirement(arguments) => match arguments.text.parse::<Requirement>() {
            Ok(requirement) => {
                printer.data(requirement)?;
                Ok(ExitStatus::Done)
            }
            Err(error) => {
                printer.error(&error.into());
                Ok(ExitStatus::Failed)
            }
        },
        Codesign::Verify(arguments) => verify(&arguments, printer),
    }
}

fn verify(arguments: &Verify, printer: Printer) -> anyhow::Result<ExitStatus> {
    let requirement = match arguments
        .requirement
        .as_deref()
        .map(Requirement::parse)
        .transpose()
    {
        Ok(requirement) => requirement,
        Err(error) => {
            printer.error(&anyhow::Error::new(error).context("`--requirement` cannot be read"));
            return Ok(ExitStatus::Usage);
        }
    };
    let pins = Pins {
        requirement,
        authorities: arguments.authorities.clone(),
    };
    let report = codesign::verify(&arguments.path, &pins, SystemClock.now())?;
    if arguments.json {
        let json = serde_json::to_string_pretty(&report)
            .context("the report cannot be written as JSON")?;
        printer.data(json)?;
    } else {
        describe(&report, printer)?;
    }
    Ok(if report.holds() {
        ExitStatus::Done
    } else {
        ExitStatus::Failed
    })
}

/// The report for people.
fn describe(report: &Report, printer: Printer) -> anyhow::Result<()> {
    let verdict = word(&report.verdict)?;
    printer.data(format!("{}: {verdict}", report.path))?;
    let facts = [
        ("identifier", report.identifier.clone()),
        ("team", report.team_id.clone()),
        ("cdhash", report.cdhash.clone()),
        ("signed", report.signed_at.map(|time| time.to_string())),
        ("designated", report.designated_requirement.clone()),
    ];
    for (name, value) in facts {
        if let Some(value) = value {
            printer.data(format!("  {name:<12} {value}"))?;
        }
    }
    for authority in &report.authorities {
        printer.data(format!("  {:<12} {authority}", "authority"))?;
    }
    if report.notarization != Notarization::None {
        printer.data(format!(
            "  {:<12} {}",
            "notarization",
            word(&report.notarization)?
        ))?;
    }
    for check in &report.checks {
        let detail = check.detail.as_deref().unwrap_or_default();
        match check.result {
            Outcome::Fail => printer.data(format!("  failed       {}: {detail}", check.name))?,
            Outcome::NotMade => printer.talk(format!("  not checked  {}: {detail}", check.name)),
            Outcome::NotApplicable | Outcome::Pass => {}
        }
    }
    Ok(())
}

/// The word that stands for a value in JSON.
fn word(value: &impl serde::Serialize) -> anyhow::Result<String> {
    let value = serde_json::to_value(value).context("a word of the report")?;
    Ok(value.as_str().unwrap_or_default().to_owned())
}
