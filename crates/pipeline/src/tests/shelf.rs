//! What becomes of an item after its publication: rings, rules, recall, retention, and taking it all back.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use ::evidence::Event as LogEvent;
use model::Trigger;
use publication::{Point, PublicationObserver, Retention, Ring, Rings, Rule, RuleKind};
use tokio_util::sync::CancellationToken;

use super::bench::{Bench, TITLE, end};
use crate::{Event, Hand, Outcome, Reporter, Request, Upkeep, Wait};

const HOUR: Duration = Duration::from_hours(1);

struct House {
    bench: Bench,
}

impl House {
    /// Three rings, a day in the first and two in the second.
    async fn new() -> Self {
        Self::with(rings()).await
    }

    async fn with(rings: Rings) -> Self {
        let mut bench = Bench::new().await;
        configure(&mut bench, rings);
        Self { bench }
    }

    /// The same house after its process is gone and another one was started.
    async fn restarted(self) -> Self {
        let mut bench = self.bench.restarted().await;
        configure(&mut bench, rings());
        Self { bench }
    }

    async fn publish(&self, version: &str) {
        self.bench.release(version, version.as_bytes());
        assert_eq!(end(&self.bench.run().await), "published");
    }

    /// Time passes, and the rings take a turn: what that moves.
    async fn turn_after(&self, hours: u32) -> Vec<String> {
        self.bench.clock.advance(HOUR * hours);
        let moves = self.bench.engine.rings_turn().await.unwrap();
        moves.iter().map(ToString::to_string).collect()
    }

    /// The versions that a catalog offers.
    fn offered(&self, catalog: &str) -> Vec<String> {
        let path = self.bench.repository().join("catalogs").join(catalog);
        let Ok(catalog) = fs_err::read(path) else {
            return Vec::new();
        };
        let catalog = proplist::from_bytes(&catalog).unwrap();
        let items = catalog.as_array().unwrap().iter();
        let versions = items.map(|item| {
            let version = item.as_dict().unwrap().get("version").unwrap();
            version.as_str().unwrap().to_owned()
        });
        versions.collect()
    }

    fn is_sound(&self) {
        let repository = &*self.bench.engine.parts.repository;
        let checked = publication::check(repository, munki::CatalogOptions::default()).unwrap();
        assert!(
            checked.report.notes.is_empty(),
            "{:?}",
            checked.report.notes
        );
    }

    /// What the log tells of changes, in its order.
    fn logged(&self) -> Vec<String> {
        let parts = &self.bench.engine.parts;
        let keys = parts.keyring.public_keys().unwrap();
        let mut chain = None;
        let read = parts.repository.with_log(&mut |log| {
            chain = Some(log.read(&keys)?);
            Ok(())
        });
        read.unwrap();
        let chain = chain.unwrap();
        let events = chain.entries.into_iter().map(|entry| entry.event);
        let told = events.filter_map(|event| match event {
            LogEvent::Changed {
                what, by, items, ..
            } => {
                let by = by.unwrap_or_else(|| "nobody".to_owned());
                Some(format!("{what} by {by}: {}", items.join("; ")))
            }
            _ => None,
        });
        told.collect()
    }

    async fn rule(&self, kind: RuleKind, version: &str, ring: Option<&str>) -> model::RuleId {
        let rule = Rule {
            kind,
            name: "Widget".to_owned(),
            version: Some(version.to_owned()),
            ring: ring.map(str::to_owned),
        };
        let laid = self.bench.engine.ring_rule(&rule, &kim()).await.unwrap();
        laid.0
    }
}

fn configure(bench: &mut Bench, rings: Rings) {
    let parts = Arc::get_mut(&mut bench.engine.parts).unwrap();
    parts.rings = rings;
    parts.retention = Retention {
        keep: 1,
        ..Retention::default()
    };
}

fn rings() -> Rings {
    let ring = |catalog: &str, after_hours| Ring {
        catalog: catalog.to_owned(),
        after_hours,
    };
    Rings {
        ring: vec![
            ring("testing", None),
            ring("pilot", Some(24)),
            ring("production", Some(48)),
        ],
        ..Rings::default()
    }
}

fn kim() -> Hand {
    Hand {
        by: "kim".to_owned(),
        reason: "it crashes".to_owned(),
    }
}

