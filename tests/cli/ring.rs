//! `ring`, `retention` and `change`: what an administrator does with what was published.

use serde_json::Value;

use crate::program::House;

const CONFIG: &str = "[repository]\npath = \"repo\"\n[retention]\nkeep = 1\n[[rings.ring]]\ncatalog = \"testing\"\n\
                      [[rings.ring]]\ncatalog = \"production\"\nafter-hours = 24\n";

/// A repository with Widget 1.0 everywhere, and 2.0 and 3.0 in the first ring.
fn house() -> House {
    let house = House::new();
    house.write("auto-update.toml", CONFIG);
    for (version, catalogs) in [
        ("1.0", "<string>testing</string><string>production</string>"),
        ("2.0", "<string>testing</string>"),
        ("3.0", "<string>testing</string>"),
    ] {
        house.write(&format!("repo/pkgs/Widget-{version}.pkg"), version);
        let hash = model::Sha256::of(version.as_bytes());
        house.write(
            &format!("repo/pkgsinfo/Widget-{version}.plist"),
            &format!(
                "<plist version=\"1.0\"><dict><key>name</key><string>Widget</string><key>version</key>\
                 <string>{version}</string><key>catalogs</key><array>{catalogs}</array>\
                 <key>installer_item_location</key><string>Widget-{version}.pkg</string>\
                 <key>installer_item_hash</key><string>{hash}</string>\
                 <key>installer_item_size</key><integer>0</integer></dict></plist>\n"
            ),
        );
    }
    house.ok("munki makecatalogs");
    house
}

fn json(house: &House, command: &str) -> Value {
    serde_json::from_str(&house.ok(command)).unwrap()
}

/// The versions that are in a catalog, oldest pkginfo first.
fn offered(house: &House, catalog: &str) -> Vec<String> {
    let listed = house.ok("ring list --json");
    let items = listed
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut versions: Vec<String> = items
        .filter(|item| {
            let catalogs = item["catalogs"].as_array().unwrap();
            catalogs.iter().any(|place| place["catalog"] == catalog)
        })
        .map(|item| item["version"].as_str().unwrap().to_owned())
        .collect();
    versions.sort();
    let text = house.read(&format!("repo/catalogs/{catalog}"));
    for version in &versions {
        assert!(
            text.contains(&format!("<string>{version}</string>")),
            "{catalog}: {text}"
        );
    }
    versions
}

#[test]
fn an_item_is_brought_on_taken_back_and_brought_on_again() {
    let house = house();
    let told = house.ok("ring promote Widget 2.0 --reason tested --by kim");
    assert_eq!(
        told,
        "Widget 2.0: testing -> testing, production (by-hand)\n"
    );
    assert_eq!(offered(&house, "production"), ["1.0", "2.0"]);
    let back = json(
        &house,
        "ring rollback Widget --ring production --reason crashes --by kim --json",
    );
    assert_eq!(back["moves"][0]["why"], "rolled-back");
    assert_eq!(offered(&house, "production"), ["1.0"]);
    let rules = json(&house, "ring rules --json");
    assert_eq!(rules["kind"], "hold");
    assert_eq!(rules["by"], "kim");
    let refused = house.run("ring promote Widget 2.0 --reason again --by kim");
    assert_eq!(refused.status, Some(1));
    assert!(refused.shows("by a rule (hold)"), "{refused}");
    let rule = rules["rule"].as_str().unwrap();
    house.ok(&format!("ring end {rule} --reason mended --by kim"));
    assert_eq!(
        house
            .run(&format!("ring end {rule} --reason mended --by kim"))
            .status,
        Some(1)
    );
    house.ok("ring promote Widget 2.0 --reason again --by kim");
    assert_eq!(offered(&house, "production"), ["1.0", "2.0"]);
    let history = house.ok("ring history Widget 2.0");
    assert_eq!(history.lines().count(), 3, "{history}");
    assert!(history.contains("(rolled-back by kim)"), "{history}");
    assert!(house.ok("munki check").is_empty());
}

