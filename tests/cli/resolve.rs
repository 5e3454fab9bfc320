//! `info --resolve` and `audit --resolve-all`: what recipes become, held against AutoPkg 2.9.

use std::{collections::BTreeMap, io::Read as _};

use serde_json::Value;

use crate::{corpus, program::House};

/// Their parent is named with its extension, which `AutoPkg` itself finds and the expectations do not.
const NAMED_WITH_EXTENSION: [&str; 3] = [
    "autopkg+nmcspadden-recipes/ChefClient/Chef.install.recipe",
    "autopkg+nmcspadden-recipes/ChefDK/ChefDK.install.recipe",
    "autopkg+orchard-recipes/EyeFI/EyefiMobiDesktop.munki.recipe",
];

fn by_path(lines: &str) -> BTreeMap<String, Value> {
    lines
        .lines()
        .map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            (line["path"].as_str().unwrap().to_owned(), line)
        })
        .collect()
}

#[test]
fn every_public_recipe_becomes_what_autopkg_makes_of_it() {
    let Some(folder) = corpus::folder("recipes") else {
        return;
    };
    let house = House::new();
    let packed = fs_err::File::open(folder.join("recipes.tar.xz")).unwrap();
    tar::Archive::new(lzma_rust2::XzReader::new(packed, true))
        .unpack(house.path("corpus"))
        .unwrap();
    let mut expected = String::new();
    let packed = fs_err::File::open(folder.join("resolved.jsonl.gz")).unwrap();
    flate2::read::MultiGzDecoder::new(packed)
        .read_to_string(&mut expected)
        .unwrap();
    let expected = by_path(&expected);
    let ours = by_path(&house.ok("audit --resolve-all [HOUSE]/corpus --json"));
    assert_eq!(ours.len(), expected.len());
    let differing: Vec<&String> = expected
        .iter()
        .filter(|(path, expected)| {
            let ours = &ours[*path];
            let both_fail = ours.get("error").is_some() && expected.get("error").is_some();
            !both_fail && ours != *expected
        })
        .map(|(path, _)| path)
        .collect();
    assert_eq!(differing, NAMED_WITH_EXTENSION);

    let path = "autopkg+Darkomen78-recipes/Affinity/Affinity.munki.recipe";
    let one = house.ok(&format!(
        "info --resolve [HOUSE]/corpus/{path} --search-dir [HOUSE]/corpus/autopkg+Darkomen78-recipes --json"
    ));
    let mut one: Value = serde_json::from_str(&one.replace("[HOUSE]/corpus/", "")).unwrap();
    assert_eq!(one["path"].take(), path);
    let mut known = expected[path].clone();
    known["path"].take();
    assert_eq!(one, known);
}

#[test]
fn what_does_not_resolve_says_why() {
    let house = House::new();
    let recipe = |name: &str, text: &str| {
        house.write(&format!("r/a/{name}.recipe.yaml"), text);
    };
    recipe(
        "Orphan",
        "Identifier: o\nInput: {}\nParentRecipe: com.example.gone\n",
    );
    recipe("Left", "Identifier: l\nInput: {}\nParentRecipe: r\n");
    recipe("Right", "Identifier: r\nInput: {}\nParentRecipe: l\n");
    recipe("Own", "Identifier: self\nInput: {}\nParentRecipe: self\n");
    recipe(
        "Bad",
        "Identifier: b\nInput: {}\nProcess: [{Processor: 1}]\n",
    );
    recipe("Worse", "Identifier: [\n");
    recipe("Empty", "");
    recipe("Odd", "Identifier: x\nInput: 3\nProcess: []\n");
    recipe("Good", "Identifier: g\nInput: {}\nProcess: []\n");
    house.write("r/a/Binary.recipe", "bplist00\u{1}\u{2}\u{3}");
    std::os::unix::fs::symlink("/nowhere", house.path("r/a/Gone.recipe")).unwrap();
    let lines = by_path(&house.ok("audit --resolve-all [HOUSE]/r --json"));
    assert_eq!(lines.len(), 11);
    let error = |name: &str| {
        lines[&format!("a/{name}")]["error"]
            .as_str()
            .unwrap_or("none")
    };
    assert_eq!(
        error("Orphan.recipe.yaml"),
        "could not find the parent recipe `com.example.gone` of `a/Orphan.recipe.yaml`"
    );
    for name in ["Left", "Right", "Own"] {
        let error = error(&format!("{name}.recipe.yaml"));
        assert!(error.contains("is its own ancestor"), "{error}");
    }
    assert!(error("Bad.recipe.yaml").contains("a step names no Processor"));
    assert!(error("Odd.recipe.yaml").contains("Input is not a dictionary"));
    for name in [
        "Worse.recipe.yaml",
        "Empty.recipe.yaml",
        "Binary.recipe",
        "Gone.recipe",
    ] {
        assert!(
            error(name).contains("no valid recipe found"),
            "{}",
            error(name)
        );
    }
    assert_eq!(
        error("Worse.recipe.yaml"),
        "no valid recipe found: yaml error for `a/Worse.recipe.yaml`: line 2 holds nothing where a value ought to be"
    );
    assert_eq!(error("Good.recipe.yaml"), "none");
}

#[test]
fn links_in_the_root_are_followed_and_deeper_ones_are_not() {
    let house = House::new();
    let text = "Identifier: x\nInput: {}\nProcess: []\n";
    house.write("elsewhere/X.recipe.yaml", text);
    house.write("r/a/A.recipe.yaml", &text.replace('x', "a"));
    for (target, link) in [("elsewhere", "r/linked"), ("r", "r/round"), ("r", "r/a/up")] {
        std::os::unix::fs::symlink(house.path(target), house.path(link)).unwrap();
    }
    let lines = by_path(&house.ok("audit --resolve-all [HOUSE]/r --json"));
    let paths: Vec<&String> = lines.keys().collect();
    assert_eq!(paths, ["a/A.recipe.yaml", "linked/X.recipe.yaml"]);
    assert_eq!(lines["linked/X.recipe.yaml"]["identifier"], "x");
}

