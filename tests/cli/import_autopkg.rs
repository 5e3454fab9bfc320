//! `import-autopkg`: a set-up copied from a Mac, what is said of it, and the configuration that is made of it.

use serde_json::Value;

use crate::program::House;

/// A copy of a Mac's home folder: preferences, a cloned repository, overrides, a recipe list.
fn mac() -> House {
    let house = House::new();
    house.write(
        "mac/Library/Preferences/com.github.autopkg.plist",
        "<?xml version=\"1.0\"?>\n<plist version=\"1.0\"><dict>\
         <key>MUNKI_REPO</key><string>/Users/packager/munki</string>\
         <key>RECIPE_REPOS</key><dict><key>/Users/packager/Library/AutoPkg/RecipeRepos/com.example.recipes</key>\
         <dict><key>URL</key><string>https://git.example/recipes</string></dict></dict>\
         <key>RECIPE_SEARCH_DIRS</key><array><string>.</string><string>~/Library/AutoPkg/Recipes</string>\
         <string>/Users/Shared/recipes</string></array>\
         <key>GITHUB_TOKEN</key><string>canary-1</string><key>GITHUB_TOKEN_PATH</key><string>~/x</string>\
         <key>VIRUSTOTAL_API_KEY</key><string>canary-2</string><key>COMPANY</key><string>Example</string>\
         </dict></plist>",
    );
    let recipe = |name: &str, text: &str| {
        let folder = "mac/Library/AutoPkg/RecipeRepos/com.example.recipes";
        house.write(&format!("{folder}/{name}"), text);
    };
    recipe(
        "App/App.munki.recipe.yaml",
        "Identifier: com.example.munki.App\nInput: {NAME: App}\nProcess:\n- Processor: MunkiImporter\n  Arguments: {pkg_path: '%COMPANY%.pkg'}\n",
    );
    recipe(
        "Tool/Tool.munki.recipe.yaml",
        "Identifier: com.example.munki.Tool\nInput: {NAME: Tool}\nProcess:\n- Processor: com.example.munki.Tool/Versioneer\n- Processor: MunkiImporter\n  Arguments: {pkg_path: a}\n",
    );
    recipe(
        "Tool/Versioneer.py",
        "from autopkglib import Processor\nimport socket, subprocess\nsubprocess.call(['/usr/bin/security'])\nsocket.create_connection(('x', 1))\n",
    );
    recipe(
        "Mac/Mac.install.recipe.yaml",
        "Identifier: com.example.install.Mac\nInput: {NAME: Mac}\nProcess:\n- Processor: Installer\n",
    );
    house.write(
        "mac/Library/AutoPkg/RecipeOverrides/App.munki.recipe.yaml",
        "Identifier: local.munki.App\nInput: {}\nParentRecipe: com.example.munki.App\n",
    );
    house.write(
        "mac/Library/AutoPkg/recipe_list.txt",
        "App.munki\nTool.munki\nMac.install\nGone.munki\n",
    );
    fs_err::create_dir_all(house.path("mac/munki")).unwrap();
    house
}

