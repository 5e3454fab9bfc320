//! Titles with processors of recipe repositories.

use super::bench::{Bench, end};

/// Has the title's recipe use a processor beside it, and writes that.
async fn bench_with(main: &str) -> Bench {
    let bench = Bench::unapproved().await;
    let recipes = bench.folder.path().join("recipes");
    let path = recipes.join("Widget.munki.recipe.yaml");
    let recipe = fs_err::read_to_string(&path).unwrap();
    let step = "- Processor: EndOfCheckPhase\n- Processor: com.example.munki.Widget/Namer\n  \
                Arguments: {name: '%NAME%'}\n";
    let recipe = recipe.replace("- Processor: EndOfCheckPhase\n", step);
    fs_err::write(path, recipe).unwrap();
    write_processor(&bench, main);
    bench.approve().await;
    bench
}

fn write_processor(bench: &Bench, main: &str) {
    let text = format!(
        "from autopkglib import Processor, ProcessorError\nclass Namer(Processor):\n    \
         input_variables = {{'name': {{'required': True}}}}\n    output_variables = {{'display': {{}}}}\n    \
         def main(self):\n        {main}\n"
    );
    let path = bench.folder.path().join("recipes/Namer.py");
    fs_err::write(path, text).unwrap();
}

#[tokio::test]
async fn an_approved_one_is_run_and_the_title_published() {
    let bench =
        bench_with("self.env['pkginfo']['display_name'] = self.env['name'] + ' of ours'").await;
    assert_eq!(end(&bench.run().await), "published");
    let pkginfo = bench
        .files()
        .into_iter()
        .find(|file| file.starts_with("pkgsinfo/"))
        .unwrap();
    let text = fs_err::read_to_string(bench.repository().join(pkginfo)).unwrap();
    assert!(text.contains("<string>Widget of ours</string>"), "{text}");
}

#[tokio::test]
async fn a_package_beside_it_that_it_imports_is_there_and_approved() {
    let bench = bench_with("import os").await;
    let words = bench.folder.path().join("recipes/NamerLib/words.py");
    fs_err::create_dir(words.parent().unwrap()).unwrap();
    fs_err::write(&words, "WORD = ' of ours'\n").unwrap();
    write_processor(
        &bench,
        "from NamerLib.words import WORD; self.env['pkginfo']['display_name'] = self.env['name'] + WORD",
    );
    bench.approve().await;
    assert_eq!(end(&bench.run().await), "published");
    fs_err::write(&words, "WORD = ' of theirs'\n").unwrap();
    assert_eq!(end(&bench.run().await), "failed trust");
}

#[tokio::test]
async fn what_it_leaves_in_tmp_goes_with_the_run() {
    for (rest, expected) in [
        ("pass", "published"),
        ("raise ProcessorError('x')", "failed package"),
    ] {
        let bench = bench_with(&format!(
            "import os; assert not os.path.exists('/tmp/token'); open('/tmp/token', 'w'); {rest}"
        ))
        .await;
        for _run in 0..2 {
            let worked = bench.run().await;
            assert_eq!(end(&worked), expected, "{:?}", worked.failure);
            let mut open = vec![bench.folder.path().to_owned()];
            while let Some(folder) = open.pop() {
                for entry in fs_err::read_dir(folder).unwrap() {
                    let path = entry.unwrap().path();
                    assert_ne!(path.file_name().unwrap(), "token", "{}", path.display());
                    if path.is_dir() {
                        open.push(path);
                    }
                }
            }
            if expected == "published" {
                break;
            }
        }
    }
}

#[tokio::test]
async fn one_that_changed_since_is_not_even_loaded() {
    let bench = bench_with("pass").await;
    let marker = bench.folder.path().join("loaded");
    write_processor(&bench, &format!("open('{}', 'w')", marker.display()));
    assert_eq!(end(&bench.run().await), "failed trust");
    assert_eq!(bench.incidents().await, ["trust open 1"]);
    assert!(bench.vendor.seen().is_empty());
    assert!(!marker.exists());
}

#[tokio::test]
async fn one_that_fails_fails_the_run_and_opens_an_incident() {
    let bench = bench_with("raise ProcessorError('no name for ' + self.env['name'])").await;
    let worked = bench.run().await;
    assert_eq!(end(&worked), "failed package");
    let failure = worked.failure.unwrap();
    assert_eq!(failure.said(), "no name for Widget");
    assert_eq!(bench.incidents().await, ["package open 1"]);
    assert!(bench.files().is_empty());
}

#[tokio::test]
async fn one_that_cannot_be_loaded_fails_before_the_first_step() {
    let bench = bench_with("print 'python 2'").await;
    assert_eq!(end(&bench.run().await), "failed configuration");
    assert!(bench.vendor.seen().is_empty());
}

#[tokio::test]
async fn what_it_requires_must_be_there_before_the_first_step() {
    let bench = bench_with("pass").await;
    let path = bench.folder.path().join("recipes/Namer.py");
    let text = fs_err::read_to_string(&path).unwrap();
    let text = text.replace(
        "{'name': {'required': True}}",
        "{'more': {'required': True}}",
    );
    fs_err::write(path, text).unwrap();
    bench.approve().await;
    let worked = bench.run().await;
    assert_eq!(end(&worked), "failed configuration");
    let message = worked.failure.unwrap().message;
    assert!(
        message.ends_with("requires missing argument more"),
        "{message}"
    );
    assert!(bench.vendor.seen().is_empty());
}
