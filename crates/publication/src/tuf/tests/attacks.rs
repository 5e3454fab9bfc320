//! The attacks that the specification names, each tried on a client.

use std::io;

use async_trait::async_trait;
use tough::schema::{Targets, Timestamp as TimestampRole};

use super::*;
use crate::tuf::{Online, Problem, RootPlan, Source, client::checked};

#[test]
fn arbitrary_software_bytes_that_nobody_signed() {
    let house = House::new();
    house.put(Kind::Catalogs, "production", b"production x");
    let verified = house.verify().unwrap();
    assert!(!verified.is_valid());
    assert_eq!(
        verified.problems["catalogs/production"],
        Problem::OtherBytes
    );
    assert_eq!(verified.files.len(), 3);
    house
        .repository
        .delete(Kind::Catalogs, "production")
        .unwrap();
    let verified = house.verify().unwrap();
    assert_eq!(verified.problems["catalogs/production"], Problem::Missing);
}

#[test]
fn arbitrary_software_metadata_that_somebody_else_signed() {
    let house = House::new();
    let stranger = PrivateKey::generate().unwrap();
    house.forge::<TimestampRole>("timestamp.json", &stranger, |role| {
        role.version = 2.try_into().unwrap();
    });
    assert!(
        refused(house.verify()).contains("timestamp"),
        "a stranger signed"
    );
    // Each role's key is good for that role only.
    let house = House::new();
    house.forge::<TimestampRole>("timestamp.json", &house.key("snapshot"), |_| {});
    assert!(refused(house.verify()).contains("timestamp"));
    let house = House::new();
    house.forge::<Targets>("targets.json", &house.key("timestamp"), |_| {});
    assert!(refused(house.verify()).contains("targets"));
}

#[test]
fn arbitrary_software_with_the_keys_of_timestamp_and_snapshot_only() {
    let house = House::new();
    let stranger = PrivateKey::generate().unwrap();
    house.put(Kind::Catalogs, "production", b"malware");
    house.forge::<Targets>("targets.json", &stranger, |targets| {
        let evil = metadata::Named::of(b"malware").target();
        targets
            .targets
            .insert("catalogs/production".parse().unwrap(), evil);
    });
    house.forge_names(1, 1);
    assert!(refused(house.verify()).contains("targets"));
}

#[test]
fn wrong_software_under_the_name_of_another() {
    let house = House::new();
    house.put(Kind::Catalogs, "production", b"testing 1");
    house.put(Kind::Catalogs, "testing", b"production 1");
    let verified = house.verify().unwrap();
    assert_eq!(verified.problems.len(), 2, "{:?}", verified.problems);
}

#[test]
fn rollback_to_metadata_of_before() {
    let house = House::new();
    let client = house.client();
    let old = house.copy();
    house.put(Kind::Catalogs, "production", b"production 2");
    house.refresh();
    house.verify_again(&client).unwrap();
    house.put(Kind::Catalogs, "production", b"production 1");
    house.put_back(&old);
    assert!(refused(house.verify_again(&client)).contains("version"));
}

#[test]
fn rollback_of_targets_behind_a_newer_timestamp() {
    // Somebody who has the keys of `timestamp` and `snapshot` names `targets` of before.
    let house = House::new();
    let client = house.client();
    let old = house.repository.get(Kind::Tuf, "targets.json").unwrap();
    house.put(Kind::Catalogs, "production", b"production 2");
    house.refresh();
    house.verify_again(&client).unwrap();
    house.put(Kind::Tuf, "targets.json", &old);
    house.forge_names(1, 3);
    assert!(refused(house.verify_again(&client)).contains("version"));
}

#[test]
fn indefinite_freeze_at_metadata_that_has_expired() {
    let mut house = House::empty();
    let present = house.now;
    for (ago, role) in [
        (3 * DAY, "timestamp"),
        (8 * DAY, "timestamp"),
        (400 * DAY, "root"),
    ] {
        house.now = present.minus(ago);
        let fresh = Tuf::new(
            house.folder.path().join(role).join("keys"),
            Lifetimes::default(),
        );
        fresh.begin(house.now).unwrap();
        for (name, _) in house.copy() {
            house.repository.delete(Kind::Tuf, &name).unwrap();
        }
        fresh
            .refresh(&house.repository, house.now)
            .unwrap_or_else(|error| panic!("{error}"));
        let why = refused(house.verify());
        assert!(why.contains("xpired") && why.contains(role), "{why}");
        std::fs::remove_dir_all(house.folder.path().join(role)).unwrap();
    }
}

