//! Roots: offline keys, thresholds, and keys that change.

use std::num::NonZeroU64;

use proptest::prelude::*;

use super::*;
use crate::tuf::{Online, RootPlan, TufError, describe_root, sign_root};

/// What somebody may do to a root.
type Change = fn(&mut tough::schema::Root);

fn keys<const N: usize>() -> [PrivateKey; N] {
    std::array::from_fn(|_| PrivateKey::generate().unwrap())
}

fn offline(keys: &[PrivateKey], threshold: u64) -> RootPlan {
    RootPlan {
        root_keys: keys.iter().map(|key| key.public().clone()).collect(),
        threshold: NonZeroU64::new(threshold),
        ..RootPlan::default()
    }
}

#[test]
fn a_first_root_is_signed_where_no_network_is() {
    let house = House::empty();
    house.put(Kind::Catalogs, "testing", b"testing 1");
    let signers = keys::<3>();
    let draft = house.tuf.draft(&offline(&signers, 2), house.now).unwrap();
    assert!(!draft.is_complete);
    assert!(!house.folder.path().join("keys/root.pem").exists());
    let once = sign_root(&draft.bytes, None, &signers[0]).unwrap();
    let again = sign_root(&once.bytes, None, &signers[0]).unwrap();
    assert_eq!(again, once, "signing twice is signing once");
    assert_eq!(once.description.signed_by.len(), 1);
    let why = house
        .tuf
        .adopt(&house.repository, &once.bytes, house.now)
        .unwrap_err();
    assert!(matches!(why, TufError::Root { .. }), "{why}");
    let twice = sign_root(&once.bytes, None, &signers[2]).unwrap();
    assert_eq!(twice.description.signed_by.len(), 2);
    assert_eq!(
        (twice.description.version, twice.description.threshold),
        (1, 2)
    );
    let adopted = house
        .tuf
        .adopt(&house.repository, &twice.bytes, house.now)
        .unwrap();
    assert_eq!(adopted.version, 1);
    assert!(house.verify().unwrap().is_valid());
    // Half of its life is over, and nobody here could sign the next one.
    let later = house.now.plus(200 * DAY);
    let refreshed = house.tuf.refresh(&house.repository, later).unwrap();
    assert_eq!(refreshed.root.version, 1);
    assert!(!refreshed.root_is_due);
    let late = house.now.plus(310 * DAY);
    assert!(
        house
            .tuf
            .refresh(&house.repository, late)
            .unwrap()
            .root_is_due
    );
    let expired = house
        .tuf
        .refresh(&house.repository, house.now.plus(366 * DAY));
    assert!(matches!(expired.unwrap_err(), TufError::RootExpired { .. }));
}

#[test]
fn a_stranger_cannot_sign_a_root() {
    let house = House::empty();
    let [named, stranger] = keys::<2>();
    let draft = house
        .tuf
        .draft(&offline(std::slice::from_ref(&named), 1), house.now)
        .unwrap();
    let why = sign_root(&draft.bytes, None, &stranger).unwrap_err();
    assert!(why.to_string().contains("does not name key"), "{why}");
    assert!(describe_root(&draft.bytes).unwrap().signed_by.is_empty());
}

