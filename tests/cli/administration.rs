//! The administration pages, by the program, over TLS, asked by curl as a browser would.

use std::net::TcpListener;

use rustix::process::Signal;
use serde_json::Value;
use testkit::pages::{Pages, code};

use crate::{program::House, serve::Service};

const NAME: &str = "admin.example.com";
const PASSWORD: &str = "correct horse battery";

/// Where the pages are to be.
fn configure(house: &House) -> u16 {
    let issued = testkit::tls::self_signed(NAME, "one").unwrap();
    house.write("cert.pem", &issued.certificate);
    house.write("key.pem", &issued.key);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    house.write(
        "auto-update.toml",
        &format!(
            "[serve]\nworkers = 1\n[administration]\nlisten = '127.0.0.1:{port}'\n\
             certificate = 'cert.pem'\nkey = 'key.pem'\n"
        ),
    );
    port
}

/// Makes the first administrator; answers what her codes are made of.
fn make_ada(house: &House) -> String {
    house.write("password", &format!("{PASSWORD}\n"));
    let shown = house.ok("administrator add ada --password-file password");
    let is_whole = shown.contains('▀') && shown.contains("period=60");
    assert!(is_whole, "{shown}");
    let again = house.run("administrator add ada --password-file password");
    assert!(again.shows("already"), "{again}");
    let last = house.run("administrator disable ada");
    assert!(last.shows("make another one first"), "{last}");
    let added = house.ok("administrator change-codes ada --json");
    let added: Value = serde_json::from_str(&added).unwrap();
    added["secret"].as_str().unwrap().to_owned()
}

/// What people did is on record, and none of these.
fn check_audit_log(house: &House, hidden: &[&str]) {
    let audit = house.ok("audit-log list --json");
    for told in [
        "session.begin",
        "tenant.create",
        "tenant.suspend",
        "administrator.disable",
    ] {
        assert!(audit.contains(told), "{audit}");
    }
    assert!(!hidden.iter().any(|it| audit.contains(it)), "{audit}");
    let verified = house.ok("audit-log verify --json");
    let verified: Value = serde_json::from_str(&verified).unwrap();
    assert_eq!(verified["whole"], true);
    let newest: Value = serde_json::from_str(audit.lines().next().unwrap()).unwrap();
    assert_eq!(newest["digest"], verified["digest"]);
}

#[test]
fn an_administrator_signs_in_and_looks_after_tenants() {
    let house = House::new();
    let port = configure(&house);
    let secret = make_ada(&house);
    let mut service = Service::start(&house);
    service.until("listening for administrators");
    let pages = Pages::over_tls(NAME, port, &house.path("cert.pem"));
    let ask =
        |path: &str, cookie: &str, form: &[(&str, &str)]| pages.ask(path, cookie, form).unwrap();
    assert_eq!(ask("/tenants", "", &[]).status, 303);
    let code = code(&secret).unwrap();
    let proof = [("name", "ada"), ("password", PASSWORD), ("code", &code)];
    let wrong = [("name", "ada"), ("password", "x"), ("code", &code)];
    assert_eq!(ask("/sign-in", "", &wrong).status, 401);
    let cookie = ask("/sign-in", "", &proof).cookie().unwrap();
    let used = ask("/sign-in", "", &proof);
    assert_eq!(used.status, 401, "the code was used");

    let token = ask("/tenants", &cookie, &[]).form_token().unwrap();
    let form = ("form_token", token.as_str());
    let acme = [form, ("customer", "Acme"), ("ring", "production")];
    let made = ask("/tenants", &cookie, &acme);
    assert_eq!(made.status, 200, "{}", made.text);
    let key = made.between("<dt>Token</dt><dd><code>", "<").unwrap();
    let before = made.between("<h1>", "\">I have kept").unwrap();
    let path = before.rsplit("href=\"").next().unwrap();
    let suspended = ask(&format!("{path}/suspend"), &cookie, &[form]);
    assert_eq!(suspended.status, 303, "{}", suspended.text);
    let told = house.ok("tenant show Acme --json");
    assert!(told.contains("\"suspended\""), "{told}");

    // Whoever is disabled at the terminal is out with the next question.
    house.write("other", "another horse battery\n");
    house.ok("administrator add bob --password-file other");
    assert_eq!(ask(path, &cookie, &[]).status, 200);
    house.ok("administrator disable ada");
    assert_eq!(ask(path, &cookie, &[]).status, 303);

    service.signal(Signal::TERM);
    let (ended, log) = service.end();
    assert_eq!(ended.code(), Some(0), "{log}");
    let hidden = [PASSWORD, key, secret.as_str(), cookie.as_str(), &token];
    assert!(!hidden.iter().any(|it| log.contains(it)), "{log}");
    check_audit_log(&house, &hidden);
}
