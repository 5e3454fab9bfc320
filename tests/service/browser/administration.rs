//! Those who administer.

use std::sync::Arc;

use tokio::sync::Notify;

use testkit::{
    identity_provider::{Algorithm, CLIENT, CLIENT_SECRET, IdentityProvider},
    pages::code,
    vendor::Resource,
};

use super::{Visitor, configure, free_port, listening, told};
use crate::small::{IMAGE, Small, TITLE};

const PASSWORD: &str = "correct horse battery";

/// Has the recipe changed after its first release, so that its next run waits for a person, and the pages served;
/// answers where, and what the codes of `ada` are made of.
async fn prepare(small: &Small) -> (u16, String) {
    let port = free_port();
    configure(
        small,
        &format!("[administration]\nlisten = '127.0.0.1:{port}'"),
    );
    small.release("1.0");
    small.expect(&["run", TITLE], 0).await;
    let recipe = small.house.recipes().join("Small.munki.recipe.yaml");
    let text = fs_err::read_to_string(&recipe).unwrap();
    fs_err::write(&recipe, format!("# another mirror\n{text}")).unwrap();
    small.expect(&["update-trust-info", TITLE], 0).await;
    small.expect(&["run", TITLE], 70).await;
    let file = small.house.root().join("password");
    fs_err::write(&file, format!("{PASSWORD}\n")).unwrap();
    let file = file.display().to_string();
    let add = ["administrator", "add", "ada", "--password-file", &file];
    let added = told(small, &add).await;
    (port, added["secret"].as_str().unwrap().to_owned())
}

fn sign_in(ada: &Visitor, secret: &str) {
    ada.go("/");
    ada.arrives("/sign-in");
    ada.judge("sign-in");
    for password in ["wrong horse battery", PASSWORD] {
        ada.fill("User ID", "ada");
        ada.fill("Password", password);
        ada.fill("One-time code", &code(secret).unwrap());
        ada.press("Sign in");
    }
    ada.arrives("/now");
    ada.judge("now");
}

/// Approves a change of the recipe from what differs, and sees the run that follows.
fn approve(ada: &Visitor) {
    ada.go("/holds");
    ada.sees(TITLE);
    ada.judge("holds");
    ada.go("/now");
    ada.press(TITLE);
    ada.sees("another mirror");
    ada.judge("hold");
    ada.fill("Reason", "I have read the change");
    ada.press("Approve");
    ada.arrives("/now");
    ada.go(&format!("/titles/{TITLE}"));
    ada.browser.wait_for("unchanged").unwrap();
    ada.press("Runs");
    ada.judge("runs");
    ada.press(TITLE);
    ada.sees("URLDownloader");
    ada.press("URLDownloader");
    ada.judge("run");
}

/// Watches a run while the vendor sends its image, and until it is published: the page sees to it by itself.
async fn watch(ada: &Visitor, small: &Small) {
    let go_on = Arc::new(Notify::new());
    let slow = Resource::file(small.image("2.0")).pausing_after(1000, Arc::clone(&go_on));
    small.house.vendor.put(IMAGE, slow);
    let queued = told(small, &["runs", "queue", TITLE]).await;
    let run = queued["run"].as_str().unwrap();
    ada.go(&format!("/runs/{run}"));
    ada.browser.watch_for("running: URLDownloader").unwrap();
    ada.judge("run-live");
    go_on.notify_one();
    ada.browser.watch_for("Small 2.0").unwrap();
    ada.browser.watch_for("intoto.jsonl").unwrap();
}

/// Looks for a title, and at the figures.
fn look_around(ada: &Visitor) {
    ada.press("Titles");
    // The list changes while somebody types; the button has the same done.
    ada.fill("Search", "nothing like it");
    ada.sees("No title is called like that");
    ada.sees("0 titles are called like that");
    ada.fill("Search", "SMALL");
    ada.press("Show");
    ada.sees("Small 2.0");
    ada.judge("titles");
    ada.press(TITLE);
    ada.sees("Released");
    ada.judge("title");
    ada.press("Figures");
    ada.sees("Time to patch");
    ada.judge("figures");
}

