//! The pkginfos of the corpus, byte for byte.

use std::path::Path;

use model::Timestamp;
use proplist::{Dict, KeyOrder, Value, to_xml};
use tempfile::TempDir;

use crate::{
    Compat, Contents, InstallerItem, ItemBytes, Made, Metadata, PkginfoError, PkginfoOptions,
    make_pkginfo, tests::corpus,
};

/// Each case of the corpus, and its command line after `makepkginfo`.
const CASES: [(&str, &str); 22] = [
    ("dmg_app", "Foo-1.2.3.dmg"),
    ("dmg_app_badshort", "BadShort.dmg"),
    ("dmg_app_byarch", "ByArch.dmg"),
    ("dmg_app_noname", "NoName.dmg"),
    (
        "dmg_nested_item",
        "Nested.dmg --itemname Sub/Deep.app --destinationitemname Renamed.app",
    ),
    ("dmg_pkg", "PkgInside.dmg"),
    (
        "dmg_pkg_sub",
        "PkgSub.dmg --pkgname Extras/Suite_Installer.pkg",
    ),
    (
        "dmg_prefpane_item",
        "Prefpane.dmg --itemname Thing.prefPane -d /Library/PreferencePanes",
    ),
    ("dmg_rw", "Foo.rw.dmg"),
    ("dmg_twoapps", "TwoApps.dmg"),
    (
        "dmg_twoapps_item",
        "TwoApps.dmg -i Zed.app -d /Applications/Utilities -o root -g wheel -m go-w",
    ),
    (
        "files_only",
        "-f fixtures/fs/Applications/Foo.app/ -f fixtures/fs/plain.txt -f fixtures/fs/link.txt \
         -f fixtures/fs/version.plist -f fixtures/fs/other.plist -f fixtures/fs/adir -f fixtures/fs/missing",
    ),
    ("mpkg_bundle", "Meta.mpkg"),
    (
        "nopkg_scripts",
        "--nopkg --name Conf --pkgvers 1.0 --installcheck_script fixtures/installcheck.sh \
         --uninstall_script fixtures/uninstall.sh --notes fixtures/notes.txt --OnDemand \
         --force_install_after_date 2026-03-04T05:06:07Z --requires A --requires B-1.0 --update_for C \
         --arch arm64 --arch x86_64",
    ),
    ("pkg_bundle", "OldStyle.pkg"),
    ("pkg_component", "Component-2.0.1.pkg"),
    ("pkg_component_float", "ComponentFloat.pkg"),
    ("pkg_dist_noproduct_restart", "SuiteNoProduct-7.0.pkg"),
    ("pkg_dist_onecomp", "SuiteOneComp-8.8.pkg"),
    ("pkg_dist_product", "Suite_Installer.pkg"),
    ("pkg_distonly", "DistOnly.pkg"),
    (
        "pkg_overrides",
        "Component-2.0.1.pkg -c a -c b --description fixtures/notes.txt --displayname D --name N --pkgvers 9 \
         --category Cat --developer Dev --icon_name N.png -f fixtures/fs/Applications/Foo.app --autoremove \
         --minimum_munki_version 6.3 --minimum_os_version 13.0 --maximum_os_version 15.99 --unattended_install \
         --unattended_uninstall --RestartAction RequireRestart --blocking_application Safari \
         --installer_environment USER=CURRENT_CONSOLE_USER --uninstall_method /usr/local/bin/x",
    ),
];

/// What Munki 7 refuses, and what removes something else.
const MORE: [(&str, &str); 3] = [
    ("pkg_payloadfree", "PayloadFree-1.0.pkg"),
    ("profile", "wifi.mobileconfig"),
    (
        "pkg_uninstaller",
        "Component-2.0.1.pkg --uninstallerpkg fixtures/PayloadFree-1.0.pkg",
    ),
];

/// The fixtures as files that may be completed: the corpus holds neither empty folders nor links.
struct Fixtures(TempDir);

impl Fixtures {
    fn new() -> Option<Self> {
        let fixtures = corpus("munki/fixtures")?;
        let folder = tempfile::tempdir().unwrap();
        let tree = media::HostTree::new(&fixtures).unwrap();
        media::extract(&tree, "", &folder.path().join("fixtures")).unwrap();
        let files = folder.path().join("fixtures/fs");
        fs_err::create_dir_all(files.join("adir")).unwrap();
        fs_err::remove_file(files.join("link.txt")).unwrap();
        std::os::unix::fs::symlink("plain.txt", files.join("link.txt")).unwrap();
        Some(Self(folder))
    }

