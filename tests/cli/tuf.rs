//! `tuf`: metadata that is made here, roots that are signed elsewhere, and a client that believes neither too much.

use std::{
    fs::Permissions,
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    thread,
};

use evidence::PrivateKey;
use serde_json::Value;

use crate::program::House;

/// A house whose metadata names one catalog; `trusted.json` is the first root.
fn house() -> House {
    let house = House::new();
    house.write("var/repo/catalogs/testing", "testing 1");
    house.ok("tuf init");
    trust(&house);
    house
}

fn trust(house: &House) {
    let root = house.ok("tuf show --root");
    house.write("trusted.json", &root);
}

/// A key in `NAME.pem`, its public half in `NAME.pub`.
fn key(house: &House, name: &str) {
    let key = PrivateKey::generate().unwrap();
    let path = house.write(&format!("{name}.pem"), &key.to_pem().unwrap());
    fs_err::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
    house.write(&format!("{name}.pub"), &key.public().to_pem().unwrap());
}

#[track_caller]
fn json(house: &House, arguments: &str, status: i32) -> Value {
    let outcome = house.run(arguments);
    assert_eq!(outcome.status, Some(status), "{outcome}");
    serde_json::from_str(&outcome.stdout).unwrap()
}

const VERIFY: &str = "tuf verify var/repo --root trusted.json --json";

#[test]
fn metadata_is_made_shown_refreshed_and_verified() {
    let house = house();
    let shown = json(&house, "tuf show --json", 0);
    assert_eq!(shown["root"]["version"], 1);
    assert_eq!(shown["roles"]["timestamp"]["version"], 1);
    let verified = json(&house, VERIFY, 0);
    assert_eq!(verified["valid"], true);
    assert!(verified["files"]["catalogs/testing"].is_string());
    house.write("var/repo/catalogs/testing", "testing 2");
    let verified = json(&house, VERIFY, 1);
    assert_eq!(verified["valid"], false);
    assert_eq!(verified["problems"][0]["name"], "catalogs/testing");
    let refreshed = json(&house, "tuf refresh --json", 0);
    assert_eq!(refreshed["roles"]["timestamp"]["version"], 2);
    assert_eq!(json(&house, VERIFY, 0)["valid"], true);
    assert_eq!(
        json(&house, "tuf refresh --json", 0)["written"]
            .as_array()
            .unwrap()
            .len(),
        0
    );
    let again = house.run("tuf init");
    assert_eq!(again.status, Some(1), "{again}");
    assert!(again.stderr.contains("its root has version 1"), "{again}");
}

/// Serves the files in `root` until the test ends, and answers its address.
fn served(root: PathBuf) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/repo", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (root, stream) = (root.clone(), stream.unwrap());
            thread::spawn(move || while answer(&root, &stream).is_some() {});
        }
    });
    url
}

/// Answers one request; nothing if there is none any more.
fn answer(root: &Path, mut stream: &TcpStream) -> Option<()> {
    let mut lines = BufReader::new(stream).lines();
    let request = lines.next()?.ok()?;
    while !lines.next()?.ok()?.is_empty() {}
    let path = request.split(' ').nth(1)?.strip_prefix("/repo/")?;
    let found = fs_err::read(root.join(path)).ok();
    let status = if found.is_some() {
        "200 OK"
    } else {
        "404 Not Found"
    };
    let body = found.unwrap_or_default();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )
    .ok()?;
    stream.write_all(&body).ok()
}

