//! Which items of a catalog a new one is the same as.

use proplist::{Dict, Value};

/// The item that a new one is the same as.
#[derive(Clone, Copy, Debug)]
pub struct SameItem<'a> {
    /// The pkginfo of the item that is there.
    pub pkginfo: &'a Dict,
}

impl<'a> SameItem<'a> {
    /// Where its installer item is, relative to `pkgs/`.
    pub fn location(&self) -> Option<&'a str> {
        text(self.pkginfo, "installer_item_location")
    }
}

/// What tells that two items are the same: the rules are tried in this order.
const RULES: [fn(&[&Dict], &Dict) -> Found; 5] = [
    by_digest,
    by_applications,
    by_receipts,
    by_checksums,
    by_paths,
];

/// What a rule found: positions in the catalog.
enum Found {
    /// These are the same.
    Same(Vec<usize>),
    /// Something of the new item is in no other: it is new, whatever later rules might say.
    New,
    /// The rule does not apply.
    Unknown,
}

impl Found {
    fn of(positions: Vec<usize>) -> Self {
        if positions.is_empty() {
            Self::Unknown
        } else {
            Self::Same(positions)
        }
    }
}

/// The item of `catalog` that the item with this pkginfo is the same as, if there is one: it has the same installer
/// item, or installs the same applications, packages or files, and is for the same architectures.
///
/// # Source
/// AutoPkg's `MunkiImporter.py`. Two of its accidents are left out: it forgets all but the last of several items with
/// the same application where the application's version is not the item's, and takes items up again that were
/// excluded.
pub fn same_item<'a>(catalog: &'a [Dict], pkginfo: &Dict) -> Option<SameItem<'a>> {
    if !pkginfo
        .get("installer_item_hash")
        .is_some_and(Value::is_truthy)
    {
        return None;
    }
    let complete: Vec<&Dict> = catalog
        .iter()
        .filter(|item| item.contains_key("name") && item.contains_key("version"))
        .collect();
    for rule in RULES {
        match rule(&complete, pkginfo) {
            Found::Same(positions) => {
                let same = positions.iter().filter_map(|at| complete.get(*at).copied());
                return choose(same.collect(), pkginfo);
            }
            Found::New => return None,
            Found::Unknown => {}
        }
    }
    None
}

/// The first for the same architectures; without any, an item is for all.
fn choose<'a>(same: Vec<&'a Dict>, pkginfo: &Dict) -> Option<SameItem<'a>> {
    let architectures = |item: &Dict| item.get("supported_architectures").cloned();
    let wanted = architectures(pkginfo);
    same.into_iter()
        .find(|item| architectures(item) == wanted)
        .map(|pkginfo| SameItem { pkginfo })
}

fn by_digest(catalog: &[&Dict], pkginfo: &Dict) -> Found {
    // What Munki writes for a disk image that is changed by being mounted.
    let known = |digest: &&str| *digest != "N/A";
    let Some(digest) = text(pkginfo, "installer_item_hash").filter(known) else {
        return Found::Unknown;
    };
    Found::of(positions(catalog, |item| {
        text(item, "installer_item_hash") == Some(digest)
    }))
}

fn by_applications(catalog: &[&Dict], pkginfo: &Dict) -> Found {
    let applications =
        installs(pkginfo).filter(|item| is_bundle(item) && item.contains_key("path"));
    all_of(applications, |application| {
        let (Some(path), Some(version)) = (text(application, "path"), version(application)) else {
            return Vec::new();
        };
        positions(catalog, |item| {
            installs(item).any(|other| {
                is_bundle(other)
                    && text(other, "path") == Some(path)
                    && self::version(other) == Some(version)
            })
        })
    })
}

fn by_receipts(catalog: &[&Dict], pkginfo: &Dict) -> Found {
    fn receipt(dict: &Dict) -> Option<(&str, &str)> {
        let pair = (text(dict, "packageid")?, text(dict, "version")?);
        (!pair.0.is_empty() && !pair.1.is_empty()).then_some(pair)
    }
    let wanted = dicts(pkginfo, "receipts").filter_map(receipt);
    all_of(wanted, |wanted| {
        positions(catalog, |item| {
            dicts(item, "receipts").any(|other| receipt(other) == Some(wanted))
        })
    })
}