    fn path(&self, relative: &str) -> String {
        self.0.path().join(relative).to_str().unwrap().to_owned()
    }

    /// Makes a pkginfo as the command line says; the images of the corpus are archives of what they would hold.
    fn make(&self, command: &str, compat: Compat) -> Result<Made, PkginfoError> {
        let words = command.split_whitespace().map(|word| {
            if word.starts_with("fixtures/") {
                self.path(word)
            } else {
                word.to_owned()
            }
        });
        let mut options = PkginfoOptions::parse(words).unwrap();
        options.compat = compat;
        let item = options.item.as_ref().map(|name| {
            let path = self.path(&format!("fixtures/{}", name.display()));
            open(Path::new(&path))
        });
        let item = item.transpose()?;
        let mut made = make_pkginfo(item.as_ref(), &options, &metadata())?;
        self.shorten(&mut made);
        Ok(made)
    }

    /// Installs items are named as they were given, which in the corpus was relative to its folder.
    fn shorten(&self, made: &mut Made) {
        let Some(Value::Array(installs)) = made.pkginfo.get_mut("installs") else {
            return;
        };
        let folder = self.path("");
        for item in installs {
            let path = &mut item.as_dict_mut().unwrap()["path"];
            let shortened = path.as_str().unwrap().replace(&folder, "");
            *path = shortened.into();
        }
    }
}

fn open(path: &Path) -> Result<InstallerItem, PkginfoError> {
    if path.extension().is_none_or(|end| end != "dmg") {
        return InstallerItem::open(path);
    }
    Ok(InstallerItem {
        path: path.to_owned(),
        location: path.file_name().unwrap().to_str().unwrap().to_owned(),
        contents: Contents::Image {
            tree: media::open(path).unwrap(),
            is_writable: path.to_str().unwrap().ends_with(".rw.dmg"),
        },
        bytes: Some(ItemBytes::of(path)?),
    })
}

fn metadata() -> Metadata {
    Metadata {
        created_by: "oracle".to_owned(),
        created_at: Timestamp::from_secs(1_767_323_045),
        munki_version: "6.7.0".to_owned(),
        os_version: "15.3.1".to_owned(),
    }
}

fn xml(pkginfo: &Dict) -> String {
    to_xml(&Value::Dict(pkginfo.clone()), KeyOrder::Sorted).unwrap() + "\n"
}

fn expected(case: &str) -> String {
    let path = corpus("munki/pkginfo").unwrap().join(case);
    fs_err::read_to_string(path.with_extension("plist")).unwrap()
}

#[test]
fn pkginfos_are_those_of_munki_6_byte_for_byte() {
    let Some(fixtures) = Fixtures::new() else {
        return;
    };
    let cases = || CASES.iter().chain(&MORE);
    for (case, command) in cases() {
        let made = fixtures.make(command, Compat::Munki6).unwrap();
        let said = made.warnings.iter().map(|line| format!("{line}\n"));
        let said = said.collect::<String>().replace(&fixtures.path(""), "");
        let path = corpus("munki/pkginfo").unwrap().join(case);
        let expected_words = fs_err::read_to_string(path.with_extension("stderr")).unwrap();
        assert_eq!(said, expected_words, "{case}");
        let mut text = xml(&made.pkginfo);
        if case.starts_with("mpkg_bundle") || case.starts_with("pkg_bundle") {
            // The size of a folder depends on the file system; it is left out, as Munki 7 does.
            let at = text.find("\t<key>minimum_os_version</key>").unwrap();
            let size = expected(case)
                .split_inclusive('\n')
                .skip_while(|line| !line.contains("installer_item_size"))
                .take(2)
                .collect::<String>();
            text.insert_str(at, &size);
        }
        assert_eq!(text, expected(case), "{case}");
    }
    let count = cases().count();
    println!("{count} of {count} pkginfos, and what is said of them, are those of Munki 6.7");
}

/// What Munki 7 says otherwise: a key without a value is not there.
fn differences(case: &str) -> Vec<(&'static str, Option<Value>)> {
    let no_minimum = ("minimum_os_version", None);
    let since_11 = ("minimum_os_version", Some("11.0".into()));
    match case {
        "dmg_app_noname" | "dmg_pkg" | "mpkg_bundle" | "pkg_bundle" | "pkg_component" => {
            vec![no_minimum]
        }
        "nopkg_scripts" => vec![no_minimum],
        "dmg_pkg_sub" | "pkg_dist_onecomp" | "pkg_dist_product" | "pkg_distonly" => vec![since_11],
        "pkg_dist_noproduct_restart" => vec![since_11, ("version", Some("5.10".into()))],
        "dmg_rw" => vec![("installer_item_hash", Some("N/A".into()))],
        "pkg_component_float" => vec![no_minimum, ("installed_size", None)],
        "files_only" => vec![
            ("_metadata", None),
            ("autoremove", None),
            ("version", None),
            ("minimum_os_version", Some("12.0".into())),
        ],
        "pkg_uninstaller" => vec![no_minimum, ("minimum_munki_version", None)],
        _ => Vec::new(),
    }
}

