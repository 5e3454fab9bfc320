//! Which item of a catalog is the same release as a new one.

use std::{cmp::Ordering, collections::BTreeSet};

use proplist::{Dict, Value};

use crate::{Compat, SameItem, compare_versions};

/// What has to be new about an item of a known name so that it is another release, besides its version.
const LIMITS: [&str; 2] = ["minimum_os_version", "maximum_os_version"];
const ARCHITECTURES: &str = "supported_architectures";
const CONDITION: &str = "installable_condition";

/// The item in `catalog` that is the same release as `pkginfo`: it has the same name, and neither version,
/// `minimum_os_version`, `maximum_os_version`, `supported_architectures` nor `installable_condition` is another one.
/// Bytes, sizes and catalogs do not count. Versions are compared as Munki compares them.
///
/// # Source
/// What Munki's author asks of an importer, in place of the rules that `MunkiImporter` has ([`crate::same_item`]).
pub fn same_release<'a>(catalog: &'a [Dict], pkginfo: &Dict) -> Option<SameItem<'a>> {
    let name = text(pkginfo, "name")?;
    let is_same = |item: &&Dict| {
        text(item, "name") == Some(name)
            && is_same_version(item, pkginfo, "version")
            && LIMITS.iter().all(|key| is_same_version(item, pkginfo, key))
            && architectures(item) == architectures(pkginfo)
            && text(item, CONDITION).map(str::trim) == text(pkginfo, CONDITION).map(str::trim)
    };
    let pkginfo = catalog.iter().find(is_same)?;
    Some(SameItem { pkginfo })
}

fn is_same_version(left: &Dict, right: &Dict, key: &str) -> bool {
    match (text(left, key), text(right, key)) {
        (Some(left), Some(right)) => {
            compare_versions(Compat::Munki7, left, right) == Ordering::Equal
        }
        (left, right) => left == right,
    }
}

fn architectures(item: &Dict) -> BTreeSet<&str> {
    let named = item.get(ARCHITECTURES).and_then(Value::as_array);
    named
        .unwrap_or_default()
        .iter()
        .filter_map(Value::as_str)
        .collect()
}

/// A text; one that is empty says nothing.
fn text<'a>(dict: &'a Dict, key: &str) -> Option<&'a str> {
    dict.get(key)?.as_str().filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    fn item(changes: Json) -> Dict {
        let mut item = json!({
            "name": "Widget", "version": "1.2", "minimum_os_version": "10.15", "maximum_os_version": "14.0",
            "supported_architectures": ["arm64", "x86_64"], "installable_condition": "os_vers_major > 10",
            "installer_item_hash": "a", "installer_item_size": 1, "catalogs": ["testing"],
        });
        if let (Some(item), Json::Object(changes)) = (item.as_object_mut(), changes) {
            item.extend(changes);
        }
        match Value::from(&item) {
            Value::Dict(item) => item,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn each_of_six_things_makes_another_release_and_nothing_else_does() {
        let catalog = [item(json!({"version": "1.1"})), item(json!({}))];
        let found = |changes: Json| {
            let same = same_release(&catalog, &item(changes));
            same.map(|same| same.pkginfo == &catalog[1])
        };
        for same in [
            json!({}),
            json!({"version": "1.2.0", "minimum_os_version": "10.15.0"}),
            json!({"supported_architectures": ["x86_64", "arm64"]}),
            json!({"installer_item_hash": "b", "installer_item_size": 2, "catalogs": ["production"]}),
        ] {
            assert_eq!(found(same.clone()), Some(true), "{same}");
        }
        for new in [
            json!({"name": "Gadget"}),
            json!({"version": "1.3"}),
            json!({"minimum_os_version": "11.0"}),
            json!({"minimum_os_version": ""}),
            json!({"maximum_os_version": "15.0"}),
            json!({"supported_architectures": ["arm64"]}),
            json!({"installable_condition": "os_vers_major > 11"}),
        ] {
            assert_eq!(found(new.clone()), None, "{new}");
        }
    }

    #[test]
    fn what_has_no_name_is_nothing_that_is_there() {
        let nameless = item(json!({"name": 1}));
        assert!(same_release(std::slice::from_ref(&nameless), &nameless).is_none());
    }
}
