//! Items that are damaged, or made to do harm.

use proptest::prelude::*;
use testkit::package::{component, flat};

use super::samples::{image, info_plist, make, package};

const COMPONENT: &[u8] =
    b"<pkg-info identifier=\"a\" version=\"1\"><payload installKBytes=\"1\"/></pkg-info>";

fn error(members: &[(&str, &[u8])]) -> String {
    let item = package(flat(members).unwrap());
    make(&item, &[]).unwrap_err().to_string()
}

#[test]
fn a_damaged_package_info_is_told_with_its_place() {
    for damaged in [&b""[..], b"<pkg-info", b"\0\0", b"<pkg-info></pkg>"] {
        let error = error(&[("a.pkg/PackageInfo", damaged)]);
        assert!(
            error.starts_with("`a.pkg/PackageInfo` in Sample-1.pkg is damaged: "),
            "{error}"
        );
    }
}

#[test]
fn a_package_that_says_nothing_is_refused() {
    let without_payload = b"<pkg-info identifier=\"a\" version=\"1\"/>";
    for members in [
        &[("PackageInfo", &without_payload[..])][..],
        &[("PackageInfo", b"<other/>")],
        &[("Distribution", b"<installer-gui-script/>")],
        &[("Bom", b"")],
    ] {
        assert!(error(members).contains("No receipts found"));
    }
    let told = flat(&[("Distribution", b"<x><product version='2'/></x>")]).unwrap();
    let made = make(&package(told), &[]).unwrap();
    assert_eq!(made.pkginfo["version"], "2".into());
    assert!(made.warnings[0].contains("Munki may install it again and again"));
}

#[test]
fn entities_neither_explode_nor_fetch() {
    let mut bomb = "<!DOCTYPE x [<!ENTITY a0 \"aaaaaaaaaaaaaaaa\">".to_owned();
    for level in 1..40 {
        let inner = format!("&a{};", level - 1).repeat(16);
        bomb.extend(["<!ENTITY a", &level.to_string(), " \"", &inner, "\">"]);
    }
    bomb.push_str("]><x><title>&a39;</title></x>");
    let fetching = b"<!DOCTYPE x [<!ENTITY f SYSTEM \"file:///etc/passwd\">]>\
        <x><product version=\"&f;\"/></x>";
    for hostile in [bomb.as_bytes(), fetching] {
        let error = error(&[("PackageInfo", COMPONENT), ("Distribution", hostile)]);
        assert!(
            error.contains("`Distribution` in Sample-1.pkg is damaged"),
            "{error}"
        );
    }
}

