//! `list-processors`: the steps that `AutoPkg` itself brings.

use processors::Registry;
use recipe::CORE_PROCESSORS;
use serde_json::json;

use crate::{cli::list_processors::ListProcessors, exit::ExitStatus, printer::Printer};

/// Does what was asked.
pub(crate) fn run(arguments: &ListProcessors, printer: Printer) -> anyhow::Result<ExitStatus> {
    let native = Registry::native();
    for name in CORE_PROCESSORS {
        if arguments.json {
            printer.data(json!({"name": name, "native": native.get(name).is_some()}))?;
        } else {
            printer.data(name)?;
        }
    }
    Ok(ExitStatus::Done)
}
