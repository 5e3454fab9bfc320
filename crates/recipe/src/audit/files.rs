//! What single files say of themselves.

use std::path::Path;

use proplist::{Part, Value, str_form};

use super::{
    chain::{Chain, Placed},
    nearest::nearest,
    rules,
};
use crate::{LooseVersion, Recipe};

/// The keys of a recipe that mean something.
const KEYS: [&str; 7] = [
    "Description",
    "Identifier",
    "Input",
    "MinimumVersion",
    "ParentRecipe",
    "ParentRecipeTrustInfo",
    "Process",
];
/// The keys of a step that mean something.
const STEP_KEYS: [&str; 2] = ["Arguments", "Processor"];

pub(super) fn look(chain: &mut Chain<'_>) {
    for recipe in chain.recipe.chain() {
        keys(chain, recipe);
        identifier(chain, recipe);
        minimum_version(chain, recipe);
    }
    for placed in chain.steps.clone() {
        step_keys(chain, &placed);
    }
    empty_process(chain);
    trust_info(chain);
}

fn keys(chain: &mut Chain<'_>, recipe: &Recipe) {
    for key in recipe.keys().keys() {
        let meant = nearest(key, KEYS).filter(|meant| !recipe.keys().contains_key(*meant));
        if let Some(meant) = meant {
            chain.find(
                &rules::MISSPELT_KEY,
                (recipe.path(), &[key.as_str().into()]),
                format!("the key `{key}` means nothing"),
                format!("Write `{meant}`."),
            );
        }
    }
}

fn identifier(chain: &mut Chain<'_>, recipe: &Recipe) {
    let place: [Part; 1] = ["Identifier".into()];
    let Some(identifier) = recipe.identifier().filter(|text| !text.is_empty()) else {
        chain.find(
            &rules::NO_IDENTIFIER,
            (recipe.path(), &place),
            "it has no Identifier",
            "Give it one that nobody else has, such as `com.github.OWNER.munki.NAME`.",
        );
        return;
    };
    let same = |path: &Path| crate::absolute(path) == crate::absolute(recipe.path());
    let all = chain.library.find_all(identifier);
    let others: Vec<&Path> = all
        .iter()
        .map(AsRef::as_ref)
        .filter(|path| !same(path))
        .collect();
    if others.is_empty() || !all.iter().any(|path| same(path)) {
        return; // An override has the folders of overrides to itself.
    }
    let first = if all.first().is_some_and(|path| same(path)) {
        "this one is found first"
    } else {
        "the first of them is found in place of this one"
    };
    let listed: Vec<String> = others
        .iter()
        .map(|path| format!("`{}`", path.display()))
        .collect();
    chain.find(
        &rules::DUPLICATE_IDENTIFIER,
        (recipe.path(), &place),
        format!(
            "`{identifier}` is also the Identifier of {}; {first}",
            listed.join(", ")
        ),
        "Give one of them another Identifier, or take its folder out of the search.",
    );
}

fn minimum_version(chain: &mut Chain<'_>, recipe: &Recipe) {
    let Some(wanted) = recipe.keys().get("MinimumVersion").map(str_form) else {
        return;
    };
    let ours = chain.manual.autopkg_version().to_owned();
    let message = match LooseVersion::new(&ours).at_least(&LooseVersion::new(&wanted)) {
        Ok(true) => return,
        Ok(false) => format!("it asks for AutoPkg {wanted}; this program does what {ours} does"),
        Err(_) => format!("its MinimumVersion `{wanted}` cannot be compared with {ours}"),
    };
    chain.find(
        &rules::MINIMUM_VERSION,
        (recipe.path(), &["MinimumVersion".into()]),
        message,
        "Lower it in an override or a copy, if the recipe needs nothing that is newer.",
    );
}

fn step_keys(chain: &mut Chain<'_>, placed: &Placed<'_>) {
    let Some(written) = placed.step.written().as_dict() else {
        return;
    };
    for key in written.keys() {
        let place = placed.path(&[key.as_str().into()]);
        let processor = placed.step.processor();
        let known = chain.manual.processor(processor);
        let is_input = known.is_some_and(|known| known.inputs.contains(key));
        if STEP_KEYS.contains(&key.as_str()) {
            continue;
        }
        if is_input {
            chain.find(
                &rules::MISPLACED_ARGUMENT,
                (&placed.file, &place),
                format!("`{key}` of {processor} stands beside its Arguments"),
                "Move it into Arguments.",
            );
        } else if let Some(meant) =
            nearest(key, STEP_KEYS).filter(|meant| !written.contains_key(*meant))
        {
            chain.find(
                &rules::MISSPELT_KEY,
                (&placed.file, &place),
                format!("the key `{key}` of a step means nothing"),
                format!("Write `{meant}`."),
            );
        }
    }
}

fn empty_process(chain: &mut Chain<'_>) {
    let recipe = chain.recipe;
    let is_stub = recipe.parents().is_empty();
    if chain.steps.is_empty() {
        let mend = if is_stub {
            "Nothing, if it only makes the processors beside it known; otherwise give it steps or a parent."
        } else {
            "Give it steps, or another parent."
        };
        chain.find(
            &rules::EMPTY_PROCESS,
            (recipe.path(), &["Process".into()]),
            "it has no steps, its parents' counted",
            mend,
        );
    }
}

fn trust_info(chain: &mut Chain<'_>) {
    let recipe = chain.recipe;
    if recipe.is_override() && recipe.trust_info().is_none() {
        chain.find(
            &rules::MISSING_TRUST_INFO,
            (recipe.path(), &["ParentRecipe".into()]),
            "the override has no ParentRecipeTrustInfo",
            format!(
                "Look at its parents, then `auto-update update-trust-info {}`.",
                recipe.name()
            ),
        );
    }
}

/// Whether a value is given and says something.
pub(super) fn says(value: Option<&Value>) -> bool {
    value.is_some_and(Value::is_truthy)
}