#[test]
fn a_folder_that_cannot_be_read_is_left_out_with_a_warning() {
    use std::os::unix::fs::PermissionsExt as _;
    let house = House::new();
    house.write(
        "r/a/A.recipe.yaml",
        "Identifier: a\nInput: {}\nProcess: []\n",
    );
    house.write("r/a/closed/B.recipe.yaml", "");
    let closed = house.path("r/a/closed");
    let mode =
        |mode| fs_err::set_permissions(&closed, std::fs::Permissions::from_mode(mode)).unwrap();
    mode(0);
    let is_shut = fs_err::read_dir(&closed).is_err();
    let outcome = house.run("audit --resolve-all [HOUSE]/r --json");
    mode(0o755);
    if !is_shut {
        eprintln!("skipped: whoever runs this test may read everything");
        return;
    }
    assert_eq!(outcome.status, Some(0), "{outcome}");
    assert_eq!(by_path(&outcome.stdout).len(), 1, "{outcome}");
    assert!(
        outcome
            .stderr
            .contains("the recipes below `[HOUSE]/r/a/closed` are left out"),
        "{outcome}"
    );
}

#[test]
fn info_says_why_a_recipe_does_not_resolve() {
    let house = House::new();
    let recipe = |name: &str, text: &str| house.write(&format!("r/{name}.recipe.yaml"), text);
    recipe("Broken", "Identifier: [\n");
    recipe("Left", "Identifier: l\nInput: {}\nParentRecipe: r\n");
    recipe("Right", "Identifier: r\nInput: {}\nParentRecipe: l\n");
    for (name, why) in [
        (
            "[HOUSE]/r/Broken.recipe.yaml",
            "warning: yaml error for `[HOUSE]/r/Broken.recipe.yaml`: line 2 holds nothing where a value ought to be",
        ),
        (
            "Broken",
            "warning: yaml error for `[HOUSE]/r/Broken.recipe.yaml`",
        ),
        ("Left", "is its own ancestor: Left -> r -> l"),
        ("[HOUSE]/r", "No valid recipe found for [HOUSE]/r"),
    ] {
        let outcome = house.run(&format!("info --resolve {name} -d [HOUSE]/r --json"));
        assert_eq!(outcome.status, Some(1), "{outcome}");
        assert!(outcome.stderr.contains(why), "{outcome}");
    }
}

#[test]
fn folders_that_are_not_there_are_empty_and_a_root_that_is_not_is_an_error() {
    let house = House::new();
    assert_eq!(
        house.ok("list-recipes -d [HOUSE]/nowhere --override-dir /dev/null"),
        ""
    );
    let outcome = house.run("audit --resolve-all [HOUSE]/nowhere --json");
    assert_eq!(outcome.status, Some(1));
    assert!(outcome.stderr.contains("[HOUSE]/nowhere"), "{outcome}");
    assert_eq!(house.run("info --resolve").status, Some(2));
    assert_eq!(house.run("audit").status, Some(2));
    assert_eq!(house.run("audit --resolve-all a b").status, Some(2));
}

#[test]
fn what_one_command_noted_of_recipes_holds_until_they_change() {
    let house = House::new();
    for number in 0..70 {
        house.write(
            &format!("r/{number}/N{number}.recipe.yaml"),
            &format!("Identifier: com.example.{number}\nInput: {{}}\nProcess: []\n"),
        );
    }
    house.write("r/0/Bad.recipe.yaml", "Identifier: [\n");
    // Of what was written in the last two seconds nothing is noted.
    std::thread::sleep(std::time::Duration::from_millis(2100));
    let list = || house.run("list-recipes --with-identifiers -d [HOUSE]/r");
    let first = list();
    assert_eq!(first.stdout.lines().count(), 70, "{first}");
    assert!(!house.path("var").exists(), "a list makes no state");
    fs_err::create_dir(house.path("var")).unwrap();
    assert_eq!(list().stdout, first.stdout);
    let notes = house.read("var/recipes.notes");
    assert!(notes.contains("com.example.69"), "{notes}");
    let again = list();
    assert_eq!(
        (&again.stdout, &again.stderr),
        (&first.stdout, &first.stderr)
    );
    assert!(again.stderr.contains("Bad.recipe.yaml"), "{again}");

    house.write(
        "r/7/N7.recipe.yaml",
        "Identifier: com.example.x\nInput: {}\nProcess: []\n",
    );
    fs_err::remove_file(house.path("r/8/N8.recipe.yaml")).unwrap();
    house.write(
        "r/9/New.recipe.yaml",
        "Identifier: com.example.y\nInput: {}\nParentRecipe: com.example.x\n",
    );
    let changed = list().stdout;
    assert_eq!(changed.lines().count(), 70, "{changed}");
    assert!(
        changed.contains("com.example.x") && !changed.contains("com.example.7 "),
        "{changed}"
    );
    assert!(!changed.contains("N8"), "{changed}");
    let resolved = house.ok("info --resolve com.example.y -d [HOUSE]/r --json");
    assert!(resolved.contains("r/7/N7.recipe.yaml"), "{resolved}");

    house.write(
        "var/recipes.notes",
        &notes.replace("com.example.5", "com.example.6"),
    );
    assert_eq!(list().stdout, changed, "damaged notes are none");
}
