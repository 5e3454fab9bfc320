use std::{path::Path, sync::Arc, time::Duration};

use model::{Clock as _, FailureClass, FixedClock, IncidentId, RunId, Timestamp};
use redact::Scrubber;
use store::{IncidentState, PauseReason, QuietReason};

use crate::{Config, Desk, Failure, NewMaintenance};

/// A desk whose connector hears everything, on a Thursday at 10:00 in Berlin.
struct Bench {
    folder: tempfile::TempDir,
    clock: Arc<FixedClock>,
    desk: Desk,
}

const OFFICE: &str = "[clocks.P3]\nrespond-minutes = 60\nresolve-minutes = 480\ncalendar = 'office'\n\
    [calendars.office]\ntime-zone = 'Europe/Berlin'\n\
    hours = { mon = ['09:00-17:00'], tue = ['09:00-17:00'], wed = ['09:00-17:00'], thu = ['09:00-17:00'], \
    fri = ['09:00-17:00'] }\n";

const EARS: &str = "[[slack]]\nname = 'ears'\nurl = 'https://slack.example.org/x'\n\
    events = ['opened', 'updated', 'reopened', 'resolved', 'warned', 'breached', 'noted']\n";

impl Bench {
    async fn new(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(FixedClock::at(at("2026-11-26T10:00:00+01:00")));
        let desk = desk(folder.path(), config, &clock).await;
        Self {
            folder,
            clock,
            desk,
        }
    }

    async fn raise(&self, title: &str, class: FailureClass) -> IncidentId {
        let failure = Failure {
            title: title.parse().unwrap(),
            class,
            cause: "no answer".to_owned(),
            next_step: None,
            run: Some(RunId::new()),
            step: None,
            excerpt: String::new(),
        };
        self.desk.raise(&failure).await.unwrap().id
    }

    async fn resolve(&self, title: &str) {
        let title = title.parse().unwrap();
        self.desk.resolve(&title, RunId::new()).await.unwrap();
    }

    /// Lets the time pass, an hour at a time, as the service sees it.
    async fn pass(&self, hours: u32) {
        for _ in 0..hours {
            self.clock.advance(Duration::from_hours(1));
            self.tick().await;
        }
    }

    async fn tick(&self) {
        while self.desk.tick().await.unwrap() > 0 {}
    }

    /// What desks were told, in order, each with its remark.
    async fn told(&self) -> Vec<(String, String)> {
        let deliveries = self.desk.db.delivery_list(None).await.unwrap();
        let told = deliveries.iter().map(|one| {
            let remark = one.payload["data"]["remark"].as_str().unwrap_or_default();
            (one.kind.as_str().to_owned(), remark.to_owned())
        });
        told.collect()
    }

    async fn kinds(&self) -> Vec<String> {
        let told = self.told().await;
        told.into_iter().map(|(kind, _)| kind).collect()
    }
}

async fn desk(folder: &Path, config: &str, clock: &Arc<FixedClock>) -> Desk {
    let db = testkit::database(&folder.join("auto-update.db")).await;
    let config: Config = toml::from_str(&format!("{config}{EARS}")).unwrap();
    Desk::new(config, db, clock.clone(), Scrubber::new()).unwrap()
}

fn at(text: &str) -> Timestamp {
    chrono::DateTime::parse_from_rfc3339(text)
        .unwrap()
        .to_utc()
        .into()
}

#[tokio::test]
async fn warnings_come_at_50_75_and_90_percent_and_the_end_once() {
    let bench = Bench::new(OFFICE).await;
    let id = bench.raise("A.munki", FailureClass::Download).await;
    bench.desk.acknowledge(id, "me").await.unwrap();
    // Eight hours of work: seven today, and one tomorrow.
    bench.pass(30).await;
    let told = bench.told().await;
    let kinds: Vec<_> = told.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(kinds, ["opened", "updated", "warned", "warned", "breached"]);
    assert!(
        told[2].1.starts_with("50 % of the time to resolve it"),
        "{told:?}"
    );
    assert!(told[3].1.starts_with("75 %"), "{told:?}");
    assert_eq!(
        told[4].1,
        "The time to resolve it was over at 2026-11-27T09:00:00Z."
    );
    let incident = bench.desk.db.incident_find(id).await.unwrap().unwrap();
    assert_eq!(incident.resolve_by_at, at("2026-11-27T10:00:00+01:00"));
    // After a restart nothing is said again.
    let again = desk(bench.folder.path(), OFFICE, &bench.clock).await;
    assert_eq!(again.tick().await.unwrap(), 0);
}

