//! Wildcards as Python's `glob` has them, inside media too.
//!
//! # Source
//! `CPython` 3.11: `glob.py`, `fnmatch.py`.

use std::path::Path;

use crate::{StepError, place::Place};

/// Whether a wildcard may stand for several folders.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Depth {
    /// `**` means `*`.
    Flat,
    /// `**` means any number of folders.
    Recursive,
}

/// Every path that `pattern` matches, sorted by code point, so that the choice among several never depends on the
/// file system. A pattern without wildcards matches itself if it is there, an empty one nothing.
pub(crate) fn glob(pattern: &str, depth: Depth) -> Result<Vec<String>, StepError> {
    if pattern.is_empty() {
        // To the file system it would be the current folder.
        return Ok(Vec::new());
    }
    if !has_wildcard(pattern) {
        // A link is there even if it leads nowhere.
        let there =
            Path::new(pattern).symlink_metadata().is_ok() || Place::find(pattern)?.is_some();
        return Ok(there.then(|| pattern.to_owned()).into_iter().collect());
    }
    let names: Vec<&str> = pattern.split('/').collect();
    let fixed = names
        .iter()
        .position(|name| has_wildcard(name))
        .unwrap_or(names.len());
    let (base, rest) = names.split_at(fixed);
    let base = base.join("/");
    // However many slashes are before the first wildcard, one is left of them.
    let (entered, prefix) = match base.trim_end_matches('/') {
        "" if pattern.starts_with('/') => ("/", "/".to_owned()),
        "" => (".", String::new()),
        base => (base, format!("{base}/")),
    };
    let mut found = Vec::new();
    if let Some(place) = Place::enter(entered)? {
        let mut search = Search {
            depth,
            found: &mut found,
        };
        search.expand(&place, &prefix, rest)?;
    }
    found.sort();
    found.dedup();
    Ok(found)
}

fn has_wildcard(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

struct Search<'a> {
    depth: Depth,
    found: &'a mut Vec<String>,
}

impl Search<'_> {
    /// Adds what `names` match below `place`; `prefix` is the path so far with its slash.
    fn expand(&mut self, place: &Place, prefix: &str, names: &[&str]) -> Result<(), StepError> {
        let Some((name, rest)) = names.split_first() else {
            return Ok(());
        };
        if *name == "**" && self.depth == Depth::Recursive {
            return self.expand_deep(place, prefix, rest);
        }
        if name.is_empty() {
            // Two slashes, or one at the end.
            return match rest {
                [] => self.add(prefix.trim_end_matches('/')),
                rest => self.expand(place, prefix, rest),
            };
        }
        for child in matching(place, name)? {
            let path = format!("{prefix}{child}");
            if rest.is_empty() {
                self.add(&path)?;
            } else if let Some(below) = place.join(&child)?.filter(Place::is_folder) {
                self.expand(&below, &format!("{path}/"), rest)?;
            }
        }
        Ok(())
    }

    /// `**`: the folder itself, and every folder below it that is not hidden; as the last name, files too.
    fn expand_deep(&mut self, place: &Place, prefix: &str, rest: &[&str]) -> Result<(), StepError> {
        if rest.is_empty() {
            self.add(prefix)?;
        } else {
            self.expand(place, prefix, rest)?;
        }
        for child in place.names()? {
            if child.starts_with('.') {
                continue;
            }
            let path = format!("{prefix}{child}");
            // Links are not followed on the way down: a circle of them would have no end.
            let below = place.join(&child)?.filter(Place::is_folder);
            match below.filter(|_| !place.is_link(&child)) {
                Some(below) if rest.is_empty() => {
                    self.add(&path)?;
                    self.deeper(&below, &format!("{path}/"))?;
                }
                Some(below) => self.expand_deep(&below, &format!("{path}/"), rest)?,
                None if rest.is_empty() => self.add(&path)?,
                None => {}
            }
        }
        Ok(())
    }

    fn deeper(&mut self, place: &Place, prefix: &str) -> Result<(), StepError> {
        for child in place.names()? {
            if child.starts_with('.') {
                continue;
            }
            let path = format!("{prefix}{child}");
            self.add(&path)?;
            let below = place.join(&child)?.filter(Place::is_folder);
            if let Some(below) = below.filter(|_| !place.is_link(&child)) {
                self.deeper(&below, &format!("{path}/"))?;
            }
        }
        Ok(())
    }

    /// More than this many matches are no wildcard but a mistake.
    const MOST: usize = 1 << 20;

    fn add(&mut self, path: &str) -> Result<(), StepError> {
        if self.found.len() >= Self::MOST {
            return Err(StepError::configuration(
                "the wildcard matches too many files",
            ));
        }
        self.found.push(path.to_owned());
        Ok(())
    }
}

/// The names in `place` that match one name of a pattern.
fn matching(place: &Place, name: &str) -> Result<Vec<String>, StepError> {
    if !has_wildcard(name) {
        let there = place.is_link(name) || place.join(name)?.is_some();
        return Ok(there.then(|| name.to_owned()).into_iter().collect());
    }
    let shows_hidden = name.starts_with('.');
    let names = place.names()?.into_iter();
    Ok(names
        .filter(|child| shows_hidden || !child.starts_with('.'))
        .filter(|child| matches(name, child))
        .collect())
}

