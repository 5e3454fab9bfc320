//! `verify-trust-info`: whether what overrides trust is still what it was.

use std::path::PathBuf;

use recipe::{Distrust, Library, Preferences, verify_trust};
use repos::GitHistory;
use serde_json::json;

use super::lookup;
use crate::{
    cli::verify_trust_info::VerifyTrustInfo, exit::ExitStatus, house::House, printer::Printer,
};

/// Does what was asked.
pub(crate) fn run(
    arguments: VerifyTrustInfo,
    house: &House,
    printer: Printer,
) -> anyhow::Result<ExitStatus> {
    let preferences = house.preferences()?;
    let library = house.library(
        &arguments.folders.search_dirs,
        &arguments.folders.override_dirs,
    )?;
    let names = lookup::names(arguments.overrides, arguments.recipe_list.as_deref())?;
    let verifier = Verifier {
        library,
        history: GitHistory::new(),
        external_repos: external_repos(&preferences),
        printer,
    };
    let mut status = ExitStatus::Done;
    for name in &names {
        let holds = if arguments.json {
            verifier.print_json(name)?
        } else {
            verifier.print(name)?
        };
        if !holds {
            status = ExitStatus::Failed;
        }
    }
    Ok(status)
}

/// The folders of cloned repositories, whose recipes cannot vouch for themselves.
pub(super) fn external_repos(preferences: &Preferences) -> Vec<PathBuf> {
    let repos = preferences.repos().into_iter();
    repos
        .map(|(folder, _)| recipe::absolute(&recipe::expand_user(&folder, preferences.home())))
        .collect()
}

struct Verifier {
    library: Library,
    history: GitHistory,
    external_repos: Vec<PathBuf>,
    printer: Printer,
}

impl Verifier {
    /// In `AutoPkg`'s words; says whether the override is to be trusted.
    fn print(&self, name: &str) -> anyhow::Result<bool> {
        let resolved = match self.library.resolve(name) {
            Ok(resolved) => resolved,
            Err(error) => {
                lookup::tell(&error, &self.library, self.printer, false)?;
                self.printer.complaint(format!("{name}: NOT FOUND"));
                return Ok(false);
            }
        };
        let Err(distrust) = self.verify(&resolved) else {
            self.printer.data(format!("{name}: OK"))?;
            return Ok(true);
        };
        if let Distrust::Refused {
            missing_processors, ..
        } = &*distrust
        {
            for processor in missing_processors {
                self.printer.complaint(format!(
                    "WARNING: processor path not found for processor: {processor}"
                ));
            }
        }
        self.printer.complaint(format!("{name}: FAILED"));
        if self.printer.verbosity > 0 {
            for line in model::chain(&*distrust).lines() {
                self.printer.complaint(format!("    {line}"));
            }
        }
        Ok(false)
    }

    /// One object; says whether the override is to be trusted.
    fn print_json(&self, name: &str) -> anyhow::Result<bool> {
        let (result, detail) = match self.library.resolve(name) {
            Err(error) => ("not-found", Some(model::chain(&error))),
            Ok(resolved) => match self.verify(&resolved) {
                Ok(()) => ("ok", None),
                Err(distrust) => ("failed", Some(model::chain(&*distrust))),
            },
        };
        self.printer
            .data(json!({"schema": 1, "override": name, "result": result, "detail": detail}))?;
        Ok(result == "ok")
    }

    fn verify(&self, resolved: &recipe::Resolved) -> Result<(), Box<Distrust>> {
        verify_trust(
            resolved,
            &self.library,
            &self.history,
            &self.external_repos,
            self.printer.verbosity,
        )
        .map_err(Box::new)
    }
}