#[tokio::test]
async fn the_response_clock_ends_when_somebody_takes_it() {
    let bench = Bench::new(OFFICE).await;
    bench.raise("A.munki", FailureClass::Download).await;
    bench.clock.advance(Duration::from_mins(55));
    bench.tick().await;
    bench.clock.advance(Duration::from_mins(6));
    bench.tick().await;
    let told = bench.told().await;
    assert!(
        told[1].1.starts_with("90 % of the time to take it"),
        "{told:?}"
    );
    assert!(
        told[2].1.starts_with("The time to take it was over"),
        "{told:?}"
    );
    assert_eq!(bench.kinds().await, ["opened", "warned", "breached"]);
}

#[tokio::test]
async fn a_paused_incident_has_as_long_left_as_it_had() {
    let bench = Bench::new(OFFICE).await;
    let id = bench.raise("A.munki", FailureClass::Download).await;
    bench.desk.acknowledge(id, "me").await.unwrap();
    bench.clock.advance(Duration::from_hours(1));
    let who = (PauseReason::Vendor, "ann");
    let paused = bench.desk.pause(id, who, "ticket 7").await.unwrap();
    assert!(paused.keeping.pause.is_some());
    bench.pass(24 * 4).await;
    // Seven hours are left, from Monday at 11:00.
    let resumed = bench.desk.resume(id, "ann").await.unwrap();
    assert_eq!(resumed.resolve_by_at, at("2026-12-01T10:00:00+01:00"));
    bench.tick().await;
    let told = bench.told().await;
    assert_eq!(
        told[2].1,
        "ann: It waits for the vendor; its clocks stand still. ticket 7"
    );
    assert_eq!(
        bench.kinds().await,
        ["opened", "updated", "updated", "updated"]
    );
    // Nothing stands still, so nothing goes on.
    assert_eq!(bench.desk.resume(id, "ann").await.unwrap(), resumed);
}

#[tokio::test]
async fn notes_are_told_and_kept_and_what_is_over_can_be_opened_again() {
    let bench = Bench::new("").await;
    let id = bench.raise("A.munki", FailureClass::Download).await;
    bench
        .desk
        .note(id, "ann", "the vendor\nknows")
        .await
        .unwrap();
    assert!(matches!(
        bench.desk.reopen(id, "ann", "why").await,
        Err(crate::DeskError::NotResolved { .. })
    ));
    bench.desk.resolve_by_hand(id, "done").await.unwrap();
    assert!(bench.desk.note(id, "ann", "late").await.is_err());
    let again = bench
        .desk
        .reopen(id, "ann", "it is not done")
        .await
        .unwrap();
    assert_eq!((again.state, again.reopened), (IncidentState::Open, 1));
    assert_eq!(again.opened_at, bench.clock.now());
    let told = bench.told().await;
    assert_eq!(
        told[1],
        ("noted".to_owned(), "ann: the vendor knows".to_owned())
    );
    assert_eq!(
        told[3],
        ("reopened".to_owned(), "ann: it is not done".to_owned())
    );
    // Where a new one of its kind is open, an old one stays over.
    bench.desk.resolve_by_hand(id, "done").await.unwrap();
    bench.clock.advance(Duration::from_hours(30));
    assert_ne!(bench.raise("A.munki", FailureClass::Download).await, id);
    assert!(bench.desk.reopen(id, "ann", "why").await.is_err());
}

