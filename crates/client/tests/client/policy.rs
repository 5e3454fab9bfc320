//! What policies print and do, and a whole run of Munki between both hooks.

use proplist::Value;

use crate::{
    mac::{Ended, INFO, MANIFEST, REPORT, ROOT_MUNKI, TestMac, dict, ended},
    server::{EnvQuery, SLUG},
};

fn run(mac: &TestMac, lists: &[&str]) -> Ended {
    mac.run(&[&["policy", "/", "mac-07", "alice"], lists].concat())
}

#[test]
fn says_what_it_does_as_the_log_of_a_policy_shows_it() {
    let mac = TestMac::with_person(&EnvQuery::honest());
    let ran = run(&mac, &["CitrixReceiver", "", "", "", ""]);
    assert_eq!(
        (ran.status, ran.stdout.as_str(), ran.stderr.as_str()),
        (
            0,
            "Adding CitrixReceiver to installs\n\
             Preflight: Contains 1 installs ['CitrixReceiver'], 0 uninstalls [], 0 pending, 0 warnings\n\
             Postflight: Contains 1 installs ['CitrixReceiver'], 0 uninstalls [], 0 pending, 0 warnings\n",
            ""
        )
    );
    assert_eq!(mac.lines("ran"), ["munki --auto -m"]);
    let ran = run(
        &mac,
        &[
            "CitrixReceiver, A",
            "CitrixReceiver,X",
            "Old",
            "Older",
            "ENGAGE",
            "",
            "",
        ],
    );
    assert_eq!(
        ran.stdout,
        "CitrixReceiver already in installs\n\
         Adding A to installs\n\
         Removed CitrixReceiver from installs\n\
         X not in installs\n\
         Adding Old to uninstalls\n\
         Older not in uninstalls\n\
         Preflight: Contains 1 installs ['A'], 1 uninstalls ['Old'], 0 pending, 0 warnings\n\
         Postflight: Contains 1 installs ['A'], 1 uninstalls ['Old'], 0 pending, 0 warnings\n"
    );
    assert_eq!(
        mac.lines("ran"),
        [
            "munki --auto -m",
            "munki --checkonly",
            "munki --installonly"
        ]
    );
}

#[test]
fn refuses_what_makes_no_sense_and_changes_nothing() {
    let mac = TestMac::with_person(&EnvQuery::honest());
    mac.manifest(&["Pending"], &[]);
    let before = mac.everything();
    for (lists, code) in [
        (&["", "", "", "", ""][..], "AU160"),
        (&[], "AU160"),
        (&["A", "", "A", "", ""], "AU161"),
        (&["", "", "Pending", "", ""], "AU161"),
        (&["A\nB", "", "", "", ""], "AU162"),
        (&["A", "", "", "", "YES"], "AU163"),
    ] {
        let ran = run(&mac, lists);
        assert_eq!((ran.status, ran.stdout.as_str()), (1, ""), "{code}");
        assert!(
            ran.stderr
                .starts_with(&format!("auto-update-client: {code} ")),
            "{}",
            ran.stderr
        );
        assert!(
            mac.log()
                .last()
                .unwrap()
                .starts_with(&format!("ERROR {code} "))
        );
        assert_eq!(mac.everything(), before, "{code}");
    }
}

#[test]
fn passes_on_the_status_of_munki() {
    let mac = TestMac::with_person(&EnvQuery::honest());
    let munki = "usr/local/munki/managedsoftwareupdate";
    mac.program(munki, "echo \"munki $*\" >> $ROOT/ran; exit 150");
    let ran = run(&mac, &["A", "", "", "", "ENGAGE"]);
    assert_eq!(ran.status, 150);
    assert!(
        ran.stdout
            .lines()
            .last()
            .unwrap()
            .starts_with("Postflight: "),
        "{}",
        ran.stdout
    );
    assert_eq!(
        ran.stderr,
        "auto-update-client: AU170 managedsoftwareupdate --checkonly ended with status 150\n"
    );
    assert_eq!(mac.lines("ran"), ["munki --checkonly"]);
    assert_eq!(
        mac.log(),
        ["ERROR AU170 managedsoftwareupdate --checkonly ended with status 150"]
    );
    mac.program(munki, "kill -TERM $$");
    assert_eq!(run(&mac, &["A", "", "", "", ""]).status, 128 + 15);
}

#[test]
fn without_a_manifest_of_its_own_there_is_nothing_to_change() {
    let mac = TestMac::with_person(&EnvQuery::honest());
    for name in [None, Some("../../etc/x"), Some(".hidden"), Some("")] {
        let pairs = name.map(|name| ("LocalOnlyManifest".to_owned(), Value::from(name)));
        mac.plist(crate::mac::MUNKI_PROFILE, pairs.into_iter().collect());
        let ran = run(&mac, &["A", "", "", "", ""]);
        assert_eq!((ran.status, ran.stdout.as_str()), (1, ""));
        assert!(mac.log().last().unwrap().starts_with("ERROR AU107 "));
    }
}

