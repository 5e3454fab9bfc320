//! Extraction, of the friendly and of the hostile.

use std::{
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink},
    path::Path,
    sync::Arc,
};

use tempfile::TempDir;
use wire::Budget;

use super::{Attributes, Extracted, extract, extract_within};
use crate::{
    Entry, HostTree, Kind, MediaError, Tree, Xattr, open_source,
    samples::{self, Sample},
};

fn open(bytes: Vec<u8>) -> Arc<dyn Tree> {
    open_source(Arc::new(bytes), &Budget::for_medium("sample")).unwrap()
}

fn mode(path: &Path) -> u32 {
    fs_err::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

/// An `AppleDouble` file with Finder information only.
fn twin() -> Vec<u8> {
    let mut bytes = vec![0, 5, 0x16, 7, 0, 2, 0, 0];
    bytes.extend([0; 16]);
    bytes.extend([0, 1, 0, 0, 0, 9, 0, 0, 0, 38, 0, 0, 0, 32]);
    bytes.extend(b"APPLxxxx");
    bytes.extend([0; 24]);
    bytes
}

#[test]
fn modes_links_and_times_are_kept_and_set_id_bits_are_not() {
    let tree = open(samples::cpio(&[
        (".", Sample::Folder(0o755)),
        ("./App.app", Sample::Folder(0o555)),
        ("./App.app/run", Sample::File(0o4755, b"#!")),
        ("./App.app/link", Sample::Link("/etc/passwd")),
    ]));
    let house = TempDir::new().unwrap();
    let dest = house.path().join("new/dest");
    let done = extract(&*tree, "", &dest).unwrap();
    let expected = Extracted {
        files: 1,
        folders: 1,
        links: 1,
        bytes: 2,
        lost_xattrs: 0,
    };
    assert_eq!(done, expected);
    assert_eq!(mode(&dest.join("App.app")), 0o755);
    assert_eq!(mode(&dest.join("App.app/run")), 0o755);
    let link = dest.join("App.app/link");
    assert_eq!(fs_err::read_link(&link).unwrap(), Path::new("/etc/passwd"));
    for name in ["run", "link", "."] {
        let metadata = fs_err::symlink_metadata(dest.join("App.app").join(name)).unwrap();
        assert_eq!(metadata.mtime(), 1_600_000_000, "{name}");
    }
}

#[test]
fn a_file_is_copied_as_the_destination() {
    let tree = open(samples::zip(&[("a/b", Sample::File(0o640, b"text"))]));
    let house = TempDir::new().unwrap();
    extract(&*tree, "a/b", &house.path().join("x/copy")).unwrap();
    let copy = house.path().join("x/copy");
    assert_eq!(fs_err::read(&copy).unwrap(), b"text");
    assert_eq!(mode(&copy), 0o640);
    let error = extract(&*tree, "a/c", &copy).unwrap_err();
    assert!(matches!(error, MediaError::NotFound { .. }));
}

#[test]
fn twins_are_merged_into_what_they_belong_to() {
    let twin = twin();
    let tree = open(samples::zip(&[
        ("App/a", Sample::File(0o644, b"a")),
        ("App/._lonely", Sample::File(0o644, &twin)),
        ("App/b", Sample::File(0o644, b"b")),
        ("App/._b", Sample::File(0o644, &twin)),
        ("App/._a", Sample::File(0o644, b"no twin at all")),
        ("__MACOSX/App/._a", Sample::File(0o644, &twin)),
        ("__MACOSX/._App", Sample::File(0o644, &twin)),
    ]));
    let house = TempDir::new().unwrap();
    let done = extract(&*tree, "", house.path()).unwrap();
    assert!(!house.path().join("__MACOSX").exists());
    assert!(!house.path().join("App/._b").exists());
    assert!(house.path().join("App/._lonely").exists());
    assert!(house.path().join("App/._a").exists());
    if done.lost_xattrs > 0 {
        println!("skipped: no extended attributes on this file system");
        return;
    }
    let copy = HostTree::new(house.path()).unwrap();
    let info = [b"APPLxxxx".as_slice(), &[0; 24]].concat();
    for path in ["App", "App/a", "App/b"] {
        let expected = [Xattr {
            name: "com.apple.FinderInfo".to_owned(),
            value: info.clone(),
        }];
        assert_eq!(copy.xattrs(path).unwrap(), expected, "{path}");
    }
}

#[test]
fn a_damaged_twin_is_an_ordinary_file() {
    let twin = twin();
    let cut = &twin[..60];
    let tree = open(samples::zip(&[
        ("a", Sample::File(0o644, b"a")),
        ("._a", Sample::File(0o644, cut)),
        ("b", Sample::File(0o644, b"b")),
        ("__MACOSX/._b", Sample::File(0o644, cut)),
    ]));
    for attributes in [Attributes::Keep, Attributes::Leave] {
        let house = TempDir::new().unwrap();
        let mut budget = Budget::for_medium("extraction");
        let done = extract_within(&*tree, "", house.path(), attributes, &mut budget).unwrap();
        assert_eq!((done.files, done.lost_xattrs), (3, 0));
        assert_eq!(fs_err::read(house.path().join("._a")).unwrap(), cut);
        // What lies in that folder never comes out of it.
        assert!(!house.path().join("__MACOSX").exists());
    }
}

#[test]
fn attributes_are_left_out_where_that_is_asked_for() {
    let twin = twin();
    let tree = open(samples::zip(&[
        ("a", Sample::File(0o644, b"a")),
        ("._a", Sample::File(0o644, &twin)),
    ]));
    let house = TempDir::new().unwrap();
    let mut budget = Budget::new("extraction", 100, 10, 1);
    let done = extract_within(&*tree, "", house.path(), Attributes::Leave, &mut budget).unwrap();
    assert_eq!((done.files, done.lost_xattrs), (1, 1));
    let copy = HostTree::new(house.path()).unwrap();
    assert!(copy.xattrs("a").unwrap().is_empty());
    assert!(!house.path().join("._a").exists());
}

#[test]
fn links_that_are_there_already_lead_nowhere() {
    let house = TempDir::new().unwrap();
    let outside = house.path().join("outside");
    let dest = house.path().join("dest");
    fs_err::create_dir(&outside).unwrap();
    fs_err::create_dir(&dest).unwrap();
    fs_err::write(outside.join("kept"), "kept").unwrap();
    symlink(&outside, dest.join("folder")).unwrap();
    symlink(outside.join("kept"), dest.join("file")).unwrap();
    let tree = open(samples::zip(&[
        ("folder/new", Sample::File(0o644, b"new")),
        ("file", Sample::File(0o644, b"new")),
    ]));
    extract(&*tree, "", &dest).unwrap();
    assert_eq!(fs_err::read(outside.join("kept")).unwrap(), b"kept");
    assert!(!outside.join("new").exists());
    assert_eq!(fs_err::read(dest.join("folder/new")).unwrap(), b"new");
    assert_eq!(fs_err::read(dest.join("file")).unwrap(), b"new");
}

#[test]
fn names_that_lead_out_are_refused_when_opened() {
    for name in ["../x", "/x", "a/../../x"] {
        for bytes in [
            samples::zip(&[(name, Sample::File(0o644, b""))]),
            samples::cpio(&[(name, Sample::File(0o644, b""))]),
        ] {
            let opened = open_source(Arc::new(bytes), &Budget::for_medium("sample"));
            assert!(matches!(opened, Err(MediaError::Escapes { .. })), "{name}");
        }
    }
}

#[test]
fn nothing_is_written_below_a_link_of_the_archive() {
    let bytes = samples::cpio(&[
        ("a", Sample::Link("/tmp")),
        ("a/x", Sample::File(0o644, b"")),
    ]);
    assert!(open_source(Arc::new(bytes), &Budget::for_medium("sample")).is_err());
}

#[test]
fn a_budget_ends_it() {
    let tree = open(samples::zip(&[("a", Sample::File(0o644, &[0; 5000]))]));
    let house = TempDir::new().unwrap();
    let mut budget = Budget::new("extraction", 4999, 10, 1);
    assert!(extract_within(&*tree, "", house.path(), Attributes::Keep, &mut budget).is_err());
    let mut budget = Budget::new("extraction", 5000, 0, 1);
    assert!(extract_within(&*tree, "", house.path(), Attributes::Keep, &mut budget).is_err());
}

/// A tree that a damaged file system might be.
#[derive(Debug)]
struct Circle;

impl Tree for Circle {
    fn entry(&self, path: &str) -> Result<Entry, MediaError> {
        Ok(Entry::folder(path.to_owned()))
    }

    fn children(&self, path: &str) -> Result<Vec<Entry>, MediaError> {
        Ok(vec![Entry::folder(crate::path::join(path, "x"))])
    }

    fn open(&self, path: &str) -> Result<Box<dyn std::io::Read + Send + '_>, MediaError> {
        self.source(path).map(|_| Box::new(std::io::empty()) as _)
    }

    fn source(&self, path: &str) -> Result<Arc<dyn wire::ReadAt>, MediaError> {
        Err(MediaError::WrongKind {
            path: path.to_owned(),
            expected: "file",
        })
    }
}

