//! Records that go, and those that stay.

use std::{
    path::Path,
    time::{Duration, SystemTime},
};

use model::Clock as _;
use testkit::vendor::Resource;

use super::bench::{Bench, end, package};
use crate::Outcome;

const DAY: Duration = Duration::from_hours(24);

/// Makes a file as old as `days` by the clock of the bench.
fn age(bench: &Bench, path: &Path, days: u32) {
    let now = u64::try_from(bench.clock.now().as_micros()).unwrap();
    let then = SystemTime::UNIX_EPOCH + Duration::from_micros(now) - DAY * days;
    let file = std::fs::File::options().write(true).open(path).unwrap();
    file.set_modified(then).unwrap();
}

#[tokio::test]
async fn runs_and_receipts_go_by_age_and_the_published_one_stays() {
    let bench = Bench::new().await;
    assert_eq!(end(&bench.run().await), "published");
    for _ in 0..4 {
        assert_eq!(end(&bench.run().await), "unchanged");
    }
    let workspace = bench.folder.path().join("cache/local.munki.Widget");
    let receipts = workspace.join("receipts");
    let receipt = fs_err::read_dir(&receipts).unwrap().next().unwrap();
    age(&bench, &workspace.join(".lock"), 0);
    bench.clock.advance(DAY * 31);
    age(&bench, &receipt.unwrap().path(), 31);
    let old = bench.engine.old_records().await.unwrap();
    assert_eq!(old.runs, 3, "not what was published, nor the newest");
    assert_eq!((old.receipts.len(), old.folders.len()), (1, 0));
    assert_eq!(bench.engine.forget_old().await.unwrap(), old);
    assert!(!old.receipts[0].exists());
    assert_eq!(bench.engine.db().run_list(99).await.unwrap().len(), 2);
    assert_eq!(end(&bench.run().await), "unchanged");
}

#[tokio::test]
async fn a_workspace_goes_when_nothing_runs_there_any_more_and_nobody_needs_its_files() {
    let bench = Bench::new().await;
    let unknown = package("1.0", b"unknown to the scanner");
    bench.vendor.put("/Widget.pkg", Resource::file(unknown));
    bench.virus_total.set_polls_needed(1);
    let worked = bench.run().await;
    assert!(
        matches!(worked.outcome, Outcome::Parked { .. }),
        "{worked:?}"
    );
    let workspace = bench.folder.path().join("cache/local.munki.Widget");
    let other = bench.folder.path().join("cache/kept-by-a-recipe");
    fs_err::create_dir_all(&other).unwrap();
    age(&bench, &workspace.join(".lock"), 91);
    let old = bench.engine.forget_old().await.unwrap();
    assert!(
        old.folders.is_empty(),
        "a run that is parked needs its files"
    );

    for _ in 0..4 {
        bench.clock.advance(Duration::from_mins(1));
        bench.work().await;
    }
    assert!(bench.files().contains(&"catalogs/testing".to_owned()));
    age(&bench, &workspace.join(".lock"), 91);
    let lock = std::fs::File::open(workspace.join(".lock")).unwrap();
    lock.lock().unwrap();
    let old = bench.engine.forget_old().await.unwrap();
    assert!(old.folders.is_empty(), "somebody works there");
    drop(lock);
    let old = bench.engine.forget_old().await.unwrap();
    assert_eq!(old.folders, [workspace.as_path()]);
    assert!(!workspace.exists() && other.exists());
    assert_eq!(end(&bench.run().await), "unchanged", "it is made anew");
}