#[test]
fn a_repository_at_an_address_is_verified_as_one_in_a_folder() {
    let house = house();
    house.write(
        "auto-update.toml",
        "[fetch]\nplain-http-hosts = [\"127.0.0.1\"]\n",
    );
    let url = served(house.path("var/repo"));
    let verify = format!("tuf verify {url}/ --root trusted.json --json --state seen");
    let verified = json(&house, &verify, 0);
    assert_eq!(verified["valid"], true);
    assert!(verified["files"]["catalogs/testing"].is_string());
    assert_eq!(verified, json(&house, VERIFY, 0));
    // It changes under the client, then with its metadata, and then goes back.
    let names = ["targets.json", "snapshot.json", "timestamp.json"];
    let old = names.map(|name| house.read(&format!("var/repo/tuf/{name}")));
    house.write("var/repo/catalogs/testing", "testing 2");
    let refused = json(&house, &verify, 1);
    assert_eq!(refused["problems"][0]["name"], "catalogs/testing");
    house.ok("tuf refresh");
    assert_eq!(json(&house, &verify, 0)["roles"]["timestamp"]["version"], 2);
    for (name, bytes) in names.iter().zip(&old) {
        house.write(&format!("var/repo/tuf/{name}"), bytes);
    }
    let refused = json(&house, &verify, 1);
    let why = refused["error"].as_str().unwrap();
    assert!(why.contains("version"), "{refused}");
    fs_err::remove_file(house.path("var/repo/tuf/timestamp.json")).unwrap();
    assert_eq!(json(&house, &verify, 1)["valid"], false);
}

#[test]
fn older_metadata_is_refused_by_who_remembers() {
    let house = house();
    let remembering = format!("{VERIFY} --state seen");
    let names = ["targets.json", "snapshot.json", "timestamp.json"];
    let old = names.map(|name| house.read(&format!("var/repo/tuf/{name}")));
    house.write("var/repo/catalogs/testing", "testing 2");
    house.ok("tuf refresh");
    json(&house, &remembering, 0);
    house.write("var/repo/catalogs/testing", "testing 1");
    for (name, bytes) in names.iter().zip(&old) {
        house.write(&format!("var/repo/tuf/{name}"), bytes);
    }
    let refused = json(&house, &remembering, 1);
    assert!(
        refused["error"].as_str().unwrap().contains("version"),
        "{refused}"
    );
}

#[test]
fn roots_are_signed_by_keys_that_are_somewhere_else() {
    let house = House::new();
    key(&house, "a");
    key(&house, "b");
    house.write("var/repo/catalogs/testing", "testing 1");
    let keys = "--root-key a.pub --root-key b.pub --threshold 2";
    let alone = house.run(&format!("tuf init {keys}"));
    assert_eq!(alone.status, Some(1), "{alone}");
    house.ok(&format!("tuf init {keys} --out root.json"));
    house.ok("tuf sign-root root.json --key a.pem");
    let early = house.run("tuf adopt-root root.json");
    assert_eq!(early.status, Some(1), "{early}");
    let signed = json(&house, "tuf sign-root root.json --key b.pem --json", 0);
    assert_eq!(signed["root"]["signed_by"].as_array().unwrap().len(), 2);
    house.ok("tuf adopt-root root.json");
    assert!(!house.path("var/keys/tuf/root.pem").exists());
    trust(&house);
    assert_eq!(json(&house, VERIFY, 0)["roles"]["root"]["version"], 1);
    // One of the two is exchanged, and so is the key of a role; a client of the first root follows.
    key(&house, "c");
    house.ok("tuf rotate --root-key a.pub --root-key c.pub --role targets --out root.json");
    for (key, last) in [("a", ""), ("c", ""), ("b", " --last trusted.json")] {
        house.ok(&format!("tuf sign-root root.json --key {key}.pem{last}"));
    }
    house.ok("tuf adopt-root root.json");
    assert_eq!(json(&house, VERIFY, 0)["roles"]["root"]["version"], 2);
}

#[test]
fn what_cannot_be_used_is_told() {
    let house = House::new();
    for verb in ["show", "refresh", "rotate"] {
        let outcome = house.run(&format!("tuf {verb}"));
        assert_eq!(outcome.status, Some(1), "{outcome}");
        assert!(
            outcome.stderr.contains("nobody has made its root"),
            "{outcome}"
        );
    }
    house.write("nonsense.json", "{}");
    key(&house, "a");
    for arguments in [
        "tuf sign-root nonsense.json --key a.pem",
        "tuf sign-root missing.json --key a.pem",
        "tuf adopt-root nonsense.json",
        "tuf verify var/repo --root nonsense.json",
        "tuf verify nowhere --root missing.json",
    ] {
        let outcome = house.run(arguments);
        assert_eq!(outcome.status, Some(1), "{arguments}: {outcome}");
    }
    let outcome = house.run("tuf rotate --role root");
    assert_eq!(outcome.status, Some(2), "{outcome}");
}
