//! Arguments that nobody reads, and variables that nobody sets.

use std::collections::BTreeSet;

use proplist::{Dict, Value};

use super::{
    Known, Severity,
    chain::{Chain, Kind, Placed},
    nearest::nearest,
    rules,
};
use crate::substitute::references;

/// What is set before the first step of every recipe, and what `AutoPkg`'s preferences usually have.
const ALWAYS: [&str; 16] = [
    "AUTOPKG_VERSION",
    "CACHE_DIR",
    "CURL_PATH",
    "GITHUB_TOKEN",
    "GIT_PATH",
    "MUNKI_REPO",
    "PARENT_RECIPES",
    "RECIPE_CACHE_DIR",
    "RECIPE_DIR",
    "RECIPE_OVERRIDE_DIRS",
    "RECIPE_PATH",
    "RECIPE_REPOS",
    "RECIPE_REPO_DIR",
    "RECIPE_SEARCH_DIRS",
    "verbose",
    "PKG",
];

pub(super) fn look(chain: &mut Chain<'_>) {
    let steps = chain.steps.clone();
    let mut set: BTreeSet<String> = ALWAYS.iter().map(|name| (*name).to_owned()).collect();
    set.extend(chain.input.keys().cloned());
    set.extend(chain.manual.variables());
    for (index, placed) in steps.iter().enumerate() {
        let Kind::Native(known) = placed.kind else {
            set.extend(placed.step.arguments().keys().cloned());
            continue;
        };
        let later = steps.get(index.saturating_add(1)..).unwrap_or_default();
        unread(chain, placed, known, later);
        // What a stranger sets before is known to nobody.
        if chain.opaque_before(index) {
            continue;
        }
        undefined(chain, placed, &mut set);
        missing(chain, placed, known, &set);
        set.extend(known.defaulted.iter().cloned());
        set.extend(known.outputs.iter().cloned());
        set.extend(chosen_outputs(chain, index, placed));
    }
}

