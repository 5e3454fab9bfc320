//! Regular expressions with the meaning that Python's `re` gives them.
//!
//! A pattern is translated to fancy-regex's language: `$` also matches before a last line feed, `{` that begins no
//! quantifier is a letter, `\<` is a letter, `\w` and `\s` are Python's, brackets nest nowhere. Which group closed
//! last (`lastindex`) is told by the order of closing parentheses; see [`Match::last_index`].
//!
//! # Source
//! `CPython` 3.11: `re/_parser.py`, `_sre/sre_lib.h`.

mod flags;
mod translate;

#[cfg(test)]
mod tests;

use fancy_regex::{Regex, RegexBuilder};

use flags::Flags;
use translate::{Translated, translate};

/// Why a pattern cannot be used, or a search not be finished.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PatternError {
    /// Python would refuse the pattern too.
    #[error("{what} at position {position}")]
    Syntax {
        /// What is wrong.
        what: &'static str,
        /// Where, in characters from 0.
        position: usize,
    },
    /// The engine refuses the pattern, or gives up on a text.
    #[error("the regular expression cannot be used")]
    Engine(#[from] Box<fancy_regex::Error>),
}

/// A pattern of Python's.
#[derive(Debug)]
pub(crate) struct Pattern {
    regex: Regex,
    /// For each group from 1, how many groups close before it.
    closing_order: Vec<usize>,
    /// Whether a group may close more than once.
    repeats_groups: bool,
}

/// What a search found.
#[derive(Debug)]
pub(crate) struct Match<'t> {
    /// The whole match, then each group; nothing for a group that took no part.
    pub(crate) groups: Vec<Option<fancy_regex::Match<'t>>>,
    /// Names and numbers of named groups, in the order of the pattern.
    pub(crate) names: Vec<(String, usize)>,
    /// Python's `lastindex`: the group that closed last.
    pub(crate) last_index: Option<usize>,
}

impl Match<'_> {
    /// The text of a group, 0 being the whole match.
    pub(crate) fn text(&self, group: usize) -> Option<&str> {
        self.groups
            .get(group)?
            .as_ref()
            .map(fancy_regex::Match::as_str)
    }
}

impl Pattern {
    /// Translates `pattern`; `flags` are names of Python's flags, unknown ones are passed over as `AutoPkg` does.
    ///
    /// # Errors
    /// If it is no pattern.
    pub(crate) fn new(pattern: &str, flags: &[String]) -> Result<Self, PatternError> {
        Self::build(pattern, Flags::of_names(flags), "")
    }

    /// As [`Pattern::new`], but matches only at the start of a text, as Python's `re.match`.
    ///
    /// # Errors
    /// If it is no pattern.
    pub(crate) fn at_start(pattern: &str) -> Result<Self, PatternError> {
        Self::build(pattern, Flags::default(), r"\A")
    }

    fn build(pattern: &str, flags: Flags, before: &str) -> Result<Self, PatternError> {
        let Translated {
            pattern,
            flags,
            closing_order,
            repeats_groups,
        } = translate(pattern, flags)?;
        let regex = RegexBuilder::new(&format!("{before}(?:{pattern})"))
            .case_insensitive(flags.ignore_case)
            .multi_line(flags.multi_line)
            .dot_matches_new_line(flags.dot_all)
            .build()
            .map_err(Box::new)?;
        Ok(Self {
            regex,
            closing_order,
            repeats_groups,
        })
    }

    /// The first place where the pattern matches.
    ///
    /// # Errors
    /// If the engine gives up.
    pub(crate) fn search<'t>(&self, text: &'t str) -> Result<Option<Match<'t>>, PatternError> {
        let Some(captures) = self.regex.captures(text).map_err(Box::new)? else {
            return Ok(None);
        };
        let groups: Vec<Option<fancy_regex::Match<'t>>> = captures.iter().collect();
        let names = self
            .regex
            .capture_names()
            .enumerate()
            .filter_map(|(index, name)| name.map(|name| (name.to_owned(), index)))
            .collect();
        Ok(Some(Match {
            last_index: self.last_index(&groups),
            groups,
            names,
        }))
    }

    /// Groups close in the order of their closing parentheses, unless something repeats: then the one that ends
    /// further on closed later.
    fn last_index(&self, groups: &[Option<fancy_regex::Match<'_>>]) -> Option<usize> {
        let closed = |index: usize| self.closing_order.get(index.saturating_sub(1)).copied();
        groups
            .iter()
            .enumerate()
            .skip(1)
            .filter_map(|(index, group)| group.as_ref().map(|group| (index, group.end())))
            .max_by_key(|&(index, end)| {
                let end = if self.repeats_groups { end } else { 0 };
                (end, closed(index))
            })
            .map(|(index, _)| index)
    }
}
