//! Releases that are too young, and what an urgent fix does.

use serde_json::Value;

use crate::small::{Small, TITLE};

#[tokio::test]
async fn a_young_release_is_left_to_the_service_and_an_urgent_one_is_published_at_once() {
    let Some(small) = Small::stand().await else {
        return;
    };
    let config = small.house.config_file();
    let text = fs_err::read_to_string(&config).unwrap();
    let rings = "[rings]\nminimum-age-hours = 72\n[[rings.ring]]\ncatalog = \"testing\"\n\
                 [[rings.ring]]\ncatalog = \"production\"\n";
    fs_err::write(&config, format!("{text}\n{rings}")).unwrap();
    small.release("1.0");
    let told = small.expect(&["run", "--json", TITLE], 0).await;
    let told: Value = serde_json::from_str(&told).unwrap();
    assert!(told["until"].is_string(), "{told}");
    assert_eq!(told["published"], serde_json::json!([]));
    let nothing = small.house.view().unwrap();
    assert_eq!(nothing.published().len(), 0);
    // Asked again it waits again, and fails nothing.
    small.expect(&["run", TITLE], 0).await;

    let urgent = [
        "ring", "urgent", "Small", "1.0", "--reason", "CVE", "--by", "kim",
    ];
    small.expect(&urgent, 0).await;
    let told = small.expect(&["run", "--json", TITLE], 0).await;
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["state"], "published", "{told}");
    let moved = small.expect(&["ring", "promote"], 0).await;
    assert_eq!(
        moved,
        "Small 1.0: testing -> testing, production (urgent)\n"
    );
    small.expect(&["munki", "check"], 0).await;
}
