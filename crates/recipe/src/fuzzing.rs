//! Entries for the fuzzer; each must return, whatever the bytes.

use std::{hint::black_box, path::Path};

/// Both recipe formats, and what is read out of them.
pub fn recipe(bytes: &[u8]) {
    for name in ["x.recipe", "x.recipe.yaml"] {
        let Ok(recipe) = crate::Recipe::parse(Path::new(name), bytes) else {
            continue;
        };
        let trust = crate::TrustInfo::of_recipe(&recipe);
        let format = crate::Format::of_path(recipe.path());
        let written = crate::to_bytes(recipe.keys(), format, recipe.path());
        drop((trust, written, recipe.parent(), recipe.identifier()));
    }
}

/// A recipe list.
pub fn list(bytes: &[u8]) {
    drop(crate::RecipeList::parse(bytes));
}

/// Substitution and version order, on text.
pub fn text(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (left, right) = text.split_once('\n').unwrap_or((&text, ""));
    let variables = [("A".to_owned(), right.into())].into_iter().collect();
    drop(crate::substitute(&left.into(), &variables));
    let (left, right) = (
        crate::LooseVersion::new(left),
        crate::LooseVersion::new(right),
    );
    black_box(left.compare_padded(&right));
    black_box(left.at_least(&right).is_ok());
}