#[test]
fn pkginfos_differ_from_munki_6_as_munki_7_does() {
    let Some(fixtures) = Fixtures::new() else {
        return;
    };
    for (case, command) in CASES.iter().chain(&MORE[2..]) {
        let Value::Dict(mut expected) = proplist::from_bytes(expected(case).as_bytes()).unwrap()
        else {
            panic!("{case}");
        };
        for (key, value) in differences(case) {
            match value {
                Some(value) => expected.insert(key.to_owned(), value),
                None => expected.shift_remove(key),
            };
        }
        let mut made = fixtures.make(command, Compat::Munki7).unwrap().pkginfo;
        match *case {
            // A number with a point in it is none to Munki 7.
            "pkg_component_float" => {
                let receipts = expected["receipts"].clone();
                let mut receipt = receipts.as_array().unwrap()[0].as_dict().unwrap().clone();
                receipt.shift_remove("installed_size");
                expected["receipts"] = vec![Value::from(receipt)].into();
            }
            "files_only" => other_plist_is_a_plist(&mut expected, &mut made),
            "mpkg_bundle" | "pkg_bundle" => {
                expected.shift_remove("installer_item_size");
            }
            _ => {}
        }
        assert_eq!(xml(&made), xml(&expected), "{case}");
    }
}

/// Munki 7 takes any property list for one, whatever its name.
fn other_plist_is_a_plist(expected: &mut Dict, made: &mut Dict) {
    let item = |dict: &mut Dict| {
        let Some(Value::Array(items)) = dict.get_mut("installs") else {
            panic!("{dict:?}");
        };
        items.remove(4)
    };
    assert_eq!(item(expected).as_dict().unwrap()["type"], "file".into());
    let made = item(made);
    let made = made.as_dict().unwrap();
    assert_eq!(made["type"], "plist".into());
    assert_eq!(made["CFBundleShortVersionString"], "4.5".into());
    assert!(!made.contains_key("md5checksum"));
}

#[test]
fn what_munki_refuses_is_refused_in_its_words() {
    let Some(fixtures) = Fixtures::new() else {
        return;
    };
    for (name, words) in [
        ("Empty.dmg", "Could not find a supported installer item in"),
        ("nope.dmg", "does not exist"),
        ("notes.txt", "is not a supported installer item!"),
        ("wifi.mobileconfig", "is not a supported installer item!"),
    ] {
        let path = fixtures.path(&format!("fixtures/{name}"));
        let error = match name {
            "Empty.dmg" | "wifi.mobileconfig" => fixtures.make(name, Compat::Munki7).unwrap_err(),
            _ => InstallerItem::open(Path::new(&path)).unwrap_err(),
        };
        assert!(error.to_string().contains(words), "{error}");
    }
    let error = fixtures.make(MORE[0].1, Compat::Munki7).unwrap_err();
    assert!(error.to_string().contains("No receipts found"), "{error}");
    let warnings = fixtures.make(MORE[0].1, Compat::Munki6).unwrap().warnings;
    assert!(warnings[0].starts_with("WARNING: No receipts found in Distribution"));
    assert!(warnings[1].contains("pkginfo for 'PayloadFree'"));
}

#[test]
fn an_archive_under_an_images_name_is_no_image() {
    let Some(fixtures) = Fixtures::new() else {
        return;
    };
    let path = fixtures.path("fixtures/Foo-1.2.3.dmg");
    let error = InstallerItem::open(Path::new(&path)).unwrap_err();
    assert!(error.to_string().ends_with("is no disk image"), "{error}");
}

#[test]
fn missing_files_are_warned_of() {
    let Some(fixtures) = Fixtures::new() else {
        return;
    };
    let made = fixtures.make(CASES[11].1, Compat::Munki7).unwrap();
    let [warning] = made.warnings.as_slice() else {
        panic!("{:?}", made.warnings);
    };
    assert!(warning.ends_with("fixtures/fs/missing doesn't exist. Skipping."));
}
