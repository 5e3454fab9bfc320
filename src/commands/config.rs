//! `config`: whether the configuration can be used.

use daemon::SettingsFinding;
use serde_json::{Value, json};

use crate::{cli::config::Config, exit::ExitStatus, house::House, printer::Printer};

/// Does what was asked. A configuration that cannot be used is an error that names the line or the key.
pub(crate) fn run(verb: &Config, house: &House, printer: Printer) -> anyhow::Result<ExitStatus> {
    let Config::Check(arguments) = verb;
    let config = house.config()?;
    let library = house.library(&[], &[])?;
    let file = config.file().map(|file| file.display().to_string());
    let shown = |path: &std::path::PathBuf| path.display().to_string();
    let recipes: Vec<String> = library.search_dirs().iter().map(shown).collect();
    let overrides: Vec<String> = library.override_dirs().iter().map(shown).collect();
    let findings = daemon::check_settings(config, library.search_dirs(), library.override_dirs());
    if arguments.json {
        printer.data(json!({
            "schema": 1,
            "file": file,
            "state_dir": shown(&config.state_dir),
            "repository": config.repository_place()?.to_string(),
            "recipe_search_dirs": recipes,
            "recipe_override_dirs": overrides,
            "findings": findings.iter().map(told).collect::<Vec<_>>(),
        }))?;
        return Ok(ExitStatus::Done);
    }
    let file = file.unwrap_or_else(|| "none; every key has its default".to_owned());
    printer.data(format!("Configuration: {file}"))?;
    printer.data(format!("State:         {}", config.state_dir.display()))?;
    printer.data(format!("Repository:    {}", config.repository_place()?))?;
    for (title, dirs) in [("Recipes:", recipes), ("Overrides:", overrides)] {
        for dir in dirs {
            let state = if std::path::Path::new(&dir).is_dir() {
                ""
            } else {
                " (not there)"
            };
            printer.data(format!("{title:<14} {dir}{state}"))?;
        }
    }
    for finding in &findings {
        let about = match finding.key {
            "" => String::new(),
            key => format!(" `{key}`:"),
        };
        printer.data(format!("{}:{about} {}", finding.severity, finding.message))?;
        printer.data(format!("    {}", finding.mend))?;
    }
    Ok(ExitStatus::Done)
}

fn told(finding: &SettingsFinding) -> Value {
    json!({
        "severity": finding.severity,
        "file": finding.file,
        "key": finding.key,
        "message": finding.message,
        "mend": finding.mend,
    })
}
