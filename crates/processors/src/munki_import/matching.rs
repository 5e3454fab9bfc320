//! Whether an item is in the repository already.

use proplist::{Dict, Value};

/// The item of the catalog that is the same as `pkginfo` describes: by its digest, or by what it installs.
///
/// The ways are tried in order: equal digest; every application and bundle known at its path and version; every
/// receipt known; a file with equal checksum; a file at an equal path with an equal version. One unknown application
/// or receipt makes it a new item. It must be for the same architectures.
///
/// # Source
/// AutoPkg's `MunkiImporter._find_matching_pkginfo`. Where several catalog items share an application, all are
/// considered, and not only the last.
pub(crate) fn find_match<'c>(pkginfo: &Dict, catalog: &'c [Value]) -> Option<&'c Dict> {
    let hash = text(pkginfo, "installer_item_hash")?;
    let items: Vec<&Dict> = catalog
        .iter()
        .filter_map(Value::as_dict)
        .filter(|item| text(item, "name").is_some() && text(item, "version").is_some())
        .collect();
    let architectures = pkginfo.get("supported_architectures");
    candidates(pkginfo, hash, &items)
        .into_iter()
        .find(|item| item.get("supported_architectures") == architectures)
}

fn candidates<'c>(pkginfo: &Dict, hash: &str, items: &[&'c Dict]) -> Vec<&'c Dict> {
    let same_hash: Vec<&Dict> = items
        .iter()
        .copied()
        .filter(|item| text(item, "installer_item_hash") == Some(hash))
        .collect();
    if !same_hash.is_empty() {
        return same_hash;
    }
    for keys in [applications, receipts] {
        match all_known(&keys(pkginfo), items, keys) {
            Known::Everywhere(found) if !found.is_empty() => return found,
            Known::Everywhere(_) => {}
            Known::Not => return Vec::new(),
        }
    }
    by_file(pkginfo, items).into_iter().collect()
}

/// Something by which an item is known: a path or a package's identifier, and a version.
type Key<'a> = (&'a str, &'a str);

enum Known<'c> {
    /// These items have all of them; none if there was nothing to know.
    Everywhere(Vec<&'c Dict>),
    /// At least one of them is in no item.
    Not,
}

fn all_known<'c>(
    wanted: &[Key<'_>],
    items: &[&'c Dict],
    keys: fn(&Dict) -> Vec<Key<'_>>,
) -> Known<'c> {
    let mut common: Option<Vec<&'c Dict>> = None;
    for key in wanted {
        let having: Vec<&Dict> = items
            .iter()
            .copied()
            .filter(|item| keys(item).contains(key))
            .collect();
        if having.is_empty() {
            return Known::Not;
        }
        common = Some(match common {
            None => having,
            Some(common) => common
                .into_iter()
                .filter(|item| having.iter().any(|other| std::ptr::eq(*other, *item)))
                .collect(),
        });
    }
    Known::Everywhere(common.unwrap_or_default())
}

/// Path and version of each application and bundle that the item installs.
fn applications(item: &Dict) -> Vec<Key<'_>> {
    installs(item)
        .filter(|install| matches!(text(install, "type"), Some("application" | "bundle")))
        .filter_map(|install| {
            let key =
                text(install, "version_comparison_key").unwrap_or("CFBundleShortVersionString");
            Some((
                text(install, "path")?,
                text(install, key).unwrap_or_default(),
            ))
        })
        .collect()
}

/// Identifier and version of each receipt that the item leaves.
fn receipts(item: &Dict) -> Vec<Key<'_>> {
    let receipts = item.get("receipts").and_then(Value::as_array);
    receipts
        .unwrap_or_default()
        .iter()
        .filter_map(Value::as_dict)
        .filter_map(|receipt| Some((text(receipt, "packageid")?, text(receipt, "version")?)))
        .collect()
}

fn by_file<'c>(pkginfo: &Dict, items: &[&'c Dict]) -> Option<&'c Dict> {
    let files = |item: &'_ Dict, checked: bool| -> Vec<(String, String)> {
        installs(item)
            .filter(|install| text(install, "type") == Some("file"))
            .filter(|install| install.contains_key("md5checksum") == checked)
            .filter_map(|install| {
                let path = text(install, "path")?.to_owned();
                let checksum = text(install, "md5checksum").unwrap_or_default();
                Some((path, checksum.to_owned()))
            })
            .collect()
    };
    let shares = |item: &Dict, checked: bool| {
        let theirs = files(item, checked);
        files(pkginfo, checked)
            .iter()
            .any(|file| theirs.contains(file))
    };
    let find = |is_same: &dyn Fn(&Dict) -> bool| items.iter().copied().find(|item| is_same(item));
    find(&|item| shares(item, true)).or_else(|| {
        find(&|item| text(item, "version") == text(pkginfo, "version") && shares(item, false))
    })
}

