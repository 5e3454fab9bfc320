//! Repositories that are looked over.

use model::Sha256;
use munki::CatalogOptions;
use proplist::{Dict, Value};
use tempfile::TempDir;

use crate::{FolderRepository, Kind, Repository as _, StagedItem, Staging, check, make_catalogs};

const BYTES: &[u8] = &[7; 3000];

fn pkginfo(hash: &str) -> Dict {
    let texts = [
        ("name", "A"),
        ("version", "1"),
        ("installer_item_location", "A-1.pkg"),
        ("installer_item_hash", hash),
    ];
    let mut pkginfo: Dict = texts
        .iter()
        .map(|(key, value)| ((*key).to_owned(), Value::from(*value)))
        .collect();
    pkginfo.insert("catalogs".to_owned(), vec!["testing"].into());
    pkginfo.insert("installer_item_size".to_owned(), 2_u64.into());
    pkginfo
}

/// A repository with one item in it.
fn repository(pkginfo: &Dict) -> (TempDir, FolderRepository) {
    let folder = tempfile::tempdir().unwrap();
    let repository = FolderRepository::create(folder.path()).unwrap();
    repository.put(Kind::Pkgs, "A-1.pkg", BYTES).unwrap();
    write(&repository, pkginfo);
    make_catalogs(&repository, CatalogOptions::default()).unwrap();
    (folder, repository)
}

fn write(repository: &FolderRepository, pkginfo: &Dict) {
    let text = proplist::to_xml(&pkginfo.clone().into(), proplist::KeyOrder::Sorted).unwrap();
    repository
        .put(Kind::Pkgsinfo, "A-1.plist", text.as_bytes())
        .unwrap();
}

fn found(repository: &FolderRepository) -> Vec<String> {
    let checked = check(repository, CatalogOptions::default()).unwrap();
    let notes = checked.report.notes.into_iter();
    notes.map(|(_, text)| text).collect()
}

#[test]
fn nothing_is_wrong_with_what_is_right() {
    let hash = Sha256::of(BYTES).to_string();
    let (_folder, repository) = repository(&pkginfo(&hash));
    assert_eq!(found(&repository), [""; 0]);
    // Digests may be written in capitals.
    write(&repository, &pkginfo(&hash.to_uppercase()));
    make_catalogs(&repository, CatalogOptions::default()).unwrap();
    assert_eq!(found(&repository), [""; 0]);
}

#[test]
fn an_item_that_is_not_what_its_pkginfo_says_is_told_and_nothing_is_written() {
    let hash = Sha256::of(BYTES).to_string();
    let (_folder, repository) = repository(&pkginfo(&hash));
    repository.put(Kind::Pkgs, "A-1.pkg", &[7; 1000]).unwrap();
    let other = Sha256::of(&[7; 1000]);
    let together = "pkgsinfo/A-1.plist and pkgs/A-1.pkg do not go together";
    assert_eq!(
        found(&repository),
        [
            format!("{together}: installer_item_size is 2, and the file has 0 KiB"),
            format!("{together}: installer_item_hash is {hash}, and the file has {other}"),
        ]
    );
    repository.delete(Kind::Pkgs, "A-1.pkg").unwrap();
    let before = repository.get(Kind::Catalogs, "all").unwrap();
    let missing = found(&repository);
    assert!(
        missing[0].contains("refers to missing installer item: A-1.pkg"),
        "{missing:?}"
    );
    assert!(
        missing[1].contains("catalogs/all is not made of"),
        "{missing:?}"
    );
    assert!(
        missing[2].contains("catalogs/testing is there, but no pkginfo"),
        "{missing:?}"
    );
    assert_eq!(repository.get(Kind::Catalogs, "all").unwrap(), before);
}

#[test]
fn what_no_pkginfo_names_is_told() {
    let hash = Sha256::of(BYTES).to_string();
    let (_folder, repository) = repository(&pkginfo(&hash));
    repository.put(Kind::Pkgs, "apps/B-1.pkg", BYTES).unwrap();
    assert_eq!(
        found(&repository),
        ["pkgs/apps/B-1.pkg belongs to no pkginfo"]
    );
}

#[test]
fn evidence_belongs_to_what_it_is_of_and_older_items_have_none() {
    let hash = Sha256::of(BYTES).to_string();
    let (_folder, repository) = repository(&pkginfo(&hash));
    let put = |location: &str| repository.put(Kind::Evidence, location, b"{}").unwrap();
    for known in [
        "A-1.pkg.intoto.jsonl",
        "A-1.pkg.2.intoto.jsonl",
        "A-1.plist.intoto.jsonl",
        "publications.jsonl",
    ] {
        put(known);
    }
    assert_eq!(found(&repository), [""; 0]);
    put("apps/B.pkg.intoto.jsonl");
    assert_eq!(
        found(&repository),
        ["evidence/apps/B.pkg.intoto.jsonl is of nothing that is there"]
    );
}

#[test]
fn what_cannot_be_verified_is_told() {
    let mut without = pkginfo("N/A");
    let (_folder, repository) = repository(&without);
    assert!(found(&repository)[0].contains("cannot be verified"));
    without.shift_remove("installer_item_hash");
    write(&repository, &without);
    assert!(found(&repository)[0].contains("has no installer_item_hash"));
}

#[test]
fn a_change_set_says_what_its_items_are() {
    let folder = tempfile::tempdir().unwrap();
    let repository = FolderRepository::create(&folder.path().join("repo")).unwrap();
    let staging = Staging::new(std::sync::Arc::new(repository), folder.path());
    staging.stage_bytes(Kind::Pkgs, "A-1.pkg", BYTES).unwrap();
    staging.stage_pkginfo("A-1.plist", &pkginfo("N/A")).unwrap();
    let there = Sha256::of(b"there");
    let mut other = pkginfo(&there.to_string());
    other.insert("installer_item_location".to_owned(), "there.pkg".into());
    staging.stage_pkginfo("B.plist", &other).unwrap();
    let item = |pkginfo: &str, sha256| StagedItem {
        name: "A".to_owned(),
        version: "1".to_owned(),
        pkginfo: pkginfo.to_owned(),
        sha256: Some(sha256),
    };
    let set = staging.take();
    assert_eq!(
        set.items().unwrap(),
        [item("A-1.plist", Sha256::of(BYTES)), item("B.plist", there)]
    );
    staging
        .stage_bytes(Kind::Pkgsinfo, "C.plist", b"<plist><dict/></plist>")
        .unwrap();
    let error = staging.take().items().unwrap_err();
    assert_eq!(
        error.to_string(),
        "`pkgsinfo/C.plist` is no pkginfo: it has no `name`"
    );
}
