//! The program under the names of macOS's tools.

use assert_cmd::Command;
use proplist::Value;

use crate::{corpus, program::House};

/// What came of a tool: its exit status, and what it said.
struct Said {
    status: i32,
    stdout: String,
    stderr: String,
}

fn tool(house: &House, name: &str, words: &[&str]) -> Said {
    let place = house.path(name);
    if !place.is_symlink() {
        fs_err::os::unix::fs::symlink(env!("CARGO_BIN_EXE_auto-update"), &place).unwrap();
    }
    let output = Command::new(place)
        .env_clear()
        .env("AUTO_UPDATE_ATTACHED", house.path(""))
        .current_dir(house.path(""))
        .args(words)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Said {
        status: output.status.code().unwrap(),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
    }
}

/// A tool that must succeed; its standard output.
#[track_caller]
fn ok(house: &House, name: &str, words: &[&str]) -> String {
    let said = tool(house, name, words);
    assert_eq!(said.status, 0, "{}{}", said.stdout, said.stderr);
    said.stdout
}

/// A house with a package of one file.
fn packaged() -> House {
    let house = House::new();
    let files: [(&str, &[u8]); 1] = [("Applications/Widget.txt", b"widget")];
    let package = testkit::package::component("com.example.widget", "2.0", &files).unwrap();
    fs_err::write(house.path("Widget.pkg"), package).unwrap();
    house
}

#[test]
fn a_xip_that_apple_has_not_signed_is_not_unpacked() {
    let house = packaged();
    let said = tool(&house, "xip", &["--expand", "Widget.pkg"]);
    assert_eq!(said.status, 1, "{}", said.stderr);
    assert_eq!(
        said.stderr,
        "xip: error: The archive \"Widget.pkg\" does not come from Apple\n"
    );
    assert_eq!(tool(&house, "xip", &["--expand", "gone.xip"]).status, 1);
    assert_eq!(tool(&house, "xip", &["--sign", "Widget.pkg"]).status, 125);
}

#[test]
fn packages_are_listed_expanded_and_judged() {
    let house = packaged();
    let members = ok(&house, "xar", &["-tf", "Widget.pkg"]);
    assert!(
        members.lines().any(|member| member == "PackageInfo"),
        "{members}"
    );
    ok(
        &house,
        "xar",
        &["-xf", "Widget.pkg", "PackageInfo", "-C", "out"],
    );
    assert!(house.read("out/PackageInfo").contains("com.example.widget"));
    assert!(!house.path("out/Payload").exists());
    ok(
        &house,
        "xar",
        &[
            "-x",
            "-C",
            "rest",
            "-f",
            "Widget.pkg",
            "--exclude",
            "Payload",
        ],
    );
    assert!(house.path("rest/PackageInfo").exists() && !house.path("rest/Payload").exists());

    ok(&house, "pkgutil", &["--expand", "Widget.pkg", "expanded"]);
    assert!(house.path("expanded/Payload").is_file());
    assert_eq!(
        tool(&house, "pkgutil", &["--expand", "Widget.pkg", "expanded"]).status,
        1
    );
    ok(&house, "pkgutil", &["--expand-full", "Widget.pkg", "full"]);
    assert_eq!(house.read("full/Payload/Applications/Widget.txt"), "widget");
    let files = ok(&house, "pkgutil", &["--payload-files", "Widget.pkg"]);
    assert!(
        files.starts_with(".\n./Applications\n./Applications/Widget.txt"),
        "{files}"
    );
    let unsigned = tool(&house, "pkgutil", &["--check-signature", "Widget.pkg"]);
    assert_eq!(unsigned.status, 1);
    assert_eq!(
        unsigned.stdout,
        "Package \"Widget.pkg\":\n   Status: no signature\n"
    );
    assert_eq!(
        tool(&house, "pkgutil", &["--pkg-info", "com.example.x"]).status,
        1
    );

    ok(
        &house,
        "ditto",
        &["-x", "-z", "expanded/Payload", "payload"],
    );
    assert_eq!(house.read("payload/Applications/Widget.txt"), "widget");
    let pkginfo = ok(&house, "makepkginfo", &["Widget.pkg"]);
    assert!(pkginfo.contains("<string>2.0</string>"), "{pkginfo}");
}

