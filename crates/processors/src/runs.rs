//! The runs that `AutoPkg` 2.9 made: the same receipts, files and failures here.

use std::{collections::BTreeMap, os::unix::fs::PermissionsExt as _, path::Path};

use model::Sha256;
use proplist::{Dict, Value};
use testkit::vendor::Resource;

use crate::{
    Call, StepError,
    bench::{Bench, corpus},
    execute_step,
};

/// A run of one of the corpus's recipes on the bench.
struct Run {
    bench: Bench,
    receipt: Vec<Value>,
    outcome: Result<(), StepError>,
}

/// Runs the recipe in `file` against a server with the corpus's site.
async fn run(file: &Path) -> Run {
    let bench = Bench::new().await;
    let site = file.ancestors().nth(2).unwrap().join("site");
    bench.vendor.put_folder(&site).unwrap();
    let address = bench.vendor.address().to_string();
    let feed = fs_err::read_to_string(site.join("appcast.xml")).unwrap();
    let feed = Resource::page(&feed.replace("127.0.0.1:8899", &address));
    bench.vendor.put("/appcast.xml", feed);
    again(bench, file).await
}

async fn again(mut bench: Bench, file: &Path) -> Run {
    let recipe = recipe(file, &bench.vendor.address().to_string());
    for (name, value) in recipe["Input"].as_dict().unwrap() {
        bench.env.insert(name.clone(), value.clone());
    }
    let mut receipt = Vec::new();
    let mut outcome = Ok(());
    for step in recipe["Process"].as_array().unwrap() {
        let call = call(step.as_dict().unwrap(), file);
        match execute_step(&bench.registry, &bench.context, &call, &mut bench.env).await {
            Ok(record) => receipt.push(record.to_receipt()),
            Err(error) => {
                outcome = Err(error);
                break;
            }
        }
    }
    Run {
        bench,
        receipt,
        outcome,
    }
}

fn call(step: &Dict, file: &Path) -> Call {
    let arguments = step.get("Arguments").and_then(Value::as_dict).cloned();
    Call {
        processor: step["Processor"].as_str().unwrap().to_owned(),
        arguments: arguments.unwrap_or_default(),
        origin: file.display().to_string(),
    }
}

/// The recipe with the address of the server at hand.
fn recipe(file: &Path, address: &str) -> Dict {
    let text = fs_err::read_to_string(file)
        .unwrap()
        .replace("127.0.0.1:8899", address);
    let recipe = if file.extension().is_some_and(|end| end == "yaml") {
        let json: serde_json::Value = serde_yaml::from_str(&text).unwrap();
        Value::from(&json)
    } else {
        proplist::from_bytes(text.as_bytes()).unwrap()
    };
    recipe.as_dict().unwrap().clone()
}

/// The steps of the receipt that `AutoPkg` wrote, with the places of this bench.
fn expected(file: &Path, bench: &Bench) -> Vec<Value> {
    let text = fs_err::read_to_string(file).unwrap();
    let name = file.file_name().unwrap().to_str().unwrap();
    let title = name.split('.').next().unwrap();
    let text = text
        .replace(
            &format!("@CACHE@/com.example.runs.{title}"),
            bench.context.workspace.to_str().unwrap(),
        )
        .replace("127.0.0.1:8899", &bench.vendor.address().to_string());
    let receipt = proplist::from_bytes(text.as_bytes()).unwrap();
    let steps = receipt.as_array().unwrap().iter();
    steps
        .filter(|entry| entry.as_dict().unwrap().contains_key("Processor"))
        .cloned()
        .collect()
}

/// Every file below `folder`, and its digest.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let tree = media::HostTree::new(folder).unwrap();
    media::walk(&tree, "")
        .unwrap()
        .into_iter()
        .filter(media::Entry::is_file)
        .map(|entry| {
            let bytes = fs_err::read(folder.join(&entry.path)).unwrap();
            (entry.path, Sha256::of(&bytes).to_string())
        })
        .collect()
}

