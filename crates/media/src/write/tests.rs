//! What is written can be read again.

use std::{io::Read as _, os::unix::fs::symlink, path::Path, sync::Arc};

use tempfile::TempDir;
use wire::FileSource;

use super::{Package, dmg, flat_pkg};
use crate::{Kind, Tree, open, udif::Image, walk};

fn folder() -> TempDir {
    let house = TempDir::new().unwrap();
    let at = |path: &str| house.path().join(path);
    fs_err::create_dir_all(at("App.app/Contents/MacOS")).unwrap();
    fs_err::write(at("App.app/Contents/MacOS/App"), vec![7; 700_001]).unwrap();
    fs_err::write(at("App.app/Contents/Info.plist"), "<plist/>").unwrap();
    fs_err::write(at("\u{e9}t\u{e9}:x"), "").unwrap();
    symlink("/Applications", at("Applications")).unwrap();
    for number in 0..900 {
        fs_err::write(
            at(&format!("App.app/file number {number}")),
            number.to_string(),
        )
        .unwrap();
    }
    house
}

fn image(path: &Path) -> Image {
    Image::open(Arc::new(FileSource::open(path).unwrap())).unwrap()
}

#[test]
fn every_checksum_is_right_and_the_same_folder_makes_the_same_bytes() {
    let folder = folder();
    let house = TempDir::new().unwrap();
    let [first, second] = ["1.dmg", "2.dmg"].map(|name| house.path().join(name));
    dmg(folder.path(), "Suite", &first).unwrap();
    dmg(folder.path(), "Suite", &second).unwrap();
    image(&first).verify().unwrap();
    assert_eq!(fs_err::read(first).unwrap(), fs_err::read(second).unwrap());
}

#[test]
fn names_that_cannot_be_stored_are_refused() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("out.dmg");
    let inner = folder.path().join("in");
    fs_err::create_dir(&inner).unwrap();
    fs_err::write(inner.join("a"), "").unwrap();
    assert!(dmg(&inner, "", &out).is_err());
    fs_err::write(inner.join("A"), "").unwrap();
    let error = dmg(&inner, "x", &out).unwrap_err();
    assert!(error.to_string().contains("case"), "{error}");
    assert!(!out.exists());
    assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), 1);
}

/// Everything that two trees have in common, contents and links included.
fn assert_same(tree: &dyn Tree, below: &str, folder: &Path) {
    let strip = |path: &str| {
        path.strip_prefix(below)
            .unwrap()
            .trim_start_matches('/')
            .to_owned()
    };
    let host = open(folder).unwrap();
    let listed = |tree: &dyn Tree, below: &str| -> Vec<_> {
        let entries = walk(tree, below).unwrap();
        entries
            .into_iter()
            .map(|entry| (entry.path, entry.kind, entry.mode))
            .collect()
    };
    let found = listed(tree, below);
    // A volume stores names decomposed.
    let found: Vec<_> = found
        .into_iter()
        .map(|(path, kind, mode)| (strip(&path).replace("e\u{301}", "\u{e9}"), kind, mode))
        .collect();
    assert_eq!(found, listed(&*host, ""));
    for (path, kind, _) in found {
        if matches!(kind, Kind::File { .. }) {
            let read = |tree: &dyn Tree, path: &str| {
                let source = tree.source(path).unwrap();
                wire::read_vec(&*source, 0, source.len()).unwrap()
            };
            let inside = crate::path::join(below, &path);
            let inside = match tree.entry(&inside) {
                Ok(_) => inside,
                Err(_) => inside.replace('\u{e9}', "e\u{301}"),
            };
            assert_eq!(read(tree, &inside), read(&*host, &path), "{path}");
        }
    }
}

#[test]
fn an_image_is_opened_as_the_folder_that_it_was_made_of() {
    let folder = folder();
    let house = TempDir::new().unwrap();
    let out = house.path().join("x.dmg");
    dmg(folder.path(), "Suite", &out).unwrap();
    assert_same(&*open(&out).unwrap(), "", folder.path());
}

#[test]
fn a_package_is_opened_as_the_folder_that_it_was_made_of() {
    let folder = folder();
    let info = "<plist><dict><key>CFBundleIdentifier</key><string>org.x&amp;y</string>\
                <key>CFBundleShortVersionString</key><string>1.2</string></dict></plist>";
    fs_err::write(folder.path().join("App.app/Contents/Info.plist"), info).unwrap();
    let house = TempDir::new().unwrap();
    let [first, second] = ["1.pkg", "2.pkg"].map(|name| house.path().join(name));
    let package = Package {
        identifier: "org.example.suite",
        version: "1.2\"3",
        install_location: "/Applications",
    };
    flat_pkg(folder.path(), &package, &first).unwrap();
    flat_pkg(folder.path(), &package, &second).unwrap();
    assert_eq!(fs_err::read(&first).unwrap(), fs_err::read(second).unwrap());
    let tree = open(&first).unwrap();
    assert_same(&*tree, "Payload", folder.path());
    let mut info = String::new();
    tree.open("PackageInfo")
        .unwrap()
        .read_to_string(&mut info)
        .unwrap();
    let info = roxmltree::Document::parse(&info).unwrap();
    let root = info.root_element();
    assert_eq!(root.attribute("version"), Some("1.2\"3"));
    assert_eq!(root.attribute("install-location"), Some("/Applications"));
    let bundle = info
        .descendants()
        .find(|node| node.has_tag_name("bundle"))
        .unwrap();
    assert_eq!(bundle.attribute("id"), Some("org.x&y"));
    assert_eq!(bundle.attribute("path"), Some("./App.app"));
    let payload = info
        .descendants()
        .find(|node| node.has_tag_name("payload"))
        .unwrap();
    assert_eq!(payload.attribute("numberOfFiles"), Some("908"));
}
