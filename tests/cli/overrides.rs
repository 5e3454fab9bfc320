//! `make-override` and `update-trust-info`: equal to AutoPkg's, byte for byte.

use crate::{program::House, trust};

const DIRS: &str = "-d [HOUSE]/R/com.example.vendor-recipes -d [HOUSE]/R/com.example.munki-recipes \
                    -d [HOUSE]/R/plain-folder";
const DOWNLOAD: &str = "R/com.example.vendor-recipes/Widget/Widget.download.recipe";

#[test]
fn overrides_equal_those_that_autopkg_makes() {
    let Some(house) = trust::house() else { return };
    for (arguments, file) in [
        ("Widget.munki", "Widget.munki.recipe"),
        ("com.example.pkg.Gadget", "Gadget.pkg.recipe"),
        (
            "Widget.download.recipe --format PLIST",
            "Widget.download.recipe",
        ),
        (
            "Widget.munki --format yaml --name WidgetY.munki",
            "WidgetY.munki.recipe.yaml",
        ),
    ] {
        let said = house.ok(&format!(
            "make-override {DIRS} --override-dir [HOUSE]/ours/new {arguments}"
        ));
        assert_eq!(
            said,
            format!("Override file saved to [HOUSE]/ours/new/{file}\n")
        );
        assert_eq!(
            house.read(&format!("ours/new/{file}")),
            house.read(&format!("overrides/{file}"))
        );
    }
}

#[test]
fn the_form_of_overrides_can_be_a_preference() {
    let Some(house) = trust::house() else { return };
    house.write(
        "prefs.json",
        r#"{"RECIPE_OVERRIDE_FORMAT": "YAML", "RECIPE_OVERRIDE_DIRS": "ours"}"#,
    );
    let arguments =
        format!("make-override --prefs prefs.json {DIRS} Widget.munki -n WidgetY.munki");
    house.ok(&arguments);
    assert_eq!(
        house.read("ours/WidgetY.munki.recipe.yaml"),
        house.read("overrides/WidgetY.munki.recipe.yaml")
    );
    house.write("prefs.json", r#"{"RECIPE_OVERRIDE_FORMAT": "toml"}"#);
    let outcome = house.run(&arguments);
    assert_eq!(outcome.status, Some(1));
    assert!(
        outcome.stderr.contains("RECIPE_OVERRIDE_FORMAT"),
        "{outcome}"
    );
}

#[test]
fn an_override_is_replaced_only_by_force() {
    let Some(house) = trust::house() else { return };
    let arguments = format!("make-override {DIRS} --override-dir [HOUSE]/ours Widget.munki");
    house.write("ours/Widget.munki.recipe", "mine");
    let outcome = house.run(&arguments);
    assert_eq!(
        outcome.to_string(),
        "exit status: 1\n--- standard output\n--- standard error\nA recipe override already exists at \
         [HOUSE]/ours/Widget.munki.recipe, will not overwrite it. Use --force to overwrite anyway.\n"
    );
    assert_eq!(house.read("ours/Widget.munki.recipe"), "mine");
    house.ok(&format!("{arguments} --force"));
    assert_eq!(
        house.read("ours/Widget.munki.recipe"),
        house.read("overrides/Widget.munki.recipe")
    );
}

#[test]
fn what_cannot_be_overridden_is_refused() {
    let house = House::new();
    house.write(
        "r/Old.download.recipe.yaml",
        "Identifier: com.example.Old\nInput: {}\nProcess: [{Processor: DeprecationWarning}]\n",
    );
    house.write(
        "r/Nameless.download.recipe.yaml",
        "Input: {}\nProcess: []\n",
    );
    let run = |arguments: &str| {
        house.run(&format!(
            "make-override -d [HOUSE]/r --override-dir [HOUSE]/o {arguments}"
        ))
    };
    for (arguments, what) in [
        ("Old.download", "is deprecated. Will not make an override."),
        ("Nameless.download", "is missing an Identifier."),
        (
            "[HOUSE]/r/Old.download.recipe.yaml",
            "doesn't work with absolute recipe paths",
        ),
        (
            "Olde.download",
            "No valid recipe found for Olde.download\nDir(s) searched:\n\t[HOUSE]/r\n",
        ),
        (
            "Old.download --ignore-deprecation --name ../x",
            "cannot be the name of an override",
        ),
    ] {
        let outcome = run(arguments);
        assert_eq!(outcome.status, Some(1), "{outcome}");
        assert!(outcome.stderr.contains(what), "{outcome}");
    }
    assert!(!house.path("o/Old.download.recipe").exists());
    let outcome = run("Old.download --ignore-deprecation");
    assert_eq!(outcome.status, Some(0), "{outcome}");
    assert!(outcome.stderr.starts_with("WARNING: "), "{outcome}");
    let outcome = run("Olde.download --pull");
    assert!(
        outcome
            .stderr
            .contains("`--pull` could not help\nhint: add the repository"),
        "{outcome}"
    );
    assert_eq!(run("A B").status, Some(2));
    assert_eq!(run("").status, Some(2));
}

#[test]
fn trust_information_is_updated_to_what_autopkg_would_write() {
    let Some(house) = trust::house() else { return };
    for file in ["Widget.munki.recipe", "WidgetY.munki.recipe.yaml"] {
        let name = format!("overrides/{file}");
        let good = house.read(&name);
        let bad = good.replace("cd25780bded14b12", "0000000000000000");
        assert_ne!(good, bad);
        house.write(&name, &bad);
        let arguments = format!("{DIRS} --override-dir [HOUSE]/overrides {file}");
        assert_eq!(
            house.run(&format!("verify-trust-info {arguments}")).status,
            Some(1)
        );
        assert_eq!(
            house.ok(&format!("update-trust-info {arguments}")),
            format!("Wrote updated [HOUSE]/overrides/{file}\n")
        );
        assert_eq!(house.read(&name), good);
    }
}

#[test]
fn a_file_that_is_not_as_committed_has_no_commit() {
    let Some(house) = trust::house() else { return };
    let text = house.read(DOWNLOAD);
    house.write(DOWNLOAD, &text.replace("Widget.dmg", "Wodget.dmg"));
    house.ok(&format!(
        "update-trust-info {DIRS} --override-dir [HOUSE]/overrides Widget.download"
    ));
    let text = house.read("overrides/Widget.download.recipe");
    assert_eq!(text.matches("<key>git_hash</key>").count(), 1);
    house.ok(&format!(
        "verify-trust-info {DIRS} --override-dir [HOUSE]/overrides Widget.download"
    ));
}

#[test]
fn what_has_no_parent_or_is_no_override_gets_no_trust_information() {
    let Some(house) = trust::house() else { return };
    let before = house.read("R/plain-folder/Gadget.pkg.recipe");
    let run = |name: &str| {
        house.run(&format!(
            "update-trust-info {DIRS} --override-dir [HOUSE]/none {name}"
        ))
    };
    let outcome = run("Gadget.pkg");
    assert_eq!(outcome.status, Some(1), "{outcome}");
    assert!(
        outcome
            .stderr
            .contains("Gadget.pkg does not appear to be a recipe override."),
        "{outcome}"
    );
    assert_eq!(house.read("R/plain-folder/Gadget.pkg.recipe"), before);
    let outcome = run("Shared");
    assert!(
        outcome
            .stderr
            .contains("Shared is not a recipe override and has no parent recipe."),
        "{outcome}"
    );
    let outcome = run("Missing");
    assert!(
        outcome.stderr.contains("Cannot find a recipe for Missing."),
        "{outcome}"
    );
}
