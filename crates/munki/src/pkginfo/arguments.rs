//! The options of `makepkginfo` as they stand in a command line.

use std::path::PathBuf;

use chrono::NaiveDateTime;
use proplist::{Dict, Value};

use super::{
    error::OptionError,
    option_table::{Effect, OPTIONS},
    options::{InstallerType, PkginfoOptions},
};
use crate::Compat;

impl PkginfoOptions {
    /// Reads what stands after `makepkginfo` in a command line. A short option may be joined with its value, a long
    /// one by `=`; everything after `--` is the installer item.
    ///
    /// # Errors
    /// If an option is not known, or its value is wrong.
    ///
    /// # Source
    /// `pkginfoOptions.swift` of Munki 7.0.
    pub fn parse<I, S>(arguments: I) -> Result<Self, OptionError>
    where
        I: IntoIterator<Item = S>,
        S: Into<String>,
    {
        let mut options = Self::default();
        let mut arguments = arguments.into_iter().map(Into::into);
        let mut only_items = false;
        while let Some(argument) = arguments.next() {
            if !only_items && argument == "--" {
                only_items = true;
            } else if only_items || !argument.starts_with('-') || argument == "-" {
                options.set_item(argument)?;
            } else {
                options.option(argument, &mut arguments)?;
            }
        }
        Ok(options)
    }

    /// What the options are, for people: one a line.
    pub fn help() -> String {
        let mut help = String::new();
        for spec in OPTIONS
            .iter()
            .filter(|spec| !matches!(spec.effect, Effect::Nothing | Effect::Refused(_)))
        {
            let usage = [spec.names.join(", "), spec.value.to_owned()].join(" ");
            help.extend(["  ", usage.trim_end(), "\n          ", spec.help, "\n"]);
        }
        help
    }

    fn set_item(&mut self, item: String) -> Result<(), OptionError> {
        if self.item.is_some() {
            return Err(OptionError::SecondItem { item });
        }
        self.item = Some(PathBuf::from(item));
        Ok(())
    }

    fn option(
        &mut self,
        argument: String,
        rest: &mut impl Iterator<Item = String>,
    ) -> Result<(), OptionError> {
        let (name, joined) = split(&argument);
        let Some(spec) = OPTIONS.iter().find(|spec| spec.names.contains(&name)) else {
            return Err(OptionError::Unknown { option: argument });
        };
        let option = name.to_owned();
        if let Effect::Refused(why) = spec.effect {
            return Err(OptionError::Refused { option, why });
        }
        let value = match (spec.effect.takes_value(), joined) {
            (true, Some(value)) => value.to_owned(),
            (true, None) => match rest.next() {
                Some(value) => value,
                None => return Err(OptionError::NoValue { option }),
            },
            (false, None) => String::new(),
            (false, Some(_)) => return Err(OptionError::NeedlessValue { option }),
        };
        self.apply(spec.effect, value)
            .map_err(|(value, why)| OptionError::Value { option, value, why })
    }

