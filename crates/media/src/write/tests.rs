//! What is written can be read again.

use std::{os::unix::fs::symlink, path::Path, sync::Arc};

use tempfile::TempDir;
use wire::FileSource;

use super::dmg;
use crate::udif::Image;

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
