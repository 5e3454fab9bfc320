//! Finding recipes in the index.

use std::cmp::Reverse;

use super::{RecipeEntry, Runs};

/// What is sought.
#[derive(Clone, Copy, Debug, Default)]
pub struct RecipeQuery<'a> {
    /// Words, each of which has to stand somewhere in what a recipe is called or says of itself.
    pub words: &'a str,
    /// Only those that run like this.
    pub runs: Option<Runs>,
    /// Only those of which an audit found nothing but notes.
    pub only_clean: bool,
    /// Only overrides of ours.
    pub only_overrides: bool,
}

/// Those of `entries` that are sought, best first: those that are called so before those that only say so, and in the
/// order of `entries` otherwise.
pub(super) fn search<'a>(
    entries: &'a [RecipeEntry],
    query: &RecipeQuery<'_>,
) -> Vec<&'a RecipeEntry> {
    let phrase = query.words.trim().to_lowercase();
    let words: Vec<&str> = phrase.split_whitespace().collect();
    let is_meant = |entry: &&RecipeEntry| {
        query.runs.is_none_or(|runs| entry.runs == runs)
            && (!query.only_overrides || entry.is_override)
            && (!query.only_clean || is_clean(entry))
            && words.iter().all(|word| entry.text.contains(word))
    };
    let mut found: Vec<&RecipeEntry> = entries.iter().filter(is_meant).collect();
    if !phrase.is_empty() {
        found.sort_by_key(|entry| Reverse(nearness(entry, &phrase)));
    }
    found
}

fn is_clean(entry: &RecipeEntry) -> bool {
    let [errors, warnings, _notes] = entry.counts;
    errors == 0 && warnings == 0
}

/// How near a recipe's names come to a phrase.
fn nearness(entry: &RecipeEntry, phrase: &str) -> u8 {
    let near = |name: &String| match name.strip_prefix(phrase) {
        Some("") => 4,
        Some(rest) if rest.starts_with('.') => 3,
        Some(_) => 2,
        None => u8::from(name.contains(phrase)),
    };
    entry.names.iter().map(near).max().unwrap_or_default()
}