/// The files that `AutoPkg` left in the cache of one run.
fn expected_files(runs: &Path, title: &str) -> BTreeMap<String, String> {
    let text = fs_err::read_to_string(runs.join("expected/files.sha256")).unwrap();
    let prefix = format!("./com.example.runs.{title}/");
    text.lines()
        .filter_map(|line| line.split_once("  "))
        .filter_map(|(sha256, path)| {
            Some((path.strip_prefix(&prefix)?.to_owned(), sha256.to_owned()))
        })
        .collect()
}

#[tokio::test]
async fn a_zipped_application_goes_through_as_in_autopkg_and_again_stops_at_the_copy() {
    let Some(runs) = corpus("runs") else { return };
    let recipe = runs.join("recipes/ZipApp.download.recipe.yaml");
    let first = run(&recipe).await;
    first.outcome.unwrap();
    let expected_receipt = expected(&runs.join("expected/ZipApp.receipt.plist"), &first.bench);
    assert_eq!(first.receipt, expected_receipt);
    let workspace = first.bench.context.workspace.clone();
    assert_eq!(files(&workspace), expected_files(&runs, "ZipApp"));

    first.bench.context.downloads.commit().unwrap();
    let mut bench = first.bench;
    bench.env.retain(|name, _| name == "RECIPE_CACHE_DIR");
    let second = again(bench, &recipe).await;
    let error = second.outcome.unwrap_err();
    let copied = workspace.join("copied/Widget.app");
    assert_eq!(
        error.message,
        format!(
            "Can't copy {} to {}: [Errno 17] File exists: '{}'",
            workspace.join("unzipped/Widget.app").display(),
            copied.display(),
            copied.display()
        )
    );
    let said = second.bench.said();
    assert!(
        said.contains(&"Item at URL is unchanged.".to_owned()),
        "{said:?}"
    );
}

#[tokio::test]
async fn a_feed_is_read_as_in_autopkg() {
    let Some(runs) = corpus("runs") else { return };
    let run = run(&runs.join("recipes/Sparkle.download.recipe.yaml")).await;
    run.outcome.unwrap();
    let expected_receipt = expected(&runs.join("expected/Sparkle.receipt.plist"), &run.bench);
    assert_eq!(run.receipt, expected_receipt);
    assert_eq!(
        files(&run.bench.context.workspace),
        expected_files(&runs, "Sparkle")
    );
}

#[tokio::test]
async fn failures_read_as_in_autopkg() {
    let Some(runs) = corpus("runs") else { return };
    for title in ["Missing", "NoMatch"] {
        let run = run(&runs.join(format!("recipes/{title}.download.recipe.yaml"))).await;
        let receipt = runs.join(format!("expected/{title}.receipt.plist"));
        assert_eq!(run.receipt, expected(&receipt, &run.bench));
        let error = run.outcome.unwrap_err();
        let text = fs_err::read_to_string(receipt)
            .unwrap()
            .replace("127.0.0.1:8899", &run.bench.vendor.address().to_string());
        assert!(
            text.contains(&format!("Error: {}</string>", error.message)),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_tar_archive_goes_through_although_autopkg_fails_over_it() {
    let Some(runs) = corpus("runs") else { return };
    let run = run(&runs.join("recipes/Tar.download.recipe")).await;
    run.outcome.unwrap();
    let theirs = expected(&runs.join("expected/Tar.receipt.plist"), &run.bench);
    assert_eq!(run.receipt.get(..theirs.len()), Some(theirs.as_slice()));
    assert_eq!(run.bench.env["version"], "3.2.1".into());
    let workspace = &run.bench.context.workspace;
    let made = workspace.join("made.txt");
    assert_eq!(
        fs_err::read_to_string(&made).unwrap(),
        "Made for Widget 3.2.1\n"
    );
    let bits = |path: &Path| fs_err::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(bits(&made), 0o640);
    assert_eq!(bits(&workspace.join("root/Applications")), 0o775);
    let mine = files(workspace);
    for (path, sha256) in expected_files(&runs, "Tar") {
        assert_eq!(mine.get(&path), Some(&sha256), "{path}");
    }
}
