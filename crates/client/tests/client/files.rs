//! Files below the root folder, and the log among them.

use std::{fs, os::unix::fs::symlink, sync::Arc};

use client::{
    Access, Files,
    log::{Level, Log, MOST},
};
use model::{FixedClock, SystemClock, Timestamp};

use crate::mac::{LOG, TestMac, set_mode};

#[test]
fn follows_no_link_and_believes_no_other_user() {
    let mac = TestMac::bare();
    let files = Files::below(&mac.path("")).unwrap();
    mac.write("Library/real/file", b"real", 0o644);
    symlink(mac.path("Library/real/file"), mac.path("Library/real/link")).unwrap();
    symlink(mac.path("Library/real"), mac.path("Library/linked")).unwrap();
    assert_eq!(
        files.read("/Library/real/file", 10).unwrap().unwrap(),
        b"real"
    );
    assert!(files.read("/Library/real/none", 10).unwrap().is_none());
    assert!(files.read("/Library/none/file", 10).unwrap().is_none());
    for path in [
        "/Library/real/link",
        "/Library/linked/file",
        "/Library/../Library/real/file",
        "Library/real/file",
        "/Library/real",
        "/",
    ] {
        assert_eq!(files.read(path, 10).unwrap_err().code(), "AU150", "{path}");
    }
    assert_eq!(
        files.read("/Library/real/file", 3).unwrap_err().code(),
        "AU152"
    );
    assert_eq!(
        files
            .write("/Library/linked/file", b"x", Access::OwnerOnly)
            .unwrap_err()
            .code(),
        "AU150"
    );
    // A link in the place of what is written is replaced, and what it leads to is not touched.
    files
        .write("/Library/real/link", b"new", Access::OwnerOnly)
        .unwrap();
    assert_eq!(fs::read(mac.path("Library/real/file")).unwrap(), b"real");
    assert!(
        fs::symlink_metadata(mac.path("Library/real/link"))
            .unwrap()
            .is_file()
    );
    set_mode(&mac.path("Library/real"), 0o777);
    assert_eq!(
        files.read("/Library/real/file", 10).unwrap_err().code(),
        "AU150"
    );
    set_mode(&mac.path("Library/real"), 0o755);
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(mac.path("Library/real/file"), Some(4321), None).unwrap();
        assert_eq!(
            files.read("/Library/real/file", 10).unwrap_err().code(),
            "AU150"
        );
        std::os::unix::fs::chown(mac.path("Library/real"), Some(4321), None).unwrap();
        assert_eq!(
            files.read("/Library/real/link", 10).unwrap_err().code(),
            "AU150"
        );
    }
}

#[test]
fn does_not_wait_for_a_pipe() {
    let mac = TestMac::bare();
    let files = Files::below(&mac.path("")).unwrap();
    let mode = rustix::fs::Mode::from_raw_mode(0o644);
    let kind = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, mac.path("Library/pipe"), kind, mode, 0).unwrap();
    assert_eq!(files.read("/Library/pipe", 10).unwrap_err().code(), "AU150");
}

#[test]
fn overwrites_what_was_secret() {
    let mac = TestMac::bare();
    let files = Files::below(&mac.path("")).unwrap();
    mac.write("Library/secret", &[b's'; 9000], 0o600);
    let mut old = fs::File::open(mac.path("Library/secret")).unwrap();
    files
        .write_over_secret("/Library/secret", b"nothing")
        .unwrap();
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut old, &mut bytes).unwrap();
    assert_eq!(bytes, [0; 9000]);
    assert_eq!(mac.text("Library/secret"), "nothing");
}

#[test]
fn plants_a_file_in_the_place_of_a_link() {
    let mac = TestMac::bare();
    let files = Files::below(&mac.path("")).unwrap();
    mac.write("Library/victim", b"precious", 0o644);
    symlink(mac.path("Library/victim"), mac.path("private/tmp/trigger")).unwrap();
    files.plant("/tmp/trigger").unwrap();
    assert_eq!(mac.text("Library/victim"), "precious");
    assert!(
        fs::symlink_metadata(mac.path("private/tmp/trigger"))
            .unwrap()
            .is_file()
    );
}

#[test]
fn a_line_of_the_log_is_one_line() {
    let mac = TestMac::bare();
    let files = Files::below(&mac.path("")).unwrap();
    let clock = FixedClock::at(Timestamp::from_secs(1_795_800_000));
    let log = Log::at(&files, "/var/log/auto-update.log", &clock);
    assert_eq!(log.last_line().unwrap(), None);
    log.add(Level::Info, "first").unwrap();
    log.add(Level::Warning, "second\nERROR forged \u{1b}[1m")
        .unwrap();
    let text = mac.text(LOG);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2);
    let time = chrono::NaiveDateTime::parse_from_str(&lines[0][..19], "%Y-%m-%d %H:%M:%S");
    assert!(time.is_ok() && &lines[0][19..] == " INFO first", "{text}");
    assert_eq!(&lines[1][20..], r"WARNING second\nERROR forged \u{1b}[1m");
    assert_eq!(log.last_line().unwrap().unwrap(), lines[1]);
    log.add(Level::Info, &"ä".repeat(100_000)).unwrap();
    assert!(log.last_line().unwrap().unwrap().len() < 2100);
}

#[test]
fn a_log_that_leads_elsewhere_is_not_written() {
    let mac = TestMac::bare();
    mac.write("Library/victim", b"precious", 0o644);
    symlink(mac.path("Library/victim"), mac.path(LOG)).unwrap();
    let ended = mac.run(&["preflight", "auto"]);
    assert_eq!(ended.status, 1);
    assert!(
        ended.stderr.contains("AU104") && ended.stderr.contains("AU150"),
        "{}",
        ended.stderr
    );
    assert_eq!(mac.text("Library/victim"), "precious");
}

/// Two writers of two processes' worth of handles, over the edge and back: no line lost that is new, none torn, and
/// never more than the most.
#[test]
fn the_log_stays_below_its_cap_with_two_writers() {
    let mac = TestMac::bare();
    let line = format!("2026-01-01 00:00:00 INFO {}\n", "x".repeat(974));
    mac.write(LOG, line.repeat(9990).as_bytes(), 0o644);
    let files = Arc::new(Files::below(&mac.path("")).unwrap());
    let writers: Vec<_> = ["one", "two"]
        .into_iter()
        .map(|name| {
            let files = Arc::clone(&files);
            std::thread::spawn(move || {
                let log = Log::at(&files, "/var/log/auto-update.log", &SystemClock);
                for number in 0..60 {
                    log.add(Level::Info, &format!("{name} {number} {}", "y".repeat(900)))
                        .unwrap();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.join().unwrap();
    }
    let text = mac.text(LOG);
    assert!(u64::try_from(text.len()).unwrap() <= MOST, "{}", text.len());
    assert!(text.len() > 7_000_000, "{}", text.len());
    for line in text.lines() {
        assert!(
            line.starts_with("20") && (line.ends_with('x') || line.ends_with('y')),
            "{line}"
        );
    }
    for name in ["one", "two"] {
        let numbers: Vec<usize> = text
            .lines()
            .filter_map(|line| {
                line.get(25..)?
                    .strip_prefix(name)?
                    .split(' ')
                    .nth(1)?
                    .parse()
                    .ok()
            })
            .collect();
        assert_eq!(numbers, (0..60).collect::<Vec<_>>(), "{name}");
    }
}
