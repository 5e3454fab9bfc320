//! `munki`: what Munki's own tools would print, make and say, held against Munki 6.7; and whole repositories.

use std::{os::unix::fs::symlink, path::Path};

use serde_json::Value;

use crate::{corpus, program::House};

/// Packages of the corpus whose pkginfos it holds.
const PACKAGES: [(&str, &str); 6] = [
    ("pkg_component", "Component-2.0.1.pkg"),
    ("pkg_component_float", "ComponentFloat.pkg"),
    ("pkg_dist_noproduct_restart", "SuiteNoProduct-7.0.pkg"),
    ("pkg_dist_onecomp", "SuiteOneComp-8.8.pkg"),
    ("pkg_dist_product", "Suite_Installer.pkg"),
    ("pkg_distonly", "DistOnly.pkg"),
];

/// What the archives that stand for images in the corpus would hold, as images.
const IMAGES: [(&str, &str, &str); 6] = [
    ("dmg_app", "Foo-1.2.3.dmg", ""),
    ("dmg_app_noname", "NoName.dmg", ""),
    (
        "dmg_nested_item",
        "Nested.dmg",
        "-i Sub/Deep.app --destinationitem=Renamed.app",
    ),
    ("dmg_pkg", "PkgInside.dmg", ""),
    ("dmg_pkg_sub", "PkgSub.dmg", "-p Extras/Suite_Installer.pkg"),
    (
        "dmg_twoapps_item",
        "TwoApps.dmg",
        "-i Zed.app -d /Applications/Utilities -o root -g wheel -m go-w",
    ),
];

/// The text without the lines that differ by nature: by whom and when it was made, and bytes of images.
fn comparable(plist: &str) -> Vec<&str> {
    let mut lines = plist.lines();
    let mut kept = Vec::new();
    while let Some(line) = lines.next() {
        let differs = [
            "created_by",
            "creation_date",
            "munki_version",
            "os_version",
            "_item_hash",
            "_item_size",
        ];
        kept.push(line);
        if differs
            .iter()
            .any(|key| line.contains(&format!("{key}</key>")))
            && !line.contains("minimum")
        {
            lines.next();
        }
    }
    kept
}

#[test]
fn pkginfos_are_those_of_munki_6() {
    let Some(munki) = corpus::folder("munki") else {
        return;
    };
    let house = House::new();
    let expected = |case: &str| {
        fs_err::read_to_string(munki.join("pkginfo").join(case).with_extension("plist")).unwrap()
    };
    for (case, name) in PACKAGES {
        let item = munki.join("fixtures").join(name);
        let made = house.ok(&format!("munki makepkginfo --compat 6 {}", item.display()));
        assert_eq!(comparable(&made), comparable(&expected(case)), "{case}");
        assert!(made.ends_with("</plist>\n\n"), "{case}");
    }
    for (case, name, options) in IMAGES {
        let folder = house.path(case);
        let archive = fs_err::File::open(munki.join("fixtures").join(name)).unwrap();
        tar::Archive::new(archive).unpack(&folder).unwrap();
        media::write::dmg(&folder, "Image", &house.path(name)).unwrap();
        let made = house.ok(&format!("munki makepkginfo {name} --compat 6 {options}"));
        assert_eq!(comparable(&made), comparable(&expected(case)), "{case}");
    }
}

#[test]
fn wrong_options_are_wrong_usage_and_wrong_items_are_failures() {
    let house = House::new();
    house.write("a.txt", "text");
    house.write("a.pkg", "text");
    for (arguments, status, words) in [
        ("", 2, "required"),
        ("--colour a.pkg", 2, "no option `--colour`"),
        ("--name A", 2, "Can't figure out what to do!"),
        ("--pkgvers x a.pkg", 2, "a version must begin with a digit"),
        ("a.txt", 1, "a.txt is not a supported installer item!"),
        ("a.pkg", 1, "a.pkg is no flat package"),
        ("b.pkg", 1, "File b.pkg does not exist"),
        (
            "--nopkg --preinstall_script gone.sh",
            1,
            "File gone.sh does not exist",
        ),
    ] {
        let outcome = house.run(&format!("munki makepkginfo {arguments}"));
        assert_eq!(outcome.status, Some(status), "{outcome}");
        assert!(outcome.stderr.contains(words), "{outcome}");
        assert_eq!(outcome.stdout, "");
    }
    let help = house.ok("munki makepkginfo --help");
    assert!(help.contains("--force-install-after-date"), "{help}");
}