#[test]
fn a_folder_inside_itself_ends() {
    let house = TempDir::new().unwrap();
    assert!(extract(&Circle, "", house.path()).is_err());
    assert!(crate::walk(&Circle, "").is_err());
}

/// A tree whose names are no names.
#[derive(Debug)]
struct Hostile(&'static str);

impl Tree for Hostile {
    fn entry(&self, path: &str) -> Result<Entry, MediaError> {
        Ok(Entry::folder(path.to_owned()))
    }

    fn children(&self, _: &str) -> Result<Vec<Entry>, MediaError> {
        let mut entry = Entry::folder(self.0.to_owned());
        entry.kind = Kind::Link {
            target: "x".to_owned(),
        };
        Ok(vec![entry])
    }

    fn open(&self, path: &str) -> Result<Box<dyn std::io::Read + Send + '_>, MediaError> {
        Circle.open(path).map(|_| Box::new(std::io::empty()) as _)
    }

    fn source(&self, path: &str) -> Result<Arc<dyn wire::ReadAt>, MediaError> {
        Circle.source(path)
    }
}

#[test]
fn names_that_are_none_are_refused() {
    let house = TempDir::new().unwrap();
    for name in ["", ".", "..", "a/..", "a\0b"] {
        let error = extract(&Hostile(name), "", house.path()).unwrap_err();
        assert!(matches!(error, MediaError::Escapes { .. }), "{name:?}");
    }
}

