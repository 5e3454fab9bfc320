//! The process that publishes is ended at every point it comes to.

use std::{
    path::Path,
    process::{Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
};

use munki::CatalogOptions;

use super::scene::{NOW, Scene, Tree, assert_offered_is_there, assert_sound, lose};
use crate::{
    ChangeSet, FolderRepository, Outcome, Point, PublicationObserver, discarded, publish, recover,
    revert_of,
};

/// The folder of a scene, in whose `set.json` is what the child is to publish, and at which point it is to end.
const CHILD: &str = "PUBLICATION_TEST_CHILD";
const END_AT: &str = "PUBLICATION_TEST_END_AT";

/// Ends the process as a power cut does, when so many points are reached.
struct PowerCut(AtomicUsize);

impl PublicationObserver for PowerCut {
    fn reached(&self, _point: Point) {
        if self.0.fetch_sub(1, Ordering::SeqCst) == 0 {
            std::process::abort();
        }
    }
}

/// Not a test of its own: what [`publish_in_child`] has another process do.
#[test]
fn child() {
    let (Ok(folder), Ok(end_at)) = (std::env::var(CHILD), std::env::var(END_AT)) else {
        return;
    };
    let folder = Path::new(&folder);
    let set = fs_err::read(folder.join("set.json")).unwrap();
    let set: ChangeSet = serde_json::from_slice(&set).unwrap();
    let repository = FolderRepository::open(&folder.join("repo")).unwrap();
    let power_cut = PowerCut(AtomicUsize::new(end_at.parse().unwrap()));
    publish(
        &repository,
        &set,
        CatalogOptions::default(),
        &power_cut,
        NOW,
    )
    .unwrap();
}

/// Publishes in another process, which ends when it has come to `end_at` points; answers whether it did.
fn publish_in_child(scene: &Scene, set: &ChangeSet, end_at: usize) -> bool {
    let set = serde_json::to_vec(set).unwrap();
    fs_err::write(scene.folder.path().join("set.json"), set).unwrap();
    let ended = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "tests::crash::child", "--nocapture"])
        .env(CHILD, scene.folder.path())
        .env(END_AT, end_at.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    let is_cut = std::os::unix::process::ExitStatusExt::signal(&ended).is_some();
    assert!(is_cut || ended.success(), "{ended}");
    is_cut
}

/// The trees before and after the change.
fn expected() -> (Tree, Tree) {
    let scene = Scene::new();
    let before = scene.tree();
    scene.publish(&scene.change()).unwrap();
    (before, scene.tree())
}

#[test]
fn a_publication_that_ends_at_any_point_is_finished() {
    let (before, after) = expected();
    for end_at in 0.. {
        let scene = Scene::new();
        let set = scene.change();
        let when = format!("after {end_at} points");
        if !publish_in_child(&scene, &set, end_at) {
            assert!(end_at > 35, "only {end_at} points");
            println!("{end_at} of {end_at} crashes are recovered from");
            return;
        }
        assert_offered_is_there(&scene.repository, &when);
        recover(&scene.repository).unwrap();
        assert_sound(&scene.repository, &when);
        if end_at == 0 {
            assert!(scene.tree() == before, "{when}");
        } else {
            assert!(scene.tree() == after, "{when}");
            assert_eq!(discarded(&scene.repository).unwrap()[0].files.len(), 8);
        }
        scene.publish(&set).unwrap();
        assert!(scene.tree() == after, "{when}");
        let revert = revert_of(&scene.repository, set.id).unwrap();
        scene.publish(&revert).unwrap();
        assert!(scene.tree() == before, "{when}");
    }
}

#[test]
fn without_its_staged_bytes_it_is_finished_or_undone_whole() {
    let (before, after) = expected();
    let (mut finished, mut undone) = (0, 0);
    for end_at in 1.. {
        let scene = Scene::new();
        let set = scene.change();
        let when = format!("after {end_at} points");
        if !publish_in_child(&scene, &set, end_at) {
            break;
        }
        lose(&scene.workspace());
        let recovered = recover(&scene.repository).unwrap();
        assert_offered_is_there(&scene.repository, &when);
        assert_sound(&scene.repository, &when);
        match recovered.first().map(|it| &it.outcome) {
            Some(Outcome::Undone { .. }) => {
                undone += 1;
                assert!(scene.tree() == before, "{when}");
                assert!(discarded(&scene.repository).unwrap().is_empty(), "{when}");
            }
            Some(Outcome::Finished) | None => {
                finished += 1;
                assert!(scene.tree() == after, "{when}");
            }
        }
    }
    assert!(finished > 5 && undone > 20, "{finished} and {undone}");
}

#[test]
fn a_revert_that_ends_at_any_point_is_finished() {
    let (before, _) = expected();
    for end_at in 1.. {
        let scene = Scene::new();
        let set = scene.change();
        scene.publish(&set).unwrap();
        let revert = revert_of(&scene.repository, set.id).unwrap();
        let when = format!("after {end_at} points");
        if !publish_in_child(&scene, &revert, end_at) {
            return;
        }
        assert_offered_is_there(&scene.repository, &when);
        recover(&scene.repository).unwrap();
        assert_sound(&scene.repository, &when);
        assert!(scene.tree() == before, "{when}");
    }
}