/// Copies the repository of the corpus, which holds a file in place of its link.
fn copy_repository(from: &Path, to: &Path) {
    fs_err::create_dir_all(to).unwrap();
    for entry in fs_err::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_repository(&entry.path(), &target);
        } else if entry.file_name() == "linkdir" {
            symlink(fs_err::read_to_string(entry.path()).unwrap(), target).unwrap();
        } else {
            fs_err::write(&target, fs_err::read(entry.path()).unwrap()).unwrap();
        }
    }
}

#[test]
fn makecatalogs_says_and_ends_as_munki_6() {
    let Some(mixed) = corpus::folder("munki/mixed") else {
        return;
    };
    for (case, option) in [("default", ""), ("force", "-f"), ("skip", "-s")] {
        let house = House::new();
        copy_repository(&mixed.join("repo"), &house.path("repo"));
        let outcome = house.run(&format!("munki makecatalogs --compat 6 {option} repo"));
        let expected = |name: &str| fs_err::read_to_string(mixed.join(case).join(name)).unwrap();
        assert_eq!(outcome.stdout, expected("stdout"), "{case}");
        assert_eq!(outcome.stderr, expected("stderr"), "{case}");
        assert_eq!(
            outcome.status.unwrap().to_string(),
            expected("rc").trim(),
            "{case}"
        );
        assert_eq!(
            house.read("repo/catalogs/all"),
            expected("catalogs/all"),
            "{case}"
        );
    }
    let house = House::new();
    copy_repository(&mixed.join("repo"), &house.path("repo"));
    let outcome = house.run("munki makecatalogs repo --json");
    assert_eq!(outcome.status, Some(1), "{outcome}");
    let made: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(made["removed"], serde_json::json!(["stale"]));
    let notes = made["notes"].as_array().unwrap();
    assert!(notes.iter().any(|note| note["severity"] == "error"));
}

/// A part of the test below, on its repository.
fn a_damaged_catalog_is_put_right(house: &House) {
    house.write("repo/catalogs/canary", "damaged");
    let preview = house.ok("munki repair repo");
    assert_eq!(preview, "outdated catalog: canary\n");
    assert_eq!(house.read("repo/catalogs/canary"), "damaged");
    let outcome = house.run("munki repair repo --apply --json");
    assert_eq!(outcome.status, Some(0), "{outcome}");
    let repaired: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(repaired["applied"], true);
    assert_eq!(repaired["outdated"], serde_json::json!(["canary"]));
    let again = house.run("munki repair repo");
    assert!(
        again.stderr.contains("There is nothing to put right"),
        "{again}"
    );
}

#[test]
fn a_repository_is_made_looked_over_and_found_damaged() {
    let house = House::new();
    let files: [(&str, &[u8]); 1] = [("Library/Widget", b"x")];
    let package = testkit::package::component("com.example.widget", "2.0", &files).unwrap();
    fs_err::create_dir_all(house.path("repo/pkgs/apps")).unwrap();
    fs_err::create_dir_all(house.path("repo/pkgsinfo")).unwrap();
    fs_err::write(house.path("repo/pkgs/apps/Widget-2.0.pkg"), package).unwrap();
    let pkginfo = house.ok("munki makepkginfo repo/pkgs/apps/Widget-2.0.pkg -c testing -c canary");
    assert!(
        pkginfo.contains("<string>apps/Widget-2.0.pkg</string>"),
        "{pkginfo}"
    );
    house.write("repo/pkgsinfo/Widget-2.0.plist", &pkginfo);

    let outcome = house.run("munki check repo");
    assert_eq!(outcome.status, Some(1));
    assert!(
        outcome
            .stdout
            .contains("warning: catalogs/canary is not there"),
        "{outcome}"
    );
    assert!(!house.path("repo/catalogs").exists());

    let said = house.ok("munki makecatalogs repo");
    assert!(
        said.contains("Adding pkgsinfo/Widget-2.0.plist to canary..."),
        "{said}"
    );
    let outcome = house.run("munki check repo");
    assert_eq!(outcome.status, Some(0), "{outcome}");
    assert_eq!(outcome.stdout, "");
    assert!(
        outcome
            .stderr
            .contains("1 pkginfos and 1 packages, found nothing wrong")
    );

    a_damaged_catalog_is_put_right(&house);

    house.write("repo/pkgs/apps/Widget-2.0.pkg", "replaced");
    let outcome = house.run("munki check repo --json");
    assert_eq!(outcome.status, Some(1));
    let found: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(found["sound"], false);
    let text = found["notes"][0]["text"].as_str().unwrap();
    assert!(text.contains("installer_item_hash is"), "{text}");

    let outcome = house.run("munki check nowhere");
    assert_eq!(outcome.status, Some(1));
    assert!(
        outcome
            .stderr
            .contains("there is no repository at `nowhere`"),
        "{outcome}"
    );
}
