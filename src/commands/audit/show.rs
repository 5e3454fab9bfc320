//! What was found, for people and as JSON.

use std::{collections::BTreeMap, path::Path};

use recipe::{Finding, Severity};
use serde_json::{Value, json};

use super::{super::resolved::shown, Audited};
use crate::printer::Printer;

/// A block for each recipe in which something was found, and AutoPkg's summary where there are several.
pub(super) fn as_text(audited: &[Audited], root: &Path, printer: Printer) -> anyhow::Result<()> {
    let found = || {
        audited
            .iter()
            .filter(|audited| !audited.findings.is_empty())
    };
    for recipe in audited {
        if recipe.findings.is_empty() {
            if audited.len() == 1 || printer.verbosity > 0 {
                printer.data(format!("{}: no audit flags triggered.", recipe.name))?;
            }
            continue;
        }
        block(recipe, root, printer)?;
    }
    if audited.len() == 1 {
        return Ok(());
    }
    summary(audited.len(), found().count(), printer)?;
    let mut rules: BTreeMap<&str, (Severity, usize)> = BTreeMap::new();
    for finding in found().flat_map(|audited| &audited.findings) {
        let (worst, count) = rules
            .entry(finding.rule.id)
            .or_insert((finding.severity, 0));
        *worst = (*worst).max(finding.severity);
        *count = count.saturating_add(1);
    }
    for (id, (severity, count)) in rules {
        printer.data(format!("    {count:>6} {:<8} {id}", severity.name()))?;
    }
    Ok(())
}

fn block(recipe: &Audited, root: &Path, printer: Printer) -> anyhow::Result<()> {
    printer.data(&recipe.name)?;
    printer.data(format!("    File path:        {}", recipe.path.display()))?;
    for (index, parent) in recipe.parents.iter().enumerate() {
        let title = if index == 0 { "Parent recipe(s):" } else { "" };
        printer.data(format!("    {title:<17} {}", parent.display()))?;
    }
    for finding in &recipe.findings {
        let place = format!("{}:{}", shown(&finding.file, Some(root)), finding.line);
        let level = finding.severity.name();
        printer.data(format!(
            "    {place}: {level}: {} [{}]",
            finding.message, finding.rule.id
        ))?;
        if !printer.quiet {
            printer.data(format!("        {}", finding.mend))?;
        }
    }
    printer.data("")?;
    Ok(())
}

/// AutoPkg's last lines.
pub(super) fn summary(audited: usize, with_issues: usize, printer: Printer) -> std::io::Result<()> {
    let without = audited.saturating_sub(with_issues);
    printer.data("\nSummary:")?;
    printer.data(format!("    {audited} recipes audited"))?;
    printer.data(format!("    {with_issues} recipes with audit issues"))?;
    printer.data(format!("    {without} recipes triggered no audit flags"))
}

/// One object a line for each recipe.
pub(super) fn as_json(audited: &[Audited], root: &Path, printer: Printer) -> anyhow::Result<()> {
    for recipe in audited {
        let parents: Vec<String> = recipe
            .parents
            .iter()
            .map(|parent| shown(parent, Some(root)))
            .collect();
        let findings: Vec<Value> = recipe
            .findings
            .iter()
            .map(|finding| finding_as_json(finding, root))
            .collect();
        printer.data(json!({
            "schema": 2,
            "recipe": recipe.name,
            "path": shown(&recipe.path, Some(root)),
            "identifier": recipe.identifier,
            "parents": parents,
            "findings": findings,
        }))?;
    }
    Ok(())
}

fn finding_as_json(finding: &Finding, root: &Path) -> Value {
    json!({
        "rule": finding.rule.id,
        "severity": finding.severity.name(),
        "file": shown(&finding.file, Some(root)),
        "line": finding.line,
        "message": finding.message,
        "mend": finding.mend,
    })
}