/// Watches a run that fails, and takes and ends the incident.
async fn look_after(ada: &Visitor, small: &Small) {
    let broken = Resource::file(b"no image".to_vec());
    small.house.vendor.put(IMAGE, broken);
    let queued = told(small, &["runs", "queue", TITLE]).await;
    let run = queued["run"].as_str().unwrap();
    ada.go(&format!("/runs/{run}"));
    ada.browser.watch_for("What to do").unwrap();
    ada.go("/incidents");
    ada.judge("incidents");
    ada.press(TITLE);
    ada.judge("incident");
    ada.press("Acknowledge");
    ada.sees("taken by ada");
    ada.fill("Note, or why it is over", "the <vendor> mended it");
    ada.press("Resolve");
    ada.sees("the <vendor> mended it");
}

/// Makes a tenant, replaces its credential, and reads in the log that it was so.
fn look_after_a_tenant(ada: &Visitor) {
    ada.press("Tenants");
    ada.fill("Customer ID", "Acme Ltd");
    ada.fill("Ring", "testing");
    ada.press("Make it");
    ada.judge_unseen("secrets");
    ada.press("I have kept them");
    ada.judge("tenant");
    ada.press("Make a new user and password");
    ada.sees("not shown again");
    ada.go("/tenants");
    ada.judge("tenants");
    ada.press("Audit log");
    ada.sees("tenant.rotate-credential");
    ada.judge("log");
    ada.go("/nothing");
    ada.judge("nothing");
    ada.go("/now");
    ada.press("Sign out");
    ada.arrives("/sign-in");
    ada.go("/log");
    ada.arrives("/sign-in");
}

/// With threads to spare: the vendor has to answer while the browser is waited for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pages_are_used_in_a_browser() {
    let Some(small) = Small::stand().await else {
        return;
    };
    let (port, secret) = prepare(&small).await;
    let Some(ada) = Visitor::with_browser(port) else {
        return;
    };
    let mut service = small.house.program().command(&["serve"]).spawn().unwrap();
    listening(port).await;
    sign_in(&ada, &secret);
    approve(&ada);
    watch(&ada, &small).await;
    look_around(&ada);
    look_after(&ada, &small).await;
    look_after_a_tenant(&ada);
    service.kill().await.unwrap();
}

/// The pages, with passwords and with the identity provider.
fn configure_sign_on(small: &Small, provider: &IdentityProvider) -> u16 {
    let port = free_port();
    let secret = small.house.root().join("oidc");
    fs_err::write(&secret, format!("{CLIENT_SECRET}\n")).unwrap();
    let sections = format!(
        "[administration]
listen = '127.0.0.1:{port}'
url = 'http://localhost:{port}'
[administration.oidc]
issuer = '{}'
client-id = '{CLIENT}'
client-secret-file = '{}'
allow-loopback-http = true
[administration.oidc.groups]
packaging = 'packager'
administering = 'administrator'
",
        provider.issuer(),
        secret.display()
    );
    configure(small, &sections);
    port
}

/// The browser goes on by itself until it sees that.
fn comes_to(visitor: &Visitor, words: &str) {
    for _ in 0..100 {
        if visitor.browser.text().unwrap().contains(words) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    visitor.sees(words);
}

/// In a browser, since that alone knows which cookies go along from one site to another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_identity_provider_signs_people_in() {
    let Some(small) = Small::stand().await else {
        return;
    };
    let provider = IdentityProvider::start(Algorithm::RS256).await.unwrap();
    provider.person("u-1", "grace", &["packaging"]);
    let port = configure_sign_on(&small, &provider);
    let Some(grace) = Visitor::with_browser(port) else {
        return;
    };
    let mut service = small.house.program().command(&["serve"]).spawn().unwrap();
    listening(port).await;
    grace.go("/");
    grace.arrives("/sign-in");
    grace.judge("sign-in-organisation");
    grace.press("Sign in with your organisation");
    comes_to(&grace, "oidc:grace, packager");
    grace.arrives("/now");
    grace.press("Sign out");
    comes_to(&grace, "You are signed out.");
    grace.go("/now");
    grace.arrives("/sign-in");
    provider.person("u-2", "eve", &["visitors"]);
    grace.press("Sign in with your organisation");
    grace.sees("none of your groups has a role here");
    grace.judge("sign-in-without-role");
    provider.person("u-3", "ada", &["administering"]);
    let ada = grace;
    ada.press("Sign in with your organisation");
    comes_to(&ada, "oidc:ada, administrator");
    ada.go("/users");
    ada.sees("oidc:grace");
    ada.judge("users-of-the-provider");
    ada.press("Sign out oidc:ada");
    ada.arrives("/sign-in");
    service.kill().await.unwrap();
}