#[tokio::test]
async fn failures_of_a_merged_incident_count_where_it_went() {
    let bench = Bench::new("").await;
    let one = bench.raise("A.munki", FailureClass::Download).await;
    let other = bench.raise("B.munki", FailureClass::Download).await;
    let merged = bench.desk.merge(one, other, "ann").await.unwrap();
    assert_eq!(merged.keeping.merged_into, Some(other));
    assert!(bench.desk.merge(other, other, "ann").await.is_err());
    assert!(bench.desk.merge(one, other, "ann").await.is_err());
    assert_eq!(bench.raise("A.munki", FailureClass::Download).await, other);
    let kept = bench.desk.db.incident_find(other).await.unwrap().unwrap();
    assert_eq!((kept.repeats, kept.cause.as_str()), (2, "no answer"));
    bench.resolve("B.munki").await;
    assert_eq!(bench.raise("A.munki", FailureClass::Download).await, one);
    let kinds = bench.kinds().await;
    assert_eq!(
        kinds,
        [
            "opened", "opened", "noted", "resolved", "updated", "resolved", "reopened"
        ]
    );
}

#[tokio::test]
async fn in_maintenance_incidents_are_kept_and_told_of_at_its_end_if_they_still_are() {
    let bench = Bench::new("").await;
    let known = bench.raise("Known.munki", FailureClass::Package).await;
    let window = NewMaintenance {
        name: "proxy".to_owned(),
        starts_in: Duration::ZERO,
        lasts: Duration::from_hours(3),
        titles: vec!["A*".to_owned(), "Known.munki".to_owned()],
        classes: Vec::new(),
        reason: "the proxy is changed".to_owned(),
        made_by: "ann".to_owned(),
    };
    bench.desk.maintain(&window).await.unwrap();
    assert!(bench.desk.maintain(&window).await.is_err());
    let lasts = bench.raise("A.munki", FailureClass::Download).await;
    bench.raise("Ab.munki", FailureClass::Download).await;
    bench.raise("B.munki", FailureClass::Download).await;
    bench.resolve("Ab.munki").await;
    bench.resolve("Known.munki").await;
    bench.pass(2).await;
    assert_eq!(bench.kinds().await, ["opened", "opened"]);
    let quiet = bench.desk.db.incident_find(lasts).await.unwrap().unwrap();
    assert_eq!(
        quiet.keeping.quiet.unwrap().reason,
        QuietReason::Maintenance
    );
    bench.pass(1).await;
    let mut later = bench.kinds().await.split_off(2);
    later.sort();
    assert_eq!(later, ["opened", "resolved"]);
    let history = bench.desk.db.incident_history(known).await.unwrap();
    assert_eq!(history.len(), 3);
    assert!(
        bench
            .desk
            .db
            .incident_quiet_list()
            .await
            .unwrap()
            .is_empty()
    );
    bench.desk.maintain(&window).await.unwrap();
}

#[tokio::test]
async fn what_may_pass_by_itself_is_told_of_after_three_failures_or_four_hours() {
    let bench = Bench::new("").await;
    bench.raise("Passes.munki", FailureClass::Timeout).await;
    bench.resolve("Passes.munki").await;
    assert!(bench.kinds().await.is_empty());
    for _ in 0..2 {
        bench.raise("Often.munki", FailureClass::RateLimited).await;
    }
    bench.raise("Long.munki", FailureClass::Timeout).await;
    bench.pass(3).await;
    assert!(bench.kinds().await.is_empty());
    bench.raise("Often.munki", FailureClass::RateLimited).await;
    assert_eq!(bench.kinds().await, ["opened"]);
    bench.pass(1).await;
    assert_eq!(bench.kinds().await, ["opened", "opened"]);
    bench.resolve("Often.munki").await;
    assert_eq!(bench.kinds().await, ["opened", "opened", "resolved"]);
}

#[tokio::test]
async fn what_comes_and_goes_is_told_of_once_and_its_end_when_it_lasts() {
    let bench = Bench::new("").await;
    for _ in 0..8 {
        bench.raise("A.munki", FailureClass::Download).await;
        bench.pass(1).await;
        bench.resolve("A.munki").await;
        bench.pass(1).await;
    }
    let told = bench.told().await;
    let kinds: Vec<_> = told.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(
        kinds,
        [
            "opened", "resolved", "reopened", "resolved", "reopened", "resolved", "reopened",
            "updated"
        ]
    );
    assert!(
        told[6].1.starts_with("It has come back 3 times"),
        "{told:?}"
    );
    bench.pass(5).await;
    assert_eq!(bench.kinds().await.last().unwrap(), "resolved");
    assert_eq!(bench.kinds().await.len(), 9);
}
