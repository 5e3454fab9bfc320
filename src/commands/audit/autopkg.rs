//! What AutoPkg's own audit says, in its words.

use proplist::{Dict, Value};
use recipe::{MODIFIERS, Resolved, is_core_processor};

use crate::printer::Printer;

/// Steps that download.
const DOWNLOADERS: [&str; 2] = ["CURLDownloader", "URLDownloader"];
/// Steps that build packages or images.
const CREATORS: [&str; 3] = ["DmgCreator", "FlatPkgPacker", "PkgCreator"];
/// What AutoPkg's audit finds in one recipe.
pub(super) struct Flags {
    http_urls: Dict,
    missing_verifier: bool,
    foreign: Vec<String>,
    inspect: Vec<String>,
}

impl Flags {
    pub(super) fn of(recipe: &Resolved) -> Self {
        let names: Vec<&str> = recipe.steps().iter().map(recipe::Step::processor).collect();
        let has = |wanted: &[&str]| names.iter().any(|name| wanted.contains(name));
        let once = |found: Vec<&str>| {
            let mut once: Vec<String> = Vec::new();
            for name in found {
                if !once.iter().any(|known| known == name) {
                    once.push(name.to_owned());
                }
            }
            once
        };
        let is_foreign = |name: &str| !is_core_processor(name);
        let creators: Vec<&str> = CREATORS
            .into_iter()
            .filter(|creator| names.contains(creator))
            .collect();
        let foreign: Vec<&str> = names
            .iter()
            .copied()
            .filter(|name| is_foreign(name))
            .collect();
        // A change matters only if something is made of it afterwards.
        let last_use = names
            .iter()
            .rposition(|name| CREATORS.contains(name) || is_foreign(name));
        let modifiers = names
            .iter()
            .take(last_use.unwrap_or_default())
            .copied()
            .filter(|name| MODIFIERS.contains(name));
        let inspect = if creators.is_empty() && foreign.is_empty() {
            Vec::new()
        } else {
            once(creators.iter().copied().chain(modifiers).collect())
        };
        Self {
            http_urls: http_urls(recipe),
            missing_verifier: has(&DOWNLOADERS) && !has(&["CodeSignatureVerifier"]),
            foreign: foreign.into_iter().map(str::to_owned).collect(),
            inspect,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.http_urls.is_empty()
            && !self.missing_verifier
            && self.foreign.is_empty()
            && self.inspect.is_empty()
    }

    pub(super) fn to_value(&self) -> Value {
        let mut value = Dict::new();
        let mut set = |key: &str, part: Value| {
            if part.is_truthy() {
                value.insert(key.to_owned(), part);
            }
        };
        set("http_urls", self.http_urls.clone().into());
        set("MissingCodeSignatureVerifier", self.missing_verifier.into());
        set("audit_processors", self.inspect.clone().into());
        set("non_core_processors", self.foreign.clone().into());
        value.into()
    }

    pub(super) fn print(
        &self,
        name: &str,
        recipe: &Resolved,
        printer: Printer,
    ) -> anyhow::Result<()> {
        if self.is_empty() {
            printer.data(format!("{name}: no audit flags triggered."))?;
            return Ok(());
        }
        printer.data(name)?;
        printer.data(format!("    File path:        {}", recipe.path().display()))?;
        for (index, parent) in recipe.parents().iter().enumerate() {
            let title = if index == 0 { "Parent recipe(s):" } else { "" };
            printer.data(format!("    {title:<17} {}", parent.display()))?;
        }
        if self.missing_verifier {
            printer.data("    Missing CodeSignatureVerifier")?;
        }
        if !self.http_urls.is_empty() {
            printer.data("    The following http URLs were found in the recipe:")?;
            print_nested(&self.http_urls, 2, printer)?;
        }
        if !self.foreign.is_empty() {
            printer.data(
                "    The following processors are non-core and can execute arbitrary code, performing any action.",
            )?;
            printer.data(
                "    Be sure you understand what the processor does and/or you trust its source:",
            )?;
            print_names(&self.foreign, printer)?;
        }
        if !self.inspect.is_empty() {
            printer.data(
                "    The following processors make modifications and their use in this recipe should be more closely inspected:",
            )?;
            print_names(&self.inspect, printer)?;
        }
        printer.data("")?;
        Ok(())
    }
}

fn print_names(names: &[String], printer: Printer) -> anyhow::Result<()> {
    for name in names {
        printer.data(format!("        {name}"))?;
    }
    Ok(())
}

fn print_nested(dict: &Dict, depth: usize, printer: Printer) -> anyhow::Result<()> {
    let indent = "    ".repeat(depth);
    for (key, value) in dict {
        match value {
            Value::Dict(inner) => {
                printer.data(format!("{indent}{key}:"))?;
                print_nested(inner, depth.saturating_add(1), printer)?;
            }
            value => printer.data(format!("{indent}{key}: {}", proplist::str_form(value)))?,
        }
    }
    Ok(())
}

/// Values of the input and of arguments that are fetched without encryption.
fn http_urls(recipe: &Resolved) -> Dict {
    let plain = |values: &Dict| -> Dict {
        values
            .iter()
            .filter(|(_, value)| value.as_str().is_some_and(|text| text.starts_with("http:")))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    };
    let mut found = Dict::new();
    let input = plain(recipe.input());
    if !input.is_empty() {
        found.insert("Input".to_owned(), input.into());
    }
    let mut process = Dict::new();
    for step in recipe.steps() {
        let urls = plain(step.arguments());
        if !urls.is_empty() {
            let known = process
                .entry(step.processor().to_owned())
                .or_insert_with(|| Dict::new().into());
            if let Some(known) = known.as_dict_mut() {
                known.extend(urls);
            }
        }
    }
    if !process.is_empty() {
        found.insert("Process".to_owned(), process.into());
    }
    found
}
