//! `tenant pins`: by which Macs know envQUERY's certificate.

use anyhow::Context as _;
use serde_json::json;
use tenancy::pins::{is_pin, pin_of};

use crate::{cli::tenant::Pins, exit::ExitStatus, house::House, printer::Printer};

/// Prints them; it is a failure if Macs know pins, and none of these.
pub(super) fn run(arguments: &Pins, house: &House, printer: Printer) -> anyhow::Result<ExitStatus> {
    let known = match arguments.in_use.as_slice() {
        [] => &house.config()?.envquery.pins,
        given => given,
    };
    if let Some(wrong) = known.iter().find(|pin| !is_pin(pin)) {
        anyhow::bail!("`{wrong}` is no pin: the base64 of 32 bytes");
    }
    let mut is_any_known = false;
    for file in &arguments.files {
        let contents = fs_err::read(file)?;
        let pin = pin_of(&contents).with_context(|| format!("`{}` has no pin", file.display()))?;
        let is_known = known.contains(&pin);
        is_any_known |= is_known;
        let name = file.display().to_string();
        if arguments.json {
            printer.data(json!({"schema": 1, "file": name, "pin": pin, "in_use": is_known}))?;
        } else {
            let note = if is_known { " (in use)" } else { "" };
            printer.data(format!("{pin}  {name}{note}"))?;
        }
    }
    if known.is_empty() || is_any_known {
        return Ok(ExitStatus::Done);
    }
    printer.warning(
        "no Mac knows any of these pins: with such a certificate all of them will refuse envQUERY. Give them a profile with \
         the new pin first",
    );
    Ok(ExitStatus::Failed)
}