#[tokio::test]
async fn a_release_comes_into_ring_after_ring_and_the_log_tells_of_it() {
    let house = House::new().await;
    house.publish("1.0").await;
    assert_eq!(house.turn_after(23).await, [""; 0]);
    let pilot = "Widget 1.0: testing -> testing, pilot (age)";
    assert_eq!(house.turn_after(1).await, [pilot]);
    assert_eq!(
        house.turn_after(47).await,
        [""; 0],
        "two days in the second ring"
    );
    assert_eq!(house.turn_after(1).await.len(), 1);
    assert_eq!(house.turn_after(1000).await, [""; 0]);
    for catalog in ["testing", "pilot", "production"] {
        assert_eq!(house.offered(catalog), ["1.0"], "{catalog}");
    }
    assert_eq!(house.logged().len(), 2);
    assert_eq!(house.logged()[0], format!("moved by nobody: {pilot}"));
    house.is_sound();
    let offers = house
        .bench
        .engine
        .offers("Widget", Some("1.0"))
        .await
        .unwrap();
    let offers: Vec<_> = offers
        .iter()
        .map(|stay| {
            (
                stay.catalog.as_str(),
                stay.entered.why.as_str(),
                stay.left.is_some(),
            )
        })
        .collect();
    assert_eq!(
        offers,
        [
            ("testing", "published", false),
            ("pilot", "age", false),
            ("production", "age", false)
        ]
    );
}

#[tokio::test]
async fn a_package_is_proved_by_its_evidence_in_every_ring() {
    let house = House::new().await;
    house.publish("1.0").await;
    house.turn_after(24).await;
    let parts = &house.bench.engine.parts;
    let folder = house.bench.repository();
    let package = fs_err::read(folder.join("pkgs/apps/Widget-1.0.pkg")).unwrap();
    let bundle = folder.join("evidence/apps/Widget-1.0.pkg.intoto.jsonl");
    let verdict = ::evidence::verify_bundle(
        &fs_err::read(bundle).unwrap(),
        &parts.keyring.public_keys().unwrap(),
        model::Sha256::of(&package),
        Some("pkgs/apps/Widget-1.0.pkg"),
    );
    assert!(verdict.is_valid(), "{verdict:?}");
}

#[tokio::test]
async fn a_roll_back_is_one_call_and_holds() {
    let house = House::new().await;
    house.publish("1.0").await;
    house.turn_after(24).await;
    house.turn_after(48).await;
    house.publish("2.0").await;
    house.turn_after(24).await;
    house.turn_after(48).await;
    assert_eq!(house.offered("production"), ["1.0", "2.0"]);
    let engine = &house.bench.engine;
    let moves = engine
        .ring_rollback(("Widget", None), None, &kim())
        .await
        .unwrap();
    assert_eq!(
        moves[0].to_string(),
        "Widget 2.0: testing, pilot, production -> withdrawn (rolled-back)"
    );
    assert_eq!(house.offered("production"), ["1.0"]);
    assert_eq!(house.offered("withdrawn"), ["2.0"]);
    assert_eq!(
        house.turn_after(1000).await,
        [""; 0],
        "it does not come back"
    );
    house.is_sound();
    // The vendor offers it still, and it is no new release.
    assert_eq!(end(&house.bench.run().await), "unchanged");
    assert_eq!(house.offered("testing"), ["1.0"]);

    let error = engine
        .ring_promote(("Widget", Some("2.0")), None, &kim())
        .await;
    assert!(error.unwrap_err().message.contains("kept out of `testing`"));
    for rule in engine.ring_rules(false).await.unwrap() {
        engine.ring_rule_end(rule.id, &kim()).await.unwrap();
    }
    let moves = engine
        .ring_promote(("Widget", Some("2.0")), Some("production"), &kim())
        .await;
    assert_eq!(moves.unwrap().len(), 1);
    assert_eq!(house.offered("withdrawn"), [""; 0]);
    assert_eq!(house.offered("production"), ["1.0", "2.0"]);
}

#[tokio::test]
async fn what_was_recalled_is_gone_and_does_not_come_again() {
    let house = House::new().await;
    house.publish("1.0").await;
    house.turn_after(24).await;
    let engine = &house.bench.engine;
    let recalled = engine.recall("Widget", "1.0", &kim()).await.unwrap();
    assert_eq!(recalled.items.len(), 1);
    assert_eq!(
        house.bench.files(),
        [
            "catalogs/all",
            "evidence/publications.checkpoint.json",
            "evidence/publications.jsonl"
        ]
    );
    let offered: Vec<_> = recalled
        .offered
        .iter()
        .map(|stay| {
            let left = stay.left.as_ref().unwrap();
            let hours = left.at.since(stay.entered.at).as_secs() / 3600;
            (
                stay.catalog.as_str(),
                hours,
                left.why.as_str(),
                left.by.as_deref(),
            )
        })
        .collect();
    assert_eq!(
        offered,
        [
            ("testing", 24, "recalled", Some("kim")),
            ("pilot", 0, "recalled", Some("kim"))
        ]
    );
    house.is_sound();
    let worked = house.bench.run().await;
    assert_eq!(end(&worked), "held re-release");
    let failure = worked.failure.unwrap();
    assert!(
        failure.cause().contains("was recalled by kim"),
        "{}",
        failure.cause()
    );
    assert_eq!(house.offered("all"), [""; 0]);
}

