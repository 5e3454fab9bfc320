//! Signatures of our own making: intact, and not to be trusted.

use std::os::unix::fs::symlink;

use testkit::signing::{self_signed_certificate, sign_bundle, write_app};

use super::{MemoryTree, bundles::write_framework, codes, judge, now};
use crate::{Outcome, Pins, Revocations, Verdict, verify, verify_in};

const APP: &str = "Sample.app";
const PROGRAM: &str = "Sample.app/Contents/MacOS/Sample";

fn signed() -> MemoryTree {
    let folder = tempfile::tempdir().unwrap();
    let app = folder.path().join(APP);
    write_app(&app, "org.example.sample", "1.0").unwrap();
    let signer = self_signed_certificate("ABCDE12345", "Somebody").unwrap();
    sign_bundle(&app, &signer, "org.example.sample").unwrap();
    let tree = media::open(folder.path()).unwrap();
    MemoryTree::copy(tree.as_ref(), APP)
}

#[test]
fn an_intact_signature_of_a_stranger_is_not_trusted() {
    let report = judge(&signed(), APP);
    assert_eq!(report.verdict, Verdict::NotTrusted, "{:?}", report.checks);
    assert_eq!(codes(&report), ["chain-not-apples"]);
    assert_eq!(report.identifier.as_deref(), Some("org.example.sample"));
    assert_eq!(report.team_id.as_deref(), Some("ABCDE12345"));
    assert_eq!(report.authorities.len(), 1);
    assert!(!report.holds());
}

#[test]
fn a_stranger_with_apples_names_is_not_trusted() {
    let report = judge(&signed(), APP);
    assert!(report.authorities[0].starts_with("Developer ID Application: Somebody"));
    assert_eq!(report.verdict, Verdict::NotTrusted);
}

/// On the host too, a main program stands for its bundle.
#[test]
fn a_program_in_a_folder_stands_for_its_bundle() {
    let folder = tempfile::tempdir().unwrap();
    let app = folder.path().join(APP);
    write_app(&app, "org.example.sample", "1.0").unwrap();
    let signer = self_signed_certificate("ABCDE12345", "Somebody").unwrap();
    sign_bundle(&app, &signer, "org.example.sample").unwrap();
    let judge = || {
        let report = verify(&folder.path().join(PROGRAM), &Pins::none(), now()).unwrap();
        codes(&report)
    };
    assert_eq!(judge(), ["chain-not-apples"]);
    std::fs::write(app.join("Contents/Resources/note.txt"), "another").unwrap();
    assert!(judge().contains(&"resource-altered"));
}

/// A link on the host, at the end of the path or on the way, is judged as what it leads to.
#[test]
fn links_are_followed_to_what_is_judged() {
    let folder = tempfile::tempdir().unwrap();
    let app = folder.path().join(APP);
    let signer = self_signed_certificate("ABCDE12345", "Somebody").unwrap();
    write_app(&app, "org.example.sample", "1.0").unwrap();
    write_framework(&app.join("Contents/Frameworks/Part.framework"));
    sign_bundle(&app, &signer, "org.example.sample").unwrap();
    let links = tempfile::tempdir().unwrap();
    symlink(&app, links.path().join("Link.app")).unwrap();
    symlink(
        app.join("Contents/Frameworks"),
        links.path().join("Frameworks"),
    )
    .unwrap();
    let found = |path: &str| {
        let path = links.path().join(path);
        let report = verify(&path, &Pins::none(), now()).unwrap();
        assert_eq!(report.path, path.display().to_string());
        codes(&report)
    };
    for path in [
        "Link.app",
        "Link.app/Contents/MacOS/Sample",
        "Frameworks/Part.framework",
        "Frameworks/Part.framework/Part",
        "Frameworks/Part.framework/Versions/Current",
        "Frameworks/Part.framework/Versions/Current/Part",
        "Frameworks/Part.framework/Versions/A/Part",
    ] {
        assert_eq!(found(path), ["chain-not-apples"], "{path}");
    }
    // What was altered is found on that way too.
    std::fs::write(app.join("Contents/Resources/note.txt"), "another").unwrap();
    let altered = found("Link.app/Contents/MacOS/Sample");
    assert!(altered.contains(&"resource-altered"), "{altered:?}");
}

#[test]
fn links_inside_an_image_are_followed_as_far_as_they_stay_there() {
    let folder = tempfile::tempdir().unwrap();
    let contents = folder.path().join("contents");
    let app = contents.join(APP);
    let signer = self_signed_certificate("ABCDE12345", "Somebody").unwrap();
    write_app(&app, "org.example.sample", "1.0").unwrap();
    sign_bundle(&app, &signer, "org.example.sample").unwrap();
    symlink(APP, contents.join("Link.app")).unwrap();
    symlink(&app, contents.join("Out.app")).unwrap();
    let image = folder.path().join("Sample.dmg");
    media::write::dmg(&contents, "Sample", &image).unwrap();
    let judge = |path: &str| verify(&image.join(path), &Pins::none(), now());
    for path in ["Link.app", "Link.app/Contents/MacOS/Sample"] {
        let report = judge(path).unwrap();
        assert_eq!(codes(&report), ["chain-not-apples"], "{path}");
    }
    for path in ["Out.app", "Out.app/Contents/MacOS/Sample"] {
        let error = judge(path).unwrap_err();
        let error = model::chain(&error);
        assert!(error.contains("leads nowhere"), "{path}: {error}");
    }
}

