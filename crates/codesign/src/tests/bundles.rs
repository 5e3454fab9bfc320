//! What may and what may not lie in and around the sealed parts of a bundle.

use std::path::Path;

use media::Xattr;
use sha2_rustcrypto_010::{Digest as _, Sha256};
use testkit::signing::{SelfSigned, program, self_signed_certificate, sign_bundle, write_app};

use super::{MemoryTree, codes, corpus, judge};
use crate::Verdict;

const REAL: &str = "DevSignedApp.app";
const APP: &str = "Sample.app";
const CONTENTS: &str = "Sample.app/Contents";
const FRAMEWORK: &str = "Sample.app/Contents/Frameworks/Part.framework";

fn real() -> Option<MemoryTree> {
    let tree = media::open(&corpus()?.join("media/app/DevSignedApp.zip")).unwrap();
    Some(MemoryTree::copy(tree.as_ref(), REAL))
}

/// The codes of what is wrong with `tree` after it was altered; that nobody trusts its signer is no news.
fn after(tree: &MemoryTree, root: &str, alter: impl FnOnce(&mut MemoryTree)) -> Vec<&'static str> {
    let mut tree = tree.clone();
    alter(&mut tree);
    let report = judge(&tree, root);
    let mut codes = codes(&report);
    codes.retain(|code| *code != "chain-not-apples");
    codes
}

#[test]
fn files_beside_the_sealed_ones_must_belong_there() {
    let Some(app) = real() else {
        return;
    };
    let put = |path: &str| {
        after(&app, REAL, |app| {
            let (folder, _) = path.rsplit_once('/').unwrap();
            app.put_folder(&format!("{REAL}/{folder}"));
            app.put(&format!("{REAL}/{path}"), vec![7]);
        })
    };
    for path in [
        "Contents/_CodeSignature/evil",
        "Contents/_CodeSignature/CodeDirectory",
        "Contents/_CodeSignature/CodeSignature",
        "Contents/_MASReceipt/evil",
    ] {
        assert_eq!(put(path), ["signature-folder-stray"], "{path}");
    }
    for path in [".DS_Store", ".LSOverride", "Icon\r"] {
        let path = format!("{REAL}/{path}");
        assert!(after(&app, REAL, |app| app.put(&path, vec![7])).is_empty());
        let found = after(&app, REAL, |app| {
            app.put(&path, vec![7]);
            app.make_executable(&path);
        });
        assert_eq!(found, ["unsealed-root"], "{path:?}");
    }
    assert!(put("Contents/_MASReceipt/receipt").is_empty());
    assert!(put("Contents/Resources/.DS_Store").is_empty());
    let empty = "DevSignedApp.app/Contents/_CodeSignature/CodeSignature";
    assert!(after(&app, REAL, |app| app.put(empty, Vec::new())).is_empty());
}

#[test]
fn links_that_are_left_out_of_the_seal_are_refused() {
    let Some(app) = real() else {
        return;
    };
    let link = |path: &str, target: &str| {
        after(&app, REAL, |app| {
            app.put_link(&format!("{REAL}/Contents/{path}"), target);
        })
    };
    assert_eq!(link("Resources/.DS_Store", "/bin/sh"), ["resource-added"]);
    assert!(link("CodeResources", "_CodeSignature/CodeResources").is_empty());
    assert!(!link("CodeResources", "Resources/other").is_empty());
    assert!(link("Info.plist", "Resources/Info.plist").contains(&"bundle-structure"));
}

#[test]
fn a_stale_pkg_info_does_not_matter_and_a_false_one_does() {
    let Some(app) = real() else {
        return;
    };
    let with = |stated: &str| {
        after(&app, REAL, |app| {
            app.put("DevSignedApp.app/Contents/PkgInfo", stated.into());
        })
    };
    for stated in ["APPL????", "APPLabcd", "APPL????\n", "BNDL????", ""] {
        assert!(with(stated).is_empty(), "{stated}");
    }
    for stated in [
        "APPL???",
        "BPPL????",
        "APPL?\u{1}??",
        "#!/bin/sh\n",
        "APPL????more",
    ] {
        assert_eq!(with(stated), ["resource-altered"], "{stated}");
    }
}

/// Archives carry extended attributes in twins of the files, which are merged when the archive is unpacked.
#[test]
fn twins_of_files_in_archives_are_no_files() {
    let Some(mut app) = real() else {
        return;
    };
    let twin = "DevSignedApp.app/Contents/Resources/._Base.lproj";
    app.put(twin, vec![0, 5, 0x16, 7]);
    app.copy_within(
        "DevSignedApp.app/Contents/PkgInfo",
        "DevSignedApp.app/Contents/PkgInfo",
    );
    assert!(codes(&judge(&app, REAL)).contains(&"resource-added"));
    app.has_twins = true;
    app.remove(twin);
    let of_file = "DevSignedApp.app/Contents/MacOS/._SignedApp";
    app.put(of_file, vec![0, 5, 0x16, 7, 9]);
    assert!(codes(&judge(&app, REAL)).is_empty());
    app.put(of_file, b"\xcf\xfa\xed\xfe".to_vec());
    assert_eq!(codes(&judge(&app, REAL)), ["resource-added"]);
    app.remove(of_file);
    app.put(
        "DevSignedApp.app/Contents/MacOS/._Other",
        vec![0, 5, 0x16, 7],
    );
    assert_eq!(codes(&judge(&app, REAL)), ["resource-added"]);
}

