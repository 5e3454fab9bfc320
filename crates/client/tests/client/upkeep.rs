//! What keeps an installation in order: hooks beside others', the cleaner, status and doctor.

use std::os::unix::fs::PermissionsExt as _;

use client::install;
use proplist::Value;

use crate::{
    mac::{CLIENT_PROFILE, ROOT_MUNKI, TestMac, dict, set_mode},
    server::{EnvQuery, response},
};

const PREFLIGHT: &str = "usr/local/munki/preflight";
const POSTFLIGHT: &str = "usr/local/munki/postflight";
const OTHERS: &str = "usr/local/auto-update/preflight.d";

/// A Mac on which the package was installed.
fn installed(server: &EnvQuery) -> TestMac {
    let mac = TestMac::with_person(server);
    mac.program("usr/local/auto-update/auto-update-client", "exit 0");
    let daemon = install::daemon_path();
    mac.write(&daemon[1..], install::daemon().as_bytes(), 0o644);
    mac.program("usr/bin/pgrep", "exit 1");
    let ran = mac.run(&["install-hooks"]);
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""));
    mac
}

#[test]
fn hooks_are_what_both_versions_of_munki_run() {
    let mac = installed(&EnvQuery::honest());
    for path in [PREFLIGHT, POSTFLIGHT] {
        let metadata = std::fs::symlink_metadata(mac.path(path)).unwrap();
        assert!(metadata.is_file());
        assert_eq!(metadata.permissions().mode() & 0o7777, 0o755);
    }
    let expected = "#!/bin/sh\n\
        # Installed by Auto-Update.\n\
        # Other hooks belong into /usr/local/auto-update/preflight.d.\n\
        exec /usr/local/auto-update/auto-update-client preflight \"$@\" </dev/null\n";
    assert_eq!(mac.text(PREFLIGHT), expected);
    assert_eq!(mac.run(&["install-hooks"]).stdout, "", "once is enough");
}

#[test]
fn hooks_of_others_are_kept_and_run() {
    let server = EnvQuery::honest();
    let mac = TestMac::of(&server);
    mac.program(PREFLIGHT, "echo \"theirs $*\" >> $ROOT/ran");
    mac.program(POSTFLIGHT, "echo \"theirs after $*\" >> $ROOT/ran");
    let ran = mac.run(&["install-hooks"]);
    assert!(
        ran.stdout
            .starts_with("Kept /usr/local/munki/preflight as "),
        "{}",
        ran.stdout
    );
    mac.program(&format!("{OTHERS}/z-last"), "echo \"last $*\" >> $ROOT/ran");
    mac.write(&format!("{OTHERS}/.hidden"), b"", 0o644);
    assert_eq!(mac.run(&["preflight", "manualcheck"]).status, 0);
    assert_eq!(mac.text("ran"), "theirs manualcheck\nlast manualcheck\n");
    assert_eq!(mac.run(&["postflight", "auto"]).status, 0);
    assert!(mac.text("ran").ends_with("theirs after auto\n"));
}

#[test]
fn a_hook_of_others_that_fails_ends_the_run_as_it_did_before() {
    let server = EnvQuery::honest();
    let mac = TestMac::of(&server);
    mac.program(&format!("{OTHERS}/a"), "exit 3");
    mac.program(&format!("{OTHERS}/b"), "touch $ROOT/ran");
    let before = mac.everything();
    let ran = mac.run(&["preflight", "auto"]);
    assert_eq!(ran.status, 3);
    assert_eq!(mac.log(), ["ERROR AU172 the hook a ended with status 3"]);
    assert_eq!(mac.everything(), before);
    assert_eq!(server.received().len(), 0);
    set_mode(&mac.path(&format!("{OTHERS}/a")), 0o777);
    assert_eq!(mac.run(&["preflight", "auto"]).status, 1);
    assert!(mac.log()[1].starts_with("ERROR AU150 "), "{:?}", mac.log());
}

#[test]
fn the_cleaner_removes_what_was_left_behind_unless_munki_runs() {
    let mac = installed(&EnvQuery::honest());
    mac.leave_credential();
    mac.program("usr/bin/pgrep", "echo \"$*\" > $ROOT/asked; exit 0");
    let before = mac.everything();
    assert_eq!(mac.run(&["clean"]).status, 0);
    let owner = rustix::process::geteuid().as_raw();
    assert_eq!(
        mac.text("asked"),
        format!("-u {owner} -f /usr/local/munki/managedsoftwareupdate\n")
    );
    std::fs::remove_file(mac.path("asked")).unwrap();
    assert_eq!(mac.everything(), before);
    mac.program("usr/bin/pgrep", "exit 1");
    assert_eq!(mac.run(&["clean"]).status, 0);
    mac.assert_clean();
    let kept: Vec<String> = mac.read_plist(ROOT_MUNKI).into_keys().collect();
    assert_eq!(kept, ["SoftwareRepoURL"]);
    assert_eq!(
        mac.log(),
        ["WARNING Removed a credential that was left behind"]
    );
    let before = mac.everything();
    assert_eq!(mac.run(&["clean"]).status, 0);
    assert_eq!(mac.everything(), before);
    assert_eq!(mac.log().len(), 1, "nothing to do is nothing to say");
}

