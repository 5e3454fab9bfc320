//! Names that carry a version, as Munki 6 takes them apart.

/// Name and version of a package by its file's name: `TextWrangler2.3b1` is `TextWrangler` and `2.3b1`.
///
/// # Source
/// `nameAndVersion` in `pkgutils.py` of Munki 6.7.
pub(super) fn loose_name_and_version(text: &str) -> (&str, &str) {
    let found = long_version(text).map_or_else(
        || at_the_end(text),
        // What is found first is cut at, wherever it was searched for.
        |version| text.find(version).map(|at| (at, version)),
    );
    let Some((at, version)) = found else {
        return (text, "");
    };
    let name = text.get(..at).unwrap_or_default();
    (name.trim_end_matches([' ', '.', '-', '_', 'v']), version)
}

const fn is_digit(letter: char) -> bool {
    letter.is_ascii_digit()
}

/// The first number that two or more others follow, the first of them after a full stop, each of the others after
/// one or after an `a`, `b`, `d` or `v`.
fn long_version(text: &str) -> Option<&str> {
    text.char_indices().find_map(|(at, letter)| {
        let rest = is_digit(letter).then(|| text.get(at..))??;
        let mut end = digits(rest);
        end = joined(rest, end, &['.'])?;
        end = joined(rest, end, &['.', 'a', 'b', 'd', 'v'])?;
        while let Some(longer) = joined(rest, end, &['.', 'a', 'b', 'd', 'v']) {
            end = longer;
        }
        rest.get(..end)
    })
}

/// How many digits the text begins with.
fn digits(text: &str) -> usize {
    text.find(|letter| !is_digit(letter)).unwrap_or(text.len())
}

/// Where the number ends that is joined to what ends at `end`.
fn joined(text: &str, end: usize, joints: &[char]) -> Option<usize> {
    let after = text.get(end..)?.strip_prefix(joints)?;
    let len = digits(after);
    (len > 0).then(|| end.saturating_add(1).saturating_add(len))
}

/// The version that the text ends with, and where it begins.
fn at_the_end(text: &str) -> Option<(usize, &str)> {
    let mut start = text.len();
    for (at, letter) in text.char_indices().rev() {
        // Nothing of it yet means all of the text to Python.
        let part = match text.get(start..) {
            Some("") | None => text,
            Some(part) => part,
        };
        let belongs = match letter {
            '0'..='9' | '.' | '_' => true,
            'a' | 'b' | 'd' | 'v' => !part.contains(['a', 'b', 'd', 'v']),
            _ => false,
        };
        if !belongs {
            break;
        }
        start = at;
    }
    let part = text.get(start..).filter(|part| !part.is_empty())?;
    let version = part.trim_start_matches(|letter| !is_digit(letter));
    if version.is_empty() {
        // Without a digit, Python comes to the front of the text again.
        return Some((0, text));
    }
    Some((text.len().saturating_sub(version.len()), version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_where_munki_6_cuts_them() {
        for (given, name, version) in CASES {
            assert_eq!(loose_name_and_version(given), (name, version), "{given}");
        }
    }

    /// As `nameAndVersion` of Munki 6.7 answered.
    const CASES: [(&str, &str, &str); 31] = [
        ("TextWrangler2.3b1", "TextWrangler", "2.3b1"),
        ("AdobePhotoshopCS3-11.2.1", "AdobePhotoshopCS3", "11.2.1"),
        (
            "MicrosoftOffice2008v12.2.1",
            "MicrosoftOffice2008",
            "12.2.1",
        ),
        ("Component-2.0.1", "Component", "2.0.1"),
        ("Firefox 128.0", "Firefox", "128.0"),
        ("MSWord2021", "MSWord", "2021"),
        ("Suite_Installer", "Suite_Installer", ""),
        ("A--B-1.0", "A--B", "1.0"),
        ("2021", "", "2021"),
        ("1.2.3", "", "1.2.3"),
        ("Foo-1.0", "Foo", "1.0"),
        ("Widget_2", "Widget", "2"),
        ("Foo2b", "Foo2b", ""),
        ("Foo v1.2", "Foo", "1.2"),
        ("foo.", "", "foo."),
        ("a.b_", "", "a.b_"),
        ("_", "", "_"),
        ("x_.1", "x", "1"),
        ("Zoom 5.17.11 (34827)", "Zoom", "5.17.11"),
        ("Zoom-5.17.11-arm64", "Zoom", "5.17.11"),
        ("Foo1.0b2d3", "Foo", "1.0b2d3"),
        ("Foo-1.0.0-1.0.0", "Foo", "1.0.0"),
        ("Tool 2.0a", "Tool 2.0a", ""),
        ("Größe-1.2", "Größe", "1.2"),
        ("Foo-7", "Foo", "7"),
        ("ver1v2", "ver", "1v2"),
        ("1.0.0Foo1.0.0", "", "1.0.0"),
        ("abd", "abd", ""),
        ("Foo_10.11_b3", "Foo", "10.11_b3"),
        (
            "GoogleChrome-120.0.6099.109",
            "GoogleChrome",
            "120.0.6099.109",
        ),
        ("", "", ""),
    ];
}