pub(super) fn write_framework(framework: &Path) {
    let version = framework.join("Versions/A");
    std::fs::create_dir_all(version.join("Resources")).unwrap();
    let info = "<plist version=\"1.0\"><dict><key>CFBundleExecutable</key><string>Part</string>\
                <key>CFBundleIdentifier</key><string>org.example.part</string>\
                <key>CFBundlePackageType</key><string>FMWK</string></dict></plist>";
    std::fs::write(version.join("Resources/Info.plist"), info).unwrap();
    std::fs::write(version.join("Part"), program(&[0x90; 5000])).unwrap();
    std::os::unix::fs::symlink("A", framework.join("Versions/Current")).unwrap();
    for name in ["Part", "Resources"] {
        let target = format!("Versions/Current/{name}");
        std::os::unix::fs::symlink(target, framework.join(name)).unwrap();
    }
}

fn signer() -> SelfSigned {
    self_signed_certificate("ABCDE12345", "Somebody").unwrap()
}

/// An application with a framework and with links, signed by `signer` after `prepare` had its way.
fn made(signer: &SelfSigned, prepare: impl FnOnce(&Path)) -> MemoryTree {
    let folder = tempfile::tempdir().unwrap();
    let app = folder.path().join(APP);
    write_app(&app, "org.example.sample", "1.0").unwrap();
    write_framework(&folder.path().join(FRAMEWORK));
    prepare(&app.join("Contents"));
    sign_bundle(&app, signer, "org.example.sample").unwrap();
    MemoryTree::copy(media::open(folder.path()).unwrap().as_ref(), APP)
}

#[test]
fn links_may_lead_only_to_what_is_sealed() {
    let links = [
        ("inside", "note.txt", true),
        ("program", "../MacOS/Sample", true),
        (
            "framework",
            "../Frameworks/Part.framework/Versions/A/Part",
            true,
        ),
        ("system", "/System/Library/CoreServices", true),
        ("out", "../../../other", false),
        ("shell", "/bin/sh", false),
        ("climbing", "/System/../bin/sh", false),
        ("nowhere", "missing", false),
        ("unsealed", "../Info.plist", false),
        ("signature", "../_CodeSignature/CodeResources", false),
        ("circle", "circle", false),
    ];
    let signer = signer();
    for (name, target, may) in links {
        let app = made(&signer, |contents| {
            let link = contents.join("Resources").join(name);
            std::os::unix::fs::symlink(target, link).unwrap();
        });
        let expected: &[&str] = if may {
            &[]
        } else {
            &["resource-link-leads-out"]
        };
        assert_eq!(after(&app, APP, |_| {}), expected, "{name}");
    }
}

#[test]
fn a_framework_holds_nothing_that_is_not_signed() {
    let app = made(&signer(), |_| {});
    assert_eq!(judge(&app, APP).verdict, Verdict::NotTrusted);
    let part = |rest: &str| format!("{FRAMEWORK}/{rest}");
    let found = |alter: &dyn Fn(&mut MemoryTree)| after(&app, APP, alter);
    assert!(found(&|app| app.put(&part("module.map"), vec![1])).is_empty());
    assert!(
        found(&|app| {
            app.put_link(&part("Part"), "./Versions/A/Part");
        })
        .is_empty()
    );
    for (name, target) in [
        ("Other", "Versions/Current/Part"),
        ("Part", "../../MacOS/Sample"),
        ("Part", "Versions/B/Part"),
    ] {
        let codes = found(&|app| app.put_link(&part(name), target));
        assert_eq!(codes, ["unsealed-root"], "{name} {target}");
    }
    assert_eq!(
        found(&|app| app.put(&part("evil"), vec![1])),
        ["unsealed-root"]
    );
    assert_eq!(
        found(&|app| app.put_link(&part("Versions/B"), "A")),
        ["unsealed-root"]
    );
    let evil = part("Versions/A/evil");
    assert_eq!(
        found(&|app| app.put(&evil, vec![1])),
        ["nested-code-invalid"]
    );
    let binary = part("Versions/A/Part");
    assert_eq!(
        found(&|app| app.bytes_mut(&binary)[4500] ^= 1),
        ["nested-code-invalid"]
    );
}

