//! The keys that applications carry for their own updates.

use std::{collections::VecDeque, io::Read as _, path::Path, sync::Arc};

use media::{Entry, MediaError, Tree};
use proplist::{Dict, Value};

use crate::{ProofError, VendorKey};

/// How many names below the root an application is looked for: `App.pkg/Payload/Applications/Vendor/App.app`.
const DEEPEST: usize = 5;

/// How many entries are looked at. An application lies on top of what is made to be installed by hand.
const MOST_ENTRIES: usize = 20_000;

/// Larger property lists and keys are not read.
const LARGEST_PLIST: u64 = 4 << 20;
const LARGEST_KEY: u64 = 64 << 10;

/// What is looked into if there is no application beside it: `App.zip/App.dmg`.
const CONTAINERS: [&str; 3] = ["dmg", "pkg", "zip"];

/// The keys of the applications in a medium.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct AppKeys {
    /// Where the applications are in it.
    pub apps: Vec<String>,
    /// Their keys, each once, sorted.
    pub keys: Vec<VendorKey>,
    /// What stands where a key should, and is none: where, and why.
    pub unusable: Vec<String>,
}

/// The keys of the applications in the disk image, package or archive at `path`. Blocking.
///
/// A medium that cannot be opened, and an application that cannot be read, have none: whoever needs their keys goes
/// without.
///
/// # Source
/// Sparkle 2, `SUHost.m`: `SUPublicEDKey`, `SUPublicDSAKey`, and `SUPublicDSAKeyFile`, a file among the resources.
pub fn keys_in(path: &Path) -> AppKeys {
    let Ok(tree) = media::open(path) else {
        return AppKeys::default();
    };
    let mut found = AppKeys::in_tree(&tree);
    if found.apps.is_empty() {
        for entry in inner_containers(&*tree) {
            if let Ok(inner) = media::open(&path.join(&entry.path)) {
                found.add(AppKeys::in_tree(&inner));
            }
        }
    }
    found.keys.sort();
    found.keys.dedup();
    found
}

impl AppKeys {
    fn in_tree(tree: &Arc<dyn Tree>) -> Self {
        let mut found = Self {
            apps: apps(&**tree),
            ..Self::default()
        };
        for app in found.apps.clone() {
            // Damage is found by the steps that open the medium, and told there.
            if let Ok(Some(info)) = info(&**tree, &app) {
                found.read(&**tree, &app, &info);
            }
        }
        found
    }

    fn read(&mut self, tree: &dyn Tree, app: &str, info: &Dict) {
        let text = |name: &str| info.get(name).and_then(Value::as_str);
        if let Some(key) = text("SUPublicEDKey") {
            self.take(app, VendorKey::sparkle_ed25519(key));
        }
        if let Some(key) = text("SUPublicDSAKey") {
            self.take(app, VendorKey::sparkle_dsa(key));
        } else if let Some(name) = text("SUPublicDSAKeyFile")
            && let Some(key) = key_file(tree, app, name)
        {
            self.take(app, VendorKey::sparkle_dsa(&key));
        }
    }

    fn take(&mut self, app: &str, key: Result<VendorKey, ProofError>) {
        match key {
            Ok(key) => self.keys.push(key),
            Err(error) => self.unusable.push(format!("{app}: {error}")),
        }
    }

    fn add(&mut self, other: Self) {
        self.apps.extend(other.apps);
        self.keys.extend(other.keys);
        self.unusable.extend(other.unusable);
    }
}

/// The applications near the root, whichever folders they lie in; not those inside other bundles.
fn apps(tree: &dyn Tree) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = VecDeque::from([(String::new(), 0_usize)]);
    let mut seen = 0_usize;
    while let Some((folder, depth)) = folders.pop_front() {
        let Ok(children) = tree.children(&folder) else {
            continue;
        };
        for entry in children {
            seen = seen.saturating_add(1);
            if seen > MOST_ENTRIES {
                return found;
            }
            if has_ending(&entry, "app") && entry.is_folder() {
                found.push(entry.path);
            } else if depth.saturating_add(1) < DEEPEST
                && tree.holds_entries(&entry)
                && !is_hidden(&entry)
            {
                folders.push_back((entry.path, depth.saturating_add(1)));
            }
        }
    }
    found
}

fn inner_containers(tree: &dyn Tree) -> Vec<Entry> {
    let mut children = tree.children("").unwrap_or_default();
    children.retain(|entry| {
        entry.is_file() && CONTAINERS.iter().any(|ending| has_ending(entry, ending))
    });
    children.truncate(DEEPEST);
    children
}

fn has_ending(entry: &Entry, ending: &str) -> bool {
    let found = entry.name().rsplit_once('.');
    found.is_some_and(|(_, found)| found.eq_ignore_ascii_case(ending))
}

