//! What programs do by the API, while the service runs.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::api::{Api, find_tester};

use crate::{
    pages::prepare,
    small::{Small, TITLE},
};

/// How long the service may take to do what it is asked.
const LONGEST: Duration = Duration::from_mins(1);

/// What each operation is asked by Schemathesis, at the most.
const EXAMPLES: &str = "6";

/// Makes a token at the terminal.
async fn token(small: &Small, name: &str, role: &str) -> String {
    let add = [
        "administrator",
        "token",
        "add",
        name,
        "--role",
        role,
        "--json",
    ];
    let added: Value = serde_json::from_str(&small.expect(&add, 0).await).unwrap();
    added["token"].as_str().unwrap().to_owned()
}

/// Waits until the API answers.
async fn until_up(api: &Api) {
    let up = async {
        while api.get("/me").is_err() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(LONGEST, up).await.unwrap();
}

/// Asks again and again, until that is so.
async fn wait(api: &Api, path: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let waiting = async {
        loop {
            let answer = api.get(path).unwrap().json();
            if is_so(&answer) {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    let waited = tokio::time::timeout(LONGEST, waiting).await;
    assert!(waited.is_ok(), "{path}: {}", api.get(path).unwrap().text);
    waited.unwrap()
}

/// Approves what waits, and sees it published.
async fn approve(ada: &Api, vic: &Api) {
    let holds = vic.get("/holds").unwrap().json();
    let hold = &holds["items"][0];
    assert_eq!(hold["class"], "re-release", "{holds}");
    let path = format!("/holds/{}/decisions", hold["run"].as_str().unwrap());
    let decision =
        |about: &str| json!({"verdict": "approve", "reason": "it is theirs", "about": about});
    let about = decision(hold["about"].as_str().unwrap());
    assert_eq!(vic.post(&path, &about, "").unwrap().status, 403);
    let other = decision(&"0".repeat(64));
    assert_eq!(ada.post(&path, &other, "").unwrap().status, 409);
    let decided = ada.post(&path, &about, "").unwrap();
    assert_eq!(decided.json()["decided"], "passed", "{}", decided.text);
    let run = format!("/runs/{}", decided.json()["run"].as_str().unwrap());
    let run = wait(vic, &run, |run| run["state"] == "published").await;
    let steps = run["steps"].as_array().unwrap();
    let is_import = |step: &&Value| step["processor"] == "MunkiImporter";
    assert_eq!(steps.iter().filter(is_import).count(), 1, "{run}");
    let published = vic.get("/publications").unwrap().json();
    assert_eq!(published["items"][0]["items"][0]["version"], "1.0");
    let items = vic.get("/items").unwrap().json();
    assert_eq!(items["items"][0]["name"], "Small", "{items}");
    let titles = vic.get("/titles").unwrap().json();
    assert_eq!(titles["items"][0]["last_run"]["state"], "published");
    assert!(titles["items"][0]["good_at"].is_string(), "{titles}");
    assert!(titles["items"][0]["approved_by"].is_string(), "{titles}");
    assert!(titles["items"][0]["version"].is_string(), "{titles}");
    let times = titles["items"][0]["run_times"].as_array().unwrap();
    assert_eq!(times.last().unwrap()["state"], "published", "{titles}");
    let behind = titles["items"][0]["title"].as_str().unwrap();
    let behind = vic.get(&format!("/titles?cursor={behind}")).unwrap().json();
    assert_eq!(behind["items"], json!([]), "{behind}");
}

/// Has the title run once, however often that is asked for.
async fn run(pat: &Api) {
    let wanted = json!({"override": TITLE});
    let first = pat.post("/runs", &wanted, "one").unwrap();
    assert_eq!(first.status, 202, "{}", first.text);
    assert_eq!(first.json()["new"], true);
    let path = format!("/runs/{}", first.json()["run"].as_str().unwrap());
    wait(pat, &path, |run| run["state"] == "unchanged").await;
    let again = pat.post("/runs", &wanted, "one").unwrap();
    assert_eq!((again.status, &again.text), (202, &first.text));
    let nothing = json!({"override": "Nothing.munki"});
    assert_eq!(pat.post("/runs", &nothing, "").unwrap().status, 404);
    let path = json!({"override": "/etc/passwd"});
    assert_eq!(pat.post("/runs", &path, "").unwrap().status, 400);
}

#[tokio::test]
async fn programs_decide_and_run_and_hear_what_happens() {
    let Some(small) = Small::stand().await else {
        return;
    };
    let port = prepare(&small).await;
    let api = async |name: &str, role: &str| Api::plain(port, &token(&small, name, role).await);
    let (ada, vic) = (api("ada", "approver").await, api("vic", "viewer").await);
    let pat = api("pat", "packager").await;
    let mut service = small.house.program().command(&["serve"]).spawn().unwrap();
    until_up(&vic).await;
    approve(&ada, &vic).await;
    service.kill().await.unwrap();
    let mut service = small.house.program().command(&["serve"]).spawn().unwrap();
    until_up(&vic).await;
    let told = vic.get("/events?after=0&seconds=0").unwrap().text;
    for kind in [
        "run.held",
        "hold.approve",
        "step.done",
        "publication.published",
        "run.published",
    ] {
        assert!(told.contains(&format!("event: {kind}\n")), "{kind}: {told}");
    }
    run(&pat).await;
    let revoke = ["administrator", "token", "revoke", "vic"];
    small.expect(&revoke, 0).await;
    assert_eq!(vic.get("/me").unwrap().status, 401);
    let log = small.expect(&["audit-log", "list"], 0).await;
    for told in [
        "token:ada",
        "hold.approve",
        "token:pat",
        "run.queue",
        "token.revoke",
    ] {
        assert!(log.contains(told), "{told} not in {log}");
    }
    small.expect(&["audit-log", "verify"], 0).await;
    service.kill().await.unwrap();
}

#[tokio::test]
async fn every_answer_is_one_that_the_document_tells_of() {
    let Some(tester) = find_tester() else {
        assert!(
            std::env::var_os("CI").is_none(),
            "no Schemathesis: run `cargo xtask setup`"
        );
        eprintln!("skipped: no Schemathesis");
        return;
    };
    let Some(small) = Small::stand().await else {
        return;
    };
    let port = prepare(&small).await;
    let file = small.house.config_file();
    let config = fs_err::read_to_string(&file).unwrap();
    fs_err::write(&file, config + "api-calls-per-minute = 1000000\n").unwrap();
    let api = Api::plain(port, &token(&small, "tester", "administrator").await);
    let mut service = small.house.program().command(&["serve"]).spawn().unwrap();
    until_up(&api).await;
    let mut testing = api.tester(&tester);
    testing
        .args(["--phases", "examples,coverage,fuzzing"])
        .args(["--max-examples", EXAMPLES, "--seed", "7"])
        .args(["--generation-database", "none", "--no-shrink"])
        .args([
            "--checks",
            "not_a_server_error,status_code_conformance,content_type_conformance,\
             response_headers_conformance,response_schema_conformance",
        ])
        // Each of its answers takes as long as somebody listens.
        .args(["--exclude-operation-id", "event_stream"])
        // It finds its own token in the list, and would be nobody from then on.
        .args(["--exclude-operation-id", "token_revoke"])
        .current_dir(small.house.root());
    let asked = tokio::task::spawn_blocking(move || testing.output());
    let ended = asked.await.unwrap().unwrap();
    let told = String::from_utf8_lossy(&ended.stdout).into_owned();
    let complaint = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{told}{complaint}");
    assert!(api.get("/runs").unwrap().status == 200, "{told}");
    service.kill().await.unwrap();
}
