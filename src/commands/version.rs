//! `auto-update version`

use crate::{exit::ExitStatus, printer::Printer};

/// Prints the version.
pub(crate) fn run(printer: Printer) -> anyhow::Result<ExitStatus> {
    printer.data(env!("CARGO_PKG_VERSION"))?;
    Ok(ExitStatus::Done)
}