#[test]
fn folders_are_copied_with_modes_and_links() {
    let house = House::new();
    house.write("App.app/Contents/run", "#!/bin/sh\n");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs_err::set_permissions(house.path("App.app/Contents/run"), mode).unwrap();
    fs_err::os::unix::fs::symlink("Contents/run", house.path("App.app/link")).unwrap();
    house.write("to/App.app/Contents/run", "old");
    house.write("to/App.app/other", "stays");
    ok(&house, "ditto", &["--noqtn", "App.app", "to/App.app"]);
    assert_eq!(house.read("to/App.app/Contents/run"), "#!/bin/sh\n");
    assert_eq!(house.read("to/App.app/other"), "stays");
    assert!(house.path("to/App.app/link").is_symlink());
    let copied = fs_err::metadata(house.path("to/App.app/Contents/run")).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::mode(&copied.permissions());
    assert_eq!(mode & 0o777, 0o755);
    assert_eq!(tool(&house, "ditto", &["nothing", "there"]).status, 1);
    let archive = tool(&house, "ditto", &["-c", "-k", "App.app", "App.zip"]);
    assert_eq!(archive.status, 125);
    assert!(archive.stderr.contains("not served"), "{}", archive.stderr);
}

#[test]
fn property_lists_are_read_and_converted() {
    let house = House::new();
    house.write(
        "a.plist",
        "<plist><dict><key>B</key><array><string>x</string><integer>2</integer></array><key>A</key><true/></dict></plist>",
    );
    assert_eq!(ok(&house, "plutil", &["-lint", "a.plist"]), "a.plist: OK\n");
    assert_eq!(
        ok(
            &house,
            "plutil",
            &["-convert", "json", "-o", "-", "a.plist"]
        ),
        r#"{"B":["x",2],"A":true}"#
    );
    assert_eq!(
        ok(&house, "plutil", &["-extract", "B.0", "raw", "a.plist"]),
        "x\n"
    );
    assert_eq!(
        tool(&house, "plutil", &["-extract", "C", "raw", "a.plist"]).status,
        1
    );
    assert_eq!(
        tool(&house, "plutil", &["-convert", "binary1", "a.plist"]).status,
        125
    );
    house.write("b.plist", "no property list");
    assert_eq!(tool(&house, "plutil", &["-lint", "b.plist"]).status, 1);
    assert_eq!(
        ok(&house, "sw_vers", &["-productVersion"])
            .split('.')
            .count(),
        2
    );
    assert_eq!(tool(&house, "hdiutil", &["create", "x.dmg"]).status, 125);
    assert_eq!(tool(&house, "lipo", &["-archs", "a.plist"]).status, 1);
}

#[test]
fn property_lists_are_asked_for_values() {
    let house = House::new();
    house.write(
        "a.plist",
        "<plist><dict><key>B</key><array><string>x</string><integer>2</integer></array><key>A</key><true/></dict></plist>",
    );
    assert_eq!(
        ok(&house, "PlistBuddy", &["-c", "Print :B:1", "a.plist"]),
        "2\n"
    );
    assert_eq!(
        ok(&house, "PlistBuddy", &["-c", "Print", "a.plist"]),
        "Dict {\n    B = Array {\n        x\n        2\n    }\n    A = true\n}\n"
    );
    let missing = tool(&house, "PlistBuddy", &["-c", "Print :C", "a.plist"]);
    assert_eq!(
        (missing.status, missing.stderr.as_str()),
        (1, "Print: Entry, \":C\", Does Not Exist\n")
    );
    assert_eq!(
        tool(&house, "PlistBuddy", &["-c", "Set :A false", "a.plist"]).status,
        125
    );
    assert_eq!(
        ok(&house, "defaults", &["read", &house.arg("a"), "A"]),
        "1\n"
    );
    assert_eq!(
        tool(&house, "defaults", &["read", &house.arg("a"), "C"]).status,
        1
    );
}

