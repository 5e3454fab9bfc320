//! What a policy of Jamf Pro runs: it changes this Mac's own manifest, then starts Munki.

use std::{io::Write, str::FromStr as _};

use model::Title;
use proplist::Value;

use crate::{
    Fault, Mac,
    manifest::{List, Manifest, means},
    notifier::Notifier,
    preferences::{Munki, Preferences, Settings},
    preflight::{self, MUNKI},
    program,
    report::{self, Report},
};

/// The parameter that holds the first list; the three before it are Jamf Pro's own.
const FIRST: usize = 3;

/// What a policy asks for.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Wishes {
    add_installs: Vec<String>,
    remove_installs: Vec<String>,
    add_uninstalls: Vec<String>,
    remove_uninstalls: Vec<String>,
    engage: bool,
}

/// Who started the policy.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Origin {
    /// Jamf Pro's agent by itself.
    Background,
    /// A person, in Self Service.
    SelfService,
}

impl Wishes {
    /// Reads the parameters from `$1` on: mount point, computer, user, four lists, and `ENGAGE`.
    ///
    /// # Errors
    /// [`Fault::NothingGiven`], [`Fault::TitleName`], [`Fault::EngageWord`] or [`Fault::Conflict`].
    pub fn of(parameters: &[String]) -> Result<Self, Fault> {
        let parameter = |at: usize| {
            let at = FIRST.saturating_add(at);
            parameters.get(at).map_or("", |text| text.trim())
        };
        let wishes = Self {
            add_installs: names(parameter(0), 4)?,
            remove_installs: names(parameter(1), 5)?,
            add_uninstalls: names(parameter(2), 6)?,
            remove_uninstalls: names(parameter(3), 7)?,
            engage: match parameter(4) {
                "" => false,
                "ENGAGE" => true,
                _ => return Err(Fault::EngageWord),
            },
        };
        if wishes == Self::default() {
            return Err(Fault::NothingGiven);
        }
        no_conflict(&wishes.add_installs, &wishes.add_uninstalls)?;
        Ok(wishes)
    }
}

/// The names of a list: apart by commas, without spaces around them, each once, in their order.
fn names(list: &str, parameter: u8) -> Result<Vec<String>, Fault> {
    let mut names: Vec<String> = Vec::new();
    for name in list.split(',').map(str::trim) {
        if name.is_empty() || names.iter().any(|there| there == name) {
            continue;
        }
        let wrong = |why| Fault::TitleName { parameter, why };
        if name.starts_with('-') {
            return Err(wrong("begins with a hyphen"));
        }
        Title::from_str(name).map_err(|error| wrong(error.why))?;
        names.push(name.to_owned());
    }
    Ok(names)
}

fn no_conflict(installs: &[String], uninstalls: &[String]) -> Result<(), Fault> {
    match installs.iter().find(|title| uninstalls.contains(title)) {
        Some(title) => Err(Fault::Conflict {
            title: title.clone(),
        }),
        None => Ok(()),
    }
}

/// Does what the policy asks for, and says so on `out`, which is the policy's log.
///
/// # Errors
/// The first [`Fault`]; with Munki's status, if it is Munki that failed.
pub fn run(
    mac: &Mac<'_>,
    settings: &Settings,
    wishes: &Wishes,
    (origin, out): (Origin, &mut dyn Write),
) -> Result<(), Fault> {
    preflight::must_be_root(mac)?;
    preflight::must_be_there(mac)?;
    let munki = Munki::of(&Preferences::of_munki(&mac.files)?);
    {
        let _held = mac.files.lock_folder(&munki.file("manifests"))?;
        let mut manifest = Manifest::read(&mac.files, &munki)?;
        let said = change(&mut manifest, wishes);
        no_conflict(
            &manifest.names(List::Installs),
            &manifest.names(List::Uninstalls),
        )?;
        manifest.write(&mac.files, &munki)?;
        for line in said {
            say(out, &line)?;
        }
    }
    say(out, &contents(mac, &munki, "Preflight")?)?;
    let mut reports = Vec::new();
    let ended = run_munki(mac, &munki, wishes, &mut reports);
    say(out, &contents(mac, &munki, "Postflight")?)?;
    ended?;
    if origin == Origin::SelfService {
        tell_up_to_date(mac, settings, wishes, &reports)?;
    }
    Ok(())
}

/// Changes the manifest; what was done, line by line.
fn change(manifest: &mut Manifest, wishes: &Wishes) -> Vec<String> {
    let mut said = Vec::new();
    for (list, to_add, to_remove) in [
        (
            List::Installs,
            &wishes.add_installs,
            &wishes.remove_installs,
        ),
        (
            List::Uninstalls,
            &wishes.add_uninstalls,
            &wishes.remove_uninstalls,
        ),
    ] {
        let word = list.word();
        for name in to_add {
            said.push(if manifest.add(list, name) {
                format!("Adding {name} to {word}")
            } else {
                format!("{name} already in {word}")
            });
        }
        for name in to_remove {
            said.push(if manifest.remove(list, |entry| entry == name) {
                format!("Removed {name} from {word}")
            } else {
                format!("{name} not in {word}")
            });
        }
    }
    said
}