#[tokio::test]
async fn a_recall_is_ended_by_a_person_and_can_be_taken_back() {
    let house = House::new().await;
    house.publish("1.0").await;
    let engine = &house.bench.engine;
    let recalled = engine.recall("Widget", "1.0", &kim()).await.unwrap();
    // A waiver for re-releases is none for what was recalled.
    let mut request = Request::named(TITLE);
    request.accepted = vec![model::FailureClass::ReRelease];
    let worked = house.bench.run_request(&request).await;
    assert_eq!(end(&worked), "held re-release");
    // Another version is welcome.
    house.publish("1.1").await;
    assert_eq!(house.offered("testing"), ["1.1"]);

    // It was a mistake after all.
    let rule = engine.ring_rules(false).await.unwrap().remove(0);
    engine.ring_rule_end(rule.id, &kim()).await.unwrap();
    let change = recalled.change.unwrap();
    engine.undo_change(change, &kim()).await.unwrap();
    assert_eq!(house.offered("testing"), ["1.0", "1.1"]);
    house.is_sound();
    let logged = house.logged().into_iter();
    let what: Vec<_> = logged
        .map(|told| told.split(':').next().unwrap().to_owned())
        .collect();
    assert_eq!(what, ["recalled by kim", "undone by kim"]);
}

#[tokio::test]
async fn a_recall_comes_before_the_publication_that_it_stops() {
    let house = House::new().await;
    let recalled = house
        .bench
        .engine
        .recall("Widget", "1.0", &kim())
        .await
        .unwrap();
    assert!(recalled.items.is_empty() && recalled.change.is_none());
    assert_eq!(end(&house.bench.run().await), "held re-release");
    assert_eq!(house.bench.files(), [""; 0]);
}

#[tokio::test]
async fn a_young_release_waits_and_an_urgent_one_does_not() {
    let house = House::with(Rings {
        minimum_age_hours: 72,
        ..rings()
    })
    .await;
    let engine = &house.bench.engine;
    let Outcome::Parked {
        until,
        what_for: Wait::Age,
    } = house.bench.run().await.outcome
    else {
        panic!("it did not wait");
    };
    let now = engine.clock().now();
    assert_eq!(until.since(now), HOUR * 72);
    assert!(house.bench.files().is_empty());
    house.bench.clock.advance(HOUR * 72);
    assert_eq!(end(&house.bench.work().await.unwrap()), "published");
    house.turn_after(24).await;
    house.turn_after(48).await;

    house.bench.release("1.1", b"mended");
    assert!(matches!(
        house.bench.run().await.outcome,
        Outcome::Parked { .. }
    ));
    assert!(house.bench.work().await.is_none(), "it waits");
    house.rule(RuleKind::Urgent, "1.1", None).await;
    assert_eq!(end(&house.bench.work().await.unwrap()), "published");
    assert_eq!(
        house.turn_after(0).await,
        ["Widget 1.1: testing -> testing, pilot, production (urgent)"]
    );
    assert_eq!(house.offered("production"), ["1.0", "1.1"]);
}

/// Remembers what is warned of.
#[derive(Default)]
struct Warnings(Mutex<Vec<String>>);

impl Reporter for Warnings {
    fn report(&self, event: &Event<'_>) {
        if let Event::Warned { text } = event {
            self.0.lock().unwrap().push((*text).to_owned());
        }
    }
}

#[tokio::test]
async fn a_new_release_stays_out_of_rings_that_have_another_version_pinned() {
    let house = House::new().await;
    house.publish("1.0").await;
    house.rule(RuleKind::Pin, "1.0", None).await;
    assert_eq!(
        house.offered("production"),
        ["1.0"],
        "a pin brings its version in"
    );
    house.bench.release("2.0", b"two");
    let warnings = Arc::new(Warnings::default());
    let reporter: Arc<dyn Reporter> = warnings.clone();
    let engine = &house.bench.engine;
    engine
        .queue(&Request::named(TITLE), Trigger::Manual)
        .await
        .unwrap();
    let worked = engine.work(&reporter, &CancellationToken::new()).await;
    assert_eq!(end(&worked.unwrap().unwrap()), "published");
    let warned = warnings.0.lock().unwrap().join("\n");
    assert!(
        warned.contains("Widget 2.0 does not come into `testing`: pin by kim (it crashes)"),
        "{warned}"
    );
    for catalog in ["testing", "pilot", "production"] {
        assert_eq!(house.offered(catalog), ["1.0"], "{catalog}");
    }
    assert_eq!(house.offered("withdrawn"), ["2.0"]);
    assert_eq!(house.turn_after(1000).await, [""; 0]);
    house.is_sound();
}

