//! `media`: what is in an image, how it is told, and what comes out of it.

use std::{
    os::unix::fs::symlink,
    process::{Command, Stdio},
};

use ::media::write::{Compression, dmg_of};
use model::Sha256;
use serde_json::Value;

use crate::program::House;

/// A house with an image `Suite.dmg`, which holds one program in a folder.
fn house() -> House {
    let house = House::new();
    fs_err::create_dir_all(house.path("in/App.app/Contents")).unwrap();
    house.write("in/App.app/Contents/run", &"#!/bin/sh\n".repeat(90_000));
    let tree = ::media::HostTree::new(&house.path("in")).unwrap();
    dmg_of(&tree, "Suite", Compression::Lzma, &house.path("Suite.dmg")).unwrap();
    house
}

#[test]
fn an_image_is_described_listed_and_hashed() {
    let house = house();
    let image = house.arg("Suite.dmg");
    let info: Value =
        serde_json::from_str(&house.ok(&format!("media info {image} --verify --json"))).unwrap();
    assert_eq!(info["schema"], 1);
    assert_eq!(info["layers"][0]["format"], "UDIF disk image");
    assert_eq!(info["layers"][0]["facts"]["compression"], "LZMA, zeros");
    assert_eq!(info["layers"][1]["format"], "HFS+ volume");
    assert_eq!(info["contents"]["files"], 1);
    assert_eq!(info["contents"]["folders"], 2);
    assert_eq!(info["verified_bytes"], 900_000);
    let text = house.ok(&format!("media info {image}"));
    assert!(
        text.contains("1 files, 2 folders and 0 links, 900000 bytes"),
        "{text}"
    );
    let digest = Sha256::of(house.read("in/App.app/Contents/run").as_bytes());
    assert_eq!(
        house.ok(&format!("media hash {image}")),
        format!("{digest}  App.app/Contents/run\n")
    );
    // A file that is no container is hashed itself, inside a medium and on the host.
    for path in ["Suite.dmg/App.app/Contents/run", "in/App.app/Contents/run"] {
        let hashed = house.ok(&format!("media hash {}", house.arg(path)));
        assert!(hashed.starts_with(&digest.to_string()), "{hashed}");
    }
}

#[test]
fn a_link_to_an_image_is_looked_into() {
    let house = house();
    fs_err::create_dir(house.path("links")).unwrap();
    symlink("../Suite.dmg", house.path("links/z.dmg")).unwrap();
    symlink(house.path("in"), house.path("links/in")).unwrap();
    for (path, linked) in [("Suite.dmg", "links/z.dmg"), ("in", "links/in")] {
        for verb in ["ls", "hash", "info"] {
            let [direct, through] =
                [path, linked].map(|path| house.ok(&format!("media {verb} [HOUSE]/{path}")));
            assert_eq!(direct, through, "{verb} {linked}");
        }
    }
    house.ok("media extract [HOUSE]/links/z.dmg [HOUSE]/out");
    assert_eq!(
        house.read("out/App.app/Contents/run"),
        house.read("in/App.app/Contents/run")
    );
    let program = house.path("in/App.app/Contents/run");
    symlink(program, house.path("links/run")).unwrap();
    let poured = house.ok("media cat [HOUSE]/links/run");
    assert_eq!(poured, house.read("in/App.app/Contents/run"));
    // Links that nobody named are listed as what they are.
    let listed = house.ok("media ls --tsv [HOUSE]/links");
    let kinds: Vec<_> = listed
        .lines()
        .filter_map(|line| line.split('\t').nth(1))
        .collect();
    assert_eq!(kinds, ["link", "link", "link"], "{listed}");
}

#[test]
fn what_cannot_be_looked_into_is_told_by_its_full_path() {
    let house = House::new();
    for (path, shown, why) in [
        ("[HOUSE]/nope", "`[HOUSE]/nope`", "there is no such file"),
        ("nope", "`[HOUSE]/nope`", "there is no such file"),
        ("/dev/null", "`/dev/null`", "it is a device"),
    ] {
        for verb in ["ls", "cat", "info", "hash"] {
            let outcome = house.run(&format!("media {verb} {path}"));
            assert_eq!(outcome.status, Some(1), "{outcome}");
            assert!(outcome.stderr.contains(shown), "{outcome}");
            assert!(outcome.stderr.contains(why), "{outcome}");
        }
    }
}

#[test]
fn output_that_cannot_be_written_is_not_blamed_on_the_medium() {
    let house = House::new();
    // Without a line's end, which alone would send it on its way before the program ends.
    house.write("text", "text");
    let full = fs_err::OpenOptions::new().write(true).open("/dev/full");
    let output = Command::new(env!("CARGO_BIN_EXE_auto-update"))
        .env_clear()
        .env("HOME", house.path("home"))
        .args(["media", "cat"])
        .arg(house.path("text"))
        .stdout(Stdio::from(full.unwrap().into_parts().0))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("standard output cannot be written"), "{said}");
    assert!(!said.contains("to its end"), "{said}");
}

#[test]
fn damage_is_found_by_its_checksum() {
    let house = house();
    let path = house.path("Suite.dmg");
    let mut bytes = fs_err::read(&path).unwrap();
    bytes[700] ^= 0x10;
    fs_err::write(&path, bytes).unwrap();
    let outcome = house.run(&format!("media info {} --verify", house.arg("Suite.dmg")));
    assert_eq!(outcome.status, Some(1), "{outcome}");
}

#[test]
fn attributes_are_extracted_where_that_is_asked_for() {
    let house = House::new();
    let set = |path: &str| {
        Command::new("/usr/bin/python3")
            .args([
                "-c",
                "import os, sys; os.setxattr(sys.argv[1], 'user.com.example.x', b'1')",
            ])
            .arg(house.path(path))
            .status()
            .unwrap()
            .success()
    };
    fs_err::create_dir(house.path("in")).unwrap();
    house.write("in/a", "text");
    if !set("in/a") {
        println!("skipped: no extended attributes on this file system");
        return;
    }
    let [from, bare, kept] = ["in", "bare", "kept"].map(|name| house.arg(name));
    house.ok(&format!("media extract {from} {bare}"));
    house.ok(&format!("media extract {from} {kept} --xattrs"));
    let has = |name: &str| {
        let tree = ::media::HostTree::new(&house.path(name)).unwrap();
        !::media::Tree::xattrs(&tree, "a").unwrap().is_empty()
    };
    assert_eq!([has("in"), has("bare"), has("kept")], [true, false, true]);
}