#[test]
fn images_are_attached_and_detached() {
    let Some(media) = corpus::folder("media") else {
        return;
    };
    let house = House::new();
    // As `info` will tell it: without detours.
    let image = fs_err::canonicalize(media.join("dmg/SparkleTestCodeSignApp.dmg")).unwrap();
    let image = image.to_str().unwrap();
    let attached = ok(
        &house,
        "hdiutil",
        &[
            "attach",
            "-plist",
            "-mountrandom",
            "mounts",
            "-nobrowse",
            image,
        ],
    );
    let first = |plist: &str, list: &str| -> Value {
        let plist = proplist::from_bytes(plist.as_bytes()).unwrap();
        plist.as_dict().unwrap()[list].as_array().unwrap()[0].clone()
    };
    let entity = first(&attached, "system-entities");
    let point = entity.as_dict().unwrap()["mount-point"]
        .as_str()
        .unwrap()
        .to_owned();
    let app = format!("{point}/SparkleTestCodeSignApp.app");
    assert!(
        std::path::Path::new(&app)
            .join("Contents/Info.plist")
            .is_file()
    );
    let info = first(&ok(&house, "hdiutil", &["info", "-plist"]), "images");
    assert_eq!(info.as_dict().unwrap()["image-path"].as_str(), Some(image));
    let program = format!("{app}/Contents/MacOS/Sparkle Test App");
    assert!(ok(&house, "lipo", &["-archs", &program]).contains("x86_64"));
    assert_eq!(
        tool(
            &house,
            "codesign",
            &["--verify", "--deep", "--verbose=1", &app]
        )
        .status,
        1
    );
    ok(&house, "hdiutil", &["detach", &point, "-force"]);
    assert!(!std::path::Path::new(&point).exists());
    assert_eq!(tool(&house, "hdiutil", &["detach", &point]).status, 1);
    assert_eq!(
        tool(&house, "hdiutil", &["attach", "nothing.dmg"]).status,
        1
    );
    house.write("broken.dmg", "no image");
    assert_eq!(tool(&house, "hdiutil", &["attach", "broken.dmg"]).status, 1);
    assert_eq!(ok(&house, "hdiutil", &["info"]), "");
}

#[test]
fn signatures_are_shown_and_held_against_requirements() {
    let Some(media) = corpus::folder("media") else {
        return;
    };
    let house = House::new();
    let archive = media.join("app/DevSignedApp.zip");
    ok(&house, "ditto", &["-xk", archive.to_str().unwrap(), "app"]);
    let app = "app/DevSignedApp.app";
    let shown = tool(&house, "codesign", &["-dv", app]);
    assert_eq!(shown.status, 0, "{}", shown.stderr);
    for part in ["Identifier=", "Authority=", "TeamIdentifier="] {
        assert!(shown.stderr.contains(part), "{}", shown.stderr);
    }
    let designated = ok(&house, "codesign", &["-d", "-r-", app]);
    assert!(designated.starts_with("designated => "), "{designated}");
    let requirement = "--test-requirement==identifier \"com.example.another\"";
    let unmet = tool(&house, "codesign", &["--verify", requirement, app]);
    assert_ne!(unmet.status, 0, "{}", unmet.stderr);
    assert_eq!(tool(&house, "codesign", &["--sign", "-", app]).status, 125);
}