#[tokio::test]
async fn what_nobody_needs_goes_and_comes_back_until_its_time_is_over() {
    let house = House::new().await;
    for version in ["1.0", "1.1", "1.2"] {
        house.publish(version).await;
    }
    let engine = &house.bench.engine;
    let before = house.bench.files();
    let found = engine.superfluous(1).await.unwrap();
    assert_eq!(found.items.len(), 2);
    assert_eq!(house.bench.files(), before, "a preview changes nothing");
    let (_, change) = engine.retire(1, false, Some(&kim())).await.unwrap();
    assert_eq!(house.offered("testing"), ["1.2"]);
    assert!(
        !house.bench.files().iter().any(|file| file.contains("1.1")),
        "evidence, too"
    );
    house.is_sound();
    let again = engine.retire(1, false, None).await.unwrap();
    assert_eq!(again.1, None, "there is nothing more");

    let change = change.unwrap();
    assert_eq!(engine.purge_changes().await.unwrap(), 0);
    engine.undo_change(change, &kim()).await.unwrap();
    let mut after = house.bench.files();
    after.sort();
    assert_eq!(after, before);
    house.is_sound();

    let (_, change) = engine.retire(1, false, None).await.unwrap();
    let listed = engine.changes(1).await.unwrap();
    assert_eq!(listed[0].id, change.unwrap());
    assert!(listed[0].until.is_some());
    house.bench.clock.advance(HOUR * 24 * 14);
    assert!(
        engine.purge_changes().await.unwrap() >= 2,
        "the undoing is over, too"
    );
    assert!(
        engine
            .changes(9)
            .await
            .unwrap()
            .iter()
            .all(|change| change.until.is_none())
    );
    let error = engine
        .undo_change(change.unwrap(), &kim())
        .await
        .unwrap_err();
    assert!(error.next_step().contains("change list"), "{error:?}");
}

