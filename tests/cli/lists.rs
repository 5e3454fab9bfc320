//! `list-recipes`, `list-processors`, `info` and `audit` for people.

use crate::program::House;

/// Two recipes, an override of the same name as one of them, and a file that is none.
fn house() -> House {
    let house = House::new();
    house.write(
        "r/App/App.download.recipe.yaml",
        "Description: |\n  Downloads.\n  Twice.\nIdentifier: com.example.download.App\nMinimumVersion: '2.3'\n\
         Input: {NAME: App, URL: 'http://vendor.example/App.dmg'}\nProcess:\n\
         - Processor: URLDownloader\n  Arguments: {url: '%URL%'}\n- Processor: EndOfCheckPhase\n",
    );
    house.write(
        "r/App/App.munki.recipe.yaml",
        "Identifier: com.example.munki.App\nParentRecipe: com.example.download.App\n\
         Input:\n  pkginfo: {catalogs: [testing], name: '%NAME%', description: An application that does things well.}\n\
         Process:\n- Processor: com.example.shared/Thing\n- Processor: MunkiImporter\n",
    );
    house.write(
        "o/App.munki.recipe.yaml",
        "Identifier: local.munki.App\nParentRecipe: com.example.munki.App\nInput: {NAME: App}\n",
    );
    house.write("r/App/broken.download.recipe", "not a property list");
    house
}

const DIRS: &str = "-d [HOUSE]/r --override-dir [HOUSE]/o";

#[test]
fn recipes_are_listed_once_by_name() {
    let house = house();
    let outcome = house.run(&format!("list-recipes {DIRS}"));
    assert_eq!(outcome.stdout, "App.download\nApp.munki\n");
    assert!(
        outcome
            .stderr
            .starts_with("warning: plist error for `[HOUSE]/r/App/broken.download.recipe`"),
        "{outcome}"
    );
    assert_eq!(outcome.status, Some(0));
}

#[test]
fn columns_are_as_wide_as_autopkg_makes_them() {
    let house = house();
    assert_eq!(
        house.ok(&format!("list-recipes -i {DIRS}")),
        "App.download  com.example.download.App                      \n\
         App.munki     local.munki.App                               \n"
    );
    assert_eq!(
        house.ok(&format!("list-recipes -p -a {DIRS}")),
        "App.download    [HOUSE]/r/App/App.download.recipe.yaml\n\
         App.munki       [HOUSE]/r/App/App.munki.recipe.yaml\n\
         App.munki       [HOUSE]/o/App.munki.recipe.yaml\n"
    );
    let outcome = house.run("list-recipes -a");
    assert_eq!(outcome.status, Some(2));
    assert!(
        outcome
            .stderr
            .starts_with("The '--show-all' option is only valid"),
        "{outcome}"
    );
}

#[test]
fn lists_for_programs_say_more() {
    let house = house();
    let plist = house.ok(&format!("list-recipes --plist {DIRS}"));
    let proplist = plist.matches("<key>Path</key>").count();
    assert_eq!(
        (proplist, plist.matches("<key>IsOverride</key>").count()),
        (2, 1)
    );
    let lines = house.ok(&format!("list-recipes --json --show-all {DIRS}"));
    let lines: Vec<serde_json::Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[2]["parent"], "com.example.munki.App");
}

#[test]
fn info_tells_what_a_recipe_is() {
    let house = house();
    assert_eq!(
        house.ok(&format!("info {DIRS} App.munki")),
        "Description:         Downloads.\n                     Twice.\n\
         Identifier:          local.munki.App\nMunki import recipe: True\nHas check phase:     True\n\
         Builds package:      False\nRecipe file path:    [HOUSE]/o/App.munki.recipe.yaml\n\
         Parent recipe(s):    [HOUSE]/r/App/App.munki.recipe.yaml\n\
         \x20                    [HOUSE]/r/App/App.download.recipe.yaml\nInput values: \n\
         \x20   'NAME': 'App',\n    'URL': 'http://vendor.example/App.dmg',\n\
         \x20   'pkginfo': {   'catalogs': ['testing'],\n\
         \x20                  'description': 'An application that does things well.',\n\
         \x20                  'name': '%NAME%'}\n"
    );
    let outcome = house.run(&format!("info {DIRS} App.pkg"));
    assert_eq!(outcome.status, Some(1));
    assert!(
        outcome.stderr.contains("No valid recipe found for App.pkg"),
        "{outcome}"
    );
}

