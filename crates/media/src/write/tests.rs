//! What is written can be read again.

use std::{io::Read as _, os::unix::fs::symlink, path::Path, sync::Arc};

use tempfile::TempDir;
use wire::FileSource;

use super::{Compression, Owner, Package, dmg, dmg_of, flat_pkg, flatten};
use crate::{HostTree, Kind, Tree, open, udif::Image, walk};

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
fn every_compression_is_read_back_and_makes_the_same_bytes() {
    let folder = folder();
    let tree = HostTree::new(folder.path()).unwrap();
    let house = TempDir::new().unwrap();
    let mut lengths = Vec::new();
    for compression in [
        Compression::Bzip2,
        Compression::Lzfse,
        Compression::Lzma,
        Compression::Stored,
        Compression::Zlib { level: 1 },
        Compression::Zlib { level: 9 },
    ] {
        let [first, second] = ["1.dmg", "2.dmg"].map(|name| house.path().join(name));
        for out in [&first, &second] {
            dmg_of(&tree, "Suite", compression, out).unwrap();
        }
        image(&first).verify().unwrap();
        assert_same(&*open(&first).unwrap(), "", folder.path());
        let bytes = fs_err::read(&first).unwrap();
        assert_eq!(bytes, fs_err::read(&second).unwrap(), "{compression:?}");
        lengths.push(bytes.len());
    }
    let stored = lengths.remove(3);
    assert!(lengths.iter().all(|len| *len * 10 < stored), "{lengths:?}");
    lengths.sort_unstable();
    lengths.dedup();
    assert_eq!(lengths.len(), 5, "two of them are the same");
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
        postinstall_action: "none",
        scripts: None,
        owners: &[],
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

/// The paths of a bill of materials with owner and length, read from the top of its tree along its leaves.
fn listed_in(bill: &[u8]) -> Vec<(String, u32, u32)> {
    let number = |at: usize| u32::from_be_bytes(bill[at..at + 4].try_into().unwrap());
    let size = |at: usize| usize::try_from(number(at)).unwrap();
    let place = |block: usize| size(size(16) + 4 + block * 8);
    assert!(bill.starts_with(b"BOMStore"));
    let variables = size(24);
    let paths = bill[variables..]
        .windows(5)
        .position(|name| name == b"Paths")
        .unwrap();
    let tree = place(size(variables + paths - 5));
    let mut node = place(size(tree + 8));
    while bill[node + 1] == 0 {
        node = place(size(node + 12));
    }
    let mut found = Vec::new();
    let mut folders = std::collections::HashMap::from([(0, String::new())]);
    loop {
        let count = usize::from(u16::from_be_bytes([bill[node + 2], bill[node + 3]]));
        for entry in (0..count).map(|entry| node + 12 + entry * 8) {
            let (info, key) = (place(size(entry)), place(size(entry + 4)));
            let facts = place(size(info + 4));
            let name = bill[key + 4..].split(|byte| *byte == 0).next().unwrap();
            let name = String::from_utf8(name.to_vec()).unwrap();
            let path = crate::path::join(&folders[&number(key)], &name);
            folders.insert(number(info), path.clone());
            found.push((path, number(facts + 6), number(facts + 18)));
        }
        match size(node + 4) {
            0 => break,
            next => node = place(next),
        }
    }
    assert_eq!(found.len(), size(tree + 16));
    found
}

#[test]
fn a_package_says_who_owns_what_and_brings_its_scripts() {
    let folder = folder();
    let house = TempDir::new().unwrap();
    let scripts = house.path().join("scripts");
    fs_err::create_dir(&scripts).unwrap();
    fs_err::write(scripts.join("postinstall"), "#!/bin/sh\n").unwrap();
    let out = house.path().join("x.pkg");
    let package = Package {
        identifier: "org.example.suite",
        version: "1",
        install_location: "/",
        postinstall_action: "restart",
        scripts: Some(&scripts),
        owners: &[Owner {
            path: "App.app/Contents".to_owned(),
            uid: 501,
            gid: 80,
            mode: Some(0o700),
        }],
    };
    flat_pkg(folder.path(), &package, &out).unwrap();
    let tree = open(&out).unwrap();
    let program = tree.entry("Payload/App.app/Contents/MacOS/App").unwrap();
    let found = (program.uid, program.gid, program.mode);
    assert_eq!(found, (Some(501), Some(80), 0o700));
    assert_eq!(
        tree.entry("Payload/App.app/file number 7").unwrap().uid,
        Some(0)
    );
    assert!(tree.entry("Scripts/postinstall").is_ok());
    let contents = |path: &str| {
        let source = tree.source(path).unwrap();
        wire::read_vec(&*source, 0, source.len()).unwrap()
    };
    let info = String::from_utf8(contents("PackageInfo")).unwrap();
    assert!(info.contains("postinstall-action=\"restart\""), "{info}");
    assert!(
        info.contains("<postinstall file=\"./postinstall\"/>"),
        "{info}"
    );
    assert!(!info.contains("preinstall"), "{info}");
    let mut bill = listed_in(&contents("Bom"));
    bill.sort();
    let payload = walk(&*tree, "Payload").unwrap();
    let mut expected = vec![(".".to_owned(), 0, 0)];
    expected.extend(payload.into_iter().map(|entry| {
        let path = entry.path.replacen("Payload", ".", 1);
        let len = match &entry.kind {
            Kind::File { len_bytes } => u32::try_from(*len_bytes).unwrap(),
            Kind::Folder => 0,
            Kind::Link { target } => u32::try_from(target.len()).unwrap(),
        };
        (path, entry.uid.unwrap(), len)
    }));
    expected.sort();
    assert_eq!(bill, expected);
}

#[test]
fn a_package_that_was_taken_apart_is_put_together_again() {
    let house = TempDir::new().unwrap();
    let apart = house.path().join("apart");
    fs_err::create_dir_all(apart.join("app.pkg/Scripts")).unwrap();
    fs_err::write(apart.join("Distribution"), "<installer-gui-script/>").unwrap();
    fs_err::write(apart.join("app.pkg/PackageInfo"), "<pkg-info/>").unwrap();
    fs_err::write(apart.join("app.pkg/Scripts/preinstall"), "exit 0").unwrap();
    let out = house.path().join("x.pkg");
    flatten(&apart, &out).unwrap();
    let found = walk(&*open(&out).unwrap(), "").unwrap();
    let paths: Vec<_> = found.iter().map(|entry| entry.path.as_str()).collect();
    let expected = [
        "Distribution",
        "app.pkg",
        "app.pkg/PackageInfo",
        "app.pkg/Scripts",
        "app.pkg/Scripts/preinstall",
    ];
    assert_eq!(paths, expected);
    assert!(found[3].is_file());
    symlink("x", apart.join("link")).unwrap();
    assert!(flatten(&apart, &out).is_err());
}
