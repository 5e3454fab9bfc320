//! `repo-list`: lists recipe repositories.

use repos::RepoAddress;
use serde_json::json;

use crate::{cli::repo_list::RepoList, exit::ExitStatus, house::House, printer::Printer};

/// Does what was asked.
pub(crate) fn run(
    arguments: &RepoList,
    house: &House,
    printer: Printer,
) -> anyhow::Result<ExitStatus> {
    let repos = house.preferences()?.repos();
    for (path, url) in &repos {
        let url = shown(url);
        if arguments.json {
            printer.data(json!({"path": path, "url": url}))?;
        } else {
            printer.data(format!("{path} ({url})"))?;
        }
    }
    match (arguments.json, repos.is_empty()) {
        (true, _) => {}
        (false, true) => printer.data("No recipe repos.")?,
        (false, false) => printer.data("")?,
    }
    Ok(ExitStatus::Done)
}

/// An address without what may be secret in it.
pub(super) fn shown(address: &str) -> String {
    RepoAddress::parse(address).map_or_else(
        |_| redact::SafeUrl::of_text(address).to_string(),
        |address| address.to_string(),
    )
}
