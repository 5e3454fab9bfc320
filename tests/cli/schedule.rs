//! `schedule`: what runs when.

use serde_json::Value;

use crate::program::House;

const SCHEDULES: &str = "\
time_zone: Europe/Berlin
schedules:
- {cron: '30 6 1 1 *', overrides: [A.munki]}
- {cron: '@hourly', overrides: [B.munki], time_zone: UTC, missed: skip, jitter: 2m}
";

fn house() -> House {
    let house = House::new();
    house.write("schedules.yaml", SCHEDULES);
    house
}

#[test]
fn lists_what_runs_when() {
    let house = house();
    let listed = house.ok("schedule list");
    let lines: Vec<&str> = listed.lines().collect();
    assert_eq!(lines.len(), 2, "{listed}");
    assert!(
        lines[0].starts_with("A.munki: 30 6 1 1 * (Europe/Berlin), next "),
        "{listed}"
    );
    assert!(
        lines[0].ends_with("-01-01 06:30:00 +01:00, last never"),
        "{listed}"
    );
    let listed = house.ok("schedule list --json");
    let second: Value = serde_json::from_str(listed.lines().nth(1).unwrap()).unwrap();
    assert_eq!(second["override"], "B.munki");
    assert_eq!(second["missed"], "skip");
    assert_eq!(second["jitter_seconds"], 120);
    assert_eq!(second["last"], Value::Null);
    assert!(
        !house.path("var").exists(),
        "a look at the times makes no state"
    );
}

#[test]
fn foretells_the_next_times() {
    let house = house();
    let told = house.ok("schedule next -n 2 A.munki");
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines.len(), 3, "{told}");
    assert_eq!(lines[0], "A.munki");
    assert!(lines[1].ends_with("-01-01 06:30:00 +01:00"), "{told}");
    assert!(lines[1] < lines[2] || lines[1] != lines[2], "{told}");
    let told = house.ok("schedule next --count 4 --json");
    for line in told.lines() {
        let told: Value = serde_json::from_str(line).unwrap();
        assert_eq!(told["schema"], 1);
        let times: Vec<&str> = told["next"]
            .as_array()
            .unwrap()
            .iter()
            .map(|time| time.as_str().unwrap())
            .collect();
        assert_eq!(times.len(), 4);
        assert!(times.is_sorted(), "{times:?}");
    }
    let refused = house.run("schedule next C.munki");
    assert_eq!(refused.status, Some(1), "{refused}");
    assert!(
        refused.shows("`[HOUSE]/schedules.yaml` schedules no `C.munki`"),
        "{refused}"
    );
}

#[test]
fn checks_the_file_and_that_its_overrides_are_found() {
    let house = house();
    house.write(
        "overrides/A.munki.recipe.yaml",
        "Identifier: local.A\nParentRecipe: com.example.A\nInput: {NAME: A}\n",
    );
    house.write(
        "recipes/A.munki.recipe.yaml",
        "Identifier: com.example.A\nInput: {NAME: A}\nProcess: []\n",
    );
    house.write(
        "auto-update.toml",
        "[autopkg]\nrecipe-search-dirs = ['recipes']\nrecipe-override-dirs = ['overrides']\n",
    );
    let checked = house.run("schedule check");
    assert_eq!(checked.status, Some(1), "{checked}");
    assert!(checked.stdout.starts_with("B.munki: "), "{checked}");
    assert_eq!(checked.stdout.lines().count(), 1, "{checked}");

    house.write(
        "good.yaml",
        "schedules: [{cron: '@daily', overrides: [A.munki]}]",
    );
    let checked = house.ok("schedule check good.yaml --json");
    let checked: Value = serde_json::from_str(&checked).unwrap();
    assert_eq!(
        (&checked["overrides"], &checked["problems"]),
        (&1.into(), &Value::Array(vec![]))
    );

    house.write(
        "bad.yaml",
        "schedules: [{cron: '61 * * * *', overrides: [A.munki]}]",
    );
    let refused = house.run("schedule check bad.yaml");
    assert_eq!(refused.status, Some(1), "{refused}");
    assert!(
        refused.shows("`61` is no minute of a cron expression"),
        "{refused}"
    );
    let refused = house.run("schedule check none.yaml");
    assert_eq!(refused.status, Some(1), "{refused}");
    assert!(
        refused.shows("there is no file of schedules `none.yaml`"),
        "{refused}"
    );
}

#[test]
fn schedules_rest_until_they_go_on() {
    let house = House::new();
    house.write(
        "schedules.yaml",
        "schedules: [{cron: '@daily', overrides: [A.munki, B.munki], priority: 3}]",
    );
    let pause = "schedule pause A.munki --reason holidays --by ada";
    house.ok(pause);
    let rests = |line: &str| {
        let told: Value = serde_json::from_str(line).unwrap();
        assert_eq!(told["priority"], 3);
        told["paused"]["reason"] == "holidays"
    };
    let listed = house.ok("schedule list --json");
    assert_eq!(listed.lines().map(rests).collect::<Vec<_>>(), [true, false]);
    house.ok("schedule pause --all --reason holidays --by ada --hours 1");
    house.ok("schedule resume A.munki");
    let listed = house.ok("schedule list --json");
    assert_eq!(listed.lines().map(rests).collect::<Vec<_>>(), [true, true]);
    house.ok("schedule resume --all");
    let listed = house.ok("schedule list --json");
    assert_eq!(
        listed.lines().map(rests).collect::<Vec<_>>(),
        [false, false]
    );
}
