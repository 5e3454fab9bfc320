//! What the service desk hears, and what it hears late.

use std::collections::BTreeSet;

use testkit::webhook_receiver::Reply;

use crate::small::{IMAGE, Small, TITLE};

/// How often a title fails in a test of repeats.
const FAILURES: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn repeats_count_in_one_incident() {
    let Some(mut small) = Small::stand().await else {
        return;
    };
    for _ in 0..FAILURES {
        small.expect(&["run", TITLE], 70).await;
    }
    let news = small.house.desk.news().unwrap();
    let said: Vec<(&str, u64)> = news
        .calls
        .iter()
        .map(|call| {
            let repeats = &call.body["data"]["incident"]["repeats"];
            (
                call.body["type"].as_str().unwrap(),
                repeats.as_u64().unwrap(),
            )
        })
        .collect();
    // Counts that are round are told, so that four failures are two letters and not four.
    assert_eq!(said, [("incident.opened", 1), ("incident.updated", 2)]);
    assert_eq!(news.letters.len(), 2);
    let incidents: BTreeSet<&str> = news
        .calls
        .iter()
        .filter_map(|call| call.body["data"]["incident"]["id"].as_str())
        .collect();
    assert_eq!(incidents.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_run_resolves_what_a_bad_one_opened() {
    let Some(mut small) = Small::stand().await else {
        return;
    };
    small.expect(&["run", TITLE], 70).await;
    small.release("1.0");
    small.expect(&["run", TITLE], 0).await;
    let news = small.house.desk.news().unwrap();
    let types: Vec<_> = news
        .calls
        .iter()
        .map(|call| call.body["type"].clone())
        .collect();
    assert_eq!(types, ["incident.opened", "incident.resolved"]);
    let [opened, resolved] = &*news.letters else {
        panic!("{:?}", news.letters);
    };
    assert!(resolved.references.contains(&opened.message_id));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_desk_refuses_comes_again_under_the_same_name() {
    let Some(mut small) = Small::stand().await else {
        return;
    };
    small.house.desk.hook().will_reply([Reply::Status(503)]);
    small.expect(&["run", TITLE], 70).await;
    let called = small.house.desk.hook().until_called(2);
    small.kill_once(&["serve"], called).await;
    let news = small.house.desk.news().unwrap();
    assert_eq!(news.calls.len(), 2, "{:?}", news.calls);
    let names: BTreeSet<&str> = news.calls.iter().map(|call| &*call.id).collect();
    assert_eq!(names.len(), 1, "{:?}", news.calls);
    assert_eq!(news.letters.len(), 1, "the mail came more than once");
    assert!(
        small
            .house
            .vendor
            .seen()
            .iter()
            .all(|seen| seen.target == IMAGE)
    );
}
