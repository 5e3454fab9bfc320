//! The predicates of public recipes.

use std::path::Path;

use crate::Predicate;

/// Python in place of a predicate; and references that no input of the recipe defines.
fn is_a_recipes_own_fault(predicate: &str) -> bool {
    predicate.contains("__import__") || predicate.contains('%')
}

#[test]
fn every_predicate_of_public_recipes_is_understood() {
    let corpus = std::env::var("AUTO_UPDATE_CORPUS").unwrap_or_else(|_unset| {
        concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpus").to_owned()
    });
    let file = Path::new(&corpus).join("recipes/predicates.txt");
    let Ok(text) = std::fs::read_to_string(&file) else {
        println!("skipped: there is no {}", file.display());
        return;
    };
    let mut understood = 0;
    for line in text.lines() {
        // The shapes at the end of the file are no predicates.
        if line.starts_with("# shapes") {
            break;
        }
        let Some((_, predicate)) = line.split_once('\t') else {
            continue;
        };
        let Ok(predicate) = unquoted(predicate) else {
            continue;
        };
        match Predicate::parse(&predicate) {
            Ok(_) => understood += 1,
            Err(error) => assert!(is_a_recipes_own_fault(&predicate), "{predicate}: {error}"),
        }
    }
    assert!(understood > 100, "{understood}");
}

/// The text of a JSON string; the corpus escapes nothing but these.
fn unquoted(json: &str) -> Result<String, ()> {
    let inside = json
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .ok_or(())?;
    Ok(inside
        .replace("\\\"", "\"")
        .replace("\\n", "\n")
        .replace("\\\\", "\\"))
}
