//! What the service writes, when, and what it does not believe.

use super::*;
use crate::tuf::{Online, TufError};

fn versions(refreshed: &Refreshed) -> [u64; 4] {
    let online = Online::ALL.map(|role| refreshed.online[&role].version);
    [refreshed.root.version, online[0], online[1], online[2]]
}

#[test]
fn everything_that_munki_believes_is_named_and_nothing_is_signed_twice() {
    let house = House::new();
    house.put(Kind::Manifests, "groups/labs", b"manifest 2");
    house.put(Kind::ClientResources, "site_default.zip", b"zip");
    house.put(Kind::Pkgs, "A.pkg", b"package");
    house.put(Kind::Icons, "A.png", b"icon");
    let refreshed = house.refresh();
    let written = [
        "tuf/targets.json",
        "tuf/snapshot.json",
        "tuf/timestamp.json",
    ];
    assert_eq!(refreshed.written, written);
    assert_eq!(versions(&refreshed), [1, 2, 2, 2]);
    let verified = house.verify().unwrap();
    assert!(verified.is_valid(), "{:?}", verified.problems);
    let named: Vec<_> = verified.files.keys().map(String::as_str).collect();
    assert_eq!(
        named,
        [
            "catalogs/production",
            "catalogs/testing",
            "client_resources/site_default.zip",
            "icons/_icon_hashes.plist",
            "manifests/groups/labs",
            "manifests/site_default",
        ]
    );
    let before = house.copy();
    assert_eq!(house.refresh().written, [""; 0]);
    assert_eq!(house.copy(), before);
}

#[test]
fn a_repository_without_anything_has_metadata_too() {
    let house = House::empty();
    let missing = house.tuf.refresh(&house.repository, house.now).unwrap_err();
    assert!(matches!(missing, TufError::NoRoot), "{missing}");
    assert!(house.tuf.begin(house.now).unwrap());
    assert!(!house.tuf.begin(house.now).unwrap());
    assert_eq!(house.refresh().targets, 0);
    assert!(house.verify().unwrap().is_valid());
}

#[test]
fn what_is_about_to_expire_is_signed_anew_and_nothing_else() {
    let mut house = House::new();
    let begin = house.now;
    house.now = begin.plus(23 * HOUR);
    assert_eq!(house.refresh().written, [""; 0]);
    house.now = begin.plus(25 * HOUR);
    assert_eq!(house.refresh().written, ["tuf/timestamp.json"]);
    house.now = begin.plus(4 * DAY);
    let refreshed = house.refresh();
    assert_eq!(
        refreshed.written,
        ["tuf/snapshot.json", "tuf/timestamp.json"]
    );
    assert_eq!(versions(&refreshed), [1, 2, 1, 3]);
    house.now = begin.plus(46 * DAY);
    assert_eq!(versions(&house.refresh()), [1, 3, 2, 4]);
    house.now = begin.plus(200 * DAY);
    let refreshed = house.refresh();
    assert_eq!(versions(&refreshed), [2, 4, 3, 5]);
    assert_eq!(
        refreshed.root.expires.as_secs(),
        house.now.plus(365 * DAY).as_secs()
    );
}

#[test]
fn what_expires_too_late_is_signed_anew() {
    let mut house = House::new();
    house.tuf.lifetimes.timestamp = 12 * HOUR;
    assert_eq!(house.refresh().written, ["tuf/timestamp.json"]);
    house.now = house.now.plus(HOUR);
    assert_eq!(house.refresh().written, [""; 0]);
}

#[test]
fn what_lies_in_the_repository_is_not_believed() {
    let house = House::new();
    let stranger = PrivateKey::generate().unwrap();
    house.forge::<tough::schema::Targets>("targets.json", &stranger, |targets| {
        targets.version = 9.try_into().unwrap();
    });
    let refreshed = house.refresh();
    assert_eq!(versions(&refreshed), [1, 2, 2, 2]);
    for damaged in [
        "1.root.json",
        "targets.json",
        "snapshot.json",
        "timestamp.json",
    ] {
        for contents in [b"".as_slice(), b"{}", b"[", b"\xff\xfe"] {
            house.put(Kind::Tuf, damaged, contents);
            house.refresh();
            assert!(house.verify().unwrap().is_valid(), "{damaged}");
        }
        house.repository.delete(Kind::Tuf, damaged).unwrap();
        house.refresh();
        assert!(house.verify().unwrap().is_valid(), "{damaged}");
    }
}