#[test]
fn a_program_tells_the_property_list_in_it() {
    let house = House::new();
    let plist =
        "<plist><dict><key>CFBundleShortVersionString</key><string>3.2</string></dict></plist>";
    let mut program = vec![0xcf, 0xfa, 0xed, 0xfe];
    program.extend([0; 12]);
    for number in [1_u32, 152, 0, 0, 0x19, 152] {
        program.extend(number.to_le_bytes());
    }
    program.extend([0; 56]);
    program.extend([1_u32.to_le_bytes(), [0; 4]].concat());
    for name in ["__info_plist", "__TEXT"] {
        program.extend(name.bytes().chain([0; 16]).take(16));
    }
    program.extend([0; 8]);
    program.extend((plist.len() as u64).to_le_bytes());
    program.extend(184_u32.to_le_bytes());
    program.extend([0; 28]);
    program.extend(plist.bytes());
    fs_err::write(house.path("program"), program).unwrap();
    let told = ok(
        &house,
        "launchctl",
        &["plist", "__TEXT,__info_plist", "program"],
    );
    assert_eq!(told, "{\n\t\"CFBundleShortVersionString\" = \"3.2\";\n};\n");
    let none = tool(&house, "launchctl", &["plist", "__TEXT,__none", "program"]);
    assert_eq!(none.status, 1, "{}", none.stderr);
    assert_eq!(tool(&house, "launchctl", &["load", "program"]).status, 125);
    house.write("text", "no program");
    assert_eq!(tool(&house, "launchctl", &["plist", "text"]).status, 1);
}

#[test]
fn packages_offer_choices_and_nothing_is_installed() {
    let house = packaged();
    let asked = ["-query", "RestartAction", "-pkg", "Widget.pkg"];
    assert_eq!(ok(&house, "installer", &asked), "None\n");
    let distribution = "<installer-gui-script><pkg-ref id=\"a\" onConclusion=\"RequireRestart\"/>\
                        <choices-outline><line choice=\"a\"/></choices-outline><choice id=\"a\" title=\"A\"/>\
                        </installer-gui-script>";
    let members: [(&str, &[u8]); 1] = [("Distribution", distribution.as_bytes())];
    fs_err::write(
        house.path("Choices.pkg"),
        testkit::package::flat(&members).unwrap(),
    )
    .unwrap();
    let choices = ok(
        &house,
        "installer",
        &["-showChoicesXML", "-pkg", "Choices.pkg", "-target", "/"],
    );
    let choices = proplist::from_bytes(choices.as_bytes()).unwrap();
    let choices = serde_json::Value::from(&choices);
    assert_eq!(choices[0]["childItems"][0]["choiceIdentifier"], "a");
    let asked = ["-query", "RestartAction", "-pkg", "Choices.pkg"];
    assert_eq!(ok(&house, "installer", &asked), "RequireRestart\n");
    let install = ["-pkg", "Widget.pkg", "-target", "/"];
    assert_eq!(tool(&house, "installer", &install).status, 125);
}

#[test]
fn what_a_mac_would_let_through_is_told_with_the_signer() {
    let house = packaged();
    let unsigned = tool(
        &house,
        "spctl",
        &["--assess", "-vv", "--type=install", "Widget.pkg"],
    );
    assert_eq!(
        (unsigned.status, unsigned.stderr.as_str()),
        (3, "Widget.pkg: rejected\nsource=no usable signature\n")
    );
    assert_eq!(tool(&house, "spctl", &["--status"]).status, 125);
    let Some(media) = corpus::folder("media") else {
        return;
    };
    let package = media.join("pkg/CH34xVCPDriver.pkg");
    let package = package.to_str().unwrap();
    let signed = tool(&house, "spctl", &["-a", "-vv", "-t", "install", package]);
    assert_eq!(signed.status, 0, "{}", signed.stderr);
    assert!(
        signed.stderr.contains("\norigin=Developer ID Installer: "),
        "{}",
        signed.stderr
    );
}

