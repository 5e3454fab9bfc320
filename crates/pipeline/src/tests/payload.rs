//! Releases that bring what the one before them did not.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use crate::payload::{ChangeKind, Inventory};
use model::{FailureClass, Sha256, Trigger};
use testkit::{package::flat, vendor::Resource, virus_total::Verdict};
use tokio_util::sync::CancellationToken;

use super::bench::{Bench, TITLE, end};
use crate::{Event, Guards, Outcome, Reporter, Request, Worked};

/// Remembers what is said of the item.
#[derive(Default)]
struct Warnings(Mutex<Vec<String>>);

impl Reporter for Warnings {
    fn report(&self, event: &Event<'_>) {
        if let Event::Warned { text } = event
            && text.starts_with("Widget ")
        {
            self.0.lock().unwrap().push((*text).to_owned());
        }
    }
}

struct House {
    bench: Bench,
}

impl House {
    async fn holding(kinds: &[ChangeKind]) -> Self {
        let mut bench = Bench::new().await;
        let parts = Arc::get_mut(&mut bench.engine.parts).unwrap();
        let payload: BTreeSet<_> = kinds.iter().copied().collect();
        parts.guards = Guards {
            payload,
            ..Guards::default()
        };
        Self { bench }
    }

    /// The vendor releases a package with these members.
    fn release(&self, version: &str, members: &[(&str, &[u8])]) {
        let info = format!(
            "<pkg-info identifier=\"com.example.widget\" version=\"{version}\" install-location=\"/\">\
             <payload installKBytes=\"1\" numberOfFiles=\"1\"/></pkg-info>"
        );
        let members = [&[("PackageInfo", info.as_bytes())], members].concat();
        let package = flat(&members).unwrap();
        let bench = &self.bench;
        bench.clock.advance(Duration::from_hours(24));
        bench
            .virus_total
            .know(Sha256::of(&package), Verdict::clean());
        bench.vendor.put("/Widget.pkg", Resource::file(package));
    }

    /// How a run ends, and what it warns of.
    async fn run(&self, request: &Request) -> (Worked, Vec<String>) {
        let warnings = Arc::new(Warnings::default());
        let reporter: Arc<dyn Reporter> = warnings.clone();
        let engine = &self.bench.engine;
        engine.queue(request, Trigger::Manual).await.unwrap();
        let worked = engine.work(&reporter, &CancellationToken::new()).await;
        let worked = worked.unwrap().unwrap();
        let warned = warnings.0.lock().unwrap().clone();
        (worked, warned)
    }
}

const SCRIPT: (&str, &[u8]) = ("Scripts/postinstall", b"#!/bin/sh\nexit 0\n");
const CHANGED: (&str, &[u8]) = ("Scripts/postinstall", b"#!/bin/sh\ncurl\n");
const DAEMON: (&str, &[u8]) = ("Extra/LaunchDaemons/com.example.plist", b"<plist/>");

#[tokio::test]
async fn what_is_new_is_told_and_kept_and_nothing_is_told_of_the_first_release() {
    let house = House::holding(&[]).await;
    let request = Request::named(TITLE);
    house.release("1.0", &[SCRIPT]);
    let (worked, warned) = house.run(&request).await;
    assert_eq!((end(&worked), warned), ("published".to_owned(), Vec::new()));
    house.release("2.0", &[SCRIPT]);
    assert_eq!(house.run(&request).await.1, Vec::<String>::new());
    house.release("3.0", &[CHANGED, DAEMON]);
    let (worked, warned) = house.run(&request).await;
    assert_eq!(end(&worked), "published");
    let expected = [
        "Widget 3.0: new job for launchd: Extra/LaunchDaemons/com.example.plist",
        "Widget 3.0: installer script: Scripts/postinstall, which has other contents",
    ];
    assert_eq!(warned, expected);
    let title = TITLE.parse().unwrap();
    let released = house.bench.engine.db().release_list(&title).await.unwrap();
    let kept = released[0].payload.as_deref().unwrap();
    let kept: Inventory = serde_json::from_str(kept).unwrap();
    assert_eq!(kept.launch_jobs.len(), 1);
}

#[tokio::test]
async fn what_is_guarded_holds_the_run_until_a_person_accepts_it() {
    let house = House::holding(&[ChangeKind::LaunchJob]).await;
    let mut request = Request::named(TITLE);
    house.release("1.0", &[SCRIPT]);
    assert_eq!(end(&house.run(&request).await.0), "published");
    house.release("2.0", &[CHANGED, DAEMON]);
    let (worked, _) = house.run(&request).await;
    assert_eq!(end(&worked), "held re-release");
    let Outcome::Ended(store::RunEnd::Held(failure)) = &worked.outcome else {
        panic!("{worked:?}");
    };
    // The script has changed, too, and is not guarded.
    let told = "Widget: new job for launchd: Extra/LaunchDaemons/com.example.plist";
    assert_eq!(failure.detail.as_deref(), Some(told));
    assert!(failure.next_step.contains("--accept re-release"));
    assert!(!house.bench.files().iter().any(|file| file.contains("2.0")));
    request.accepted.push(FailureClass::ReRelease);
    assert_eq!(end(&house.run(&request).await.0), "published");
    let incidents = house.bench.incidents().await;
    assert_eq!(incidents, ["re-release resolved 1"]);
    // What was let pass is nothing new any more.
    house.release("3.0", &[CHANGED, DAEMON]);
    let (worked, warned) = house.run(&Request::named(TITLE)).await;
    assert_eq!((end(&worked), warned), ("published".to_owned(), Vec::new()));
}
