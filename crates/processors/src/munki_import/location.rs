//! Where a new item goes.

/// Where the item called `name` goes: in the folder, with its version in its name unless it ends with that already.
pub(crate) fn item_location(folder: &str, name: &str, version: &str) -> String {
    let (stem, extension) = split_extension(name);
    if version.is_empty() || stem.ends_with(version) {
        return joined(folder, name);
    }
    joined(folder, &format!("{stem}-{version}{extension}"))
}

/// Where the pkginfo of an item goes; an empty extension leaves none.
pub(crate) fn pkginfo_location(folder: &str, name: &str, version: &str, extension: &str) -> String {
    let dot = if extension.is_empty() || extension.starts_with('.') {
        ""
    } else {
        "."
    };
    joined(
        folder,
        &format!("{name}-{}{dot}{extension}", version.trim()),
    )
}

/// `location`, or the first of `…__1`, `…__2` that is not taken.
pub(crate) fn free_location(location: &str, taken: &[String]) -> String {
    let is_taken = |location: &str| taken.iter().any(|other| other == location);
    if !is_taken(location) {
        return location.to_owned();
    }
    let (folder, name) = location.rsplit_once('/').unwrap_or(("", location));
    let (stem, extension) = split_extension(name);
    (1_u64..)
        .map(|number| joined(folder, &format!("{stem}__{number}{extension}")))
        .find(|candidate| !is_taken(candidate))
        .unwrap_or_else(|| location.to_owned())
}

fn joined(folder: &str, name: &str) -> String {
    let folder = folder.trim_matches('/');
    if folder.is_empty() {
        return name.to_owned();
    }
    format!("{folder}/{name}")
}

/// As Python's `splitext`: a dot at the start begins no extension.
fn split_extension(name: &str) -> (&str, &str) {
    match name.rfind('.').filter(|at| *at > 0) {
        Some(at) => name.split_at_checked(at).unwrap_or((name, "")),
        None => (name, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_carry_the_version_once() {
        assert_eq!(
            item_location("apps/w", "Widget.dmg", "1.2"),
            "apps/w/Widget-1.2.dmg"
        );
        assert_eq!(
            item_location("/apps/", "Widget-1.2.dmg", "1.2"),
            "apps/Widget-1.2.dmg"
        );
        assert_eq!(item_location("", "Widget", "1.2"), "Widget-1.2");
    }

    #[test]
    fn taken_names_are_counted_up_with_the_version_kept() {
        let taken = ["a/W-1.dmg".to_owned(), "a/W-1__1.dmg".to_owned()];
        assert_eq!(free_location("a/W-1.dmg", &taken), "a/W-1__2.dmg");
        assert_eq!(free_location("W-1.dmg", &taken), "W-1.dmg");
    }

    #[test]
    fn pkginfos_have_the_wanted_extension() {
        assert_eq!(pkginfo_location("a", "W", " 1 ", "plist"), "a/W-1.plist");
        assert_eq!(pkginfo_location("", "W", "1", ""), "W-1");
    }
}