#[test]
fn programs_are_found_and_owners_left_alone() {
    let house = House::new();
    house.write("program", "");
    assert_eq!(
        ok(&house, "type", &["./program"]),
        "./program is ./program\n"
    );
    assert_eq!(tool(&house, "type", &["no-such-program"]).status, 1);
    ok(&house, "chown", &["-R", "root:wheel", "program"]);
    assert_eq!(tool(&house, "chown", &["root", "gone"]).status, 1);
}

/// A processor calls the tools by their places on a Mac.
#[test]
fn a_community_processor_finds_them_where_a_mac_has_them() {
    let house = packaged();
    house.write(
        "auto-update.toml",
        "[autopkg]\nrecipe-search-dirs = [\"r\"]\nrecipe-override-dirs = [\"o\"]\n",
    );
    house.write(
        "r/Own/Own.test.recipe.yaml",
        &format!(
            "Identifier: com.example.own\nInput: {{NAME: Own}}\nProcess:\n- Processor: Copier\n  Arguments:\n    source_path: '{}'\n    destination_path: '%RECIPE_CACHE_DIR%/Widget.pkg'\n- Processor: com.example.own/Own\n",
            house.arg("Widget.pkg")
        ),
    );
    house.write(
        "r/Own/Own.py",
        "import os, subprocess, sys\nfrom autopkglib import Processor, ProcessorError\n__all__ = ['Own']\nclass Own(Processor):\n    description = 'Calls tools.'\n    input_variables = {}\n    output_variables = {}\n    \
         def main(self):\n        \
         def call(*words):\n            return subprocess.run(words, capture_output=True, text=True, check=True).stdout\n        \
         pkg = os.path.join(self.env['RECIPE_CACHE_DIR'], 'Widget.pkg')\n        \
         assert 'PackageInfo' in call('/usr/bin/xar', '-tf', pkg)\n        \
         full = os.path.join(self.env['RECIPE_CACHE_DIR'], 'full')\n        \
         call('/usr/sbin/pkgutil', '--expand-full', pkg, full)\n        \
         assert open(full + '/Payload/Applications/Widget.txt').read() == 'widget'\n        \
         assert 'widget' in call('/usr/local/munki/makepkginfo', pkg)\n        \
         assert call('sw_vers', '-productName') == 'macOS\\n'\n        \
         assert call('/usr/bin/python3', '-c', 'print(1)') == '1\\n'\n        \
         attached = call('/usr/bin/hdiutil', 'attach', '-nobrowse', pkg)\n        \
         point = attached.strip().split('\\t')[-1]\n        \
         assert os.path.exists(os.path.join(point, 'PackageInfo')), attached\n        \
         assert subprocess.run(['/usr/bin/hdiutil', 'create', 'x.dmg'], capture_output=True).returncode == 125\n        \
         self.output('all tools answered')\n",
    );
    house.write(
        "o/Own.test.recipe.yaml",
        "Identifier: local.own\nInput: {}\nParentRecipe: com.example.own\n",
    );
    house.ok("trust approve Own.test --by ann");
    let outcome = house.run("run -v Own.test");
    assert_eq!(outcome.status, Some(0), "{outcome}");
    assert!(outcome.shows("all tools answered"), "{outcome}");
    let left = house.path("var/cache/local.own/.attached");
    assert!(!left.exists(), "what was attached stays");
}

#[test]
fn signers_of_packages_are_listed_as_pkgutil_lists_them() {
    let Some(media) = corpus::folder("media") else {
        return;
    };
    let house = House::new();
    let package = media.join("pkg/CH34xVCPDriver.pkg");
    let said = tool(
        &house,
        "pkgutil",
        &["--check-signature", package.to_str().unwrap()],
    );
    assert_eq!(said.status, 0, "{}", said.stdout);
    assert!(
        said.stdout.contains("    1. Developer ID Installer: "),
        "{}",
        said.stdout
    );
    assert!(
        said.stdout.contains("    3. Apple Root CA\n"),
        "{}",
        said.stdout
    );
}