#[test]
fn the_key_of_the_root_may_be_taken_away_and_changed_later() {
    let house = House::new();
    let client = house.client();
    let path = house.folder.path().join("keys/root.pem");
    let first = house.key("root");
    std::fs::remove_file(&path).unwrap();
    house.put(Kind::Catalogs, "testing", b"testing 2");
    house.refresh();
    assert!(!path.exists(), "it is not made again");
    // New keys, of which two must sign; the old one has to agree.
    let signers = keys::<2>();
    let draft = house.tuf.draft(&offline(&signers, 2), house.now).unwrap();
    let mut bytes = draft.bytes;
    for key in &signers {
        bytes = sign_root(&bytes, None, key).unwrap().bytes;
    }
    let why = house
        .tuf
        .adopt(&house.repository, &bytes, house.now)
        .unwrap_err();
    assert!(why.to_string().contains("keys of the last root"), "{why}");
    let bytes = sign_root(&bytes, Some(&house.root(1)), &first)
        .unwrap()
        .bytes;
    house
        .tuf
        .adopt(&house.repository, &bytes, house.now)
        .unwrap();
    assert_eq!(house.verify_again(&client).unwrap().root.version, 2);
    // The old key signs no root any more, not even beside one of the new ones.
    let draft = house.tuf.draft(&RootPlan::default(), house.now).unwrap();
    assert!(sign_root(&draft.bytes, None, &first).is_err());
    let mut bytes = sign_root(&draft.bytes, None, &signers[0]).unwrap().bytes;
    bytes = sign_root(&bytes, Some(&house.root(1)), &first)
        .unwrap()
        .bytes;
    let why = house
        .tuf
        .adopt(&house.repository, &bytes, house.now)
        .unwrap_err();
    assert!(why.to_string().contains("keys of the last root"), "{why}");
}

#[test]
fn every_key_can_be_changed_and_clients_of_the_first_root_follow() {
    let house = House::new();
    let client = house.client();
    let stolen = house.key("targets");
    for round in 2..5 {
        let plan = RootPlan {
            rotate: Online::ALL.into(),
            rotate_root: true,
            ..RootPlan::default()
        };
        let before = house.key("root").id();
        let draft = house.tuf.draft(&plan, house.now).unwrap();
        assert!(draft.is_complete);
        let adopted = house
            .tuf
            .adopt(&house.repository, &draft.bytes, house.now)
            .unwrap();
        assert_eq!(adopted.version, round);
        assert_ne!(house.key("root").id(), before);
        let verified = house.verify_again(&client).unwrap();
        assert!(verified.is_valid());
        assert_eq!(verified.root.version, round);
    }
    // What was signed with a key that was changed does not count.
    house.forge::<tough::schema::Targets>("targets.json", &stolen, |_| {});
    refused(house.verify());
}

#[test]
fn an_interrupted_change_of_keys_is_gone_on_with() {
    let house = House::new();
    let plan = RootPlan {
        rotate: [Online::Targets].into(),
        ..RootPlan::default()
    };
    let draft = house.tuf.draft(&plan, house.now).unwrap();
    // Until the root is taken the present key signs.
    let present = house.key("targets").id();
    house.put(Kind::Catalogs, "testing", b"testing 2");
    house.refresh();
    assert!(house.verify().unwrap().is_valid());
    // The power fails when the root is kept and the key is not moved yet.
    house.tuf.keys.keep_root(2, &draft.bytes).unwrap();
    assert_eq!(house.key("targets").id(), present);
    house.refresh();
    assert_ne!(house.key("targets").id(), present);
    assert!(house.verify().unwrap().is_valid());
}