    /// Notes the value; gives it back, with what is expected, if it is none.
    fn apply(&mut self, effect: Effect, value: String) -> Result<(), (String, &'static str)> {
        match effect {
            Effect::Text(key) => self.set(key, value),
            Effect::Version(key) => self.set(key, version(value)?),
            Effect::Flag(key) => self.set(key, true),
            Effect::List(key) => self.append(key, value),
            Effect::Script(key) => self.scripts.push((key, PathBuf::from(value))),
            Effect::TextOrFile(key) => self.texts.push((key, value)),
            Effect::OneOf(key, known) => {
                self.set(
                    key,
                    one_of(
                        value,
                        known,
                        "RequireRestart, RecommendRestart or RequireLogout is expected",
                    )?,
                );
            }
            Effect::Architecture => {
                let architecture = one_of(
                    value,
                    &["x86_64", "arm64", "i386"],
                    "x86_64 or arm64 is expected",
                )?;
                self.append("supported_architectures", architecture);
            }
            Effect::Catalog => self.catalogs.push(value),
            Effect::Compat => self.compat = compat(value)?,
            Effect::Date => self.set("force_install_after_date", date(value)?),
            Effect::Environment => self.environment(value)?,
            Effect::Installs => self.installs.push(value),
            Effect::InstallerType => self.installer_type = Some(installer_type(value)?),
            Effect::Nopkg => self.nopkg = true,
            // What is refused never comes here.
            Effect::Nothing | Effect::Refused(_) => {}
            Effect::Package => self.package = Some(value),
            Effect::Uninstaller => self.uninstaller = Some(PathBuf::from(value)),
            Effect::CopyItem => self.copy.item = Some(value),
            Effect::CopyTo => self.copy.destination = Some(value),
            Effect::CopyAs => self.copy.destination_item = Some(value),
            Effect::CopyUser => self.copy.user = Some(value),
            Effect::CopyGroup => self.copy.group = Some(value),
            Effect::CopyMode => self.copy.mode = Some(mode(value)?),
        }
        Ok(())
    }

    fn set(&mut self, key: &str, value: impl Into<Value>) {
        self.values.insert(key.to_owned(), value.into());
    }

    fn append(&mut self, key: &str, value: String) {
        let values = self
            .values
            .entry(key.to_owned())
            .or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(values) = values {
            values.push(value.into());
        }
    }

    fn environment(&mut self, pair: String) -> Result<(), (String, &'static str)> {
        const WHY: &str = "key=value is expected, each key once";
        let variables = self
            .values
            .entry("installer_environment".to_owned())
            .or_insert_with(|| Dict::new().into());
        match (pair.split_once('='), variables) {
            (Some((key, value)), Value::Dict(variables)) if !variables.contains_key(key) => {
                variables.insert(key.to_owned(), value.into());
                Ok(())
            }
            _ => Err((pair, WHY)),
        }
    }
}

/// The option's name, and the value that is joined to it.
fn split(argument: &str) -> (&str, Option<&str>) {
    if argument.starts_with("--") {
        return match argument.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (argument, None),
        };
    }
    match argument.split_at_checked(2) {
        // `-f=x` and `-m go-w` in one argument occur in recipes.
        Some((name, value)) if !value.is_empty() => (
            name,
            Some(value.strip_prefix('=').unwrap_or(value).trim_start()),
        ),
        _ => (argument, None),
    }
}

fn version(text: String) -> Result<String, (String, &'static str)> {
    if text.starts_with(|first: char| first.is_ascii_digit()) {
        return Ok(text);
    }
    Err((text, "a version must begin with a digit"))
}

fn one_of(
    text: String,
    known: &[&str],
    why: &'static str,
) -> Result<String, (String, &'static str)> {
    if known.contains(&text.as_str()) {
        return Ok(text);
    }
    Err((text, why))
}

fn installer_type(text: String) -> Result<InstallerType, (String, &'static str)> {
    match text.as_str() {
        "copy_from_dmg" => Ok(InstallerType::CopyFromDmg),
        "stage_os_installer" => Ok(InstallerType::StageOsInstaller),
        _ => Err((text, "copy_from_dmg or stage_os_installer is expected")),
    }
}

fn compat(text: String) -> Result<Compat, (String, &'static str)> {
    text.parse()
        .map_err(|_unknown| (text, "6 or 7 is expected"))
}

/// Clients take the time for local time; the `Z` is only how it is written.
fn date(text: String) -> Result<Value, (String, &'static str)> {
    match NaiveDateTime::parse_from_str(&text, "%Y-%m-%dT%H:%M:%SZ") {
        Ok(date) => Ok(Value::Date(date.and_utc())),
        Err(_) => Err((text, "a date like 2026-08-11T12:55:00Z is expected")),
    }
}

