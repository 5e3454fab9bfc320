//! What postflight does with the reports of Munki 6 and 7.

use std::{fs, os::unix::fs::symlink};

use proplist::{Dict, Value};

use crate::{
    mac::{INFO, LOG, MANIFEST, REPORT, TestMac, dict},
    server::EnvQuery,
};

const TRIGGER: &str = "private/tmp/com.googlecode.munki.installatlogout";
const ALERT: &str = "--type|alert|--title|Software Updates|--message|Updates are waiting: log out to install them|--messagebutton|Log out|--messagebuttonaction|logout|";

fn result(name: &str, version: &str, status: i64) -> Value {
    Value::Dict(dict([
        ("name", Value::from(name)),
        ("version", Value::from(version)),
        ("status", Value::from(status)),
    ]))
}

fn report<const N: usize>(mac: &TestMac, pairs: [(&str, Value); N]) {
    mac.plist(REPORT, dict(pairs));
}

fn pending(mac: &TestMac, installs: usize, removals: usize) {
    let items = |count| Value::Array(vec![Value::Dict(Dict::new()); count]);
    mac.plist(
        INFO,
        dict([
            ("managed_installs", items(installs)),
            ("removals", items(removals)),
        ]),
    );
}

fn run(mac: &TestMac) {
    let ended = mac.run(&["postflight", "auto"]);
    assert_eq!(
        (ended.status, ended.stdout.as_str(), ended.stderr.as_str()),
        (0, "", "")
    );
}

