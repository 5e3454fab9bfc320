//! `search`, `processor-info` and `new-recipe`.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
    thread,
};

use crate::program::House;

const INDEX: &str = r#"{
  "shortnames": {"Widget.munki": ["com.example.munki.Widget"], "Gadget.pkg": ["com.example.pkg.Gadget"]},
  "identifiers": {
    "com.example.munki.Widget": {"name": "Widget", "app_display_name": "The Widget", "repo": "autopkg/example-recipes", "path": "Widget/Widget.munki.recipe"},
    "com.example.pkg.Gadget": {"name": "Gadget", "repo": "other/recipes", "path": "Widgets/Gadget.pkg.recipe.yaml"}
  }
}"#;

/// A GitHub that answers `answers` in turn and is gone then.
fn github(answers: Vec<&'static str>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for body in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let request = lines.next().unwrap().unwrap();
            while lines.next().is_some_and(|line| !line.unwrap().is_empty()) {}
            let path = "GET /repos/autopkg/index/contents/v1/index.json?ref=main HTTP/1.1";
            let status = if request == path {
                "200 OK"
            } else {
                "404 Not Found"
            };
            let length = body.len();
            write!(
                stream,
                "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            )
            .unwrap();
        }
    });
    url
}

fn house(url: &str) -> House {
    let house = House::new();
    house.write(
        "auto-update.toml",
        "[fetch]\nplain-http-hosts = [\"127.0.0.1\"]\n",
    );
    let prefs = format!(
        r#"{{"GITHUB_URL": "{url}", "CACHE_DIR": "{}"}}"#,
        house.arg("cache")
    );
    house.write("prefs.json", &prefs);
    house
}

const FLAGS: &str = "--config [HOUSE]/auto-update.toml --prefs [HOUSE]/prefs.json";

#[test]
fn the_index_is_got_once_and_searched_by_name_or_path() {
    let house = house(&github(vec![
        r#"{"sha": "1", "size": 3}"#,
        INDEX,
        r#"{"sha": "1"}"#,
    ]));
    let outcome = house.run(&format!("search widget.munki.recipe {FLAGS}"));
    assert_eq!(outcome.status, Some(0), "{outcome}");
    assert_eq!(
        outcome.stdout,
        "\nName                   Repo               Path                          \n\
         ----                   ----               ----                          \n\
         Widget.munki.recipe    example-recipes    Widget/Widget.munki.recipe    \n\n\
         To add a new recipe repo, use `auto-update repo-add <repo name>`\n"
    );
    assert!(
        outcome.stderr.contains("Refreshing local search index"),
        "{outcome}"
    );

    let outcome = house.run(&format!("search -p WIDGETS --json {FLAGS}"));
    assert_eq!(
        outcome.stdout,
        "{\"name\":\"Gadget.pkg.recipe.yaml\",\"repo\":\"other/recipes\",\"path\":\"Widgets/Gadget.pkg.recipe.yaml\"}\n"
    );
    assert_eq!(outcome.stderr, "");

    // GitHub is gone: what is there still answers.
    let outcome = house.run(&format!("search nosuchthing {FLAGS}"));
    assert_eq!(outcome.status, Some(0), "{outcome}");
    assert!(
        outcome.stderr.contains("Using cached version."),
        "{outcome}"
    );
    assert!(outcome.stderr.ends_with("Nothing found.\n"), "{outcome}");
}

#[test]
fn without_an_index_a_search_fails() {
    let house = house(&github(vec![r#"{"message": "rate limit"}"#]));
    let outcome = house.run(&format!("search x {FLAGS}"));
    assert_eq!(outcome.status, Some(1), "{outcome}");
    assert!(
        outcome.stderr.contains("there is no search index"),
        "{outcome}"
    );
    assert_eq!(
        house.run(&format!("search {FLAGS} --json -p ''")).status,
        Some(1)
    );
}

#[test]
fn a_processor_says_what_it_reads_and_sets() {
    let house = House::new();
    assert_eq!(
        house.ok("processor-info FindAndReplace"),
        "Description: Replaces every occurrence of a text in another text.\nInput variables:\n   input_string:\n     required: True\n\
         \x20  find:\n     required: True\n   replace:\n     required: True\n\
         \x20  result_output_var_name:\n     required: False\n     default: output_string\n\
         Output variables:\n"
    );
    let json: serde_json::Value =
        serde_json::from_str(&house.ok("processor-info --json URLDownloaderPython")).unwrap();
    assert_eq!(json["inputs"][0]["name"], "url");
    let outcome = house.run("processor-info ChocolateyPackager");
    assert_eq!(outcome.status, Some(1), "{outcome}");
    assert!(
        outcome
            .stderr
            .starts_with("Unknown processor 'ChocolateyPackager'\n"),
        "{outcome}"
    );

    house.write(
        "r/App.download.recipe.yaml",
        "Identifier: a\nInput: {}\nProcess: [{Processor: Own}]\n",
    );
    house.write("r/Own.py", "");
    let outcome = house.run("processor-info Own -r App.download -d [HOUSE]/r");
    assert!(outcome.stderr.contains("[HOUSE]/r/Own.py"), "{outcome}");
}

#[test]
fn a_new_recipe_is_one() {
    let house = House::new();
    let yaml = house.path("r/New.munki.recipe.yaml");
    fs_err::create_dir(house.path("r")).unwrap();
    assert_eq!(
        house.ok("new-recipe -p com.example.parent [HOUSE]/r/New.munki.recipe.yaml"),
        "Saved new recipe to [HOUSE]/r/New.munki.recipe.yaml\n"
    );
    let text = fs_err::read_to_string(&yaml).unwrap();
    assert!(text.contains("Identifier: local.New\n"), "{text}");
    assert!(
        text.contains("ParentRecipe: com.example.parent\n"),
        "{text}"
    );
    house.ok("new-recipe [HOUSE]/r/Old.download.recipe -i com.example.old");
    let shown = house.ok("info Old.download -d [HOUSE]/r");
    assert!(shown.contains("com.example.old"), "{shown}");
    let outcome = house.run("new-recipe [HOUSE]/r/Old.download.recipe");
    assert_eq!(outcome.status, Some(1));
    assert!(outcome.stderr.contains("is there already"), "{outcome}");
}
