//! Tools of macOS for community processors: the program started under a tool's name does what that tool does.
//!
//! Only what processors ask of them is served, with the output and the exit status that they look at. Everything else
//! ends with status 125 and says so. No network is used and nothing is mounted: what a tool opens, it extracts.
//!
//! Sources: the manual pages of the tools.

mod codesign;
mod ditto;
mod hdiutil;
mod installer;
mod launchctl;
mod lipo;
mod pkgutil;
mod plists;
mod spctl;
mod step;
mod system;
mod xar;
mod xip;

use std::{ffi::OsStr, path::Path, process::ExitCode};

use crate::printer::Printer;

/// The exit status of what is not served.
const NOT_SERVED: u8 = 125;

/// Why a tool ends without having done what it was asked.
enum Refusal {
    /// As the tool itself fails: what it says, and its exit status.
    Failed(String, u8),
    /// It is not served here.
    NotServed(String),
}

impl Refusal {
    fn failed(why: impl std::fmt::Display) -> Self {
        Self::Failed(why.to_string(), 1)
    }
}

impl From<media::MediaError> for Refusal {
    fn from(error: media::MediaError) -> Self {
        Self::failed(model::chain(&error))
    }
}

impl From<std::io::Error> for Refusal {
    fn from(error: std::io::Error) -> Self {
        Self::failed(error)
    }
}

/// What a tool does; answers its exit status.
type Tool = fn(&[String], Printer) -> Result<u8, Refusal>;

/// The tools by name: those that the sandbox of community processors has ([`processors::mac_tools`]), and what carries out
/// a core processor there.
const TOOLS: [(&str, Tool); 18] = [
    ("PlistBuddy", plists::plist_buddy),
    (processors::STEP_TOOL, step::run),
    ("chown", system::chown),
    ("codesign", codesign::run),
    ("defaults", plists::defaults),
    ("ditto", ditto::run),
    ("hdiutil", hdiutil::run),
    ("installer", installer::run),
    ("launchctl", launchctl::run),
    ("lipo", lipo::run),
    ("makepkginfo", system::makepkginfo),
    ("pkgutil", pkgutil::run),
    ("plutil", plists::plutil),
    ("spctl", spctl::run),
    ("sw_vers", system::sw_vers),
    ("type", system::type_),
    ("xar", xar::run),
    ("xip", xip::run),
];

/// Does a tool's work if the program was started under its name.
pub(crate) fn main(mut words: impl Iterator<Item = std::ffi::OsString>) -> Option<ExitCode> {
    let program = words.next()?;
    let name = Path::new(&program).file_name().and_then(OsStr::to_str)?;
    let (name, tool) = TOOLS.iter().find(|(known, _)| *known == name)?;
    let printer = Printer {
        verbosity: 0,
        quiet: false,
    };
    let words: Vec<String> = words
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    Some(ExitCode::from(match tool(&words, printer) {
        Ok(status) => status,
        Err(Refusal::Failed(why, status)) => {
            printer.complaint(format!("{name}: {why}"));
            status
        }
        Err(Refusal::NotServed(what)) => {
            printer.complaint(format!(
                "{name}: {what} is not served in this sandbox, which is no Mac"
            ));
            NOT_SERVED
        }
    }))
}

/// The words of a call: flags, flags with a value, and what is left.
#[derive(Debug, Default, PartialEq)]
struct Words {
    flags: Vec<String>,
    values: Vec<(String, String)>,
    rest: Vec<String>,
}

impl Words {
    /// Reads `words`: those of `flags` stand alone, those of `valued` take the next word, what does not begin with a
    /// hyphen is left over.
    fn read(words: &[String], flags: &[&str], valued: &[&str]) -> Result<Self, Refusal> {
        let mut read = Self::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            if valued.contains(&word.as_str()) {
                let value = words.next();
                let value =
                    value.ok_or_else(|| Refusal::failed(format!("{word} takes a value")))?;
                read.values.push((word.clone(), value.clone()));
            } else if flags.contains(&word.as_str()) {
                read.flags.push(word.clone());
            } else if word.starts_with('-') && word != "-" {
                return Err(Refusal::NotServed(word.clone()));
            } else {
                read.rest.push(word.clone());
            }
        }
        Ok(read)
    }

    fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|given| given == flag)
    }

    fn value(&self, flag: &str) -> Option<&str> {
        let mut values = self.values.iter().rev();
        values
            .find(|(given, _)| given == flag)
            .map(|(_, value)| value.as_str())
    }

    /// The only word that is left.
    fn only(&self, what: &str) -> Result<&str, Refusal> {
        match self.rest.as_slice() {
            [only] => Ok(only),
            _ => Err(Refusal::failed(format!(
                "{what} must be given, and nothing else"
            ))),
        }
    }

    /// The two words that are left: from where, and to where.
    fn pair(&self) -> Result<(&str, &str), Refusal> {
        match self.rest.as_slice() {
            [from, to] => Ok((from, to)),
            [_, _, ..] => Err(Refusal::NotServed("more than one source".to_owned())),
            _ => Err(Refusal::failed("a source and a destination must be given")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_tool_of_the_sandbox_is_served_and_no_other() {
        let served: BTreeSet<_> = TOOLS.iter().map(|(name, _)| *name).collect();
        let known = processors::mac_tools().chain([processors::STEP_TOOL]);
        assert_eq!(served, known.collect());
    }
}