/// A tree whose root is a link.
#[derive(Debug)]
struct LinkAtRoot;

impl Tree for LinkAtRoot {
    fn entry(&self, path: &str) -> Result<Entry, MediaError> {
        let mut entry = Entry::folder(path.to_owned());
        entry.kind = Kind::Link {
            target: "/tmp".to_owned(),
        };
        Ok(entry)
    }

    fn children(&self, path: &str) -> Result<Vec<Entry>, MediaError> {
        Circle.children(path)
    }

    fn open(&self, path: &str) -> Result<Box<dyn std::io::Read + Send + '_>, MediaError> {
        Circle.open(path).map(|_| Box::new(std::io::empty()) as _)
    }

    fn source(&self, path: &str) -> Result<Arc<dyn wire::ReadAt>, MediaError> {
        Circle.source(path)
    }
}

#[test]
fn a_whole_tree_never_takes_the_place_of_the_destination() {
    let house = TempDir::new().unwrap();
    let dest = house.path().join("dest");
    let error = extract(&LinkAtRoot, "", &dest).unwrap_err();
    assert!(matches!(error, MediaError::WrongKind { .. }), "{error}");
    assert!(fs_err::symlink_metadata(&dest).is_err());
    // A link that was asked for by its name is copied as one.
    assert_eq!(extract(&LinkAtRoot, "link", &dest).unwrap().links, 1);
}