#[test]
fn roots_that_clients_or_the_service_could_not_use_are_refused() {
    let house = House::new();
    let key = house.key("root");
    let changes: [(&str, Change); 7] = [
        ("the next one is 2", |root| {
            root.version = 3.try_into().unwrap();
        }),
        ("the next one is 2", |root| {
            root.version = 1.try_into().unwrap();
        }),
        ("has expired", |root| {
            root.expires = "2020-01-01T00:00:00Z".parse().unwrap();
        }),
        ("consistent snapshots", |root| {
            root.consistent_snapshot = true;
        }),
        ("names no keys for", |root| {
            root.roles.remove(&tough::schema::RoleType::Targets);
        }),
        ("several keys", |root| {
            let keys = root
                .roles
                .get_mut(&tough::schema::RoleType::Targets)
                .unwrap();
            keys.threshold = 2.try_into().unwrap();
        }),
        ("which is not here", |root| {
            let stranger = metadata::tuf_key(PrivateKey::generate().unwrap().public());
            let keyid = metadata::key_id(&stranger).unwrap();
            root.keys.insert(keyid.clone(), stranger);
            let keys = root
                .roles
                .get_mut(&tough::schema::RoleType::Timestamp)
                .unwrap();
            keys.keyids = vec![keyid];
        }),
    ];
    for (expected, change) in changes {
        let draft = house.tuf.draft(&RootPlan::default(), house.now).unwrap();
        let mut root: SignedFile<tough::schema::Root> =
            metadata::from_bytes("root.json", &draft.bytes).unwrap();
        change(&mut root.signed);
        let signed = metadata::sign(root.signed, std::slice::from_ref(&key)).unwrap();
        let bytes = metadata::to_bytes(&signed).unwrap();
        let why = house
            .tuf
            .adopt(&house.repository, &bytes, house.now)
            .unwrap_err();
        assert!(why.to_string().contains(expected), "{expected}: {why}");
    }
    assert_eq!(house.refresh().root.version, 1);
    let huge = vec![b' '; 2 << 20];
    assert!(
        house
            .tuf
            .adopt(&house.repository, &huge, house.now)
            .is_err()
    );
    let targets = house.repository.get(Kind::Tuf, "targets.json").unwrap();
    assert!(describe_root(&targets).is_err());
}

#[test]
fn a_threshold_is_not_met_by_the_same_key_twice() {
    let house = House::empty();
    let signers = keys::<2>();
    let draft = house.tuf.draft(&offline(&signers, 2), house.now).unwrap();
    let once = sign_root(&draft.bytes, None, &signers[0]).unwrap();
    let mut value: serde_json::Value = serde_json::from_slice(&once.bytes).unwrap();
    let signature = value["signatures"][0].clone();
    value["signatures"].as_array_mut().unwrap().push(signature);
    let bytes = serde_json::to_vec(&value).unwrap();
    assert!(
        house
            .tuf
            .adopt(&house.repository, &bytes, house.now)
            .is_err()
    );
}

#[test]
fn no_plan_can_ask_for_more_signers_than_there_are() {
    let house = House::empty();
    let signers = keys::<2>();
    let why = house
        .tuf
        .draft(&offline(&signers, 3), house.now)
        .unwrap_err();
    assert!(why.to_string().contains("3 keys, and it names 2"), "{why}");
}

#[test]
fn every_truncation_and_every_changed_byte_of_a_root_is_refused_or_means_the_same() {
    let house = House::empty();
    let draft = house.tuf.draft(&RootPlan::default(), house.now).unwrap();
    let whole: SignedFile<tough::schema::Root> =
        metadata::from_bytes("root.json", &draft.bytes).unwrap();
    for end in 0..draft.bytes.len() - 1 {
        assert!(describe_root(&draft.bytes[..end]).is_err(), "cut at {end}");
    }
    for at in 0..draft.bytes.len() {
        let mut bytes = draft.bytes.clone();
        bytes[at] ^= 1;
        if metadata::root_from_bytes("root.json", &bytes).is_ok() {
            let read: SignedFile<tough::schema::Root> =
                metadata::from_bytes("root.json", &bytes).unwrap();
            assert_eq!(read.signed, whole.signed, "byte {at}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn anything_may_be_called_a_root(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(describe_root(&bytes).is_err());
    }

    #[test]
    fn names_and_contents_come_back_as_they_were(
        files in proptest::collection::btree_map("[a-zA-Z0-9 %+#?&<>\"'\\\\_-]{1,12}", any::<Vec<u8>>(), 0..6)
    ) {
        let house = House::empty();
        house.tuf.begin(house.now).unwrap();
        for (name, contents) in &files {
            house.put(Kind::Manifests, name, contents);
        }
        let refreshed = house.refresh();
        prop_assert_eq!(refreshed.targets, files.len());
        let verified = house.verify().unwrap();
        prop_assert!(verified.is_valid(), "{:?}", verified.problems);
        for (name, contents) in &files {
            let expected = model::Sha256::of(contents);
            prop_assert_eq!(verified.files[&format!("manifests/{name}")], expected);
        }
    }
}
