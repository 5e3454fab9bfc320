//! The program dies, and is started again.

use testkit::{house::RepositoryView, vendor::Resource};

use crate::small::{IMAGE, Small, TITLE};

/// Every point that a publication of a package comes to.
const POINTS: [&str; 11] = [
    "locked",
    "journalled",
    "prepared-pkgs",
    "prepared-evidence",
    "prepared-pkgsinfo",
    "catalogs-prepared",
    "placed-pkgs",
    "placed-evidence",
    "placed-pkgsinfo",
    "placed-catalogs",
    "finished",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_publication_survives_a_crash_at_every_point() {
    let Some(small) = Small::stand().await else {
        return;
    };
    let mut expected = Vec::new();
    // Two digits each, so that they are sorted as texts as they are as versions.
    for (minor, point) in (10..).zip(POINTS) {
        let version = format!("1.{minor}");
        small.release(&version);
        let abort = [("AUTO_UPDATE_ABORT_AT", point)];
        let program = small.house.program();
        let killed = program.run_with(&["run", TITLE], &abort).await.unwrap();
        killed.expect_killed().unwrap();
        // What clients see meanwhile is whole, whatever lies beside it.
        RepositoryView::offered(&small.house.repository()).unwrap();
        small.expect(&["run", TITLE], 0).await;
        expected.push(version);
        assert_eq!(small.published(), expected, "after a crash at `{point}`");
        small.verify_evidence(expected.len()).await;
    }
    let seen = small.house.vendor.seen();
    let whole = seen.iter().filter(|seen| seen.status == 200).count();
    assert_eq!(whole, POINTS.len(), "a crash made it download again");
    assert!(small.house.desk.hook().received().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_survives_being_killed() {
    let Some(small) = Small::stand().await else {
        return;
    };
    let image = small.image("1.0");
    let stalling = Resource::file(image.clone()).stalling_after(image.len() / 2);
    small.house.vendor.put(IMAGE, stalling);
    let asked = small.house.vendor.until_asked_for(IMAGE);
    small.kill_once(&["run", TITLE], asked).await;
    assert_eq!(small.published(), [""; 0]);

    small.house.vendor.put(IMAGE, Resource::file(image));
    small.expect(&["run", TITLE], 0).await;
    assert_eq!(small.published(), ["1.0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_waits_for_the_scanner_survives_being_killed() {
    let Some(small) = Small::stand().await else {
        return;
    };
    small.release("1.0");
    small.house.virus_total.set_polls_needed(u32::MAX);
    let analyses = "GET /api/v3/analyses/";
    let asked = small.house.virus_total.until_asked(analyses, 1);
    small.kill_once(&["run", TITLE], asked).await;
    assert_eq!(small.published(), [""; 0]);

    small.house.virus_total.set_polls_needed(0);
    small.expect(&["run", TITLE], 0).await;
    assert_eq!(small.published(), ["1.0"]);
    let uploads = small.house.virus_total.uploads();
    assert_eq!(uploads.len(), 1, "uploaded again: {uploads:?}");
}