#[test]
fn deep_and_broad_distributions_are_refused() {
    let deep = ["<a>".repeat(200_000), "</a>".repeat(200_000)].concat();
    let broad = format!("<x>{}</x>", "<a b='' c=''/>".repeat(700_000));
    let names = format!("<x{}/>", " xmlns:a='u'".repeat(65));
    for (hostile, why) in [
        (deep, "256 levels"),
        (broad, "2000000 elements"),
        (names, "64 "),
    ] {
        let members = [
            ("PackageInfo", COMPONENT),
            ("Distribution", hostile.as_bytes()),
        ];
        let error = error(&members);
        assert!(error.contains("is damaged: "), "{error}");
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn what_is_no_package_is_told() {
    let item = package(b"PK\x03\x04 and so on and on and on and on and on".to_vec());
    let error = make(&item, &[]).unwrap_err().to_string();
    assert_eq!(error, "Sample-1.pkg is no flat package");
}

#[test]
fn an_application_without_version_is_damaged_unless_its_version_is_given() {
    let (_folder, item) = image(&[("A.app/Contents/MacOS/A", b"")]);
    let error = make(&item, &[]).unwrap_err().to_string();
    assert_eq!(
        error,
        "the application `A.app` is damaged: it has no Contents/Info.plist; give its version with --pkgvers"
    );
    let made = make(&item, &["--pkgvers", "3"]).unwrap();
    assert_eq!(made.pkginfo["version"], "3".into());
    let (_folder, item) = image(&[("A.app/Contents/Info.plist", b"<plist>")]);
    let error = make(&item, &[]).unwrap_err().to_string();
    assert!(
        error.starts_with("`A.app/Contents/Info.plist` is damaged: "),
        "{error}"
    );
}

#[test]
fn what_has_no_version_and_is_no_application_gets_munkis_own() {
    let (_folder, item) = image(&[("F.otf", b"font")]);
    let made = make(&item, &["-i", "F.otf", "-d", "/Library/Fonts/"]).unwrap();
    assert_eq!(made.pkginfo["version"], "0.0.0.0.0".into());
    assert_eq!(made.pkginfo["name"], "F".into());
    let installs = made.pkginfo["installs"].as_array().unwrap()[0]
        .as_dict()
        .unwrap();
    assert_eq!(installs["path"], "/Library/Fonts/F.otf".into());
    assert_eq!(installs["type"], "file".into());
    assert_eq!(made.warnings.len(), 1);
}

#[test]
fn nothing_is_found_where_nothing_is() {
    let (_folder, item) = image(&[("x", b"")]);
    for (options, expected) in [
        (&["-i", "A.app"][..], "there is no `A.app` in it"),
        (
            &["-i", "../../etc/passwd"],
            "there is no `../../etc/passwd` in it",
        ),
        (&["-i", "/"], "there is no `/` in it"),
        (&["-p", "A.pkg"], "there is no `A.pkg` in it"),
        (&["-p", "x"], "is no package by its name"),
        (&[], "neither a package nor an application"),
    ] {
        let error = make(&item, options).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn links_do_not_lead_out_of_an_image() {
    let (folder, item) = image(&[("x", b"")]);
    std::os::unix::fs::symlink("/etc", folder.path().join("A.app")).unwrap();
    assert!(make(&item, &[]).is_err());
    assert!(make(&item, &["-i", "A.app"]).is_err());
}

#[test]
fn a_macos_installer_is_refused_unless_it_is_to_be_copied() {
    let info = info_plist(&[("CFBundleShortVersionString", "26.1")]);
    let (_folder, item) = image(&[
        ("I.app/Contents/Info.plist", &info),
        ("I.app/Contents/Resources/startosinstall", b""),
    ]);
    let error = make(&item, &[]).unwrap_err().to_string();
    assert!(
        error.contains("staging the macOS installer `I.app` is not supported"),
        "{error}"
    );
    make(&item, &["--installer-type", "copy_from_dmg"]).unwrap();
}

#[test]
fn the_strongest_action_after_installing_counts() {
    let component =
        b"<pkg-info identifier='a' version='1' postinstall-action='logout'><payload/></pkg-info>";
    let distribution = b"<x><pkg-ref id='a' onConclusion='RequireRestart'/><pkg-ref id='b' onConclusion='None'/></x>";
    let both = flat(&[
        ("a.pkg/PackageInfo", component),
        ("Distribution", distribution),
    ])
    .unwrap();
    assert_eq!(
        make(&package(both), &[]).unwrap().pkginfo["RestartAction"],
        "RequireRestart".into()
    );
    let one = flat(&[("PackageInfo", component)]).unwrap();
    assert_eq!(
        make(&package(one), &[]).unwrap().pkginfo["RestartAction"],
        "RequireLogout".into()
    );
}

#[test]
fn a_reference_without_a_file_is_a_receipt_to_munki_6_only() {
    let distribution = b"<x><product version='3'/><pkg-ref id='a' version='1'/>\
        <pkg-ref id='b' version='2'>#b.pkg</pkg-ref></x>";
    let item = package(flat(&[("Distribution", distribution)]).unwrap());
    let identifiers = |arguments: &[&str]| -> Vec<String> {
        let made = make(&item, arguments).unwrap();
        let receipts = made.pkginfo["receipts"].as_array().unwrap();
        receipts
            .iter()
            .map(|receipt| proplist::str_form(&receipt.as_dict().unwrap()["packageid"]))
            .collect()
    };
    assert_eq!(identifiers(&[]), ["b"]);
    assert_eq!(identifiers(&["--compat", "6"]), ["a", "b"]);
}

proptest! {
    #[test]
    fn no_change_of_a_byte_panics(at in 0_usize..2000, to in any::<u8>()) {
        let mut bytes = component("a", "1", &[("Applications/A.app/Contents/Info.plist", b"x")]).unwrap();
        let len = bytes.len();
        bytes[at % len] = to;
        let item = package(bytes);
        drop(make(&item, &[]));
        drop(crate::icon_of(&item, &proplist::Dict::new()));
    }

    #[test]
    fn no_text_panics(info in ".{0,200}", distribution in "[<>/a-z&;='\" -]{0,200}") {
        let bytes = flat(&[("PackageInfo", info.as_bytes()), ("Distribution", distribution.as_bytes())]).unwrap();
        drop(make(&package(bytes), &[]));
    }
}

#[test]
fn every_truncation_is_an_error() {
    let bytes = component("a", "1", &[("x", b"x")]).unwrap();
    // The payload, which is last, is not needed to know what a package installs.
    let end = bytes.len() - testkit::package::payload(&[("x", b"x")]).unwrap().len();
    for len in 0..end {
        assert!(make(&package(bytes[..len].to_vec()), &[]).is_err(), "{len}");
    }
}