#[tokio::test]
async fn what_somebody_else_does_with_the_repository_is_seen() {
    let house = House::new().await;
    house.publish("1.0").await;
    let path = house
        .bench
        .repository()
        .join("pkgsinfo/apps/Widget-1.0.plist");
    let pkginfo = fs_err::read_to_string(&path).unwrap();
    let edited = pkginfo.replace("<string>testing</string>", "<string>pilot</string>");
    assert_ne!(edited, pkginfo);
    fs_err::write(&path, edited).unwrap();
    assert_eq!(
        house.turn_after(47).await,
        [""; 0],
        "its time in the ring begins when that is seen"
    );
    assert_eq!(house.turn_after(48).await.len(), 1);
    let offers = house.bench.engine.offers("Widget", None).await.unwrap();
    let told: Vec<_> = offers
        .iter()
        .map(|stay| {
            (
                stay.catalog.as_str(),
                stay.entered.why.as_str(),
                stay.left.is_some(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("testing", "published", true),
            ("pilot", "observed", false),
            ("production", "age", false)
        ]
    );
}

/// Breaks off at a point, as a crash would.
struct PowerCut(Mutex<Option<&'static str>>);

impl PublicationObserver for PowerCut {
    fn reached(&self, point: Point) {
        let mut at = self.0.lock().unwrap();
        if at.is_some_and(|name| name == point.name()) {
            *at = None;
            drop(at);
            panic!("the power is gone at {point}");
        }
    }
}

#[tokio::test]
async fn a_change_that_a_crash_interrupts_is_whole_or_never_was_and_the_log_knows() {
    let points = [
        "journalled",
        "kept-pkgsinfo",
        "kept-listed",
        "prepared-pkgsinfo",
        "catalogs-prepared",
        "placed-catalogs",
        "finished",
    ];
    let mut seen = BTreeSet::new();
    for point in points {
        let mut house = House::new().await;
        house.publish("1.0").await;
        let parts = Arc::get_mut(&mut house.bench.engine.parts).unwrap();
        let cut = Arc::new(PowerCut(Mutex::new(Some(point))));
        parts.observer = cut.clone();
        house.bench.clock.advance(HOUR * 24);
        let result = house.bench.engine.rings_turn().await;
        if cut.0.lock().unwrap().is_some() {
            continue;
        }
        seen.insert(point);
        assert!(result.is_err(), "{point}");
        let house = house.restarted().await;
        // It is the same process, so nothing but time tells that nobody is at it any more.
        house.bench.clock.advance(HOUR * 2);
        house.bench.engine.recover().await.unwrap();
        house.turn_after(0).await;
        assert_eq!(house.offered("pilot"), ["1.0"], "{point}");
        house.is_sound();
        assert_eq!(house.logged().len(), 1, "{point}: {:?}", house.logged());
        let open = house.bench.engine.db().change_list_open().await.unwrap();
        assert!(open.is_empty(), "{point}");
    }
    assert!(seen.len() >= 5, "{seen:?}");
}

#[tokio::test]
async fn upkeep_that_fails_is_an_incident_until_it_works_again() {
    let house = House::new().await;
    house.publish("1.0").await;
    let engine = &house.bench.engine;
    let manifest = house.bench.repository().join("manifests/broken");
    fs_err::create_dir_all(manifest.parent().unwrap()).unwrap();
    fs_err::write(&manifest, "<plist>").unwrap();
    let failure = engine.retire(1, false, None).await.unwrap_err();
    assert!(
        failure.cause().contains("manifests/broken"),
        "{}",
        failure.cause()
    );
    engine
        .tell_of_trouble(Upkeep::Retention, &failure)
        .await
        .unwrap();
    assert_eq!(house.bench.incidents().await, ["publish open 1"]);
    engine.tell_of_its_end(Upkeep::Rings).await;
    assert_eq!(
        house.bench.incidents().await,
        ["publish open 1"],
        "that was other work"
    );
    engine.tell_of_its_end(Upkeep::Retention).await;
    assert_eq!(house.bench.incidents().await, ["publish resolved 1"]);
}

#[tokio::test]
async fn a_move_of_what_was_edited_meanwhile_is_refused() {
    let house = House::new().await;
    house.publish("1.0").await;
    let engine = &house.bench.engine;
    let look = engine.look().await.unwrap();
    let moves = look.due(engine.rings(), engine.clock().now().plus(HOUR * 24));
    assert_eq!(moves.len(), 1);
    let path = house
        .bench
        .repository()
        .join("pkgsinfo/apps/Widget-1.0.plist");
    let pkginfo = fs_err::read_to_string(&path).unwrap();
    fs_err::write(
        &path,
        pkginfo.replace("<dict>", "<dict><key>notes</key><string>x</string>"),
    )
    .unwrap();
    let failure = engine.carry_out_moves(&moves, None).await.unwrap_err();
    assert!(
        failure.message.contains("was changed in the meantime"),
        "{failure:?}"
    );
    assert_eq!(house.offered("pilot"), [""; 0]);
    assert!(engine.db().change_list_open().await.unwrap().is_empty());
}

#[tokio::test]
async fn what_scanners_find_late_is_recalled_and_told_once_a_day() {
    let house = House::new().await;
    house.publish("1.0").await;
    house.publish("1.1").await;
    let engine = &house.bench.engine;
    assert_eq!(engine.look_again().await.unwrap(), [""; 0]);
    let bad = model::Sha256::of(&super::bench::package("1.1", b"1.1"));
    let vendor = &house.bench.virus_total;
    vendor.know(bad, testkit::virus_total::Verdict::malicious(9));
    // The report of the day is good until tomorrow.
    assert_eq!(engine.look_again().await.unwrap(), [""; 0]);
    house.bench.clock.advance(HOUR * 25);
    let found = engine.look_again().await.unwrap();
    assert!(
        found.len() == 1 && found[0].starts_with("Widget 1.1 "),
        "{found:?}"
    );
    assert_eq!(house.offered("testing"), ["1.0"]);
    house.is_sound();
    let incidents = house.bench.incidents().await;
    assert!(
        incidents.iter().any(|it| it.contains("malware")),
        "{incidents:?}"
    );
    // It is known, and a good run of the title does not end it.
    assert_eq!(engine.look_again().await.unwrap(), [""; 0]);
    house.publish("1.2").await;
    assert_eq!(house.bench.incidents().await, incidents);
    // After a week nobody asks any more.
    vendor.know(
        model::Sha256::of(&super::bench::package("1.0", b"1.0")),
        testkit::virus_total::Verdict::malicious(9),
    );
    house.bench.clock.advance(HOUR * 24 * 7);
    assert_eq!(engine.look_again().await.unwrap(), [""; 0]);
}
