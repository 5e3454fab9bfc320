//! `sw_vers`, `makepkginfo`, `type` and `chown`.

use std::path::{Path, PathBuf};

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

/// `type NAME …`: where programs are.
pub(super) fn type_(words: &[String], printer: Printer) -> Result<u8, Refusal> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut status = 0;
    for name in words {
        let places: Vec<PathBuf> = if name.contains('/') {
            vec![name.into()]
        } else {
            std::env::split_paths(&path)
                .map(|folder| folder.join(name))
                .collect()
        };
        if let Some(place) = places.iter().find(|place| place.is_file()) {
            printer.data(format!("{name} is {}", place.display()))?;
        } else {
            printer.complaint(format!("type: {name}: not found"));
            status = 1;
        }
    }
    Ok(status)
}

/// `chown`: changes nothing, as owners are not kept here; packages are made with those that they are told.
pub(super) fn chown(words: &[String], printer: Printer) -> Result<u8, Refusal> {
    let words = Words::read(words, &["-H", "-L", "-P", "-R", "-f", "-h", "-v"], &[])?;
    let [_owner, places @ ..] = words.rest.as_slice() else {
        return Err(Refusal::failed("an owner and files must be given"));
    };
    for place in places {
        if Path::new(place).symlink_metadata().is_err() {
            return Err(Refusal::failed(format!(
                "{place}: No such file or directory"
            )));
        }
    }
    printer.complaint("chown: owners are not kept in this sandbox");
    Ok(0)
}
