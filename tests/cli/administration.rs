//! The administration pages, by the program, over TLS, asked by curl as a browser would.

use std::{
    net::TcpListener,
    process::Command,
    time::{SystemTime, UNIX_EPOCH},
};

use rustix::process::Signal;
use serde_json::Value;
use totp_rs::{Builder, Secret};

use crate::{program::House, serve::Service};

const NAME: &str = "admin.example.com";
const PASSWORD: &str = "correct horse battery";

struct Pages<'a> {
    house: &'a House,
    port: u16,
}

/// What came back: everything, its status, and what the browser has to hold.
struct Page {
    text: String,
    status: u16,
}

impl Page {
    fn cookie(&self) -> String {
        let line = self
            .text
            .lines()
            .find(|line| line.starts_with("set-cookie: "));
        let held = line.unwrap().trim_start_matches("set-cookie: ");
        held.split(';').next().unwrap().to_owned()
    }

    fn between(&self, before: &str, after: &str) -> &str {
        let (_, rest) = self
            .text
            .split_once(before)
            .unwrap_or_else(|| panic!("{}", self.text));
        rest.split_once(after).unwrap().0
    }
}

impl Pages<'_> {
    fn ask(&self, path: &str, cookie: &str, form: &[(&str, &str)]) -> Page {
        let url = format!("https://{NAME}:{}{path}", self.port);
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--include", "--noproxy", "*"])
            .args(["--cacert", &self.house.arg("cert.pem")])
            .args(["--resolve", &format!("{NAME}:{}:127.0.0.1", self.port)])
            .args(["--cookie", cookie]);
        for (name, value) in form {
            curl.args(["--data-urlencode", &format!("{name}={value}")]);
        }
        if !form.is_empty() {
            curl.args(["--header", &format!("Origin: https://{NAME}:{}", self.port)]);
        }
        let output = curl.arg(url).output().unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{complaint}");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let status = text.split(' ').nth(1).unwrap().parse().unwrap();
        Page { text, status }
    }
}

fn code(secret: &str) -> String {
    let secret = Secret::try_from_base32(secret).unwrap();
    let codes = Builder::new().with_secret(secret).with_step_duration(60);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    codes.build().unwrap().generate(now.as_secs()).to_string()
}

#[test]
fn an_administrator_signs_in_and_looks_after_tenants() {
    let house = House::new();
    let issued = testkit::tls::self_signed(NAME, "one").unwrap();
    house.write("cert.pem", &issued.certificate);
    house.write("key.pem", &issued.key);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    house.write(
        "auto-update.toml",
        &format!(
            "[serve]\nworkers = 1\n[administration]\nlisten = '127.0.0.1:{port}'\n\
             certificate = 'cert.pem'\nkey = 'key.pem'\n"
        ),
    );
    house.write("password", &format!("{PASSWORD}\n"));
    let shown = house.ok("administrator add ada --password-file password");
    assert!(
        shown.contains('▀') && shown.contains("period=60"),
        "{shown}"
    );
    let added = house.ok("administrator change-codes ada --json");
    let added: Value = serde_json::from_str(&added).unwrap();
    let secret = added["secret"].as_str().unwrap();
    let again = house.run("administrator add ada --password-file password");
    assert!(again.shows("already"), "{again}");
    let last = house.run("administrator disable ada");
    assert!(last.shows("make another one first"), "{last}");

    let mut service = Service::start(&house);
    service.until("listening for administrators");
    let pages = Pages {
        house: &house,
        port,
    };
    assert_eq!(pages.ask("/tenants", "", &[]).status, 303);
    let code = code(secret);
    let proof = [("name", "ada"), ("password", PASSWORD), ("code", &code)];
    let wrong = [("name", "ada"), ("password", "x"), ("code", &code)];
    assert_eq!(pages.ask("/sign-in", "", &wrong).status, 401);
    let cookie = pages.ask("/sign-in", "", &proof).cookie();
    assert_eq!(
        pages.ask("/sign-in", "", &proof).status,
        401,
        "the code was used"
    );

    let list = pages.ask("/tenants", &cookie, &[]);
    let token = list
        .between("name=\"form_token\" value=\"", "\"")
        .to_owned();
    let acme = [
        ("form_token", token.as_str()),
        ("customer", "Acme"),
        ("ring", "production"),
    ];
    let made = pages.ask("/tenants", &cookie, &acme);
    assert_eq!(made.status, 200, "{}", made.text);
    let key = made.between("<dt>Token</dt><dd><code>", "<").to_owned();
    let path = made
        .between("<a href=\"", "\">I have kept")
        .rsplit("href=\"")
        .next()
        .unwrap();
    let form = [("form_token", token.as_str())];
    let suspended = pages.ask(&format!("{path}/suspend"), &cookie, &form);
    assert_eq!(suspended.status, 303, "{}", suspended.text);
    assert!(
        house
            .ok("tenant show Acme --json")
            .contains("\"suspended\"")
    );

    // Whoever is disabled at the terminal is out with the next question.
    house.write("other", "another horse battery\n");
    house.ok("administrator add bob --password-file other");
    assert_eq!(pages.ask(path, &cookie, &[]).status, 200);
    house.ok("administrator disable ada");
    assert_eq!(pages.ask(path, &cookie, &[]).status, 303);

    service.signal(Signal::TERM);
    let (ended, log) = service.end();
    assert_eq!(ended.code(), Some(0), "{log}");
    let audit = house.ok("audit-log list --json");
    for told in [
        "session.begin",
        "tenant.create",
        "tenant.suspend",
        "administrator.disable",
    ] {
        assert!(audit.contains(told), "{audit}");
    }
    for hidden in [PASSWORD, &key, secret, cookie.as_str(), &token] {
        assert!(
            !log.contains(hidden) && !audit.contains(hidden),
            "{log}{audit}"
        );
    }
    let verified = house.ok("audit-log verify --json");
    let verified: Value = serde_json::from_str(&verified).unwrap();
    assert_eq!(verified["whole"], true);
    let before = audit.lines().next().unwrap();
    let newest: Value = serde_json::from_str(before).unwrap();
    assert_eq!(newest["digest"], verified["digest"]);
}
