//! `audit`: what is found, in every form.

use serde_json::Value;

use crate::{corpus, program::House};

const DIRS: &str = "-d [HOUSE]/r --override-dir [HOUSE]/o";

/// A recipe that downloads without a check, its child with a misspelt argument, and a file that is no recipe.
fn house() -> House {
    let house = House::new();
    house.write(
        "r/App/App.download.recipe.yaml",
        "Identifier: com.example.download.App\nInput: {NAME: App}\nProcess:\n- Processor: URLDownloader\n  Arguments:\n    url: https://vendor.example/App.dmg\n- Processor: EndOfCheckPhase\n",
    );
    house.write(
        "r/App/App.munki.recipe.yaml",
        "Identifier: com.example.munki.App\nParentRecipe: com.example.download.App\nInput: {NAME: App}\nProcess:\n- Processor: MunkiImporter\n  Arguments:\n    pkg_path: '%pathname%'\n    repo_subdirectroy: apps\n",
    );
    house.write("r/App/A broken one.munki.recipe.yaml", "Identifier: [\n");
    house
}

#[test]
fn findings_have_places_and_say_how_they_are_mended() {
    let house = house();
    assert_eq!(
        house.ok(&format!("audit {DIRS} --root [HOUSE]/r App.munki")),
        "App.munki\n    File path:        [HOUSE]/r/App/App.munki.recipe.yaml\n\
         \x20   Parent recipe(s): [HOUSE]/r/App/App.download.recipe.yaml\n\
         \x20   App/App.munki.recipe.yaml:8: error: MunkiImporter knows no argument `repo_subdirectroy` [misspelt-argument]\n\
         \x20       Write `repo_subdirectory`.\n\
         \x20   App/App.download.recipe.yaml:4: warning: no CodeSignatureVerifier checks what is downloaded here [no-signature-check]\n\
         \x20       Add one behind the download that pins the vendor's requirement or authority names.\n\n"
    );
    let json = house.ok(&format!("audit --json {DIRS} --root [HOUSE]/r App.munki"));
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["schema"], 2);
    assert_eq!(json["findings"].as_array().unwrap().len(), 2);
    let first = &json["findings"][0];
    assert_eq!(
        (
            &first["rule"],
            &first["severity"],
            &first["file"],
            &first["line"]
        ),
        (
            &Value::from("misspelt-argument"),
            &Value::from("error"),
            &Value::from("App/App.munki.recipe.yaml"),
            &Value::from(8)
        )
    );
}

#[test]
fn the_exit_status_is_autopkgs_unless_asked_otherwise() {
    let house = house();
    for (flags, status) in [
        ("App.munki", 0),
        ("--fail-on never App.munki", 0),
        ("--fail-on error App.munki", 1),
        ("--fail-on error App.download", 0),
        ("--fail-on warning App.download", 1),
        ("--fail-on note App.download", 1),
        ("NoSuchThing", 1),
        ("--format xml App.munki", 2),
        ("--format sarif --json App.munki", 2),
        ("--format autopkg --root [HOUSE]/r", 1),
    ] {
        let outcome = house.run(&format!("audit {DIRS} {flags}"));
        assert_eq!(outcome.status, Some(status), "{flags}: {outcome}");
    }
}

#[test]
fn a_whole_folder_is_looked_over() {
    let house = house();
    let text = house.ok("audit --root [HOUSE]/r");
    assert!(
        text.ends_with(
            "Summary:\n    3 recipes audited\n    3 recipes with audit issues\n    0 recipes triggered no audit flags\n\
             \x20        1 error    misspelt-argument\n         1 warning  no-signature-check\n         1 error    unreadable\n"
        ),
        "{text}"
    );
    assert_eq!(text.matches("[no-signature-check]").count(), 1, "{text}");
}

#[test]
fn sarif_has_rules_levels_and_relative_places() {
    let house = house();
    let log: Value =
        serde_json::from_str(&house.ok("audit --root [HOUSE]/r --format sarif")).unwrap();
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    assert_eq!(
        run["originalUriBaseIds"]["ROOT"]["uri"],
        "file://[HOUSE]/r/"
    );
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), 3);
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uriBaseId"], "ROOT");
        assert!(place["region"]["startLine"].as_u64() >= Some(1));
    }
    let place = &results[0]["locations"][0]["physicalLocation"]["artifactLocation"];
    assert_eq!(place["uri"], "App/A%20broken%20one.munki.recipe.yaml");
    // One finding of a parent is one result, however many children have it.
    let log = house.ok(&format!(
        "audit {DIRS} --format sarif App.munki App.download"
    ));
    let log: Value = serde_json::from_str(&log).unwrap();
    assert_eq!(log["runs"][0]["results"].as_array().unwrap().len(), 2);
}

#[test]
fn every_rule_is_on_its_page() {
    let page = include_str!("../../docs/reference/audit.md");
    let house = house();
    let log: Value =
        serde_json::from_str(&house.ok("audit --root [HOUSE]/r --format sarif")).unwrap();
    for rule in log["runs"][0]["tool"]["driver"]["rules"]
        .as_array()
        .unwrap()
    {
        let row = format!(
            "| `{}` | {} |",
            rule["id"].as_str().unwrap(),
            rule["defaultConfiguration"]["level"].as_str().unwrap()
        );
        assert!(page.contains(&row), "{row}");
    }
}

/// Mistakes that stand in public recipes, each found where it stands.
#[test]
fn mistakes_in_public_recipes_are_found_on_their_lines() {
    let Some(folder) = corpus::folder("recipes") else {
        return;
    };
    let house = House::new();
    let packed = fs_err::File::open(folder.join("recipes.tar.xz")).unwrap();
    let mut archive = tar::Archive::new(lzma_rust2::XzReader::new(packed, true));
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().into_owned();
        if path.starts_with("autopkg+apizz-recipes")
            || path.starts_with("eth-its+autopkg-mac-recipes-yaml")
        {
            entry.unpack_in(house.path("")).unwrap();
        }
    }
    let lines = house.ok("audit --root [HOUSE] --json");
    let mut misspelt = Vec::new();
    for line in lines.lines() {
        let recipe: Value = serde_json::from_str(line).unwrap();
        for finding in recipe["findings"].as_array().unwrap() {
            let file = finding["file"].as_str().unwrap();
            let number = usize::try_from(finding["line"].as_u64().unwrap()).unwrap();
            let text = house.read(file);
            let there = text
                .lines()
                .nth(number - 1)
                .unwrap_or_else(|| panic!("{finding}"));
            let rule = finding["rule"].as_str().unwrap();
            if ["misplaced-argument", "misspelt-key"].contains(&rule) {
                let message = finding["message"].as_str().unwrap();
                let word = message.split('`').nth(1).unwrap();
                assert!(there.contains(word), "{finding}: {there}");
                misspelt.push(word.to_owned());
            }
        }
    }
    eprintln!("{} recipes, misspelt: {misspelt:?}", lines.lines().count());
    assert!(misspelt.iter().any(|word| word == "Arugments"));
    assert!(misspelt.iter().any(|word| word == "force_pkg_build"));
}