/// Every argument is declared, a comment, or read by something behind it.
fn unread(chain: &mut Chain<'_>, placed: &Placed<'_>, known: &Known, later: &[Placed<'_>]) {
    if known.takes_any_argument {
        return;
    }
    let arguments = placed.step.arguments();
    for (index, name) in arguments.keys().enumerate() {
        let mut behind = arguments.values().skip(index.saturating_add(1));
        let is_read = known.inputs.contains(name)
            || name.to_ascii_lowercase().contains("comment")
            || behind.any(|value| mentions(value, name))
            || later.iter().any(|later| reads(later, name));
        if is_read {
            continue;
        }
        let processor = placed.step.processor();
        let others = known.inputs.iter().map(String::as_str);
        let meant = nearest(name, others).filter(|meant| !arguments.contains_key(*meant));
        let opaque = later.iter().any(|later| later.kind.is_opaque());
        let place = placed.argument(name);
        match meant {
            Some(meant) => {
                let severity = if opaque {
                    Severity::Warning
                } else {
                    Severity::Error
                };
                let message = format!("{processor} knows no argument `{name}`");
                chain.find_as(
                    severity,
                    &rules::MISSPELT_ARGUMENT,
                    (&placed.file, &place),
                    [message, format!("Write `{meant}`.")],
                );
            }
            // A stranger behind it may read it.
            None if opaque => {}
            None => chain.find(
                &rules::UNREAD_ARGUMENT,
                (&placed.file, &place),
                format!(
                    "{processor} does not know the argument `{name}`, and no later step reads it"
                ),
                "Remove it, or use a VariableSetter if a later recipe is to read it.",
            ),
        }
    }
}

/// Whether a step is known to read the variable `name`.
fn reads(placed: &Placed<'_>, name: &str) -> bool {
    let declared = match &placed.kind {
        Kind::Native(known) => {
            let also = || known.also_reads.iter().any(|also| also == name);
            known.inputs.iter().any(|input| input == name) || also()
        }
        _ => false,
    };
    let arguments = placed.step.arguments();
    declared
        || arguments.values().any(|value| mentions(value, name))
        || predicate_words(arguments).any(|word| word == name)
}

/// A predicate reads variables by their bare names.
fn predicate_words(arguments: &Dict) -> impl Iterator<Item = &str> {
    let predicate = arguments.get("predicate").and_then(Value::as_str);
    predicate
        .unwrap_or_default()
        .split(|letter: char| !letter.is_alphanumeric() && letter != '_')
}

fn mentions(value: &Value, name: &str) -> bool {
    let mut found = false;
    each_text(value, &mut |text| found |= references(text).contains(&name));
    found
}

fn each_text<'v>(value: &'v Value, see: &mut impl FnMut(&'v str)) {
    match value {
        Value::String(text) => see(text),
        Value::Array(values) => values.iter().for_each(|value| each_text(value, see)),
        Value::Dict(dict) => dict.values().for_each(|value| each_text(value, see)),
        _ => {}
    }
}

/// References to what nothing has set so far. The arguments of the step become variables one after the other.
fn undefined(chain: &mut Chain<'_>, placed: &Placed<'_>, set: &mut BTreeSet<String>) {
    for (name, value) in placed.step.arguments() {
        let mut gone: Vec<&str> = Vec::new();
        each_text(value, &mut |text| {
            let referred = references(text);
            let unset = referred.iter().filter(|name| !set.contains(**name));
            // A text of other signs of percent, such as a format of dates, stays as it is, and ought to.
            let is_text = referred.iter().all(|name| name.len() <= 2);
            gone.extend(unset.filter(|_| !is_text));
        });
        gone.sort_unstable();
        gone.dedup();
        for reference in gone {
            let message = format!(
                "nothing sets `%{reference}%` before `{name}` of {} uses it",
                placed.step.processor()
            );
            let mend = match nearest(reference, set.iter().map(String::as_str)) {
                Some(meant) => format!("Write `%{meant}%`, or give it a value in Input."),
                None => {
                    "Give it a value in Input, in an override or in the preferences.".to_owned()
                }
            };
            chain.find(
                &rules::UNDEFINED_VARIABLE,
                (&placed.file, &placed.argument(name)),
                message,
                mend,
            );
        }
        set.insert(name.clone());
    }
}

fn missing(chain: &mut Chain<'_>, placed: &Placed<'_>, known: &Known, set: &BTreeSet<String>) {
    for name in known.required.iter().filter(|name| !set.contains(*name)) {
        chain.find(
            &rules::MISSING_ARGUMENT,
            (&placed.file, &placed.path(&["Processor".into()])),
            format!(
                "{} cannot go without `{name}`, which nothing sets",
                placed.step.processor()
            ),
            format!("Give it `{name}` in its Arguments."),
        );
    }
}

/// The variables whose names the recipe itself chose.
fn chosen_outputs(chain: &Chain<'_>, index: usize, placed: &Placed<'_>) -> Vec<String> {
    let text = |name: &str| {
        chain
            .variable(index, name)
            .map(|value| proplist::str_form(&value))
    };
    let mut names = Vec::new();
    match placed.step.processor() {
        // It sets these without declaring them.
        "AppPkgCreator" => names.extend(["bundleid", "pkg_path"].map(str::to_owned)),
        "CURLTextSearcher" | "URLTextSearcher" => {
            names.push(text("result_output_var_name").unwrap_or_else(|| "match".to_owned()));
            let pattern = text("re_pattern").unwrap_or_default();
            let groups = pattern.split("(?P<").skip(1);
            names.extend(groups.filter_map(|rest| Some(rest.split_once('>')?.0.to_owned())));
        }
        "FindAndReplace" => {
            names
                .push(text("result_output_var_name").unwrap_or_else(|| "output_string".to_owned()));
        }
        "PlistReader" => match chain.variable(index, "plist_keys") {
            Some(Value::Dict(keys)) => names.extend(keys.values().map(proplist::str_form)),
            _ => names.push("version".to_owned()),
        },
        _ => {}
    }
    names
}
