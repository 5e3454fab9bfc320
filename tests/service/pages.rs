//! What people decide on the pages, while the service runs.

use std::{net::TcpListener, time::Duration};

use serde_json::Value;
use testkit::{
    pages::{Page, Pages},
    vendor::Resource,
};

use crate::small::{IMAGE, Small, TITLE};

const PASSWORD: &str = "correct horse battery";

/// How long the service may take to do what it is asked.
const LONGEST: Duration = Duration::from_mins(1);

/// Somebody who is signed in.
struct Visitor<'a> {
    pages: &'a Pages,
    cookie: String,
    token: String,
}

impl Visitor<'_> {
    fn see(&self, path: &str) -> Page {
        self.pages.ask(path, &self.cookie, &[]).unwrap()
    }

    fn say(&self, path: &str, form: &[(&str, &str)]) -> Page {
        let form = [&[("form_token", self.token.as_str())], form].concat();
        self.pages.ask(path, &self.cookie, &form).unwrap()
    }

    /// Looks at a page again and again, until that is on it.
    async fn wait(&self, path: &str, text: &str) -> Page {
        let waiting = async {
            loop {
                let page = self.see(path);
                if page.text.contains(text) {
                    return page;
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        };
        let waited = tokio::time::timeout(LONGEST, waiting).await;
        assert!(waited.is_ok(), "no `{text}` in {}", self.see(path).text);
        waited.unwrap()
    }
}

/// Makes somebody at the terminal and signs them in.
async fn enter<'a>(small: &Small, pages: &'a Pages, name: &str, role: &str) -> Visitor<'a> {
    let file = small.house.root().join("password");
    fs_err::write(&file, format!("{PASSWORD}\n")).unwrap();
    let file = file.display().to_string();
    let add = [
        "administrator",
        "add",
        name,
        "--role",
        role,
        "--password-file",
        &file,
        "--json",
    ];
    let added: Value = serde_json::from_str(&small.expect(&add, 0).await).unwrap();
    let secret = added["secret"].as_str().unwrap();
    let (cookie, token) = pages.sign_in(name, PASSWORD, secret).unwrap();
    Visitor {
        pages,
        cookie,
        token,
    }
}

/// Has a title wait for a person, and the pages served; answers where.
pub(crate) async fn prepare(small: &Small) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let file = small.house.config_file();
    let config = fs_err::read_to_string(&file).unwrap();
    let more = format!(
        "\n[guards]\nfirst-release = true\n[administration]\nlisten = '127.0.0.1:{port}'\n"
    );
    fs_err::write(&file, config + &more).unwrap();
    small.release("1.0");
    small.expect(&["run", TITLE], 70).await;
    port
}

/// Approves what waits, and sees it published.
async fn approve(small: &Small, ada: &Visitor<'_>, vic: &Visitor<'_>) {
    let now = ada.see("/now");
    assert_eq!(now.status, 200, "{}", now.text);
    assert!(now.text.contains("re-release"), "{}", now.text);
    let run = now.between("<a href=\"/holds/", "\"").unwrap();
    let path = format!("/holds/{run}");
    let hold = ada.see(&path);
    let about = hold.between("name=\"about\" value=\"", "\"").unwrap();
    let decide = |who: &Visitor<'_>, about: &str, reason: &str| {
        let form = [("about", about), ("verdict", "approve"), ("reason", reason)];
        who.say(&path, &form).status
    };
    assert!(!vic.see(&path).text.contains("name=\"verdict\""));
    assert_eq!(decide(vic, about, "it is theirs"), 403);
    assert_eq!(decide(ada, &"0".repeat(64), "it is theirs"), 409);
    assert_eq!(decide(ada, about, " "), 409);
    assert_eq!(decide(ada, about, "it is theirs"), 303);
    let page = ada.wait("/runs?state=published", "<a href=\"/runs/").await;
    let shown = page.between("<a href=\"/runs/", "\"").unwrap();
    let run = ada.see(&format!("/runs/{shown}"));
    assert!(run.text.contains("MunkiImporter"), "{}", run.text);
    assert_eq!(small.published(), ["1.0"]);
    evidence(vic, &run, shown);
}

/// What a run has published is shown with its evidence, and who is signed in may follow it.
fn evidence(vic: &Visitor<'_>, run: &Page, id: &str) {
    let path = run.between("<a href=\"/evidence/", "\"").unwrap();
    let bundle = vic.see(&format!("/evidence/{path}"));
    assert_eq!(bundle.status, 200, "{}", bundle.text);
    assert!(bundle.text.contains("\"payloadType\""), "{}", bundle.text);
    for nothing in [
        "/evidence/publications.jsonl",
        "/evidence/%2e%2e/x.intoto.jsonl",
    ] {
        assert_eq!(vic.see(nothing).status, 404, "{nothing}");
    }
    for (path, told) in [("live", "event: over"), ("part", "MunkiImporter")] {
        let path = format!("/runs/{id}/{path}");
        let answer = vic.see(&path);
        assert!(answer.text.contains(told), "{}", answer.text);
        assert_eq!(vic.pages.ask(&path, "", &[]).unwrap().status, 401);
    }
    for path in ["/titles", "/titles/Small.munki", "/figures", "/holds"] {
        assert_eq!(vic.see(path).status, 200, "{path}");
        assert_eq!(vic.pages.ask(path, "", &[]).unwrap().status, 303);
    }
    assert_eq!(vic.see("/titles/Nothing").status, 404);
    let script = run.text.contains("<script");
    assert!(!script, "nothing is followed that is over");
}

/// Takes an incident, and ends it.
async fn look_after(small: &Small, ada: &Visitor<'_>, vic: &Visitor<'_>) {
    let broken = Resource::file(b"no image".to_vec());
    small.house.vendor.put(IMAGE, broken);
    small.expect(&["run", TITLE], 70).await;
    let incidents = ada.see("/incidents");
    let incident = incidents.between("<a href=\"/incidents/", "\"").unwrap();
    let path = format!("/incidents/{incident}");
    assert_eq!(vic.say(&path, &[("deed", "acknowledge")]).status, 403);
    assert_eq!(ada.say(&path, &[("deed", "acknowledge")]).status, 303);
    assert!(ada.see(&path).text.contains("taken by ada"));
    assert_eq!(ada.say(&path, &[("deed", "resolve")]).status, 409);
    let resolve = [("deed", "resolve"), ("text", "the <vendor> mended it")];
    assert_eq!(ada.say(&path, &resolve).status, 303);
    let over = ada.see(&path).text;
    assert!(over.contains("the &#60;vendor&#62; mended it"), "{over}");
    assert!(!ada.see("/incidents").text.contains(incident));
}

#[tokio::test]
async fn what_waits_is_approved_and_incidents_are_looked_after() {
    let Some(small) = Small::stand().await else {
        return;
    };
    let port = prepare(&small).await;
    let mut service = small.house.program().command(&["serve"]).spawn().unwrap();
    let pages = Pages::plain(port);
    let up = async {
        while pages.ask("/sign-in", "", &[]).is_err() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(LONGEST, up).await.unwrap();
    let ada = enter(&small, &pages, "ada", "approver").await;
    let vic = enter(&small, &pages, "vic", "viewer").await;
    approve(&small, &ada, &vic).await;
    look_after(&small, &ada, &vic).await;
    let log = small.expect(&["audit-log", "list"], 0).await;
    for told in [
        "ada",
        "hold.approve",
        "incident.resolve",
        "refused page.ask",
    ] {
        assert!(log.contains(told), "{log}");
    }
    small.expect(&["audit-log", "verify"], 0).await;
    service.kill().await.unwrap();
}
