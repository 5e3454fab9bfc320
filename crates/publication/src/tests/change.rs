//! Change sets that replace and remove.

use model::{ChangeSetId, Sha256};
use munki::CatalogOptions;

use super::scene::{NOW, Scene, assert_sound, item};
use crate::{
    Backend as _, ChangeSet, Disposition, Kind, PublishError, Removal, Repository as _, discarded,
    make_catalogs, purge, repair, revert_of,
};

/// That the change set is refused, with these words, and nothing is changed.
fn assert_refused(scene: &Scene, set: &ChangeSet, words: &str) {
    let before = scene.tree();
    let error = scene.publish(set).unwrap_err();
    assert!(error.to_string().contains(words), "{error}");
    assert!(scene.tree() == before, "{words}");
    assert_sound(&scene.repository, words);
    assert!(discarded(&scene.repository).unwrap().is_empty(), "{words}");
    assert_eq!(
        scene.repository.own_names("trash").unwrap(),
        [""; 0],
        "{words}"
    );
}

fn only(removals: Vec<Removal>) -> ChangeSet {
    let mut set = ChangeSet::new(ChangeSetId::new());
    set.removals = removals;
    set
}

#[test]
fn one_change_set_adds_replaces_and_removes_and_doing_so_again_changes_nothing() {
    let scene = Scene::new();
    let set = scene.change();
    let published = scene.publish(&set).unwrap();
    assert_eq!(published.catalogs, ["all", "testing", "A", "B"]);
    let (mut added, mut replaced, mut removed) = (0, 0, 0);
    for placement in &published.placements {
        match placement.disposition {
            Disposition::Placed => added += 1,
            Disposition::Replaced => replaced += 1,
            Disposition::Removed => removed += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((added, replaced, removed), (4, 4, 4));
    assert_sound(&scene.repository, "after");
    let after = scene.tree();
    assert!(after.keys().all(|path| !path.contains('C')), "{after:?}");
    assert_eq!(after["manifests/all"], b"two");
    for (kind, location, contents) in item("A", "changed").iter().chain(&item("B", "")) {
        assert_eq!(&after[&format!("{kind}/{location}")], contents);
    }

    let again = scene.publish(&set).unwrap();
    assert!(again.catalogs.is_empty());
    assert!(again.placements.iter().all(|placement| matches!(
        placement.disposition,
        Disposition::AlreadyThere | Disposition::AlreadyGone
    )));
    assert!(scene.tree() == after);
    let lists = discarded(&scene.repository).unwrap();
    assert_eq!((lists.len(), lists[0].id, lists[0].at), (1, set.id, NOW));
    assert_eq!((lists[0].files.len(), lists[0].added.len()), (8, 4));
}

#[test]
fn a_change_set_is_reverted_and_the_revert_reverted_until_it_is_purged() {
    let scene = Scene::new();
    let before = scene.tree();
    let set = scene.change();
    scene.publish(&set).unwrap();
    let after = scene.tree();

    let revert = revert_of(&scene.repository, set.id).unwrap();
    scene.publish(&revert).unwrap();
    assert!(scene.tree() == before);
    assert_sound(&scene.repository, "reverted");
    assert!(revert_of(&scene.repository, set.id).unwrap().is_empty());

    let again = revert_of(&scene.repository, revert.id).unwrap();
    scene.publish(&again).unwrap();
    assert!(scene.tree() == after);

    for id in [set.id, revert.id, again.id] {
        purge(&scene.repository, id).unwrap();
        purge(&scene.repository, id).unwrap();
    }
    assert!(discarded(&scene.repository).unwrap().is_empty());
    assert!(
        !scene
            .repository
            .root()
            .join(".auto-update/trash")
            .join(set.id.to_string())
            .exists()
    );
    let error = revert_of(&scene.repository, set.id).unwrap_err();
    assert!(matches!(error, PublishError::NotKept { .. }), "{error}");
    assert!(scene.tree() == after);
}

#[test]
fn the_newest_is_listed_first_and_what_is_kept_takes_no_room() {
    use std::os::unix::fs::MetadataExt as _;

    let scene = Scene::new();
    let package = scene.repository.root().join("pkgs/apps/C-1.pkg");
    let inode = fs_err::metadata(&package).unwrap().ino();
    let mut ids = Vec::new();
    for name in ["C", "A"] {
        let removals = item(name, "").map(|(kind, location, _)| scene.removal(kind, &location));
        let set = only(removals.into());
        scene.publish(&set).unwrap();
        ids.insert(0, set.id);
    }
    let listed = discarded(&scene.repository).unwrap();
    assert_eq!(listed.iter().map(|it| it.id).collect::<Vec<_>>(), ids);
    let kept = format!(".auto-update/trash/{}/pkgs/apps/C-1.pkg", ids[1]);
    let kept = scene.repository.root().join(kept);
    assert_eq!(fs_err::metadata(kept).unwrap().ino(), inode);
}

#[test]
fn what_is_not_what_it_was_is_refused_before_anything_is_changed() {
    let scene = Scene::new();
    let mut set = scene.change();
    set.removals.last_mut().unwrap().was = Sha256::of(b"other");
    assert_refused(&scene, &set, "was changed since: SHA-256");
    let mut set = scene.change();
    set.replacements.last_mut().unwrap().was = Sha256::of(b"other");
    assert_refused(&scene, &set, "was changed since: SHA-256");
    let mut set = scene.change();
    scene.repository.delete(Kind::Manifests, "all").unwrap();
    assert_refused(&scene, &set, "was changed since: nothing is there instead");
    set.replacements.pop();
    scene.publish(&set).unwrap();
}

#[test]
fn what_was_changed_since_is_not_reverted() {
    let scene = Scene::new();
    let set = scene.change();
    scene.publish(&set).unwrap();
    let put = |kind, location: &str, contents: &[u8]| {
        scene.repository.put(kind, location, contents).unwrap();
        revert_of(&scene.repository, set.id)
            .unwrap_err()
            .to_string()
    };
    let evidence = "apps/B-1.pkg.intoto.jsonl";
    let was = scene.repository.get(Kind::Evidence, evidence).unwrap();
    let words = put(Kind::Evidence, evidence, b"mine");
    assert!(words.contains("was changed since"), "{words}");
    scene
        .repository
        .put(Kind::Evidence, evidence, &was)
        .unwrap();
    let words = put(Kind::Pkgs, "apps/C-1.pkg", b"mine");
    assert!(
        words.contains("cannot be put back, since something else"),
        "{words}"
    );
    scene.repository.delete(Kind::Pkgs, "apps/C-1.pkg").unwrap();
    let words = put(Kind::Manifests, "all", b"mine");
    assert!(
        words.contains("manifests/all` was changed since"),
        "{words}"
    );
}

#[test]
fn a_package_stays_as_long_as_a_pkginfo_names_it_and_is_never_replaced() {
    let scene = Scene::new();
    let package = scene.removal(Kind::Pkgs, "apps/C-1.pkg");
    assert_refused(
        &scene,
        &only(vec![package.clone()]),
        "cannot be removed, since `pkgsinfo/apps/C-1.plist` names it",
    );
    let mut set = only(vec![package.clone()]);
    let other = String::from_utf8(item("C", "")[3].2.clone()).unwrap();
    let other = other.replace("installer_item_location", "was_location");
    set.replacements
        .push(scene.replacement(Kind::Pkgsinfo, "apps/C-1.plist", other.as_bytes()));
    let mut naming = set.clone();
    naming
        .files
        .push(scene.staged(Kind::Pkgsinfo, "D.plist", &item("C", "again")[3].2));
    assert_refused(&scene, &naming, "since `pkgsinfo/D.plist` names it");
    let mut replacing = ChangeSet::new(ChangeSetId::new());
    replacing
        .replacements
        .push(scene.replacement(Kind::Pkgs, "apps/C-1.pkg", b"other"));
    assert_refused(&scene, &replacing, "a package never gets other bytes");
    scene.publish(&set).unwrap();
    assert!(
        scene
            .repository
            .digest(Kind::Pkgs, "apps/C-1.pkg")
            .unwrap()
            .is_none()
    );
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let scene = Scene::new();
    scene
        .repository
        .put(Kind::Evidence, "publications.jsonl", b"{}")
        .unwrap();
    let icons = scene.removal(Kind::Icons, "_icon_hashes.plist");
    assert_refused(
        &scene,
        &only(vec![icons]),
        "it is made from what is published",
    );
    let catalog = scene.removal(Kind::Catalogs, "all");
    assert_refused(
        &scene,
        &only(vec![catalog]),
        "it is made from what is published",
    );
    let log = scene.removal(Kind::Evidence, "publications.jsonl");
    assert_refused(&scene, &only(vec![log]), "only ever added to");
    let mut twice = scene.change();
    twice.removals.push(scene.removal(Kind::Manifests, "all"));
    assert_refused(&scene, &twice, "names `manifests/all` twice");
    let mut outside = only(vec![scene.removal(Kind::Manifests, "all")]);
    outside.removals[0].location = "../pkgs/apps/C-1.pkg".to_owned();
    assert_refused(&scene, &outside, "cannot be a location");
}

#[test]
fn a_link_is_kept_as_what_it_leads_to() {
    let scene = Scene::new();
    let link = scene.repository.root().join("pkgs/apps/link.pkg");
    std::os::unix::fs::symlink("C-1.pkg", &link).unwrap();
    let set = only(vec![scene.removal(Kind::Pkgs, "apps/link.pkg")]);
    scene.publish(&set).unwrap();
    assert!(fs_err::symlink_metadata(&link).is_err());
    let revert = revert_of(&scene.repository, set.id).unwrap();
    scene.publish(&revert).unwrap();
    assert_eq!(fs_err::read(&link).unwrap(), b"package C");
}

#[test]
fn a_journal_of_a_newer_version_stops_everything() {
    let scene = Scene::new();
    let journal = br#"{"schema": 3, "swaps": []}"#;
    scene.repository.put_own("journal/x.json", journal).unwrap();
    let error = scene.publish(&scene.change()).unwrap_err();
    assert!(
        matches!(error, PublishError::NewerJournal { schema: 3, .. }),
        "{error}"
    );
    repair(&scene.repository, CatalogOptions::default()).unwrap_err();
    make_catalogs(&scene.repository, CatalogOptions::default()).unwrap();
}
