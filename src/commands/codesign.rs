//! `codesign`: judges code signatures.

use std::{fmt, path::Path};

use anyhow::Context as _;
use codesign::{
    CodeDirectoryHash, CodesignError, Notarization, Outcome, Pins, Report, Requirement,
    RequirementError, RequirementSet, Revocations, Signature,
};
use model::{Clock as _, SystemClock};

use crate::{
    cli::codesign::{Codesign, RequirementText, Show, Verify},
    exit::ExitStatus,
    printer::Printer,
};

/// Does what was asked.
pub(crate) fn run(verb: Codesign, printer: Printer) -> anyhow::Result<ExitStatus> {
    match verb {
        Codesign::Requirement(arguments) => requirement(&arguments, printer),
        Codesign::Show(arguments) => show(&arguments, printer),
        Codesign::Verify(arguments) => verify(&arguments, printer),
    }
}

/// One requirement, or a set of them.
enum Written {
    One(Requirement),
    Set(RequirementSet),
}

impl Written {
    /// What `text` says; a set if it begins as one.
    fn parse(text: &str) -> Result<Self, RequirementError> {
        match RequirementSet::parse(text) {
            Ok(set) => Ok(Self::Set(set)),
            Err(of_set) => Requirement::parse(text)
                .map(Self::One)
                // The reading that got further tells what is wrong.
                .map_err(|of_one| {
                    if of_set.at > of_one.at {
                        of_set
                    } else {
                        of_one
                    }
                }),
        }
    }

    /// What the bytes of a file say: in one of the binary forms, or as text.
    fn read(bytes: &[u8]) -> anyhow::Result<Self> {
        const ONE: &[u8] = &[0xfa, 0xde, 0x0c, 0x00];
        const SET: &[u8] = &[0xfa, 0xde, 0x0c, 0x01];
        if bytes.starts_with(ONE) {
            return Ok(Self::One(Requirement::from_binary(bytes)?));
        }
        if bytes.starts_with(SET) {
            return Ok(Self::Set(RequirementSet::from_binary(bytes)?));
        }
        let text = std::str::from_utf8(bytes).context("it is neither text nor binary")?;
        Ok(Self::parse(text)?)
    }

    fn to_binary(&self) -> Vec<u8> {
        match self {
            Self::One(requirement) => requirement.to_binary(),
            Self::Set(set) => set.to_binary(),
        }
    }
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(requirement) => requirement.fmt(f),
            Self::Set(set) => set.fmt(f),
        }
    }
}

fn requirement(arguments: &RequirementText, printer: Printer) -> anyhow::Result<ExitStatus> {
    let written = match (&arguments.file, &arguments.text) {
        (Some(file), _) => Written::read(&fs_err::read(file)?)
            .with_context(|| format!("`{}` cannot be read", file.display())),
        (None, text) => {
            Written::parse(text.as_deref().unwrap_or_default()).map_err(anyhow::Error::new)
        }
    };
    match (written, &arguments.binary) {
        (Err(error), _) => {
            printer.error(&error);
            return Ok(ExitStatus::Failed);
        }
        (Ok(written), Some(file)) => fs_err::write(file, written.to_binary())?,
        (Ok(written), None) => printer.data(written)?,
    }
    Ok(ExitStatus::Done)
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
        revoked: revocations(arguments.revoked.as_deref())?,
    };
    let report = match codesign::verify(&arguments.path, &pins, SystemClock.now()) {
        Ok(report) => report,
        Err(error) if arguments.json => return unjudged(&arguments.path, error, &pins, printer),
        Err(error) => return Err(error.into()),
    };
    if arguments.json {
        print_json(&report, printer)?;
    } else {
        describe(&report, printer)?;
    }
    Ok(if report.holds() {
        ExitStatus::Done
    } else {
        ExitStatus::Failed
    })
}

/// Programs get their object also where there is nothing to judge; people read the error.
fn unjudged(
    path: &Path,
    error: CodesignError,
    pins: &Pins,
    printer: Printer,
) -> anyhow::Result<ExitStatus> {
    print_json(&Report::of_error(path, &error, pins), printer)?;
    Err(error.into())
}

/// The operator's list; empty where none is named.
fn revocations(file: Option<&Path>) -> anyhow::Result<Revocations> {
    let Some(file) = file else {
        return Ok(Revocations::default());
    };
    let list = fs_err::read_to_string(file)?.parse();
    list.with_context(|| format!("`{}` is no list of revoked certificates", file.display()))
}

fn show(arguments: &Show, printer: Printer) -> anyhow::Result<ExitStatus> {
    let pins = Pins::none();
    let report = match codesign::verify(&arguments.path, &pins, SystemClock.now()) {
        Ok(report) => report,
        Err(error) if arguments.json => return unjudged(&arguments.path, error, &pins, printer),
        Err(error) => return Err(error.into()),
    };
    if arguments.json {
        print_json(&report, printer)?;
    } else {
        printer.data(format!("{}: {}", report.path, word(&report.verdict)?))?;
        for signature in &report.signatures {
            show_one(signature, &report, printer)?;
        }
        for authority in &report.authorities {
            printer.data(format!("Authority={authority}"))?;
        }
        if let Some(time) = report.signed_at {
            printer.data(format!("Timestamp={time}"))?;
        }
    }
    let is_signed = !report.signatures.is_empty() || !report.authorities.is_empty();
    Ok(if is_signed {
        ExitStatus::Done
    } else {
        ExitStatus::Failed
    })
}

fn show_one(signature: &Signature, report: &Report, printer: Printer) -> anyhow::Result<()> {
    printer.data(format!("Architecture={}", signature.architecture))?;
    printer.data(format!("Identifier={}", signature.identifier))?;
    printer.data(format!("Flags={}", signature.flags.join(",")))?;
    for directory in &signature.code_directories {
        let CodeDirectoryHash { algorithm, cdhash } = directory;
        printer.data(format!("CandidateCDHash {algorithm}={cdhash}"))?;
    }
    let team = signature.team_id.as_deref().unwrap_or("not set");
    printer.data(format!("TeamIdentifier={team}"))?;
    match (&signature.requirements, &report.designated_requirement) {
        (Some(requirements), _) if !requirements.is_empty() => printer.data(requirements)?,
        // As macOS does, one that it only derives is marked.
        (_, Some(implicit)) => printer.data(format!("# designated => {implicit}"))?,
        _ => {}
    }
    if let Some(entitlements) = &signature.entitlements {
        printer.data(entitlements.trim_end())?;
    }
    Ok(())
}

fn print_json(report: &Report, printer: Printer) -> anyhow::Result<()> {
    let json =
        serde_json::to_string_pretty(report).context("the report cannot be written as JSON")?;
    printer.data(json)?;
    Ok(())
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