#[test]
fn a_repository_from_a_backup_does_not_go_back() {
    let house = House::new();
    let client = house.client();
    let backup = house.copy();
    for round in 2..5 {
        let text = format!("testing {round}");
        house.put(Kind::Catalogs, "testing", text.as_bytes());
        house.refresh();
    }
    let last = house.verify_again(&client).unwrap();
    assert_eq!(last.online[&Online::Timestamp].version, 4);
    house.put(Kind::Catalogs, "testing", b"testing 1");
    house.put_back(&backup);
    assert!(refused(house.verify_again(&client)).contains("version"));
    assert_eq!(versions(&house.refresh()), [1, 5, 5, 5]);
    assert!(house.verify_again(&client).unwrap().is_valid());
    // Nor does one whose metadata is lost altogether.
    for (name, _) in house.copy() {
        house.repository.delete(Kind::Tuf, &name).unwrap();
    }
    assert_eq!(versions(&house.refresh()), [1, 6, 6, 6]);
    assert!(house.verify_again(&client).unwrap().is_valid());
}

#[test]
fn a_crash_at_any_point_is_made_up_for() {
    let house = House::new();
    let client = house.client();
    house.verify_again(&client).unwrap();
    let old = house.copy();
    house.put(Kind::Catalogs, "testing", b"testing 2");
    house.refresh();
    let new = house.copy();
    // Metadata is written as `targets`, `snapshot`, `timestamp`; a crash leaves the first of these new.
    for reached in 0..3 {
        house.put_back(&old);
        for name in ["targets.json", "snapshot.json", "timestamp.json"]
            .into_iter()
            .take(reached)
        {
            house.put_back(
                &new.iter()
                    .filter(|(at, _)| at == name)
                    .cloned()
                    .collect::<Vec<_>>(),
            );
        }
        house.refresh();
        assert!(house.verify_again(&client).unwrap().is_valid(), "{reached}");
    }
}

#[test]
fn names_that_clients_read_differently_are_told_and_left_out() {
    let house = House::new();
    house.put(Kind::Manifests, "u\u{308}", b"manifest");
    house.put(Kind::Manifests, "\u{fc}", b"manifest");
    house.put(Kind::Manifests, "a \"b\" \\ & <c> %41 #?;日本", b"manifest");
    let refreshed = house.refresh();
    assert_eq!(refreshed.skipped.len(), 1, "{:?}", refreshed.skipped);
    assert_eq!(refreshed.skipped[0].0, "manifests/u\u{308}");
    let verified = house.verify().unwrap();
    assert!(verified.is_valid(), "{:?}", verified.problems);
    assert_eq!(verified.files.len(), 6);
}

#[test]
fn a_key_that_is_gone_is_told_and_never_made_anew() {
    let house = House::new();
    let path = house.folder.path().join("keys/snapshot.pem");
    std::fs::remove_file(&path).unwrap();
    house.put(Kind::Catalogs, "testing", b"testing 2");
    let before = house.copy();
    let error = house.tuf.refresh(&house.repository, house.now).unwrap_err();
    assert!(
        matches!(
            error,
            TufError::NoKey {
                role: Online::Snapshot,
                ..
            }
        ),
        "{error}"
    );
    assert!(!path.exists());
    assert_eq!(house.copy(), before);
}

#[test]
fn keys_are_readable_by_their_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let house = House::new();
    for role in ["root", "targets", "snapshot", "timestamp"] {
        let path = house.folder.path().join(format!("keys/{role}.pem"));
        let mode = std::fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{role}");
    }
    std::fs::set_permissions(
        house.folder.path().join("keys/targets.pem"),
        std::fs::Permissions::from_mode(0o640),
    )
    .unwrap();
    house.put(Kind::Catalogs, "testing", b"testing 2");
    let error = house.tuf.refresh(&house.repository, house.now).unwrap_err();
    assert!(error.to_string().contains("make it 600"), "{error}");
}