fn names(mac: &TestMac, list: &str) -> Vec<String> {
    let manifest = mac.read_plist(MANIFEST);
    let values = manifest[list].as_array().unwrap().to_vec();
    values
        .iter()
        .map(|value| value.as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn writes_down_what_was_done_and_tells_the_person() {
    let mac = TestMac::with_person(&EnvQuery::honest());
    mac.leave_credential();
    mac.manifest(
        &["CitrixReceiver", "Firefox-128.0", "There", "Failed"],
        &["Old", "Gone", "Stays"],
    );
    report(
        &mac,
        [
            (
                "InstallResults",
                Value::Array(vec![
                    result("CitrixReceiver", "4.5", 0),
                    result("Firefox", "128.0", 0),
                    result("Failed", "1", 1),
                    result("FromTheServer", "1", 0),
                ]),
            ),
            ("InstalledItems", Value::from(vec!["There"])),
            (
                "RemovalResults",
                Value::Array(vec![result("Old", "", 0), result("Stays", "", 3)]),
            ),
            ("RemovedItems", Value::from(vec!["Gone", "NeverAsked"])),
            (
                "Warnings",
                Value::from(vec!["WARNING: one", "WARNING: two"]),
            ),
        ],
    );
    run(&mac);
    assert_eq!(names(&mac, "managed_installs"), ["Failed"]);
    assert_eq!(names(&mac, "managed_uninstalls"), ["Stays"]);
    assert_eq!(
        mac.log(),
        ["INFO 2 installed, 2 removed, 0 pending, 2 warnings"]
    );
    let banner = |text: &str| format!("--type|banner|--title|Software Updates|--message|{text}|");
    assert_eq!(
        mac.lines("notified"),
        [
            banner("CitrixReceiver 4.5 was installed"),
            banner("Firefox 128.0 was installed")
        ]
    );
    assert_eq!(mac.lines("ran"), ["jamf recon"]);
    mac.assert_clean();
    let ended = mac.run(&["extension-attribute"]);
    let line = mac.text(LOG);
    assert_eq!(
        ended.stdout,
        format!("<result>{}</result>\n", line.trim_end())
    );
    // The same report again: nothing is counted twice, and there is no news for an inventory.
    run(&mac);
    assert_eq!(
        mac.log().last().unwrap(),
        "INFO 0 installed, 0 removed, 0 pending, 2 warnings"
    );
    assert_eq!(mac.lines("ran").len(), 1);
}

/// The reports of both versions in the corpus, whose dates, prefixes and missing arrays differ.
#[test]
fn reads_the_reports_of_both_versions() {
    let Some(corpus) = std::env::var_os("AUTO_UPDATE_CORPUS") else {
        println!("skipped: AUTO_UPDATE_CORPUS is not set");
        return;
    };
    for version in ["v6", "v7"] {
        let mac = TestMac::with_person(&EnvQuery::honest());
        let name = format!("munki/examples/ManagedInstallReport-{version}.plist");
        let bytes = fs::read(std::path::Path::new(&corpus).join(name)).unwrap();
        mac.write(REPORT, &bytes, 0o644);
        mac.manifest(&["Foo", "Bar", "Broken"], &["Old", "Gone"]);
        run(&mac);
        assert_eq!(
            mac.log(),
            ["INFO 1 installed, 2 removed, 0 pending, 1 warnings"]
        );
        assert_eq!(names(&mac, "managed_installs"), ["Broken"]);
        assert_eq!(names(&mac, "managed_uninstalls"), Vec::<String>::new());
    }
}

#[test]
fn results_of_an_earlier_run_count_once() {
    let mac = TestMac::with_person(&EnvQuery::honest());
    let at = |time: i64| {
        let mut dict = result("A", "1", 0).as_dict().unwrap().clone();
        let time = model::Timestamp::from_secs(time).to_utc();
        dict.insert("time".to_owned(), Value::Date(time));
        Value::Array(vec![Value::Dict(dict)])
    };
    report(&mac, [("InstallResults", at(1_700_000_000))]);
    mac.manifest(&["A"], &[]);
    run(&mac);
    // It is asked for again, and fails; version 7 still reports the success of before.
    mac.manifest(&["A"], &[]);
    run(&mac);
    assert_eq!(names(&mac, "managed_installs"), ["A"]);
    report(&mac, [("InstallResults", at(crate::server::now() + 5))]);
    run(&mac);
    assert_eq!(names(&mac, "managed_installs"), Vec::<String>::new());
}

#[test]
fn without_a_report_the_credential_goes_all_the_same() {
    let mac = TestMac::with_person(&EnvQuery::honest());
    mac.leave_credential();
    run(&mac);
    assert_eq!(
        mac.log(),
        ["WARNING AU153 there is no /Library/Managed Installs/ManagedInstallReport.plist"]
    );
    mac.assert_clean();
}

#[test]
fn with_a_report_that_cannot_be_read_the_credential_goes_all_the_same() {
    let mac = TestMac::with_person(&EnvQuery::honest());
    mac.leave_credential();
    mac.write(REPORT, b"<plist><dict>", 0o644);
    let ended = mac.run(&["postflight", "auto"]);
    assert_eq!(ended.status, 1);
    assert!(mac.log()[0].starts_with("ERROR AU152 "), "{:?}", mac.log());
    mac.assert_clean();
}

#[test]
fn asks_once_for_a_log_out_and_takes_it_back() {
    let mac = TestMac::with_person(&EnvQuery::honest());
    report(&mac, []);
    pending(&mac, 1, 1);
    run(&mac);
    assert_eq!(mac.lines("notified"), [ALERT]);
    assert!(fs::symlink_metadata(mac.path(TRIGGER)).unwrap().is_file());
    assert_eq!(
        mac.log().last().unwrap(),
        "INFO 0 installed, 0 removed, 2 pending, 0 warnings"
    );
    // As many as before: once is enough.
    run(&mac);
    assert_eq!(mac.lines("notified").len(), 1);
    pending(&mac, 3, 0);
    run(&mac);
    assert_eq!(mac.lines("notified"), [ALERT, ALERT]);
    pending(&mac, 0, 0);
    run(&mac);
    assert!(!mac.path(TRIGGER).exists());
    assert_eq!(mac.lines("notified")[2], format!("{ALERT}--remove|prior|"));
    run(&mac);
    assert_eq!(mac.lines("notified").len(), 3);
    assert_eq!(mac.lines("ran").len(), 0, "no inventory without news");
}

#[test]
fn says_what_the_profile_says_it_should() {
    let server = EnvQuery::honest();
    let mac = TestMac::with_person(&server);
    let mut profile = server.profile();
    profile.extend(dict([
        ("NotifierTitle", Value::from("Acme IT")),
        ("NotifierMessagePending", Value::from("Bitte abmelden")),
        (
            "NotifierMessageNoPending",
            Value::from("Nichts mehr zu tun"),
        ),
        ("LogoutButton", Value::from("Abmelden")),
        ("AlwaysNotifyPending", Value::from(true)),
        ("LogFile", Value::from("/Library/Logs/acme.log")),
    ]));
    mac.plist(crate::mac::CLIENT_PROFILE, profile);
    mac.folder("Library/Logs", 0o755);
    report(&mac, []);
    pending(&mac, 1, 0);
    run(&mac);
    run(&mac);
    pending(&mac, 0, 0);
    run(&mac);
    let alert = "--type|alert|--title|Acme IT|--message|Bitte abmelden|--messagebutton|Abmelden|--messagebuttonaction|logout|";
    let expected = [
        alert.to_owned(),
        alert.to_owned(),
        format!("{alert}--remove|prior|"),
        "--type|banner|--title|Acme IT|--message|Nichts mehr zu tun|".to_owned(),
    ];
    assert_eq!(mac.lines("notified"), expected);
    assert_eq!(mac.text("Library/Logs/acme.log").lines().count(), 3);
}

#[test]
fn nobody_at_the_mac_is_nobody_to_tell() {
    for nobody in ["dev/console", crate::mac::NOTIFIER] {
        let mac = TestMac::with_person(&EnvQuery::honest());
        fs::remove_file(mac.path(nobody)).unwrap();
        report(&mac, []);
        pending(&mac, 1, 0);
        run(&mac);
        assert_eq!(mac.lines("notified").len(), 0);
        assert!(mac.path(TRIGGER).exists());
    }
}

#[test]
fn a_link_planted_for_the_trigger_is_not_followed() {
    let mac = TestMac::with_person(&EnvQuery::honest());
    report(&mac, []);
    pending(&mac, 1, 0);
    mac.write("Library/victim", b"precious", 0o644);
    symlink(mac.path("Library/victim"), mac.path(TRIGGER)).unwrap();
    run(&mac);
    assert_eq!(mac.text("Library/victim"), "precious");
    assert!(fs::symlink_metadata(mac.path(TRIGGER)).unwrap().is_file());
    pending(&mac, 0, 0);
    fs::remove_file(mac.path(TRIGGER)).unwrap();
    symlink(mac.path("Library/victim"), mac.path(TRIGGER)).unwrap();
    run(&mac);
    assert_eq!(mac.text("Library/victim"), "precious");
    assert!(fs::symlink_metadata(mac.path(TRIGGER)).is_err());
}

#[test]
fn an_inventory_that_fails_is_told() {
    let mac = TestMac::with_person(&EnvQuery::honest());
    mac.program("usr/local/jamf/bin/jamf", "exit 7");
    mac.manifest(&["A"], &[]);
    report(
        &mac,
        [("InstallResults", Value::Array(vec![result("A", "1", 0)]))],
    );
    let ended = mac.run(&["postflight", "auto"]);
    assert_eq!(ended.status, 7);
    let log = mac.log();
    assert_eq!(log[0], "INFO 1 installed, 0 removed, 0 pending, 0 warnings");
    assert_eq!(log[1], "ERROR AU171 jamf recon ended with status 7");
}

/// Munki 7 waits for whoever holds the other end of its pipe, without an end.
#[test]
fn leaves_nobody_behind_who_holds_the_output() {
    let mac = TestMac::with_person(&EnvQuery::honest());
    mac.program(
        crate::mac::NOTIFIER,
        "sleep 30 & echo $! > $ROOT/left; exit 0",
    );
    mac.program(
        "usr/local/jamf/bin/jamf",
        "sleep 30 & echo $! > $ROOT/left; exit 0",
    );
    mac.manifest(&["A"], &[]);
    report(
        &mac,
        [("InstallResults", Value::Array(vec![result("A", "1", 0)]))],
    );
    // The output is read to its end here, as Munki does.
    let begun = std::time::Instant::now();
    run(&mac);
    let took = begun.elapsed();
    assert!(mac.path("left").exists());
    assert!(took.as_secs() < 25, "waited for {took:?}");
}

#[test]
fn a_manifest_in_json_stays_json() {
    let mac = TestMac::with_person(&EnvQuery::honest());
    let text = "{\n  \"note\": null,\n  \"managed_installs\": [\"A\", \"B\"],\n  \"catalogs\": [\"x\"]\n}\n";
    mac.write(MANIFEST, text.as_bytes(), 0o644);
    report(&mac, [("InstalledItems", Value::from(vec!["A"]))]);
    run(&mac);
    let expected = "{\n  \"note\": null,\n  \"managed_installs\": [\n    \"B\"\n  ],\n  \"catalogs\": [\n    \"x\"\n  ]\n}\n";
    assert_eq!(mac.text(MANIFEST), expected);
    // Where nothing changes, nothing is written.
    mac.write(MANIFEST, text.as_bytes(), 0o644);
    report(&mac, []);
    run(&mac);
    assert_eq!(mac.text(MANIFEST), text);
}