#[test]
fn the_cleaner_puts_hooks_back_that_another_installer_has_replaced() {
    let mac = installed(&EnvQuery::honest());
    for release in ["1", "2"] {
        mac.program(PREFLIGHT, &format!("echo theirs {release} >> $ROOT/ran"));
        assert_eq!(mac.run(&["clean"]).status, 0);
        assert!(mac.text(PREFLIGHT).contains("Installed by Auto-Update"));
    }
    assert_eq!(mac.run(&["preflight", "auto"]).status, 0);
    assert_eq!(
        mac.text("ran"),
        "theirs 2\n",
        "of one stranger only the newest hook"
    );
}

#[test]
fn the_doctor_finds_nothing_where_all_is_well() {
    let server = EnvQuery::honest();
    let mac = installed(&server);
    let before = mac.everything();
    let ran = mac.run(&["doctor", "--exchange"]);
    assert!(
        ran.stdout.lines().all(|line| line.starts_with("ok    ")),
        "{}",
        ran.stdout
    );
    assert_eq!(ran.status, 0);
    assert_eq!(ran.stdout.lines().count(), 15, "{}", ran.stdout);
    assert_eq!(mac.everything(), before);
    assert_eq!(mac.run(&["doctor"]).stdout.lines().count(), 14);
    assert_eq!(server.received().len(), 2);
}

#[test]
fn the_doctor_says_what_to_mend() {
    let server = EnvQuery::new(|_, _| response("401 Unauthorized", "text/plain", ""));
    let mac = installed(&server);
    mac.leave_credential();
    std::fs::remove_file(mac.path(PREFLIGHT)).unwrap();
    set_mode(&mac.path(POSTFLIGHT), 0o700);
    std::fs::remove_file(mac.path("usr/local/auto-update/auto-update-client")).unwrap();
    std::fs::remove_file(mac.path(&install::daemon_path()[1..])).unwrap();
    std::fs::remove_file(mac.path("usr/local/munki/managedsoftwareupdate")).unwrap();
    mac.plist(
        crate::mac::MUNKI_PROFILE,
        dict([
            ("SoftwareRepoURL", Value::from("x")),
            ("FollowHTTPRedirects", Value::from("all")),
        ]),
    );
    let ran = mac.run(&["doctor", "--exchange", "--json"]);
    assert_eq!(ran.status, 1);
    let said: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let to_mend: Vec<&str> = said["checks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|check| check["is_well"] == false)
        .map(|check| check["code"].as_str().or(check["mend"].as_str()).unwrap())
        .collect();
    let expected = [
        "AU103",
        "AU106",
        "AU107",
        "set FollowHTTPRedirects of ManagedInstalls to none",
        "set PackageVerificationMode of ManagedInstalls to hash_strict",
        "run auto-update-client install-hooks",
        "AU150",
        "install the client's package",
        "install the client's package",
        "run auto-update-client clean",
        "AU120",
    ];
    assert_eq!(to_mend, expected);
    assert!(
        ran.stderr.contains("AU180 11 things to mend"),
        "{}",
        ran.stderr
    );
}

#[test]
fn status_shows_nothing_secret() {
    let server = EnvQuery::honest();
    let mac = installed(&server);
    mac.manifest(&["A"], &["B", "C"]);
    mac.leave_credential();
    let said: serde_json::Value =
        serde_json::from_str(&mac.run(&["status", "--json"]).stdout).unwrap();
    assert_eq!(said["customer_id"], "Acme Ltd");
    assert_eq!(said["credential_is_there"], true);
    assert_eq!(said["uninstalls"], serde_json::json!(["B", "C"]));
    std::fs::remove_file(mac.path(CLIENT_PROFILE)).unwrap();
    let ran = mac.run(&["status"]);
    assert_eq!(ran.status, 0);
    assert!(
        ran.stdout.contains("Profile:     AU104\n"),
        "{}",
        ran.stdout
    );
}

/// What is written about the codes is written about all of them, and about no others.
#[test]
fn every_code_has_its_section() {
    let source = include_str!("../../src/fault.rs");
    let page = include_str!("../../../../docs/reference/client-errors.md");
    let mut codes: Vec<&str> = source
        .split("\"AU")
        .skip(1)
        .map(|rest| &rest[..3])
        .collect();
    codes.sort_unstable();
    let sections: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("## AU"))
        .map(|rest| &rest[..3])
        .collect();
    assert_eq!(sections, codes);
}

/// No code is without a test that brings it about.
#[test]
fn every_code_is_provoked() {
    let source = include_str!("../../src/fault.rs");
    let tests = [
        include_str!("files.rs"),
        include_str!("policy.rs"),
        include_str!("postflight.rs"),
        include_str!("preflight.rs"),
        include_str!("verify.rs"),
        include_str!("wrong.rs"),
        // Before this test's own words.
        include_str!("upkeep.rs")
            .split("fn every_code")
            .next()
            .unwrap(),
        include_str!("../../src/hooks.rs"),
        include_str!("../../src/program.rs"),
    ]
    .concat();
    let codes = source.split("\"AU").skip(1).map(|rest| &rest[..3]);
    let missing: Vec<&str> = codes
        .filter(|code| !tests.contains(&format!("AU{code}")))
        .collect();
    assert_eq!(missing, [""; 0]);
}