#[test]
fn tells_who_asked_that_the_latest_version_is_there() {
    let mac = TestMac::with_person(&EnvQuery::honest());
    let installed = [("InstalledItems", Value::from(vec!["A", "C"]))];
    mac.plist(REPORT, dict(installed));
    let from = |name: &str, value: &str| {
        let lists = ["policy", "/", "mac-07", "alice", "A,B", "", "", "", ""];
        let ran = ended(mac.command(&lists).env(name, value));
        assert_eq!(ran.status, 0);
        mac.lines("notified").len()
    };
    assert_eq!(from("USER", "root"), 0);
    assert_eq!(from("PATH", "/usr/bin"), 0);
    assert_eq!(from("USERNAME", "alice"), 1);
    let said =
        "--type|banner|--title|Software Updates|--message|The latest version of A is installed|";
    assert_eq!(mac.lines("notified"), [said]);
}

/// Munki as it runs: preflight, a look at what preflight wrote, the report, postflight.
fn munki(mac: &TestMac, then: &str) {
    let client = format!(
        "'{}' --root $ROOT",
        env!("CARGO_BIN_EXE_auto-update-client")
    );
    mac.program(
        "usr/local/munki/managedsoftwareupdate",
        &format!(
            "echo \"munki $*\" >> $ROOT/ran\n\
             {client} preflight auto || exit 1\n\
             cp $ROOT/{ROOT_MUNKI} $ROOT/seen\n\
             {then}\n\
             {client} postflight auto"
        ),
    );
}

#[test]
fn a_whole_run_from_the_policy_to_the_extension_attribute() {
    let server = EnvQuery::honest();
    let mac = TestMac::with_person(&server);
    let done = dict([
        ("name", Value::from("CitrixReceiver")),
        ("version", Value::from("4.5")),
        ("status", Value::from(0_i64)),
    ]);
    mac.plist(
        "report",
        dict([("InstallResults", Value::Array(vec![Value::Dict(done)]))]),
    );
    munki(
        &mac,
        &format!(
            "cp $ROOT/report \"$ROOT/{REPORT}\"; cat $ROOT/seen | wc -c > $ROOT/count; rm $ROOT/seen"
        ),
    );
    let ran = run(&mac, &["CitrixReceiver", "", "", "", ""]);
    assert_eq!(
        ran.stdout,
        "Adding CitrixReceiver to installs\n\
         Preflight: Contains 1 installs ['CitrixReceiver'], 0 uninstalls [], 0 pending, 0 warnings\n\
         Postflight: Contains 0 installs [], 0 uninstalls [], 0 pending, 0 warnings\n"
    );
    assert_eq!(ran.status, 0);
    assert_eq!(
        mac.log(),
        ["INFO 1 installed, 0 removed, 0 pending, 0 warnings"]
    );
    assert_eq!(mac.lines("ran"), ["jamf recon", "munki --auto -m"]);
    assert_eq!(mac.lines("notified").len(), 1);
    let prefs = mac.read_plist(ROOT_MUNKI);
    let url = format!("{}/{SLUG}", server.address());
    assert_eq!(
        prefs.into_iter().collect::<Vec<_>>(),
        [("SoftwareRepoURL".to_owned(), Value::from(url))]
    );
    mac.assert_clean();
    let attribute = mac.run(&["extension-attribute"]).stdout;
    let line = attribute
        .strip_prefix("<result>")
        .unwrap()
        .strip_suffix("</result>\n")
        .unwrap();
    assert_eq!(
        &line[19..],
        " INFO 1 installed, 0 removed, 0 pending, 0 warnings"
    );
    assert!(!mac.path(INFO).exists());
    assert_eq!(mac.text(MANIFEST).matches("CitrixReceiver").count(), 0);
}

#[test]
fn a_preflight_that_fails_ends_the_run_and_says_so_to_jamf() {
    let server =
        EnvQuery::new(|_, _| crate::server::response("401 Unauthorized", "text/plain", ""));
    let mac = TestMac::with_person(&server);
    munki(&mac, "true");
    let ran = run(&mac, &["A", "", "", "", ""]);
    assert_eq!(ran.status, 1);
    let log = mac.log();
    assert!(
        log[0].starts_with("ERROR AU120 ") && log[1].starts_with("ERROR AU170 "),
        "{log:?}"
    );
    mac.assert_clean();
}

#[test]
fn the_attribute_of_a_mac_without_a_log_is_empty() {
    let mac = TestMac::bare();
    assert_eq!(
        mac.run(&["extension-attribute"]).stdout,
        "<result></result>\n"
    );
    mac.write(
        crate::mac::LOG,
        b"first\n2026-01-01 00:00:00 ERROR AU150 <a> & b\n\n",
        0o600,
    );
    let ran = mac.run(&["extension-attribute"]);
    assert_eq!(
        ran.stdout,
        "<result>2026-01-01 00:00:00 ERROR AU150 &lt;a&gt; &amp; b</result>\n"
    );
    // A name that no file system takes.
    let long = format!("/var/log/{}", "x".repeat(300));
    mac.plist(
        "Library/Preferences/com.auto-update.client.plist",
        dict([("LogFile", Value::from(long))]),
    );
    let ran = mac.run(&["extension-attribute"]);
    assert!(ran.stdout.starts_with("<result>ERROR AU151 "), "{ran:?}");
    std::fs::remove_file(mac.path("Library/Preferences/com.auto-update.client.plist")).unwrap();
    crate::mac::set_mode(&mac.path(crate::mac::LOG), 0o666);
    assert!(
        mac.run(&["extension-attribute"])
            .stdout
            .starts_with("<result>ERROR AU150 ")
    );
}