fn installs(item: &Dict) -> impl Iterator<Item = &Dict> {
    let installs = item.get("installs").and_then(Value::as_array);
    installs
        .unwrap_or_default()
        .iter()
        .filter_map(Value::as_dict)
}

fn text<'a>(dict: &'a Dict, key: &str) -> Option<&'a str> {
    dict.get(key).and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    fn dict(json: &Json) -> Dict {
        Value::from(json).as_dict().unwrap().clone()
    }

    fn found(pkginfo: &Json, catalog: &Json) -> Option<String> {
        let catalog = Value::from(catalog);
        let found = find_match(&dict(pkginfo), catalog.as_array().unwrap());
        found.map(|item| text(item, "installer_item_location").unwrap().to_owned())
    }

    fn app(path: &str, version: &str) -> Json {
        json!({"type": "application", "path": path, "CFBundleShortVersionString": version})
    }

    #[test]
    fn equal_bytes_are_the_same_item_on_the_same_architecture() {
        let catalog = json!([
            {"name": "W", "version": "1", "installer_item_hash": "h", "installer_item_location": "intel",
             "supported_architectures": ["x86_64"]},
            {"name": "W", "version": "1", "installer_item_hash": "h", "installer_item_location": "any"},
        ]);
        let pkginfo = json!({"installer_item_hash": "h"});
        assert_eq!(found(&pkginfo, &catalog).as_deref(), Some("any"));
        let arm = json!({"installer_item_hash": "h", "supported_architectures": ["arm64"]});
        assert_eq!(found(&arm, &catalog), None);
        assert_eq!(found(&json!({}), &catalog), None);
    }

    #[test]
    fn every_application_must_be_known_in_one_item() {
        let catalog = json!([
            {"name": "W", "version": "1", "installer_item_location": "one",
             "installs": [app("/A.app", "1"), app("/B.app", "1")]},
            {"name": "W", "version": "2", "installer_item_location": "two", "installs": [app("/A.app", "2")]},
        ]);
        let with = |installs: Json| json!({"installer_item_hash": "new", "version": "1", "installs": installs});
        let both = with(json!([app("/A.app", "1"), app("/B.app", "1")]));
        assert_eq!(found(&both, &catalog).as_deref(), Some("one"));
        assert_eq!(
            found(&with(json!([app("/A.app", "2")])), &catalog).as_deref(),
            Some("two")
        );
        assert_eq!(found(&with(json!([app("/A.app", "3")])), &catalog), None);
        let mixed = with(json!([app("/A.app", "2"), app("/B.app", "1")]));
        assert_eq!(found(&mixed, &catalog), None);
    }

    #[test]
    fn an_unknown_application_is_not_rescued_by_known_receipts() {
        let receipts = json!([{"packageid": "p", "version": "1"}]);
        let catalog = json!([{"name": "W", "version": "1", "installer_item_location": "one", "receipts": receipts}]);
        let pkginfo = json!({"installer_item_hash": "new", "receipts": receipts});
        assert_eq!(found(&pkginfo, &catalog).as_deref(), Some("one"));
        let with_app = json!({"installer_item_hash": "new", "receipts": receipts, "installs": [app("/A.app", "1")]});
        assert_eq!(found(&with_app, &catalog), None);
    }

    #[test]
    fn files_are_known_by_checksum_or_by_version() {
        let file = |checksum: Json| match checksum {
            Json::Null => json!([{"type": "file", "path": "/f"}]),
            checksum => json!([{"type": "file", "path": "/f", "md5checksum": checksum}]),
        };
        let item = |installs: Json| json!([{"name": "W", "version": "1", "installer_item_location": "one", "installs": installs}]);
        let new = |version: &str, installs: Json| json!({"installer_item_hash": "new", "version": version, "installs": installs});
        let sum = item(file(json!("abc")));
        assert_eq!(
            found(&new("2", file(json!("abc"))), &sum).as_deref(),
            Some("one")
        );
        assert_eq!(found(&new("1", file(json!("abd"))), &sum), None);
        let plain = item(file(Json::Null));
        assert_eq!(
            found(&new("1", file(Json::Null)), &plain).as_deref(),
            Some("one")
        );
        assert_eq!(found(&new("2", file(Json::Null)), &plain), None);
    }
}
