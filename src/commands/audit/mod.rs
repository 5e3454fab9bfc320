//! `audit`: what to look at before recipes are trusted, and what in them does not do what its author thinks.

mod autopkg;
mod resolve_all;
mod sarif;
mod show;

use std::path::{Path, PathBuf};

use pipeline::Handbook;
use recipe::{Auditor, Finding, Library, ResolveError, Resolved, Severity, absolute};

use self::autopkg::Flags;
use super::lookup;
use crate::{
    cli::audit::{Audit, FailOn, Format},
    exit::ExitStatus,
    house::House,
    printer::Printer,
};

/// A recipe that was looked at.
struct Audited {
    /// As it was asked for.
    name: String,
    path: PathBuf,
    identifier: Option<String>,
    parents: Vec<PathBuf>,
    findings: Vec<Finding>,
}

/// Does what was asked.
pub(crate) fn run(arguments: Audit, house: &House, printer: Printer) -> anyhow::Result<ExitStatus> {
    if let Some(root) = &arguments.resolve_all {
        return resolve_all::run(root, house, printer);
    }
    let format = arguments.format();
    if matches!(format, Format::Autopkg | Format::Plist) {
        return as_autopkg(arguments, format, house, printer);
    }
    let fail_on = arguments.fail_on;
    let root = arguments.root.as_deref().map(absolute);
    let handbook = Handbook::new(house.preferences()?.values().keys().cloned().collect());
    let (audited, not_found) = match &root {
        Some(root) if arguments.recipes.is_empty() && arguments.recipe_list.is_none() => {
            (below(root, &handbook, house, printer)?, false)
        }
        _ => named(arguments, &handbook, house, printer)?,
    };
    let root = root.unwrap_or_else(|| absolute(Path::new("")));
    match format {
        Format::Json => show::as_json(&audited, &root, printer)?,
        Format::Sarif => printer.data(sarif::log(&audited, &root))?,
        Format::Autopkg | Format::Plist | Format::Text => {
            show::as_text(&audited, &root, printer)?;
        }
    }
    let mut findings = audited.iter().flat_map(|audited| &audited.findings);
    let failed = not_found || findings.any(|finding| fails(finding.severity, fail_on));
    Ok(if failed {
        ExitStatus::Failed
    } else {
        ExitStatus::Done
    })
}

fn fails(severity: Severity, fail_on: FailOn) -> bool {
    match fail_on {
        FailOn::Error => severity >= Severity::Error,
        FailOn::Never => false,
        FailOn::Note => severity >= Severity::Note,
        FailOn::Warning => severity >= Severity::Warning,
    }
}

/// The recipes that were named, and whether one of them is nowhere or cannot be put together.
fn named(
    arguments: Audit,
    handbook: &Handbook,
    house: &House,
    printer: Printer,
) -> anyhow::Result<(Vec<Audited>, bool)> {
    let folders = &arguments.folders;
    let library = house.library(&folders.search_dirs, &folders.override_dirs)?;
    let names = lookup::names(arguments.recipes, arguments.recipe_list.as_deref())?;
    let auditor = Auditor::new(&library, handbook);
    let (mut audited, mut failed) = (Vec::new(), false);
    for name in names {
        match library.resolve(&name) {
            Ok(recipe) => audited.push(audit(&auditor, name, &recipe)),
            Err(error) => {
                failed = true;
                complain(&name, &error, printer);
                if !is_nowhere(&error) || Path::new(&name).is_file() {
                    audited.push(refused(&auditor, &library, name, &error));
                }
            }
        }
    }
    Ok((audited, failed))
}

/// Every recipe file below `root`, each with what is found in that very file: what is wrong with a parent is said of
/// the parent.
fn below(
    root: &Path,
    handbook: &Handbook,
    house: &House,
    printer: Printer,
) -> anyhow::Result<Vec<Audited>> {
    let (library, files) = resolve_all::library_below(root, house, printer)?;
    let auditor = Auditor::new(&library, handbook);
    Ok(library.resolve_each(&files, |file, resolved| {
        let name = file.display().to_string();
        let mut audited = match resolved {
            Ok(recipe) => audit(&auditor, name, &recipe),
            Err(error) => refused(&auditor, &library, name, &error),
        };
        audited.findings.retain(|finding| finding.file == file);
        audited
    }))
}

fn audit(auditor: &Auditor<'_>, name: String, recipe: &Resolved) -> Audited {
    Audited {
        name,
        path: recipe.path().to_owned(),
        identifier: recipe.identifier().map(str::to_owned),
        parents: recipe.parents().to_vec(),
        findings: auditor.audit(recipe),
    }
}

fn refused(
    auditor: &Auditor<'_>,
    library: &Library,
    name: String,
    error: &ResolveError,
) -> Audited {
    let path = library.locate(&name, recipe::Scope::Overrides, &[]);
    Audited {
        path: path.unwrap_or_else(|| PathBuf::from(&name)),
        identifier: None,
        parents: Vec::new(),
        findings: vec![auditor.refused(&name, error)],
        name,
    }
}

/// Whether nothing of that name is here at all.
fn is_nowhere(error: &ResolveError) -> bool {
    matches!(error, ResolveError::NotFound { seekers, .. } if seekers.is_empty())
}

/// In AutoPkg's words, which other programs look for.
fn complain(name: &str, error: &ResolveError, printer: Printer) {
    if !matches!(error, ResolveError::NotFound { .. }) {
        printer.complaint(model::chain(error));
    }
    printer.complaint(format!("No valid recipe found for {name}"));
}

/// What AutoPkg says of the recipes that were named, in its form.
fn as_autopkg(
    arguments: Audit,
    format: Format,
    house: &House,
    printer: Printer,
) -> anyhow::Result<ExitStatus> {
    let folders = &arguments.folders;
    let library = house.library(&folders.search_dirs, &folders.override_dirs)?;
    let names = lookup::names(arguments.recipes, arguments.recipe_list.as_deref())?;
    anyhow::ensure!(
        !names.is_empty(),
        "AutoPkg's audit must be given the names of recipes"
    );
    let mut flagged = Vec::new();
    let mut status = ExitStatus::Done;
    for name in &names {
        match library.resolve(name) {
            Ok(recipe) => flagged.push((name.as_str(), Flags::of(&recipe), recipe)),
            Err(error) => {
                complain(name, &error, printer);
                status = ExitStatus::Failed;
            }
        }
    }
    if format == Format::Plist {
        let values = flagged.iter();
        let values: proplist::Dict = values
            .map(|(name, flags, _)| ((*name).to_owned(), flags.to_value()))
            .collect();
        printer.data(proplist::to_xml(
            &values.into(),
            proplist::KeyOrder::Sorted,
        )?)?;
        return Ok(status);
    }
    for (name, flags, recipe) in &flagged {
        flags.print(name, recipe, printer)?;
    }
    if names.len() > 1 {
        let with_issues = flagged.iter().filter(|(_, flags, _)| !flags.is_empty());
        show::summary(flagged.len(), with_issues.count(), printer)?;
    }
    Ok(status)
}