#[test]
fn mix_and_match_of_metadata_and_files_of_two_times() {
    let house = House::new();
    let old = house.copy();
    house.put(Kind::Catalogs, "production", b"production 2");
    house.put(Kind::Catalogs, "testing", b"testing 2");
    house.refresh();
    let new = house.copy();
    for mixed in ["targets.json", "snapshot.json", "timestamp.json"] {
        house.put_back(&new);
        house.put_back(
            &old.iter()
                .filter(|(name, _)| name == mixed)
                .cloned()
                .collect::<Vec<_>>(),
        );
        refused(house.verify());
    }
    house.put_back(&new);
    house.put(Kind::Catalogs, "testing", b"testing 1");
    let verified = house.verify().unwrap();
    assert_eq!(verified.problems["catalogs/testing"], Problem::OtherBytes);
}

#[test]
fn fast_forward_is_recovered_from_by_new_keys() {
    let house = House::new();
    let client = house.client();
    let good = house.copy();
    house.forge_names(1, u64::MAX);
    house.verify_again(&client).unwrap();
    house.put_back(&good);
    assert!(refused(house.verify_again(&client)).contains("version"));
    let plan = RootPlan {
        rotate: [Online::Snapshot, Online::Timestamp].into(),
        ..RootPlan::default()
    };
    let draft = house.tuf.draft(&plan, house.now).unwrap();
    house
        .tuf
        .adopt(&house.repository, &draft.bytes, house.now)
        .unwrap();
    let verified = house.verify_again(&client).unwrap();
    assert!(verified.is_valid());
    assert_eq!(verified.root.version, 2);
}

/// A repository that sends one file without end.
#[derive(Debug)]
struct Endless {
    inner: FolderSource,
    name: &'static str,
}

#[async_trait]
impl Source for Endless {
    async fn read(&self, path: &str, limit: u64) -> io::Result<Option<Vec<u8>>> {
        if path.ends_with(self.name) {
            // As a server's answer, it is cut where the reader says.
            return Ok(Some(vec![b' '; usize::try_from(limit).unwrap()]));
        }
        self.inner.read(path, limit).await
    }
}

#[test]
fn endless_data_is_cut_and_refused() {
    let house = House::new();
    let endless = |name| {
        let inner = FolderSource::new(house.repository.root().to_owned());
        let source = Arc::new(Endless { inner, name });
        run(verify(&house.root(1), source, None))
    };
    for name in [
        "timestamp.json",
        "snapshot.json",
        "targets.json",
        "2.root.json",
    ] {
        refused(endless(name));
    }
    let verified = endless("catalogs/testing").unwrap();
    assert_eq!(verified.problems["catalogs/testing"], Problem::OtherBytes);
}

#[test]
fn names_that_lead_out_of_the_repository_are_refused_even_if_signed() {
    for name in [
        "../evil",
        "/etc/passwd",
        "catalogs/../../evil",
        "a//b",
        ".hidden",
        "a\nb",
    ] {
        assert!(checked(name).is_err(), "{name}");
    }
    let house = House::new();
    house.forge::<Targets>("targets.json", &house.key("targets"), |targets| {
        let target = metadata::Named::of(b"x").target();
        targets
            .targets
            .insert("catalogs/../../evil".parse().unwrap(), target);
    });
    house.forge_names(1, 1);
    assert!(refused(house.verify()).contains("cannot be the name"));
}

#[test]
fn a_trusted_root_that_is_none_is_refused() {
    let house = House::new();
    let source = || Arc::new(FolderSource::new(house.repository.root().to_owned()));
    for root in [
        b"".as_slice(),
        b"{}",
        b"null",
        &house.repository.get(Kind::Tuf, "targets.json").unwrap(),
    ] {
        refused(run(verify(root, source(), None)));
    }
    // The root of another service is one, but nothing here is signed by its keys.
    let other = House::new();
    refused(run(verify(&other.root(1), source(), None)));
}
