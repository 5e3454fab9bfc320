//! What waits for a person, and a house that moves.

use serde_json::Value;

use crate::small::{Small, TITLE};

impl Small {
    /// Adds a section to the configuration.
    fn configure(&self, section: &str) {
        let file = self.house.config_file();
        let config = fs_err::read_to_string(&file).unwrap();
        fs_err::write(file, format!("{config}\n{section}\n")).unwrap();
    }

    async fn json(&self, arguments: &[&str]) -> Vec<Value> {
        let printed = self.expect(&[arguments, &["--json"]].concat(), 0).await;
        let lines = printed.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// What one person says to a run that waits.
    async fn says(&self, verb: &str, run: &str, by: &str) -> Value {
        let arguments = ["holds", verb, run, "--by", by, "--reason", "looked at it"];
        self.json(&arguments).await.remove(0)
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap()
}

#[tokio::test]
async fn two_people_let_pass_what_both_have_seen() {
    let Some(small) = Small::stand().await else {
        return;
    };
    small.configure("[guards]\npeople = 2\nfirst-release = true");
    small.release("1.0");
    small.expect(&["run", TITLE], 70).await;
    let held = small.json(&["holds", "list"]).await.remove(0);
    assert_eq!(text(&held, "class"), "re-release");
    let run = text(&held, "run");
    assert_eq!(small.says("approve", run, "ada").await["missing"], 1);
    assert_eq!(small.says("approve", run, "ada").await["missing"], 1);
    let passed = small.says("approve", run, "bob").await;
    assert_eq!(text(&passed, "decided"), "passed");
    // Here nobody serves; the run that will pass is in the queue.
    let queued = small
        .json(&["runs", "show", text(&passed, "run")])
        .await
        .remove(0);
    assert_eq!(
        (text(&queued, "state"), &queued["priority"]),
        ("queued", &50.into())
    );
    small
        .expect(&["run", "--accept", "re-release", TITLE], 0)
        .await;
    assert_eq!(small.published(), ["1.0"]);

    // A recipe that is changed while people decide is not what the first of them saw.
    let recipe = small.house.recipes().join("Small.munki.recipe.yaml");
    let change = |comment: &str| {
        let text = fs_err::read_to_string(&recipe).unwrap();
        fs_err::write(&recipe, format!("# {comment}\n{text}")).unwrap();
    };
    change("one");
    small.expect(&["update-trust-info", TITLE], 0).await;
    small.expect(&["run", TITLE], 70).await;
    let held = small.json(&["holds", "list"]).await.remove(0);
    assert_eq!(text(&held, "class"), "trust");
    let run = text(&held, "run");
    assert_eq!(small.says("approve", run, "ada").await["missing"], 1);
    change("two");
    small.expect(&["update-trust-info", TITLE], 0).await;
    assert_eq!(small.says("approve", run, "bob").await["missing"], 1);
    let about = text(&held, "about");
    let stale = [
        "holds", "approve", run, "--by", "ada", "--reason", "r", "--about", about,
    ];
    small.expect(&stale, 1).await;
    assert_eq!(
        text(&small.says("refuse", run, "eve").await, "decided"),
        "refused"
    );
    assert_eq!(small.expect(&["holds", "list"], 0).await, "");
    assert_eq!(
        text(&small.says("approve", run, "ada").await, "decided"),
        "passed"
    );
    // A newer run has taken its place.
    small.expect(&["holds", "show", run], 1).await;
    small.expect(&["run", TITLE], 0).await;
}

#[tokio::test]
async fn a_house_moves_with_everything_that_cannot_be_had_again() {
    let Some(small) = Small::stand().await else {
        return;
    };
    small.release("1.0");
    small.expect(&["run", TITLE], 0).await;
    let before = small.expect(&["runs", "list", "--json"], 0).await;
    assert_eq!(before.lines().count(), 1);
    small
        .expect(&["backup", "house.tar", "--repository"], 0)
        .await;
    small.expect(&["backup", "house.tar"], 1).await;
    let root = small.house.root();
    small.expect(&["restore", "house.tar"], 1).await;

    let config = fs_err::read_to_string(small.house.config_file()).unwrap();
    let config = config
        .replace("state-dir = \"var\"", "state-dir = \"new\"")
        .replace("path = \"var/repo\"", "path = \"new/repo\"");
    fs_err::write(root.join("new.toml"), config).unwrap();
    let schema = "moved".to_owned()
        + &root
            .to_string_lossy()
            .replace(|it: char| !it.is_ascii_digit(), "_");
    let elsewhere = [
        ("AUTO_UPDATE_CONFIG", "new.toml"),
        ("AUTO_UPDATE_DATABASE_SCHEMA", &*schema.to_lowercase()),
    ];
    let program = small.house.program();
    for (arguments, expected) in [
        (&["restore", "house.tar"][..], ""),
        (&["runs", "list", "--json"], &*before),
        (&["munki", "check"], ""),
    ] {
        let finished = program.run_with(arguments, &elsewhere).await.unwrap();
        assert_eq!(
            finished.expect(0).unwrap().stdout,
            expected,
            "{arguments:?}"
        );
    }
    // It goes on where it left: the next release is published, and evidence of both holds.
    small.release("1.1");
    let finished = program.run_with(&["run", TITLE], &elsewhere).await.unwrap();
    finished.expect(0).unwrap();
    let log = program
        .run_with(&["evidence", "log", "--json"], &elsewhere)
        .await
        .unwrap();
    assert_eq!(log.expect(0).unwrap().stdout.lines().count(), 2);
}

#[tokio::test]
async fn the_queue_is_seen_and_runs_are_taken_out_of_it() {
    let Some(small) = Small::stand().await else {
        return;
    };
    let queued = small
        .json(&["runs", "queue", TITLE, "--priority", "-5"])
        .await
        .remove(0);
    assert_eq!(queued["new"], true);
    let run = text(&queued, "run");
    let again = small.json(&["runs", "queue", TITLE]).await.remove(0);
    assert_eq!((&again["new"], text(&again, "run")), (&false.into(), run));
    small.expect(&["runs", "queue", "Nothing.munki"], 1).await;
    small
        .expect(&["runs", "queue", TITLE, "--label", "a,b"], 1)
        .await;
    let listed = small.json(&["runs", "list", "--state", "queued"]).await;
    assert_eq!((listed.len(), &listed[0]["priority"]), (1, &(-5).into()));
    let said = small.expect(&["runs", "cancel", run], 0).await;
    assert!(said.ends_with(": cancelled\n"), "{said}");
    small.expect(&["runs", "cancel", run], 1).await;
    let shown = small.json(&["runs", "show", run]).await.remove(0);
    assert_eq!(text(&shown, "state"), "cancelled");
    assert_eq!(small.expect(&["runs", "nodes"], 0).await, "");
}
