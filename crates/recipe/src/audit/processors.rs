//! Which processors a recipe uses.

use super::{
    chain::{Chain, Kind, Placed},
    nearest::nearest,
    rules,
};
use crate::{Scope, core_processors::split_processor};

/// Steps that build packages or images.
const CREATORS: [&str; 4] = ["AppPkgCreator", "DmgCreator", "FlatPkgPacker", "PkgCreator"];
/// Steps that can change what a vendor made.
///
/// # Source
/// `autopkg` 2.9.1, `audit`.
pub const MODIFIERS: [&str; 7] = [
    "Copier",
    "FileCreator",
    "FileMover",
    "PathDeleter",
    "PkgInfoCreator",
    "PlistEditor",
    "Symlinker",
];
/// Processors that `AutoPkg` keeps for old recipes, and what to do about it.
const DEPRECATED: [(&str, &str); 3] = [
    ("CURLDownloader", "Use URLDownloader, which does the same."),
    (
        "CURLTextSearcher",
        "Use URLTextSearcher, which does the same.",
    ),
    (
        "MunkiCatalogBuilder",
        "Remove the step: catalogs are made with every publication.",
    ),
];

pub(super) fn look(chain: &mut Chain<'_>) {
    let steps = chain.steps.clone();
    // A change matters only if something is made of it afterwards.
    let last_use = steps
        .iter()
        .rposition(|placed| CREATORS.contains(&placed.step.processor()) || placed.kind.is_opaque());
    for (index, placed) in steps.iter().enumerate() {
        let name = placed.step.processor();
        match &placed.kind {
            Kind::Native(_) => shadow(chain, placed),
            Kind::Community(path) => {
                let message = format!("{name} is a program of its own: `{}`", path.display());
                chain.find(
                    &rules::COMMUNITY_PROCESSOR,
                    (&placed.file, &placed.path(&["Processor".into()])),
                    message,
                    "Read it. `auto-update trust show` lists everything that an approval covers.",
                );
            }
            Kind::Unsupported => chain.find(
                &rules::UNSUPPORTED_PROCESSOR,
                (&placed.file, &placed.path(&["Processor".into()])),
                format!("{name} does not exist here"),
                "Use a recipe without that step, such as the one of its kind for Munki.",
            ),
            Kind::Unknown => unknown(chain, placed),
        }
        deprecated(chain, placed);
        if MODIFIERS.contains(&name) && last_use.is_some_and(|last| index < last) {
            chain.find(
                &rules::MODIFIES_CONTENTS,
                (&placed.file, &placed.path(&["Processor".into()])),
                format!("{name} may change what is packaged afterwards"),
                "Look at its arguments.",
            );
        }
    }
}

fn shadow(chain: &mut Chain<'_>, placed: &Placed<'_>) {
    let name = placed.step.processor();
    if let Some(path) = chain.library.processor_path(chain.recipe, name) {
        chain.find(
            &rules::SHADOWED_PROCESSOR,
            (&placed.file, &placed.path(&["Processor".into()])),
            format!("AutoPkg runs `{}` for {name}", path.display()),
            "Give the file another name if the recipe needs it, or remove it.",
        );
    }
}

fn unknown(chain: &mut Chain<'_>, placed: &Placed<'_>) {
    let written = placed.step.processor();
    let (identifier, name) = split_processor(written);
    let place = placed.path(&["Processor".into()]);
    let (message, mend) = match identifier {
        Some(identifier) => match chain.library.find_identifier(identifier, Scope::Recipes) {
            None => (
                format!("{name} is to come with the recipe `{identifier}`, which is not here"),
                "Add the repository that has it (`auto-update repo-add`), or correct the name."
                    .to_owned(),
            ),
            Some(path) => (
                format!("there is no {name}.py beside `{}`", path.display()),
                "Correct the name, or bring that repository up to date.".to_owned(),
            ),
        },
        None => (
            format!("nobody knows the processor {name}"),
            match nearest(name, chain.manual.names()) {
                Some(meant) => format!("Write `{meant}`."),
                None => format!(
                    "Put {name}.py beside the recipe, or use a native processor; `auto-update list-processors` lists them."
                ),
            },
        ),
    };
    chain.find(
        &rules::UNKNOWN_PROCESSOR,
        (&placed.file, &place),
        message,
        mend,
    );
}

fn deprecated(chain: &mut Chain<'_>, placed: &Placed<'_>) {
    let name = placed.step.processor();
    if let Some((_, mend)) = DEPRECATED.iter().find(|(old, _)| *old == name) {
        chain.find(
            &rules::DEPRECATED_PROCESSOR,
            (&placed.file, &placed.path(&["Processor".into()])),
            format!("{name} is deprecated"),
            *mend,
        );
    }
    if name == "DeprecationWarning" {
        let warning = placed.step.arguments().get("warning_message");
        let said = warning.map(|text| proplist::str_form(&chain.filled(text)));
        chain.find(
            &rules::DEPRECATED_RECIPE,
            (&placed.file, &placed.path(&["Processor".into()])),
            said.as_deref()
                .map(str::trim)
                .filter(|text| !text.is_empty())
                .unwrap_or("the recipe is deprecated"),
            "Look for another recipe of the title.",
        );
    }
}
