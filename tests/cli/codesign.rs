//! `codesign`: what programs are told of what cannot be judged.

use std::os::unix::fs::symlink;

use serde_json::Value;

use crate::program::House;

/// A house with things that carry no signature.
fn house() -> House {
    let house = House::new();
    house.write("text", "only a text");
    house.write("image.dmg", &format!("encrcdsa{}", "\0".repeat(4096)));
    house.write("Gone.app/Contents/MacOS/Gone", "");
    fs_err::create_dir(house.path("Odd.bundle")).unwrap();
    symlink(
        house.path("Gone.app"),
        house.path("Odd.bundle").join("Info.plist"),
    )
    .unwrap();
    symlink("nothing", house.path("lost")).unwrap();
    house
}

#[test]
fn programs_get_an_object_whatever_the_path_is() {
    let house = house();
    for (path, code, why) in [
        ("nothing", "unreadable", "no such file"),
        ("lost", "unreadable", "leads to nothing"),
        ("text", "not-code", "is not a kind of code"),
        ("Gone.app", "not-code", "a folder that is no bundle"),
        ("Odd.bundle", "not-code", "a folder that is no bundle"),
        ("image.dmg", "encrypted", "is encrypted"),
    ] {
        for verb in ["verify", "show"] {
            let outcome = house.run(&format!("codesign {verb} [HOUSE]/{path} --json"));
            assert_eq!(outcome.status, Some(1), "{outcome}");
            assert!(outcome.stderr.contains(why), "{outcome}");
            let report: Value = serde_json::from_str(&outcome.stdout).unwrap();
            assert_eq!(report["schema"], 1);
            assert_eq!(report["path"], format!("[HOUSE]/{path}"));
            assert_eq!(report["verdict"], "invalid");
            assert_eq!(report["requirement_met"], Value::Null);
            let checks = report["checks"].as_array().unwrap();
            assert_eq!(checks.len(), 1, "{report}");
            assert_eq!(checks[0]["name"], "structure");
            assert_eq!(checks[0]["result"], "fail");
            assert_eq!(checks[0]["code"], code);
            assert!(checks[0]["detail"].as_str().unwrap().contains(why));
        }
    }
    // What was pinned is not met.
    let verify = "codesign verify [HOUSE]/text --authority Somebody --json";
    let report: Value = serde_json::from_str(&house.run(verify).stdout).unwrap();
    assert_eq!(report["authorities_met"], false);
}

#[test]
fn people_get_the_error_and_nothing_else() {
    let house = house();
    let outcome = house.run("codesign verify [HOUSE]/text");
    assert_eq!(outcome.status, Some(1), "{outcome}");
    assert_eq!(outcome.stdout, "");
    assert!(
        outcome.stderr.contains("is not a kind of code"),
        "{outcome}"
    );
    // A container is called by its name, not "the file".
    let outcome = house.run("codesign verify [HOUSE]/image.dmg");
    assert!(
        outcome
            .stderr
            .contains("the disk image `[HOUSE]/image.dmg`"),
        "{outcome}"
    );
}