/// What the manifest holds now, and what Munki last said.
fn contents(mac: &Mac<'_>, munki: &Munki, when: &str) -> Result<String, Fault> {
    let manifest = Manifest::read(&mac.files, munki)?;
    let report = Report::read(&mac.files, munki, None)?.unwrap_or_default();
    let list = |list: List| {
        let names = manifest.names(list);
        let count = names.len();
        format!(
            "{count} {} {}",
            list.word(),
            proplist::repr(&Value::from(names))
        )
    };
    Ok(format!(
        "{when}: Contains {}, {}, {} pending, {} warnings",
        list(List::Installs),
        list(List::Uninstalls),
        report::pending(&mac.files, munki)?,
        report.warnings
    ))
}

/// Runs Munki, once or twice, and keeps what it reports each time.
fn run_munki(
    mac: &Mac<'_>,
    munki: &Munki,
    wishes: &Wishes,
    reports: &mut Vec<Report>,
) -> Result<(), Fault> {
    let path = || MUNKI.to_owned();
    let program = mac
        .files
        .program(MUNKI)?
        .ok_or_else(|| Fault::NoMunki { path: path() })?;
    let runs: &[(&'static str, &[&str])] = if wishes.engage {
        &[
            ("--checkonly", &["--checkonly"]),
            ("--installonly", &["--installonly"]),
        ]
    } else {
        &[("--auto -m", &["--auto", "-m"])]
    };
    for (arguments, list) in runs {
        let status = program::run(program::quiet(&program, *list), MUNKI)?;
        if status != 0 {
            return Err(Fault::MunkiFailed { arguments, status });
        }
        reports.extend(Report::read(&mac.files, munki, None)?);
    }
    Ok(())
}

/// Tells a person who asked for a title that there was nothing to do for it.
fn tell_up_to_date(
    mac: &Mac<'_>,
    settings: &Settings,
    wishes: &Wishes,
    reports: &[Report],
) -> Result<(), Fault> {
    let mut notifier = Notifier::new(mac, settings)?;
    for title in &wishes.add_installs {
        let was_there = |report: &Report| report.installed.iter().any(|name| means(title, name));
        let is_new = |report: &Report| report.installs.iter().any(|done| means(title, &done.name));
        if reports.iter().any(was_there) && !reports.iter().any(is_new) {
            notifier.up_to_date(title);
        }
    }
    notifier.finish();
    Ok(())
}

fn say(out: &mut dyn Write, line: &str) -> Result<(), Fault> {
    let line = crate::log::on_one_line(line);
    writeln!(out, "{line}").map_err(|source| Fault::File {
        path: "standard output".to_owned(),
        verb: "written",
        source,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parameters(lists: [&str; 5]) -> Vec<String> {
        let own = ["/", "mac-07", "alice"];
        own.iter()
            .chain(&lists)
            .map(|text| (*text).to_owned())
            .collect()
    }

    #[test]
    fn reads_lists_as_people_write_them() {
        let given = parameters([" A , B,,A,C D ,", "", "", "X", " ENGAGE "]);
        let wishes = Wishes::of(&given).unwrap();
        assert_eq!(wishes.add_installs, ["A", "B", "C D"]);
        assert_eq!(wishes.remove_uninstalls, ["X"]);
        assert!(wishes.engage);
    }

    #[test]
    fn refuses_what_makes_no_sense() {
        let code = |lists| Wishes::of(&parameters(lists)).unwrap_err().code();
        assert_eq!(code([""; 5]), "AU160");
        assert_eq!(code([" , ,", "", "", "", ""]), "AU160");
        assert_eq!(code(["A,B", "", "B", "", ""]), "AU161");
        assert_eq!(code(["A\nB", "", "", "", ""]), "AU162");
        assert_eq!(code(["--root", "", "", "", ""]), "AU162");
        assert_eq!(code(["../A", "", "", "", ""]), "AU162");
        assert_eq!(code(["A", "", "", "", "engage"]), "AU163");
        assert_eq!(Wishes::of(&[]).unwrap_err().code(), "AU160");
    }

    proptest! {
        #[test]
        fn no_parameters_make_it_panic(given in proptest::collection::vec(".*", 0..12)) {
            drop(Wishes::of(&given));
        }

        #[test]
        fn lists_keep_order_without_spaces_empty_names_and_repetitions(
            given in proptest::collection::vec(("[ ]{0,3}", "[A-Ca-c][A-Ca-c .+]{0,3}", "[ ]{0,3}"), 0..12),
        ) {
            let list: Vec<String> = given.iter().map(|(a, b, c)| format!("{a}{b}{c}")).collect();
            let read = names(&list.join(","), 4).unwrap();
            let mut expected: Vec<&str> = Vec::new();
            for (_, name, _) in &given {
                if !expected.contains(&name.trim()) {
                    expected.push(name.trim());
                }
            }
            prop_assert_eq!(&read, &expected);
            // What was read once reads the same again.
            prop_assert_eq!(names(&read.join(","), 4).unwrap(), read);
        }

        #[test]
        fn a_title_on_both_sides_is_always_found(
            installs in proptest::collection::vec("[a-f]", 0..6),
            uninstalls in proptest::collection::vec("[a-f]", 0..6),
        ) {
            let (left, right) = (installs.join(","), uninstalls.join(","));
            let result = Wishes::of(&parameters([&left, "", &right, "", "ENGAGE"]));
            let both = installs.iter().any(|title| uninstalls.contains(title));
            prop_assert_eq!(result.is_err(), both);
        }
    }
}