fn by_checksums(catalog: &[&Dict], pkginfo: &Dict) -> Found {
    fn file(item: &Dict) -> Option<(&str, &str)> {
        let is_file = text(item, "type") == Some("file");
        is_file.then_some((text(item, "path")?, text(item, "md5checksum")?))
    }
    let first = installs(pkginfo).filter_map(file).find_map(|wanted| {
        catalog
            .iter()
            .position(|item| installs(item).any(|other| file(other) == Some(wanted)))
    });
    Found::of(first.into_iter().collect())
}

fn by_paths(catalog: &[&Dict], pkginfo: &Dict) -> Found {
    fn file(item: &Dict) -> Option<&str> {
        let is_plain = text(item, "type") == Some("file") && !item.contains_key("md5checksum");
        is_plain.then_some(text(item, "path")?)
    }
    let first = installs(pkginfo).filter_map(file).find_map(|path| {
        catalog.iter().position(|item| {
            installs(item).any(|other| file(other) == Some(path))
                && item.get("version") == pkginfo.get("version")
        })
    });
    Found::of(first.into_iter().collect())
}

/// Where all of `wanted` are: nowhere, if one of them is.
fn all_of<T>(wanted: impl Iterator<Item = T>, places: impl Fn(T) -> Vec<usize>) -> Found {
    let mut common: Option<Vec<usize>> = None;
    for one in wanted {
        let found = places(one);
        if found.is_empty() {
            return Found::New;
        }
        common = Some(match common {
            None => found,
            Some(mut common) => {
                common.retain(|at| found.contains(at));
                common
            }
        });
    }
    Found::of(common.unwrap_or_default())
}

fn positions(catalog: &[&Dict], is_wanted: impl Fn(&Dict) -> bool) -> Vec<usize> {
    let numbered = catalog.iter().enumerate();
    numbered
        .filter(|(_, item)| is_wanted(item))
        .map(|(at, _)| at)
        .collect()
}

fn is_bundle(item: &Dict) -> bool {
    matches!(text(item, "type"), Some("application" | "bundle"))
}

/// The version that an installs item is compared by.
fn version(item: &Dict) -> Option<&str> {
    let key = text(item, "version_comparison_key").unwrap_or("CFBundleShortVersionString");
    text(item, key)
}

fn installs(pkginfo: &Dict) -> impl Iterator<Item = &Dict> {
    dicts(pkginfo, "installs")
}

fn dicts<'a>(pkginfo: &'a Dict, key: &str) -> impl Iterator<Item = &'a Dict> {
    let values = pkginfo.get(key).and_then(Value::as_array);
    values.unwrap_or_default().iter().filter_map(Value::as_dict)
}