#[test]
fn the_unsigned_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let app = folder.path().join(APP);
    write_app(&app, "org.example.sample", "1.0").unwrap();
    let tree = media::open(folder.path()).unwrap();
    let report = judge(&MemoryTree::copy(tree.as_ref(), APP), APP);
    assert_eq!(report.verdict, Verdict::Unsigned);
}

#[test]
fn altered_it_is_invalid() {
    let signed = signed();
    let mut app = signed.clone();
    app.bytes_mut(PROGRAM)[5000] ^= 1;
    assert!(codes(&judge(&app, APP)).contains(&"page-hash-wrong"));
    assert_eq!(judge(&app, APP).verdict, Verdict::Invalid);
    let mut app = signed;
    app.bytes_mut("Sample.app/Contents/Resources/note.txt")[0] ^= 1;
    assert!(codes(&judge(&app, APP)).contains(&"resource-altered"));
}

/// The second code directory is bound to the signature by attributes only: one that was exchanged together with the
/// page must be found, though the first directory is as it was signed.
#[test]
fn an_exchanged_second_directory_is_found() {
    use sha1::Digest as _;
    let mut app = signed();
    let program = app.bytes_mut(PROGRAM);
    let page = 4096..8192;
    let digests = |page: &[u8]| {
        (
            sha1::Sha1::digest(page).to_vec(),
            sha2_rustcrypto_010::Sha256::digest(page).to_vec(),
        )
    };
    let old = digests(&program[page.clone()]);
    program[page.start + 7] ^= 1;
    let new = digests(&program[page.clone()]);
    let find = |program: &[u8], digest: &[u8]| {
        program
            .windows(digest.len())
            .position(|window| window == digest)
    };
    let second = find(program, &old.1).unwrap();
    program[second..second + 32].copy_from_slice(&new.1);
    let found = codes(&judge(&app, APP));
    assert!(found.contains(&"cdhash-attribute-wrong"), "{found:?}");
    assert!(found.contains(&"page-hash-wrong"), "{found:?}");

    let program = app.bytes_mut(PROGRAM);
    let first = find(program, &old.0).unwrap();
    program[first..first + 20].copy_from_slice(&new.0);
    let found = codes(&judge(&app, APP));
    assert!(found.contains(&"message-digest-wrong"), "{found:?}");
}

/// The operator's word goes before everything else, in nested code as well.
#[test]
fn whom_the_operator_revoked_is_refused_with_the_reason() {
    let app = signed();
    let judge = |list: &str| {
        let revoked: Revocations = list.parse().unwrap();
        let pins = Pins {
            revoked,
            ..Pins::none()
        };
        verify_in(&app, APP, &pins, now()).unwrap()
    };
    let report = judge("team ABCDE12345 # 2026-04-01 not our vendor any more");
    assert_eq!(report.verdict, Verdict::Invalid);
    let check = report
        .failures()
        .find(|check| check.code == Some("revoked"));
    let detail = check.and_then(|check| check.detail.clone()).unwrap();
    assert!(
        detail.ends_with(": 2026-04-01 not our vendor any more"),
        "{detail}"
    );
    let report = judge("team ABCDE12346");
    assert_eq!(codes(&report), ["chain-not-apples"]);
    let mut checks = report.checks.iter();
    let revocation = checks.find(|check| check.name == "revocation").unwrap();
    assert_eq!(revocation.result, Outcome::NotMade);
}

#[test]
fn nested_code_of_a_revoked_signer_is_refused_as_that() {
    let folder = tempfile::tempdir().unwrap();
    let app = folder.path().join(APP);
    let helper = app.join("Contents/Frameworks/Helper.app");
    let signer = self_signed_certificate("ABCDE12345", "Somebody").unwrap();
    write_app(&app, "org.example.sample", "1.0").unwrap();
    write_app(&helper, "org.example.helper", "1.0").unwrap();
    sign_bundle(&app, &signer, "org.example.sample").unwrap();
    let tree = media::open(folder.path()).unwrap();
    let pins = Pins {
        revoked: "team ABCDE12345".parse().unwrap(),
        ..Pins::none()
    };
    let report = verify_in(tree.as_ref(), APP, &pins, now()).unwrap();
    let failed: Vec<_> = report
        .failures()
        .map(|check| (check.name, check.code.unwrap()))
        .collect();
    assert!(failed.contains(&("nested-code", "revoked")), "{failed:?}");
}