/// `__MACOSX`, `.Trashes`: a twin of an application's folder is none.
fn is_hidden(entry: &Entry) -> bool {
    entry.name().starts_with('.') || entry.name() == "__MACOSX"
}

/// The application's `Info.plist`; nothing if it has none.
fn info(tree: &dyn Tree, app: &str) -> Result<Option<Dict>, MediaError> {
    let path = media::follow(tree, &format!("{app}/Contents/Info.plist"))?;
    let mut bytes = Vec::new();
    let read = tree
        .open(&path)?
        .take(LARGEST_PLIST)
        .read_to_end(&mut bytes);
    if read.is_err() {
        return Ok(None);
    }
    let parsed = proplist::from_bytes(&bytes).ok();
    Ok(parsed.and_then(|value| match value {
        Value::Dict(dict) => Some(dict),
        _ => None,
    }))
}

/// The file among the application's resources; a name that leads elsewhere names none.
fn key_file(tree: &dyn Tree, app: &str, name: &str) -> Option<String> {
    if name.is_empty() || name.contains('/') || name.starts_with('.') {
        return None;
    }
    let path = media::follow(tree, &format!("{app}/Contents/Resources/{name}")).ok()?;
    let mut bytes = Vec::new();
    let file = tree.open(&path).ok()?;
    file.take(LARGEST_KEY).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dsa::tests as dsa;

    const ED: &str = "c/SkJ0RuiPYZEDchKC8oIhMq6VSMhiUGYaLOV1iHpl8=";

    fn info(keys: &str) -> String {
        format!("<plist version=\"1.0\"><dict>{keys}</dict></plist>")
    }

    fn string(name: &str, value: &str) -> String {
        format!("<key>{name}</key><string>{value}</string>")
    }

    /// An image of a folder with these files.
    fn image(folder: &Path, files: &[(&str, String)]) -> std::path::PathBuf {
        let contents = folder.join("contents");
        for (path, text) in files {
            let path = contents.join(path);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, text).unwrap();
        }
        let image = folder.join("Widget.dmg");
        media::write::dmg(&contents, "Widget", &image).unwrap();
        image
    }

    #[test]
    fn keys_are_read_from_where_sparkle_reads_them() {
        let folder = tempfile::tempdir().unwrap();
        let image = image(
            folder.path(),
            &[
                (
                    "New.app/Contents/Info.plist",
                    info(&string("SUPublicEDKey", ED)),
                ),
                (
                    "Tools/Old.app/Contents/Info.plist",
                    info(&string("SUPublicDSAKeyFile", "dsa_pub.pem")),
                ),
                (
                    "Tools/Old.app/Contents/Resources/dsa_pub.pem",
                    dsa::KEY.to_owned(),
                ),
                (
                    "Inline.app/Contents/Info.plist",
                    info(&string("SUPublicDSAKey", dsa::OTHER_KEY)),
                ),
                ("Plain.app/Contents/Info.plist", info("")),
                // A helper inside an application is another application's business.
                (
                    "New.app/Contents/Helper.app/Contents/Info.plist",
                    info(&string("SUPublicEDKey", "AAAA")),
                ),
            ],
        );
        let found = keys_in(&image);
        assert_eq!(
            found.apps,
            ["Inline.app", "New.app", "Plain.app", "Tools/Old.app"]
        );
        let mut expected = vec![
            VendorKey::sparkle_ed25519(ED).unwrap(),
            VendorKey::sparkle_dsa(dsa::KEY).unwrap(),
            VendorKey::sparkle_dsa(dsa::OTHER_KEY).unwrap(),
        ];
        expected.sort();
        assert_eq!(found.keys, expected);
        assert_eq!(found.unusable, [""; 0]);
    }

    #[test]
    fn what_is_no_key_is_named_and_files_elsewhere_are_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let image = image(
            folder.path(),
            &[
                (
                    "A.app/Contents/Info.plist",
                    info(&string("SUPublicEDKey", "AAAA")),
                ),
                (
                    "B.app/Contents/Info.plist",
                    info(&string("SUPublicDSAKeyFile", "../../../key.pem")),
                ),
                ("C.app/Contents/Info.plist", "no property list".to_owned()),
                ("key.pem", dsa::KEY.to_owned()),
            ],
        );
        let found = keys_in(&image);
        assert_eq!(found.keys, []);
        assert_eq!(
            found.unusable,
            ["A.app: the Ed25519 key cannot be used: it is not the base64 of 32 bytes"]
        );
        let nothing = folder.path().join("nothing.dmg");
        assert_eq!(keys_in(&nothing), AppKeys::default());
        fs_err::write(&nothing, "no medium").unwrap();
        assert_eq!(keys_in(&nothing), AppKeys::default());
    }
}
