//! A path in a view, from the bytes of a request to a location in the repository.

use publication::Kind;

/// A path in a view.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct PodPath {
    pub(crate) kind: Kind,
    pub(crate) location: String,
}

/// What a view has; `pkgsinfo` is nobody's business.
const SERVED: [Kind; 7] = [
    Kind::Catalogs,
    Kind::ClientResources,
    Kind::Evidence,
    Kind::Icons,
    Kind::Manifests,
    Kind::Pkgs,
    Kind::Tuf,
];

impl PodPath {
    /// Reads what stood behind the slug and its slash. Each name is decoded once, by itself: a slash, a full stop in
    /// front or a control character that was written as `%2F`, `%2E` or `%00` makes no path.
    pub(super) fn parse(raw: &str) -> Option<Self> {
        let (folder, rest) = raw.split_once('/')?;
        let kind = SERVED.into_iter().find(|kind| kind.as_str() == folder)?;
        let names = rest.split('/').map(name).collect::<Option<Vec<_>>>()?;
        Some(Self {
            kind,
            location: names.join("/"),
        })
    }

    /// The path of what lies at a location, if a request can ask for it.
    pub(crate) fn of(kind: Kind, location: &str) -> Option<Self> {
        let is_asked = SERVED.contains(&kind) && location.split('/').all(is_name);
        is_asked.then(|| Self {
            kind,
            location: location.to_owned(),
        })
    }
}

fn name(raw: &str) -> Option<String> {
    decoded(raw).filter(|name| is_name(name))
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('.')
        && !name.contains(['/', '\\'])
        && !name.chars().any(char::is_control)
}

/// Percent signs without two hexadecimal digits, and what is not UTF-8, are nothing.
fn decoded(raw: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next()?, rest.next()?];
        let mut decoded = [0];
        hex::decode_to_slice(digits, &mut decoded).ok()?;
        bytes.extend(decoded);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_decoded_once() {
        for (raw, kind, location) in [
            ("catalogs/production", Kind::Catalogs, "production"),
            ("pkgs/apps/Foo%201.0.pkg", Kind::Pkgs, "apps/Foo 1.0.pkg"),
            ("icons/%C3%BC.png", Kind::Icons, "ü.png"),
            ("pkgs/a+b%2B%25.dmg", Kind::Pkgs, "a+b+%.dmg"),
            ("pkgs/%252e%252e", Kind::Pkgs, "%2e%2e"),
            ("tuf/timestamp.json", Kind::Tuf, "timestamp.json"),
        ] {
            let expected = PodPath {
                kind,
                location: location.to_owned(),
            };
            assert_eq!(PodPath::parse(raw), Some(expected), "{raw}");
        }
    }

    #[test]
    fn tricks_are_no_paths() {
        for raw in [
            "",
            "catalogs",
            "catalogs/",
            "/catalogs/a",
            "catalogs//a",
            "catalogs/a/",
            "catalogs/../pkgsinfo/a",
            "catalogs/%2e%2e/pkgsinfo/a",
            "catalogs/%2E%2E%2Fpkgsinfo/a",
            "catalogs/..%2fpkgsinfo",
            "catalogs/a%2fb",
            "catalogs/a%5cb",
            "catalogs/a\\b",
            "catalogs/a%00",
            "catalogs/a%0a",
            "catalogs/%7f",
            "catalogs/.hidden",
            "catalogs/%2ehidden",
            "catalogs/a%",
            "catalogs/a%2",
            "catalogs/a%zz",
            "catalogs/%ff",
            "catalogs/%c0%ae%c0%ae/a",
            "pkgsinfo/a.plist",
            "Catalogs/a",
            "%63atalogs/a",
            ".auto-update/journal/a",
            "manifests/../../other/manifests/a",
        ] {
            assert_eq!(PodPath::parse(raw), None, "{raw}");
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_stays_inside(raw in "(catalogs|pkgs|manifests)/[a-z%0-9A-F./\\\\]{0,24}") {
            if let Some(path) = PodPath::parse(&raw) {
                for name in path.location.split('/') {
                    prop_assert!(!name.is_empty() && !name.starts_with('.'));
                }
            }
        }
    }
}