/// Another version of a framework is judged by its own signature, and by the sealed requirement.
#[test]
fn every_version_of_a_framework_is_judged() {
    let signer = signer();
    let mut app = made(&signer, |_| {});
    let (current, other) = (
        format!("{FRAMEWORK}/Versions/A"),
        format!("{FRAMEWORK}/Versions/B"),
    );
    app.copy_within(&current, &other);
    let found = after(&app, APP, |_| {});
    assert!(found.is_empty(), "{found:?}");
    let binary = format!("{other}/Part");
    let altered = after(&app, APP, |app| app.bytes_mut(&binary)[4500] ^= 1);
    assert_eq!(altered, ["nested-code-invalid"]);
    let unsigned = after(&app, APP, |app| app.put(&binary, program(&[0x90; 5000])));
    assert_eq!(unsigned, ["nested-code-unsigned"]);
    // By itself, a framework is its current version.
    let alone = after(&app, FRAMEWORK, |_| {});
    assert_eq!(alone, ["unsealed-root"]);

    let strangers = made(
        &self_signed_certificate("ZZZZZ12345", "Stranger").unwrap(),
        |_| {},
    );
    let mut exchanged = app;
    for path in strangers.files() {
        if let Some(rest) = path.strip_prefix(&current) {
            exchanged.put(&format!("{other}{rest}"), strangers.bytes(&path).to_vec());
        }
    }
    let found = after(&exchanged, APP, |_| {});
    assert_eq!(found, ["nested-code-altered"]);
}

/// Nested code that is exchanged for other genuine code of the same signer is not what was sealed.
#[test]
fn exchanged_nested_code_is_found() {
    let signer = signer();
    let app = made(&signer, |_| {});
    let other = made(&signer, |contents| {
        let part = contents.join("Frameworks/Part.framework/Versions/A/Part");
        std::fs::write(part, program(&[0xcc; 5000])).unwrap();
    });
    let found = after(&app, APP, |app| {
        for path in other.files() {
            if path.starts_with(FRAMEWORK) {
                app.put(&path, other.bytes(&path).to_vec());
            }
        }
    });
    assert_eq!(found, ["nested-code-altered"]);
}

/// A code directory of SHA-256 that says that nobody signed `code`; `special` are the special hashes from 1.
pub(super) fn ad_hoc(code: &[u8], special: &[[u8; 32]]) -> Vec<u8> {
    let word = |number: usize| u32::try_from(number).unwrap();
    let identifier = b"script\0";
    let hashes_at = identifier
        .len()
        .strict_add(44)
        .strict_add(special.len().strict_mul(32));
    let words = [
        0xfade_0c02,
        word(hashes_at.strict_add(32)),
        0x2_0001,
        2,
        word(hashes_at),
        44,
        word(special.len()),
        1,
        word(code.len()),
        0x2002_000c,
        0,
    ];
    let mut directory: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
    directory.extend_from_slice(identifier);
    directory.extend(special.iter().rev().flatten());
    directory.extend(Sha256::digest(code));
    directory
}

/// A script carries its signature in extended attributes.
#[test]
fn signatures_in_attributes_are_judged() {
    let script = b"#!/bin/sh\n".to_vec();
    let mut tree = MemoryTree::default();
    let xattr = |name: &str, value: Vec<u8>| Xattr {
        name: format!("com.apple.cs.{name}"),
        value,
    };
    let list = vec![
        xattr("CodeDirectory", ad_hoc(&script, &[])),
        xattr("CodeSignature", Vec::new()),
    ];
    tree.put("script", script);
    tree.xattrs.insert("script".to_owned(), list);
    let report = judge(&tree, "script");
    assert_eq!(report.verdict, Verdict::AdHoc, "{:?}", report.checks);
    assert_eq!(report.identifier.as_deref(), Some("script"));
    tree.bytes_mut("script").push(b'\n');
    assert_eq!(judge(&tree, "script").verdict, Verdict::Invalid);
}

/// A bundle whose main program is a script keeps its signature in files.
#[test]
fn signatures_in_files_of_a_bundle_are_judged() {
    let (main, script) = (format!("{CONTENTS}/MacOS/Sample"), b"#!/bin/sh\n".to_vec());
    let mut app = made(&signer(), |_| {});
    app.put(&main, script.clone());
    assert_eq!(judge(&app, APP).verdict, Verdict::Unsigned);
    let digest = |path: &str| Sha256::digest(app.bytes(&format!("{CONTENTS}/{path}"))).into();
    let special = [
        digest("Info.plist"),
        [0; 32],
        digest("_CodeSignature/CodeResources"),
    ];
    let directory = format!("{CONTENTS}/_CodeSignature/CodeDirectory");
    app.put(&directory, ad_hoc(&script, &special));
    let report = judge(&app, APP);
    assert_eq!(report.verdict, Verdict::AdHoc, "{:?}", report.checks);
    let altered = |path: &str| {
        after(&app, APP, |app| {
            let path = format!("{CONTENTS}/{path}");
            app.bytes_mut(&path)[10] ^= 1;
        })
    };
    assert!(
        after(&app, APP, |app| app.put(&main, b"#!/bin/ksh".to_vec())).contains(&"page-hash-wrong")
    );
    assert!(altered("_CodeSignature/CodeResources").contains(&"slot-hash-wrong"));
    assert_eq!(altered("Resources/note.txt"), ["resource-altered"]);
    let stray = format!("{CONTENTS}/_CodeSignature/CodeEntitlement");
    assert_eq!(
        after(&app, APP, |app| app.put(&stray, vec![1])),
        ["signature-folder-stray"]
    );
}
