//! Paths that are the same in every version.

/// `path` with a `#` for every number in it, dots between digits included: `Widget-1.2.pkg` is `Widget-#.pkg`, whatever
/// its version.
pub(crate) fn without_versions(path: &str) -> String {
    let mut stripped = String::with_capacity(path.len());
    let mut is_number = false;
    let mut rest = path.chars();
    while let Some(character) = rest.next() {
        let next_is_digit = || {
            rest.clone()
                .next()
                .is_some_and(|next| next.is_ascii_digit())
        };
        if character.is_ascii_digit() {
            if !is_number {
                stripped.push('#');
            }
            is_number = true;
        } else if !(is_number && character == '.' && next_is_digit()) {
            stripped.push(character);
            is_number = false;
        }
    }
    stripped
}

/// The folder around `path` and its last name; the path and an empty folder, if it has only one.
pub(crate) fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

/// The last name of `path`.
pub(crate) fn name(path: &str) -> &str {
    split(path).1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn versions_do_not_count() {
        for (path, expected) in [
            ("Widget-1.2.3.pkg/Payload", "Widget-#.pkg/Payload"),
            (
                "Versions/124.0.6367.91/Helpers/x86_64",
                "Versions/#/Helpers/x#_#",
            ),
            ("a.1b", "a.#b"),
            ("1.", "#."),
            ("v2..3", "v#..#"),
            ("none", "none"),
        ] {
            assert_eq!(without_versions(path), expected);
        }
    }

    proptest! {
        #[test]
        fn another_version_is_the_same_path(
            name in "[a-z/.]{0,9}[a-z]",
            a in "[0-9]{1,3}(\\.[0-9]{1,3}){0,3}",
            b in "[0-9]{1,3}(\\.[0-9]{1,3}){0,3}",
        ) {
            let of = |version: &str| without_versions(&format!("{name}-{version}.pkg"));
            prop_assert_eq!(of(&a), of(&b));
        }
    }
}