#[test]
fn each_title_is_told_how_it_runs() {
    let house = mac();
    let json = house.ok("import-autopkg --home [HOUSE]/mac --json");
    let json: Value = serde_json::from_str(&json).unwrap();
    let titles: Vec<(&str, &str, &str)> = json["titles"]
        .as_array()
        .unwrap()
        .iter()
        .map(|title| {
            let text = |key: &str| title[key].as_str().unwrap();
            (text("name"), text("runs"), text("trust"))
        })
        .collect();
    assert_eq!(
        titles,
        [
            ("App.munki", "native", "missing"),
            ("Gone.munki", "cannot", "missing"),
            ("Mac.install", "cannot", "missing"),
            ("Tool.munki", "sandbox", "missing"),
        ]
    );
    let reason = &json["titles"][2]["reasons"][0];
    assert_eq!(
        (&reason["rule"], &reason["line"]),
        (&"unsupported-processor".into(), &4.into())
    );
    let doubts: Vec<&str> = json["titles"][3]["processors"][0]["doubts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|doubt| doubt.as_str().unwrap())
        .collect();
    assert_eq!(doubts.len(), 2, "{doubts:?}");
    assert_eq!(
        json["secrets"],
        serde_json::json!(["GITHUB_TOKEN", "VIRUSTOTAL_API_KEY"])
    );
    let found: Vec<bool> = json["folders"]
        .as_array()
        .unwrap()
        .iter()
        .map(|folder| folder["found"].as_bool().unwrap())
        .collect();
    assert_eq!(
        found,
        [false, false, true, true, true],
        "{}",
        json["folders"]
    );
    let text = house.ok("import-autopkg --home [HOUSE]/mac");
    assert!(
        text.ends_with("4 titles: 1 run natively, 1 with steps in the sandbox, 2 cannot be run\n"),
        "{text}"
    );
}

#[test]
fn processors_are_loaded_in_their_sandbox_if_that_is_asked_for() {
    let house = mac();
    let versioneer = || {
        let json = house.ok("import-autopkg --home [HOUSE]/mac --load --json");
        let json: Value = serde_json::from_str(&json).unwrap();
        json["titles"][3]["processors"][0].clone()
    };
    let broken = versioneer();
    assert_eq!(broken["loads"], false);
    let why = broken["load_error"].as_str().unwrap();
    assert!(why.contains("/usr/bin/security"), "{why}");
    let text = house.ok("import-autopkg --home [HOUSE]/mac --load");
    assert!(
        text.ends_with("1 of them has a processor that cannot be loaded here\n"),
        "{text}"
    );
    let folder = "mac/Library/AutoPkg/RecipeRepos/com.example.recipes/Tool";
    house.write(&format!("{folder}/beside.py"), "WORD = 1\n");
    house.write(
        &format!("{folder}/Versioneer.py"),
        "import beside\nfrom autopkglib import Processor\nclass Versioneer(Processor):\n    pass\n",
    );
    let mended = versioneer();
    assert_eq!(
        (&mended["loads"], &mended["load_error"]),
        (&true.into(), &Value::Null)
    );
    let untried = house.ok("import-autopkg --home [HOUSE]/mac --json");
    let untried: Value = serde_json::from_str(&untried).unwrap();
    assert_eq!(untried["titles"][3]["processors"][0]["loads"], Value::Null);
}

#[test]
fn the_configuration_goes_on_with_it_and_holds_no_secret() {
    let house = mac();
    let outcome = house.run("import-autopkg --home [HOUSE]/mac --write [HOUSE]/auto-update.toml");
    assert_eq!(outcome.status, Some(0), "{outcome}");
    let written = house.read("auto-update.toml");
    for secret in ["canary-1", "canary-2"] {
        assert!(
            !written.contains(secret) && !outcome.shows(secret),
            "{written}{outcome}"
        );
    }
    assert!(
        written.contains("# network = [\"com.example.munki.Tool/Versioneer\"]"),
        "{written}"
    );
    let checked = house.ok("config check --json");
    let checked: Value = serde_json::from_str(&checked).unwrap();
    assert_eq!(checked["repository"], "[HOUSE]/mac/munki");
    assert_eq!(
        checked["recipe_search_dirs"][0],
        "[HOUSE]/mac/Library/AutoPkg/RecipeRepos/com.example.recipes"
    );
    let names = house.ok("list-recipes --with-paths --show-all");
    assert!(
        names.contains("App.munki") && names.contains("Tool.munki"),
        "{names}"
    );
    let shown = house.ok("info App.munki");
    assert!(shown.contains("local.munki.App"), "{shown}");
    let again = house.run("import-autopkg --home [HOUSE]/mac --write [HOUSE]/auto-update.toml");
    assert_eq!(again.status, Some(1), "{again}");
    assert_eq!(house.read("auto-update.toml"), written);
}

#[test]
fn what_is_not_found_is_named() {
    let house = House::new();
    for (arguments, why) in [
        ("", "no preferences of AutoPkg in `[HOUSE]/home`"),
        ("--home [HOUSE]/nowhere", "`[HOUSE]/nowhere` is not there"),
        ("--prefs [HOUSE]/none.plist", "[HOUSE]/none.plist"),
        (
            "--recipe-list [HOUSE]/none.txt --prefs [HOUSE]/p.json",
            "[HOUSE]/none.txt",
        ),
    ] {
        house.write("p.json", "{\"CACHE_DIR\": \"/x\"}");
        let outcome = house.run(&format!("import-autopkg {arguments}"));
        assert_eq!(outcome.status, Some(1), "{outcome}");
        assert!(outcome.stderr.contains(why), "{outcome}");
    }
    let outcome = house.run("import-autopkg --prefs [HOUSE]/p.json");
    assert_eq!(outcome.status, Some(0), "{outcome}");
    assert!(outcome.stderr.contains("make-override"), "{outcome}");
    house.write("wrong.toml", "nonsense = 1\n");
    let outcome = house.run("--config [HOUSE]/wrong.toml config check");
    assert_eq!(outcome.status, Some(1), "{outcome}");
    assert!(outcome.stderr.contains("line 1"), "{outcome}");
    assert_eq!(
        house.ok("config check").lines().next(),
        Some("Configuration: none; every key has its default")
    );
}
