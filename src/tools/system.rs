//! `sw_vers` and `makepkginfo`.

use clap::Parser as _;

use super::{Refusal, Words};
use crate::{
    cli::{Cli, Verb, munki::Munki},
    printer::Printer,
};

/// What processors take for the system that they run on. Recipes that ask do so to refuse old ones.
const VERSION: [(&str, &str, &str); 3] = [
    ("-productName", "ProductName", "macOS"),
    ("-productVersion", "ProductVersion", "15.0"),
    ("-buildVersion", "BuildVersion", "24A335"),
];

pub(super) fn sw_vers(words: &[String], printer: Printer) -> Result<u8, Refusal> {
    let words: Vec<String> = words
        .iter()
        .map(|word| word.replacen("--", "-", 1))
        .collect();
    let flags = VERSION.map(|(flag, _, _)| flag);
    let words = Words::read(&words, &flags, &[])?;
    for (flag, title, value) in VERSION {
        if words.flags.is_empty() {
            printer.data(format!("{title}:\t\t{value}"))?;
        } else if words.has(flag) {
            printer.data(value)?;
        }
    }
    Ok(0)
}

/// As `auto-update munki makepkginfo`.
pub(super) fn makepkginfo(words: &[String], printer: Printer) -> Result<u8, Refusal> {
    let call = ["auto-update", "munki", "makepkginfo"].map(str::to_owned);
    let cli = Cli::try_parse_from(call.iter().chain(words)).map_err(Refusal::failed)?;
    let Verb::Munki(Munki::Makepkginfo(verb)) = cli.verb else {
        return Err(Refusal::NotServed("that".to_owned()));
    };
    let status = crate::commands::makepkginfo(&verb, printer)
        .map_err(|error| Refusal::failed(format!("{error:#}")))?;
    Ok(u8::from(status != crate::exit::ExitStatus::Done))
}