/// Whether somewhere in the text stands who, how and what, in this order: `go-w`.
fn mode(text: String) -> Result<String, (String, &'static str)> {
    let is_who = |letter: char| "augo".contains(letter);
    let is_how = |letter: char| "=+-".contains(letter);
    let is_what = |letter: char| "rstwxXugo".contains(letter);
    let after_who = text.split(is_who).skip(1);
    let sound = after_who.clone().any(|rest| {
        let what = rest.trim_start_matches(is_how);
        what.len() < rest.len() && what.starts_with(is_what)
    });
    // `u=o`: what stands after the sign may itself be one of the letters to split at.
    let ends_with_sign = after_who
        .clone()
        .zip(after_who.skip(1))
        .any(|(rest, _)| !rest.is_empty() && rest.chars().all(is_how));
    if sound || ends_with_sign {
        return Ok(text);
    }
    Err((text, "a mode in symbols is expected, like go-w"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(arguments: &[&str]) -> Result<PkginfoOptions, OptionError> {
        PkginfoOptions::parse(arguments.iter().copied())
    }

    #[test]
    fn options_may_be_written_in_every_way_that_recipes_use() {
        let options = parse(&[
            "--pkgvers=1.2",
            "--destinationpath",
            "/Library/Fonts",
            "-m go-w",
            "-oroot",
            "x.dmg",
            "--requires=A",
            "-r",
            "B",
            "-E",
            "USER=a=b",
        ])
        .unwrap();
        assert_eq!(options.values["version"], "1.2".into());
        assert_eq!(options.copy.destination.as_deref(), Some("/Library/Fonts"));
        assert_eq!(options.copy.mode.as_deref(), Some("go-w"));
        assert_eq!(options.copy.user.as_deref(), Some("root"));
        assert_eq!(options.item, Some(PathBuf::from("x.dmg")));
        assert_eq!(options.values["requires"], vec!["A", "B"].into());
        let environment = options.values["installer_environment"].as_dict().unwrap();
        assert_eq!(environment["USER"], "a=b".into());
        assert_eq!(
            parse(&["--", "-odd.pkg"]).unwrap().item,
            Some(PathBuf::from("-odd.pkg"))
        );
    }

    #[test]
    fn wrong_options_are_told() {
        for (arguments, expected) in [
            (&["--pkgverz", "1"][..], "no option `--pkgverz`"),
            (&["-f"], "`-f` needs a value"),
            (&["--nopkg=yes"], "`--nopkg` takes no value"),
            (&["--pkgvers", "v1"], "begin with a digit"),
            (&["-m", "755"], "go-w"),
            (&["--arch", "ppc"], "x86_64"),
            (&["-E", "A"], "key=value"),
            (&["-E", "A=1", "-E", "A=2"], "each key once"),
            (&["--force_install_after_date", "tomorrow"], "a date like"),
            (&["--RestartAction", "None"], "RequireRestart"),
            (&["a.pkg", "b.pkg"], "one installer item too many"),
            (
                &["--installer_choices_xml", "a.pkg"],
                "is not done here: only",
            ),
            (&["--apple_update", "041-0001"], "is not done here: Munki 7"),
        ] {
            let error = parse(arguments).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn modes_are_in_symbols() {
        for good in ["go-w", "a=rX", "ug+rwx,o+rx", "u=o", "u+s"] {
            assert!(mode(good.to_owned()).is_ok(), "{good}");
        }
        for bad in ["755", "", "u", "u=", "+x", "rwx"] {
            assert!(mode(bad.to_owned()).is_err(), "{bad}");
        }
    }

    #[test]
    fn each_name_stands_for_one_option() {
        let mut names: Vec<&str> = OPTIONS
            .iter()
            .flat_map(|spec| spec.names)
            .copied()
            .collect();
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
    }

    proptest! {
        #[test]
        fn no_command_line_panics(arguments in prop::collection::vec("-{0,2}[a-zA-Z_é=-]{0,12}", 0..6)) {
            drop(PkginfoOptions::parse(arguments));
        }
    }
}