/// Whether `name` has the form of `pattern`: `*`, `?`, `[abc]`, `[a-z]`, `[!abc]`.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    let tokens = tokens(pattern);
    let letters: Vec<char> = name.chars().collect();
    let (mut token, mut letter) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(&current) = letters.get(letter) {
        match tokens.get(token) {
            Some(Token::Many) => {
                star = Some((token, letter));
                token += 1;
            }
            Some(other) if other.matches(current) => {
                token += 1;
                letter += 1;
            }
            _ => match star {
                // The last star takes one letter more.
                Some((at, eaten)) => {
                    star = Some((at, eaten + 1));
                    token = at + 1;
                    letter = eaten + 1;
                }
                None => return false,
            },
        }
    }
    tokens
        .iter()
        .skip(token)
        .all(|token| matches!(token, Token::Many))
}

enum Token {
    /// `*`
    Many,
    /// `?`
    One,
    /// A letter.
    Letter(char),
    /// `[…]`: ranges, and whether they are excluded.
    Set(Vec<(char, char)>, bool),
}

impl Token {
    fn matches(&self, letter: char) -> bool {
        match self {
            Self::Many => false,
            Self::One => true,
            Self::Letter(own) => *own == letter,
            Self::Set(ranges, excluded) => {
                let inside = ranges
                    .iter()
                    .any(|(low, high)| (*low..=*high).contains(&letter));
                inside != *excluded
            }
        }
    }
}

fn tokens(pattern: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = pattern;
    while let Some(letter) = rest.chars().next() {
        let after = rest.get(letter.len_utf8()..).unwrap_or_default();
        rest = after;
        match letter {
            '*' => tokens.push(Token::Many),
            '?' => tokens.push(Token::One),
            '[' => match set(after) {
                Some((set, after)) => {
                    tokens.push(set);
                    rest = after;
                }
                None => tokens.push(Token::Letter('[')),
            },
            letter => tokens.push(Token::Letter(letter)),
        }
    }
    tokens
}

/// The set that begins after `[`, and what follows it; nothing if it is never closed.
fn set(text: &str) -> Option<(Token, &str)> {
    let (excluded, inside) = text
        .strip_prefix('!')
        .map_or((false, text), |rest| (true, rest));
    // A bracket that comes first is a member.
    let first = inside.chars().next()?.len_utf8();
    let end = first + inside.get(first..)?.find(']')?;
    let members: Vec<char> = inside.get(..end)?.chars().collect();
    let mut ranges = Vec::new();
    let mut members = members.as_slice();
    loop {
        members = match members {
            [low, '-', high, rest @ ..] => {
                ranges.push((*low, *high));
                rest
            }
            [one, rest @ ..] => {
                ranges.push((*one, *one));
                rest
            }
            [] => break,
        };
    }
    Some((Token::Set(ranges, excluded), inside.get(end + 1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_as_in_python() {
        for (pattern, name, expected) in [
            ("*.app", "A.app", true),
            ("*.app", "A.App", false),
            ("a?c", "abc", true),
            ("[!a]b", "cb", true),
            ("[!a]b", "ab", false),
            ("[a-c]x", "bx", true),
            ("[]]x", "]x", true),
            ("[x", "[x", true),
            ("*a*b", "xaxxb", true),
            ("*a*b", "xaxx", false),
            ("{a,b}", "a", false),
            ("é*", "été", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn finds_sorted_and_passes_over_hidden_names() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_str().unwrap();
        for path in ["b/x.app", "a/y.app", "a/deep/z.app", ".hid/w.app"] {
            fs_err::create_dir_all(folder.path().join(path)).unwrap();
        }
        fs_err::os::unix::fs::symlink("..", folder.path().join("a/loop")).unwrap();
        let found = |pattern: &str, depth| -> Vec<String> {
            let found = glob(&format!("{root}/{pattern}"), depth).unwrap();
            let cut = |path: &String| path.replace(&format!("{root}/"), "");
            found.iter().map(cut).collect()
        };
        assert_eq!(found("*/*.app", Depth::Flat), ["a/y.app", "b/x.app"]);
        assert_eq!(
            found("**/*.app", Depth::Recursive),
            ["a/deep/z.app", "a/y.app", "b/x.app"]
        );
        assert_eq!(found("**/*.app", Depth::Flat), ["a/y.app", "b/x.app"]);
        assert_eq!(found("a/y.app", Depth::Flat), ["a/y.app"]);
        assert!(found("c/*", Depth::Flat).is_empty());
        assert!(glob("", Depth::Recursive).unwrap().is_empty());
        assert_eq!(found("a/**", Depth::Recursive).len(), 5);
        assert_eq!(found("a//*.app", Depth::Flat), ["a/y.app"]);
        assert_eq!(found("*//*.app", Depth::Flat), ["a/y.app", "b/x.app"]);
    }

    #[test]
    fn a_link_that_leads_nowhere_is_found() {
        let folder = tempfile::tempdir().unwrap();
        fs_err::os::unix::fs::symlink("nothing", folder.path().join("link")).unwrap();
        let root = folder.path().to_str().unwrap();
        for pattern in ["link", "l*"] {
            let found = glob(&format!("{root}/{pattern}"), Depth::Flat).unwrap();
            assert_eq!(found, [format!("{root}/link")], "{pattern}");
        }
        let found = glob(&format!("{root}/link/"), Depth::Flat).unwrap();
        assert!(found.is_empty());
    }
}
