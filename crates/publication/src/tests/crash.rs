//! The process that publishes is ended at every point it comes to.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Instant,
};

use munki::CatalogOptions;

use super::scene::{NOW, Scene, Tree, assert_offered_is_there, assert_sound, lose};
use crate::{
    ChangeSet, Outcome, Point, PublicationObserver, discarded, publish, recover, revert_of,
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
    let repository = super::object::child_repository(folder);
    let power_cut = PowerCut(AtomicUsize::new(end_at.parse().unwrap()));
    publish(
        &*repository,
        &set,
        CatalogOptions::default(),
        &power_cut,
        NOW,
    )
    .unwrap();
}

/// Publishes in another process, which ends when it has come to `end_at` points; answers whether it did.
fn publish_in_child(scene: &Scene, set: &ChangeSet, end_at: usize) -> bool {
    let ended = start_child(scene, set, end_at).wait().unwrap();
    let is_cut = std::os::unix::process::ExitStatusExt::signal(&ended).is_some();
    assert!(is_cut || ended.success(), "{ended}");
    is_cut
}

fn start_child(scene: &Scene, set: &ChangeSet, end_at: usize) -> Child {
    let set = serde_json::to_vec(set).unwrap();
    fs_err::write(scene.folder.path().join("set.json"), set).unwrap();
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "tests::crash::child", "--nocapture"])
        .env(CHILD, scene.folder.path())
        .env(END_AT, end_at.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// The trees before and after the change.
pub(super) fn expected() -> (Tree, Tree) {
    let scene = Scene::new();
    let before = scene.tree();
    scene.publish(&scene.change()).unwrap();
    (before, scene.tree())
}

#[test]
fn a_publication_that_ends_at_any_point_is_finished() {
    ends_and_is_finished(Scene::new, 1);
}

/// Whether everything is to be tried, whatever time it takes.
pub(super) fn is_long() -> bool {
    std::env::var_os("AUTO_UPDATE_LONG_TESTS").is_some_and(|long| !long.is_empty())
}

/// Ends a publication at each point that it comes to, or at every so many, each time in another scene.
pub(super) fn ends_and_is_finished(new: impl Fn() -> Scene, every: usize) {
    let (before, after) = expected();
    for end_at in (0..).step_by(every) {
        let scene = new();
        let set = scene.change();
        let when = format!("after {end_at} points");
        if !publish_in_child(&scene, &set, end_at) {
            assert!(end_at > 35, "only {end_at} points");
            let crashes = end_at / every;
            println!("{crashes} of {crashes} crashes are recovered from");
            return;
        }
        assert_offered_is_there(&*scene.repository, &when);
        recover(&*scene.repository).unwrap();
        assert_sound(&*scene.repository, &when);
        if end_at == 0 {
            assert!(scene.tree() == before, "{when}");
        } else {
            assert!(scene.tree() == after, "{when}");
            assert_eq!(discarded(&*scene.repository).unwrap()[0].files.len(), 8);
        }
        scene.publish(&set).unwrap();
        assert!(scene.tree() == after, "{when}");
        let revert = revert_of(&*scene.repository, set.id).unwrap();
        scene.publish(&revert).unwrap();
        assert!(scene.tree() == before, "{when}");
    }
}

#[test]
fn a_publication_that_is_killed_at_any_time_is_whole_or_not_at_all() {
    killed_at_many_times(Scene::new, if is_long() { 200 } else { 20 });
}

/// Kills publications at times that are spread over their length.
pub(super) fn killed_at_many_times(new: impl Fn() -> Scene, count: u32) {
    let (before, after) = expected();
    let scene = new();
    let begun = Instant::now();
    assert!(!publish_in_child(&scene, &scene.change(), usize::MAX));
    let whole = begun.elapsed();
    let (mut killed, mut early, mut half) = (0, 0, 0);
    for time in 1..=count {
        let scene = new();
        let set = scene.change();
        let when = format!("killed for the {time}th time");
        let mut child = start_child(&scene, &set, usize::MAX);
        thread::sleep(whole.mul_f64(f64::from(time) / f64::from(count + 1)));
        child.kill().unwrap();
        killed += u32::from(!child.wait().unwrap().success());
        assert_offered_is_there(&*scene.repository, &when);
        half += u32::from(!scene.repository.own_names("journal").unwrap().is_empty());
        recover(&*scene.repository).unwrap();
        assert_sound(&*scene.repository, &when);
        if scene.tree() == before {
            early += 1;
        } else {
            assert!(scene.tree() == after, "{when}");
        }
        scene.publish(&set).unwrap();
        assert!(scene.tree() == after, "{when}");
        assert_sound(&*scene.repository, &when);
    }
    println!(
        "{count} of {count} are whole: {killed} killed in time, {half} in the middle, {early} before they began"
    );
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
        let recovered = recover(&*scene.repository).unwrap();
        assert_offered_is_there(&*scene.repository, &when);
        assert_sound(&*scene.repository, &when);
        match recovered.first().map(|it| &it.outcome) {
            Some(Outcome::Undone { .. }) => {
                undone += 1;
                assert!(scene.tree() == before, "{when}");
                assert!(discarded(&*scene.repository).unwrap().is_empty(), "{when}");
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
        let revert = revert_of(&*scene.repository, set.id).unwrap();
        let when = format!("after {end_at} points");
        if !publish_in_child(&scene, &revert, end_at) {
            return;
        }
        assert_offered_is_there(&*scene.repository, &when);
        recover(&*scene.repository).unwrap();
        assert_sound(&*scene.repository, &when);
        assert!(scene.tree() == before, "{when}");
    }
}
