//! Failures of the engine, explained to people.

use pipeline::Failure;

use crate::printer::Printer;

/// Tells why `name` failed, what lies underneath, and what to do.
pub(crate) fn failure(name: &str, failure: &Failure, printer: Printer) {
    let error = anyhow::anyhow!("{name}: {}", failure.said());
    printer.error(&error);
    for line in failure.detail.iter().flat_map(|detail| detail.lines()) {
        printer.talk(format!("  {line}"));
    }
    printer.hint(failure.next_step());
}