#[test]
fn a_pin_and_a_recall_hold_and_a_recall_can_be_undone() {
    let house = house();
    house.ok("ring pin Widget 2.0 --reason licence --by kim");
    assert_eq!(offered(&house, "production"), ["1.0", "2.0"]);
    assert_eq!(offered(&house, "testing"), ["1.0", "2.0"]);
    assert_eq!(offered(&house, "withdrawn"), ["3.0"]);
    let recalled = json(
        &house,
        "ring recall Widget 1.0 --reason malware --by kim --json",
    );
    assert_eq!(recalled["items"][0]["packages"][0], "Widget-1.0.pkg");
    assert_eq!(recalled["offered"].as_array().unwrap().len(), 2);
    assert!(!house.path("repo/pkgs/Widget-1.0.pkg").exists());
    assert!(house.ok("munki check").is_empty());
    let change = recalled["change"].as_str().unwrap();
    house.ok(&format!("change undo {change} --reason mistake --by kim"));
    assert_eq!(house.read("repo/pkgs/Widget-1.0.pkg"), "1.0");
    assert_eq!(offered(&house, "production"), ["1.0", "2.0"]);
    let log = house.ok("evidence log");
    for told in [
        "moved by kim (licence)",
        "recalled by kim (malware)",
        "undone by kim (mistake)",
    ] {
        assert!(log.contains(told), "{log}");
    }
    let key = house.ok("evidence key --public");
    house.write("pub.pem", &key);
    house.ok("evidence verify-log repo --key pub.pem");
}

#[test]
fn retention_is_shown_done_and_undone() {
    let house = house();
    let preview = house.ok("retention preview");
    assert_eq!(
        preview,
        "would go: Widget 2.0 (pkgsinfo/Widget-2.0.plist)\nwould go: pkgs/Widget-2.0.pkg\n"
    );
    assert!(house.path("repo/pkgs/Widget-2.0.pkg").exists());
    house.write(
        "repo/manifests/lab",
        "<plist><dict><key>managed_installs</key><array><string>Widget-2.0</string></array></dict></plist>",
    );
    assert_eq!(
        house.ok("retention preview"),
        "stays: Widget 2.0: the manifest `lab` names it\n"
    );
    fs_err::remove_file(house.path("repo/manifests/lab")).unwrap();
    house.write("repo/pkgs/orphan.dmg", "orphan");
    let done = json(
        &house,
        "retention apply --orphans --reason room --by kim --json",
    );
    assert!(!house.path("repo/pkgs/Widget-2.0.pkg").exists());
    assert!(!house.path("repo/pkgs/orphan.dmg").exists());
    assert!(house.ok("munki check").is_empty());
    let changes = house.ok("change list");
    assert!(
        changes.contains("retired by kim (room), can be undone until"),
        "{changes}"
    );
    assert!(changes.contains("pkgs/orphan.dmg"), "{changes}");
    let change = done["change"].as_str().unwrap();
    house.ok(&format!("change undo {change} --reason needed --by kim"));
    assert_eq!(house.read("repo/pkgs/orphan.dmg"), "orphan");
    assert_eq!(offered(&house, "testing"), ["1.0", "2.0", "3.0"]);
}

#[test]
fn what_cannot_be_is_said() {
    let house = house();
    for (command, status, told) in [
        (
            "ring promote Nothing --reason x --by kim",
            1,
            "has no item `Nothing`",
        ),
        (
            "ring promote Widget --to lab --reason x --by kim",
            1,
            "the rings are: testing, production",
        ),
        (
            "ring hold Widget --ring lab --reason x --by kim",
            1,
            "the rings are: testing, production",
        ),
        (
            "ring rollback Widget --ring production --reason x --by kim",
            1,
            "`recall` takes a version away",
        ),
        (
            "ring pin Widget 9.9 --reason x --by kim",
            1,
            "of version 9.9",
        ),
        ("ring promote Widget", 2, "--reason"),
        ("retention apply --keep 0 --reason x", 2, "--keep"),
        (
            "change undo 01a2115c-c7ba-7350-befb-67dd0aa0491a --reason x --by kim",
            1,
            "change list",
        ),
    ] {
        let outcome = house.run(command);
        assert_eq!(outcome.status, Some(status), "{command}\n{outcome}");
        assert!(outcome.shows(told), "{command}\n{outcome}");
    }
    house.write("auto-update.toml", "[repository]\npath = \"repo\"\n");
    let outcome = house.run("ring due");
    assert!(outcome.shows("no catalogs are rings"), "{outcome}");
}
