//! `run`: what it tells of its steps, and what it writes for other programs.

use serde_json::{Value, json};

use crate::program::House;

const RECIPE: &str = r#"Identifier: com.example.own
Input: {NAME: Own, PLACE: a}
Process:
- Processor: FileCreator
  Arguments:
    file_path: '%PLACE%'
    file_content: "1\x01b"
"#;

/// A house with one title, which writes a file to `PLACE`.
fn house() -> House {
    let house = House::new();
    house.write(
        "auto-update.toml",
        "[autopkg]\nrecipe-search-dirs = [\"r\"]\nrecipe-override-dirs = [\"o\"]\n",
    );
    house.write("r/Own.test.recipe.yaml", RECIPE);
    house.write(
        "o/Own.test.recipe.yaml",
        "Identifier: local.own\nInput: {}\nParentRecipe: com.example.own\n",
    );
    house.ok("trust approve Own.test --by ann");
    house
}

fn report(house: &House) -> Value {
    let report = house.read("report.plist");
    Value::from(&proplist::from_bytes(report.as_bytes()).unwrap())
}

#[test]
fn the_input_of_a_step_is_told_before_its_words_and_when_it_fails() {
    let house = house();
    let told = house.ok("run -vv Own.test -k PLACE=[HOUSE]/a");
    let at = |text: &str| told.find(text).unwrap_or_else(|| panic!("{text}: {told}"));
    assert!(at("{'Input'") < at("Created file"), "{told}");
    assert!(at("Created file") < at("{'Output'"), "{told}");
    let outcome = house.run("run -vv Own.test -k PLACE=[HOUSE]/nowhere/a");
    assert_eq!(outcome.status, Some(70), "{outcome}");
    assert!(outcome.stdout.contains("{'Input'"), "{outcome}");
    assert!(!outcome.stdout.contains("{'Output'"), "{outcome}");
}

#[test]
fn a_report_is_whole_whatever_happens() {
    let house = house();
    let run = "run Own.test --report-plist [HOUSE]/report.plist -k PLACE=[HOUSE]/a";
    house.ok(run);
    assert_eq!(
        report(&house),
        json!({"failures": [], "summary_results": {}})
    );
    let receipts = house.read("var/cache/autopkg_results.plist");
    assert!(receipts.contains("1\u{fffd}b"), "{receipts}");

    house.write("r/Own.test.recipe.yaml", &format!("{RECIPE}# changed\n"));
    assert_eq!(house.run(run).status, Some(70));
    let report = report(&house);
    assert_eq!(report["failures"][0]["recipe_id"], "local.own", "{report}");
}

#[test]
fn a_recipe_that_cannot_be_read_is_told_of() {
    let house = house();
    house.write("r/Broken.test.recipe", "<plist>");
    for name in ["[HOUSE]/r/Broken.test.recipe", "Broken.test"] {
        let outcome = house.run(&format!("run {name}"));
        assert_eq!(outcome.status, Some(70), "{outcome}");
        for part in ["No valid recipe found for ", "plist error for "] {
            assert!(outcome.stderr.contains(part), "{part}: {outcome}");
        }
    }
}

#[test]
fn a_home_folder_that_no_shell_has_put_in_is_put_in() {
    let house = house();
    let told = house.ok("run -vvv Own.test --pkg=~/x.dmg -k PLACE=[HOUSE]/a");
    assert!(told.contains("'PKG': '[HOUSE]/home/x.dmg'"), "{told}");
}