#[test]
fn info_shows_the_preferences() {
    let house = House::new();
    house.write(
        "home/.config/Autopkg/config.json",
        r#"{"B": true, "A": ["x"]}"#,
    );
    let shown = house.ok("info");
    assert!(
        shown.starts_with("Current preferences:\n{'A': ['x'],"),
        "{shown}"
    );
}

#[test]
fn a_name_that_is_nearly_right_gets_a_suggestion() {
    let house = House::new();
    house.write("r/Firefox.munki.recipe.yaml", "Input: {}\nProcess: []\n");
    let outcome = house.run("info -d [HOUSE]/r Fire.munki");
    assert_eq!(
        outcome.stdout,
        "Didn't find a recipe for Fire.munki.\nMaybe you meant Firefox.munki?\n"
    );
}

#[test]
fn with_json_nothing_but_objects_is_on_standard_output() {
    let house = House::new();
    house.write("r/Firefox.munki.recipe.yaml", "Input: {}\nProcess: []\n");
    for verb in [
        "info --resolve",
        "info",
        "make-override",
        "update-trust-info",
    ] {
        let outcome = house.run(&format!(
            "{verb} Fire.munki --json --search-dir [HOUSE]/r --override-dir [HOUSE]/o"
        ));
        assert_eq!(outcome.status, Some(1), "{outcome}");
        assert_eq!(outcome.stdout, "", "{verb}");
        assert!(
            outcome
                .stderr
                .contains("Didn't find a recipe for Fire.munki.\nMaybe you meant Firefox.munki?\n"),
            "{outcome}"
        );
    }
}

#[test]
fn audit_flags_what_autopkg_flags() {
    let house = house();
    assert_eq!(
        house.ok(&format!("audit --format autopkg {DIRS} App.munki")),
        "App.munki\n    File path:        [HOUSE]/o/App.munki.recipe.yaml\n\
         \x20   Parent recipe(s): [HOUSE]/r/App/App.munki.recipe.yaml\n\
         \x20                     [HOUSE]/r/App/App.download.recipe.yaml\n\
         \x20   Missing CodeSignatureVerifier\n\
         \x20   The following http URLs were found in the recipe:\n        Input:\n\
         \x20           URL: http://vendor.example/App.dmg\n\
         \x20   The following processors are non-core and can execute arbitrary code, performing any action.\n\
         \x20   Be sure you understand what the processor does and/or you trust its source:\n\
         \x20       com.example.shared/Thing\n\n"
    );
    let outcome = house.run(&format!("audit --plist {DIRS} App.download NoSuchThing"));
    assert_eq!(outcome.status, Some(1));
    let plist = proplist::from_bytes(outcome.stdout.as_bytes()).unwrap();
    let flags = plist.as_dict().unwrap()["App.download"].as_dict().unwrap();
    assert_eq!(flags["MissingCodeSignatureVerifier"], true.into());
    assert!(
        outcome
            .stderr
            .contains("No valid recipe found for NoSuchThing"),
        "{outcome}"
    );
}

#[test]
fn processors_are_listed() {
    let house = House::new();
    let names = house.ok("processor-list");
    assert_eq!(names.lines().count(), 48);
    let json = house.ok("list-processors --json");
    let first: serde_json::Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
    assert_eq!(first["name"], "AppDmgVersioner");
    assert_eq!(first["native"], true);
}