fn text<'a>(dict: &'a Dict, key: &str) -> Option<&'a str> {
    dict.get(key).and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn dict(json: &serde_json::Value) -> Dict {
        Value::from(json).as_dict().unwrap().clone()
    }

    fn app(path: &str, version: &str) -> serde_json::Value {
        json!({"type": "application", "path": path, "CFBundleShortVersionString": version, "CFBundleVersion": "9"})
    }

    /// The location of the item that the new one is the same as.
    fn found(catalog: &[serde_json::Value], new: &serde_json::Value) -> Option<String> {
        let catalog: Vec<Dict> = catalog
            .iter()
            .enumerate()
            .map(|(at, item)| {
                let mut item = dict(item);
                item.insert("name".to_owned(), "A".into());
                item.entry("version".to_owned()).or_insert("1".into());
                item.insert("installer_item_location".to_owned(), at.to_string().into());
                item
            })
            .collect();
        let mut new = dict(new);
        new.entry("installer_item_hash".to_owned())
            .or_insert("new".into());
        same_item(&catalog, &new).and_then(|same| same.location().map(str::to_owned))
    }

    #[test]
    fn the_same_bytes_are_the_same_item() {
        let catalog = [
            json!({"installer_item_hash": "a"}),
            json!({"installer_item_hash": "b"}),
        ];
        assert_eq!(
            found(&catalog, &json!({"installer_item_hash": "b"})).unwrap(),
            "1"
        );
        assert_eq!(found(&catalog, &json!({"installer_item_hash": "c"})), None);
        let writable = json!({"installer_item_hash": "N/A"});
        assert_eq!(found(std::slice::from_ref(&writable), &writable), None);
        assert_eq!(found(&catalog, &json!({"installer_item_hash": ""})), None);
    }

    #[test]
    fn all_applications_must_be_known_together() {
        let catalog = [
            json!({"installs": [app("/A", "1")]}),
            json!({"installs": [app("/B", "1")]}),
            json!({"installs": [app("/A", "1"), app("/B", "1")]}),
        ];
        let new = |apps: &[serde_json::Value]| json!({"installs": apps, "receipts": [{"packageid": "r", "version": "1"}]});
        assert_eq!(found(&catalog, &new(&[app("/A", "1")])).unwrap(), "0");
        assert_eq!(
            found(&catalog, &new(&[app("/A", "1"), app("/B", "1")])).unwrap(),
            "2"
        );
        assert_eq!(found(&catalog, &new(&[app("/A", "2")])), None);
        assert_eq!(
            found(&catalog[..2], &new(&[app("/A", "1"), app("/B", "1")])),
            None
        );
        let mut by_build = app("/A", "1");
        by_build["version_comparison_key"] = "CFBundleVersion".into();
        assert_eq!(found(&catalog, &json!({"installs": [by_build]})), None);
    }

    #[test]
    fn a_new_application_is_new_whatever_its_receipts_say() {
        let receipts = json!([{"packageid": "r", "version": "1"}]);
        let catalog = [json!({"receipts": receipts, "installs": [app("/A", "1")]})];
        let new = json!({"receipts": receipts, "installs": [app("/A", "2")]});
        assert_eq!(found(&catalog, &new), None);
        assert_eq!(
            found(&catalog, &json!({"receipts": receipts})).unwrap(),
            "0"
        );
        let more = json!([{"packageid": "r", "version": "1"}, {"packageid": "s", "version": "1"}]);
        assert_eq!(found(&catalog, &json!({"receipts": more})), None);
    }

    #[test]
    fn files_are_known_by_checksum_or_by_path_and_version() {
        let file = |sum: &str| json!({"type": "file", "path": "/f", "md5checksum": sum});
        let plain = json!({"type": "file", "path": "/p"});
        let catalog = [json!({"installs": [file("1"), plain]})];
        assert_eq!(
            found(&catalog, &json!({"installs": [file("1")]})).unwrap(),
            "0"
        );
        assert_eq!(found(&catalog, &json!({"installs": [file("2")]})), None);
        assert_eq!(
            found(&catalog, &json!({"version": "1", "installs": [plain]})).unwrap(),
            "0"
        );
        assert_eq!(
            found(&catalog, &json!({"version": "2", "installs": [plain]})),
            None
        );
    }

    #[test]
    fn items_for_other_architectures_are_other_items() {
        let of = |architectures: serde_json::Value| json!({"installer_item_hash": "a", "supported_architectures": architectures});
        let catalog = [of(json!(["arm64"])), of(json!(["x86_64"]))];
        assert_eq!(found(&catalog, &of(json!(["x86_64"]))).unwrap(), "1");
        assert_eq!(found(&catalog, &json!({"installer_item_hash": "a"})), None);
    }

    proptest! {
        #[test]
        fn an_item_is_the_same_as_itself(path in "[a-c]", version in "[0-9]", digest in "[a-z]{1,3}") {
            let item = json!({"installer_item_hash": digest, "installs": [app(&path, &version)]});
            prop_assert_eq!(found(std::slice::from_ref(&item), &item).unwrap(), "0");
        }
    }
}
