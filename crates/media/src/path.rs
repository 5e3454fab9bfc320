//! Paths inside a medium.

use std::borrow::Cow;

use wire::ParseError;

use crate::MediaError;

/// Longest path that is taken from a medium, in bytes.
const LONGEST: usize = 8 << 10;

/// Deepest nesting of folders that is taken from a medium.
const DEEPEST: usize = 200;

/// Deepest nesting that is followed in a tree: a damaged file system may hold a folder inside itself.
const DEEPEST_WALK: usize = 300;

/// States that the folder at `path` is not nested too deeply to be gone through, and that its path, which everything in
/// it has in front of its own name, is not too long.
///
/// # Errors
/// If it is.
pub(crate) fn check_depth(path: &str) -> Result<(), MediaError> {
    let (limit, unit) = if path.split('/').count() > DEEPEST_WALK {
        (DEEPEST_WALK, "levels")
    } else if path.len() > LONGEST {
        (LONGEST, "bytes in a path")
    } else {
        return Ok(());
    };
    Err(MediaError::Parse(ParseError::Budget {
        structure: "tree",
        limit: limit as u64,
        unit,
    }))
}

/// A path as an archive stores it, in the form that [`crate::Tree`] has; empty for the root.
///
/// # Errors
/// [`MediaError::Escapes`] for absolute paths, `..`, and what no file system could hold.
pub(crate) fn clean(stored: &str) -> Result<String, MediaError> {
    let escapes = || MediaError::Escapes {
        path: stored.chars().take(256).collect(),
    };
    if stored.starts_with('/') || stored.len() > LONGEST || stored.contains('\0') {
        return Err(escapes());
    }
    let mut names = Vec::new();
    for name in stored.split('/') {
        match name {
            "" | "." => {}
            ".." => return Err(escapes()),
            name => names.push(name),
        }
    }
    if names.len() > DEEPEST {
        return Err(escapes());
    }
    Ok(names.join("/"))
}

/// A path, or where a link leads, as text. In a name that is not UTF-8 the bytes that are none are percent-encoded, and
/// the percent signs too, so that no two of them become one. Names that are UTF-8 stay as they are.
pub(crate) fn from_bytes(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let names: Vec<_> = bytes
        .split(|byte| *byte == b'/')
        .map(name_from_bytes)
        .collect();
    Cow::Owned(names.join("/"))
}

fn name_from_bytes(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(&chunk.valid().replace('%', "%25"));
        for byte in chunk.invalid().iter().copied() {
            let digits = [byte >> 4, byte & 0xf];
            let digits = digits.map(|digit| char::from_digit(u32::from(digit), 16));
            let digits = digits.into_iter().flatten();
            text.push('%');
            text.extend(digits.map(|digit| digit.to_ascii_uppercase()));
        }
    }
    Cow::Owned(text)
}

/// The path of `name` in the folder at `folder`.
pub(crate) fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() {
        return name.to_owned();
    }
    let len = folder.len().saturating_add(name.len()).saturating_add(1);
    let mut path = String::with_capacity(len);
    path.push_str(folder);
    path.push('/');
    path.push_str(name);
    path
}

/// The folder that `path` is in, and its last name; both empty for the root.
pub(crate) fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_relative_ones_or_are_refused() {
        for (stored, expected) in [
            ("./a//b/./c/", "a/b/c"),
            (".", ""),
            ("", ""),
            ("a/..b", "a/..b"),
        ] {
            assert_eq!(clean(stored).unwrap(), expected);
        }
        for stored in ["/etc", "..", "a/../b", "a\0b", &"a/".repeat(300)] {
            assert!(clean(stored).is_err(), "{stored:?}");
        }
    }

    #[test]
    fn names_that_are_not_utf_8_stay_apart() {
        for (stored, expected) in [
            (&b"a%FF/\xc3\xa4"[..], "a%FF/\u{e4}"),
            (b"a\xff", "a%FF"),
            (b"a\xfe", "a%FE"),
            (b"50%/a%\x0a\xe2\x82/\xc3\xa4", "50%/a%25\n%E2%82/\u{e4}"),
            (b"", ""),
        ] {
            assert_eq!(from_bytes(stored), expected);
        }
    }

    #[test]
    fn folders_are_neither_too_deep_nor_is_their_path_too_long() {
        let long = "a".repeat(200) + "/";
        assert!(check_depth("").is_ok());
        assert!(check_depth(&"a/".repeat(299)).is_ok());
        assert!(check_depth(&"a/".repeat(300)).is_err());
        assert!(check_depth(&long.repeat(40)).is_ok());
        assert!(check_depth(&long.repeat(41)).is_err());
    }

    #[test]
    fn joins_what_it_splits() {
        assert_eq!(join("", "a"), "a");
        assert_eq!(join("a/b", "c"), "a/b/c");
        assert_eq!(split("a/b/c"), ("a/b", "c"));
        assert_eq!(split("a"), ("", "a"));
    }
}
