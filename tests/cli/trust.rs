//! `verify-trust-info`, held against what AutoPkg 2.9 said of the same overrides.

use std::process::Command;

use crate::{corpus, git, program::House};

const DIRS: &str = "-d [HOUSE]/R/com.example.vendor-recipes -d [HOUSE]/R/com.example.munki-recipes \
                    -d [HOUSE]/R/plain-folder --override-dir [HOUSE]/overrides";
const DOWNLOAD: &str = "R/com.example.vendor-recipes/Widget/Widget.download.recipe";
const PROCESSOR: &str = "R/com.example.vendor-recipes/Shared/WidgetURLProvider.py";

/// A house with the recipe repositories and the overrides of the corpus.
pub(crate) fn house() -> Option<House> {
    let folder = corpus::folder("trust")?;
    let house = House::new();
    let rebuilt = Command::new("bash")
        .arg(folder.join("rebuild.sh"))
        .arg(house.path("R"))
        .output();
    match rebuilt {
        Ok(output) if output.status.success() => {}
        Ok(output) => panic!("{}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => {
            eprintln!("skipped: the repositories cannot be rebuilt: {error}");
            return None;
        }
    }
    let root = house.arg("R");
    for entry in fs_err::read_dir(folder.join("overrides")).unwrap() {
        let path = entry.unwrap().path();
        let text = fs_err::read_to_string(&path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy();
        house.write(&format!("overrides/{name}"), &text.replace("@ROOT@", &root));
    }
    Some(house)
}

/// Verifies `override_` after `change` and holds all that is printed against what AutoPkg printed.
#[track_caller]
fn check(case: &str, override_: &str, change: impl FnOnce(&House)) {
    let Some(house) = house() else { return };
    let expected = corpus::folder("trust").unwrap().join("verify").join(case);
    let expected = fs_err::read_to_string(expected).unwrap();
    change(&house);
    let outcome = house.run(&format!("verify-trust-info -vvv {DIRS} {override_}"));
    assert_eq!(outcome.to_string(), expected.replace("@ROOT@", "[HOUSE]/R"));
}

/// Changes a file, and makes sure that it did.
fn replace(house: &House, name: &str, from: &str, to: &str) {
    let before = house.read(name);
    let after = before.replace(from, to);
    assert_ne!(before, after);
    house.write(name, &after);
}

#[test]
fn overrides_of_autopkg_verify() {
    check("ok.txt", "Widget.munki.recipe", |_| {});
    check("ok-yaml.txt", "WidgetY.munki.recipe.yaml", |_| {});
    check("ok-plain-folder.txt", "Gadget.pkg.recipe", |_| {});
}

#[test]
fn only_contents_count_and_not_where_they_lie() {
    check("repository-moved.txt", "Widget.munki.recipe", |house| {
        for entry in fs_err::read_dir(house.path("overrides")).unwrap() {
            let name = entry.unwrap().file_name();
            let name = format!("overrides/{}", name.to_string_lossy());
            replace(house, &name, &house.arg("R"), "/elsewhere");
        }
    });
}

#[test]
fn a_parent_that_changed_is_told_of_with_its_difference() {
    check(
        "parent-changed-uncommitted.txt",
        "Widget.munki.recipe",
        |house| {
            replace(house, DOWNLOAD, "Widget.dmg", "Wodget.dmg");
        },
    );
}

#[test]
fn a_parent_that_was_changed_upstream_is_told_of_with_its_log() {
    check(
        "parent-changed-committed.txt",
        "Widget.munki.recipe",
        |house| {
            replace(house, DOWNLOAD, "Widget.dmg", "Wodget.dmg");
            let folder = house.path("R/com.example.vendor-recipes");
            let commit = git::commit(&folder, "Rename the file\n", "Example", 1_717_632_000);
            assert_eq!(
                commit.to_string(),
                "0867842e5977fb9d9ea82d64e7e517b0bbab7164"
            );
        },
    );
}

#[test]
fn a_parent_that_is_gone_is_told_of() {
    check("parent-missing.txt", "Widget.munki.recipe", |house| {
        fs_err::remove_file(house.path(DOWNLOAD)).unwrap();
    });
}

#[test]
fn a_processor_that_changed_is_told_of() {
    check("processor-changed.txt", "Widget.munki.recipe", |house| {
        let text = house.read(PROCESSOR);
        house.write(PROCESSOR, &format!("{text}# more\n"));
    });
}

#[test]
fn a_processor_that_is_gone_is_told_of() {
    check("processor-missing.txt", "Widget.munki.recipe", |house| {
        fs_err::remove_file(house.path(PROCESSOR)).unwrap();
    });
}

#[test]
fn an_override_without_trust_information_is_refused() {
    check("no-trust-info.txt", "Widget.munki.recipe", |house| {
        let name = "overrides/Widget.munki.recipe";
        let text = house.read(name);
        let (before, _) = text
            .split_once("\t<key>ParentRecipeTrustInfo</key>")
            .unwrap();
        house.write(name, &format!("{before}</dict>\n</plist>\n"));
    });
}

#[test]
fn a_parent_that_is_trusted_and_not_used_is_told_of() {
    check("extra-parent.txt", "Widget.download.recipe", |house| {
        let end = "\t\t</dict>\n\t</dict>\n</dict>\n</plist>\n";
        let gone = "\t\t\t<key>com.example.gone</key>\n\t\t\t<dict>\n\
                    \t\t\t\t<key>git_hash</key>\n\
                    \t\t\t\t<string>5c20ef1e340beb12f1e65db4d72d7fb92f9ba7d8</string>\n\
                    \t\t\t\t<key>path</key>\n\t\t\t\t<string>/gone/Gone.recipe</string>\n\
                    \t\t\t\t<key>sha256_hash</key>\n\t\t\t\t<string>00</string>\n\t\t\t</dict>\n";
        let name = "overrides/Widget.download.recipe";
        replace(house, name, end, &format!("{gone}{end}"));
    });
}

#[test]
fn a_processor_that_nobody_trusted_is_told_of() {
    check("untrusted-processor.txt", "Widget.munki.recipe", |house| {
        let name = "overrides/Widget.munki.recipe";
        let text = house.read(name);
        let start = text.find("\t\t<key>non_core_processors</key>").unwrap();
        let end = text.find("\t\t<key>parent_recipes</key>").unwrap();
        let empty = "\t\t<key>non_core_processors</key>\n\t\t<dict/>\n";
        house.write(name, &[&text[..start], empty, &text[end..]].concat());
    });
}

#[test]
fn several_overrides_are_judged_one_by_one_and_one_failure_fails_all() {
    let Some(house) = house() else { return };
    replace(&house, PROCESSOR, "Gives", "Takes");
    house.write("list.txt", "# ours\nWidget.munki.recipe\n\nNoSuchThing\n");
    let outcome = house.run(&format!(
        "verify-trust-info {DIRS} Gadget.pkg -l [HOUSE]/list.txt"
    ));
    assert_eq!(
        outcome.to_string(),
        "exit status: 1\n--- standard output\nDidn't find a recipe for NoSuchThing.\n--- standard error\n\
         Gadget.pkg: FAILED\nWidget.munki.recipe: FAILED\nNoSuchThing: NOT FOUND\n"
    );
    let outcome = house.run(&format!(
        "verify-trust-info --json {DIRS} Gadget.pkg NoSuchThing"
    ));
    assert_eq!(outcome.status, Some(1));
    let lines: Vec<serde_json::Value> = outcome
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines[0]["result"], "failed");
    assert_eq!(lines[1]["result"], "not-found");
}

#[test]
fn verifying_nothing_is_wrong_usage() {
    let outcome = House::new().run("verify-trust-info");
    assert_eq!(outcome.status, Some(2), "{outcome}");
}

#[test]
fn a_cloned_recipe_cannot_vouch_for_itself() {
    let Some(house) = house() else { return };
    house.write(
        "prefs.json",
        &serde_json::json!({"RECIPE_REPOS": {house.arg("overrides"): {"URL": "https://example.com/r"}}})
            .to_string(),
    );
    let outcome = house.run(&format!(
        "verify-trust-info -v --prefs [HOUSE]/prefs.json {DIRS} Widget.munki"
    ));
    assert_eq!(outcome.status, Some(1));
    assert!(
        outcome.stderr.contains("Recipe from external repo"),
        "{outcome}"
    );
}
