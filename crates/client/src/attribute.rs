//! The extension attribute of Jamf Pro: the last line of the log.

use std::io::Write;

use crate::{Fault, log::Log};

/// Prints `<result>LAST LINE OF THE LOG</result>`; what forbids to read it is the result then.
///
/// # Errors
/// If nothing can be printed.
pub fn print(log: &Log<'_>, out: &mut dyn Write) -> Result<(), Fault> {
    let line = match log.last_line() {
        Ok(line) => line.unwrap_or_default(),
        Err(fault) => format!("ERROR {} {fault}", fault.code()),
    };
    let line = line
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    writeln!(out, "<result>{line}</result>").map_err(|source| Fault::File {
        path: "standard output".to_owned(),
        verb: "written",
        source,
    })
}
