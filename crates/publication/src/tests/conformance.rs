//! The catalogs that Munki's own `makecatalogs` made of a repository with odd pkginfos.

use std::path::{Path, PathBuf};

use munki::{CatalogOptions, Compat};
use tempfile::TempDir;

use crate::{FolderRepository, make_catalogs};

/// The folder of the corpus, if the corpus is there.
fn corpus(path: &str) -> Option<PathBuf> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpus");
    let root = std::env::var_os("AUTO_UPDATE_CORPUS").map_or_else(|| beside.into(), PathBuf::from);
    let path = root.join(path);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: there is no {}", path.display());
    None
}

fn copy(from: &Path, to: &Path) {
    fs_err::create_dir_all(to).unwrap();
    for entry in fs_err::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs_err::write(&target, fs_err::read(entry.path()).unwrap()).unwrap();
        }
    }
}

/// The repository; the corpus holds a file in place of its link.
fn repository(mixed: &Path) -> (TempDir, FolderRepository) {
    let folder = tempfile::tempdir().unwrap();
    copy(&mixed.join("repo"), folder.path());
    let link = folder.path().join("pkgsinfo/linkdir");
    let target = fs_err::read_to_string(&link).unwrap();
    fs_err::remove_file(&link).unwrap();
    std::os::unix::fs::symlink(target, link).unwrap();
    let repository = FolderRepository::open(folder.path()).unwrap();
    (folder, repository)
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs_err::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn catalogs_words_and_statuses_are_those_of_munki_6() {
    let Some(mixed) = corpus("munki/mixed") else {
        return;
    };
    let options = CatalogOptions {
        compat: Compat::Munki6,
        ..CatalogOptions::default()
    };
    for (case, options) in [
        ("default", options),
        (
            "force",
            CatalogOptions {
                force: true,
                ..options
            },
        ),
        (
            "skip",
            CatalogOptions {
                skip_pkg_check: true,
                ..options
            },
        ),
    ] {
        let expected = mixed.join(case);
        let (folder, repository) = repository(&mixed);
        let made = make_catalogs(&repository, options).unwrap();
        assert_same_catalogs(folder.path(), &expected, case);
        let read = |name: &str| fs_err::read_to_string(expected.join(name)).unwrap();
        let hashes = folder.path().join("icons/_icon_hashes.plist");
        assert_eq!(
            fs_err::read_to_string(hashes).unwrap(),
            read("_icon_hashes.plist")
        );
        assert_eq!(
            made.report.progress.join("\n") + "\n\n",
            read("stdout"),
            "{case}"
        );
        assert_eq!(
            made.report.lines(Compat::Munki6).join("\n") + "\n",
            read("stderr"),
            "{case}"
        );
        assert_eq!(
            made.report.exit_status(Compat::Munki6).to_string(),
            read("rc").trim()
        );
    }
    println!("3 of 3 runs of makecatalogs end with the catalogs, words and statuses of Munki 6.7");
}

/// The same catalogs, byte for byte.
fn assert_same_catalogs(here: &Path, expected: &Path, case: &str) {
    let (here, expected) = (here.join("catalogs"), expected.join("catalogs"));
    assert_eq!(names(&here), names(&expected), "{case}");
    for name in names(&here) {
        assert_eq!(
            fs_err::read(here.join(&name)).unwrap(),
            fs_err::read(expected.join(&name)).unwrap(),
            "{case} {name}"
        );
    }
}

#[test]
fn munki_7_takes_no_text_for_a_list_and_ends_with_1_for_errors_only() {
    let Some(mixed) = corpus("munki/mixed") else {
        return;
    };
    let (folder, repository) = repository(&mixed);
    let made = make_catalogs(&repository, CatalogOptions::default()).unwrap();
    assert!(!names(&folder.path().join("catalogs")).contains(&"a".to_owned()));
    assert_eq!(made.report.exit_status(Compat::Munki7), 1);
    for damaged in ["garbage.plist", "EmptyCatalogName.plist"] {
        fs_err::remove_file(folder.path().join("pkgsinfo").join(damaged)).unwrap();
    }
    let made = make_catalogs(&repository, CatalogOptions::default()).unwrap();
    assert!(!made.report.notes.is_empty());
    assert_eq!(made.report.exit_status(Compat::Munki7), 0);
    let again = make_catalogs(&repository, CatalogOptions::default()).unwrap();
    assert!(again.changed.is_empty() && again.removed.is_empty());
}
