use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Request, Response, header},
};
use model::{Clock as _, FixedClock, Timestamp};
use redact::{Scrubber, Secret};
use store::{AuditOutcome, Db};
use tenancy::{
    NewTenant, Tenants, Vault,
    administration::{Administration, Enrolment, NewAdministrator, Office, check_log},
    profile::ProfileSettings,
};
use totp_rs::{Builder, Secret as CodeSecret};
use tower::ServiceExt as _;

use super::{AdministrationDoor, administration_router};

const PASSWORD: &str = "correct horse battery";
const HOST: &str = "admin.example.com";

mod oidc;
mod roles;

struct World {
    _folder: tempfile::TempDir,
    clock: Arc<FixedClock>,
    db: Db,
    door: AdministrationDoor,
}

/// What came back.
struct Answer {
    status: u16,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    async fn of(response: Response<Body>) -> Self {
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, 1 << 20).await.unwrap();
        Self {
            status: parts.status.as_u16(),
            headers: parts.headers,
            text: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }

    fn header(&self, name: header::HeaderName) -> &str {
        self.headers.get(name).map_or("", |it| it.to_str().unwrap())
    }
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(FixedClock::at(Timestamp::from_secs(1_800_000_000)));
        let db = testkit::database(&folder.path().join("auto-update.db")).await;
        let vault = Vault::in_folder(&folder.path().join("keys"));
        let rings = ["testing", "production"].map(str::to_owned).to_vec();
        let tenants = Tenants::new(db.clone(), vault.clone(), clock.clone(), rings.clone());
        let door = AdministrationDoor {
            administration: Administration::new(db.clone(), vault, clock.clone()),
            tenants,
            db: db.clone(),
            engine: None,
            scrubber: Scrubber::default(),
            rings,
            profile: Some(ProfileSettings {
                envquery_url: "https://envquery.example.com".to_owned(),
                pins: ["A", "E"].map(|it| format!("{}=", it.repeat(43))).to_vec(),
                ..ProfileSettings::default()
            }),
            overlap: Duration::from_hours(24),
            schedules: folder.path().join("schedules.yaml"),
            stale: Duration::from_hours(14 * 24),
            settings: None,
            is_tls: true,
        };
        Self {
            _folder: folder,
            clock,
            db,
            door,
        }
    }

    fn router(&self) -> Router {
        administration_router(self.door.clone())
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        Answer::of(self.router().oneshot(request).await.unwrap()).await
    }

    async fn get(&self, path: &str, cookie: &str) -> Answer {
        let request = Request::get(path)
            .header("host", HOST)
            .header("cookie", format!("other=1; {cookie}"));
        self.send(request.body(Body::empty()).unwrap()).await
    }

    async fn post(&self, path: &str, cookie: &str, form: &[(&str, &str)]) -> Answer {
        let body = serde_urlencoded::to_string(form).unwrap();
        let request = Request::post(path)
            .header("host", HOST)
            .header("origin", format!("https://{HOST}"))
            .header("content-type", "application/x-www-form-urlencoded")
            .header("cookie", cookie);
        self.send(request.body(Body::from(body)).unwrap()).await
    }

    async fn add(&self, office: Office) -> Enrolment {
        self.enrol(&format!("u-{office}"), office).await
    }

    async fn enrol(&self, name: &str, office: Office) -> Enrolment {
        let new = NewAdministrator {
            name: name.to_owned(),
            office,
            password: Secret::new(PASSWORD.to_owned()),
            by: "kim".to_owned(),
        };
        self.door.administration.add(new).await.unwrap()
    }

    /// Somebody else; answers their id.
    async fn add_named(&self, name: &str, office: Office) -> String {
        self.enrol(name, office).await;
        let found = self.door.administration.find(name).await.unwrap();
        found.id.to_string()
    }

    fn code(&self, enrolment: &Enrolment) -> String {
        let secret = CodeSecret::try_from_base32(enrolment.secret.expose()).unwrap();
        let codes = Builder::new().with_secret(secret).with_step_duration(60);
        let seconds = self.clock.now().as_micros() / 1_000_000;
        let codes = codes.build().unwrap();
        codes.generate(u64::try_from(seconds).unwrap()).to_string()
    }

    /// Signs in, and answers what the browser sends from then on, and what has to come with forms.
    async fn enter(&self, office: Office) -> (String, String) {
        let enrolment = self.add(office).await;
        let code = self.code(&enrolment);
        let form = [
            ("name", enrolment.name.as_str()),
            ("password", PASSWORD),
            ("code", &code),
        ];
        let answer = self.post("/sign-in", "", &form).await;
        assert_eq!(answer.status, 303, "{}", answer.text);
        let held = answer.header(header::SET_COOKIE);
        assert!(held.starts_with("__Host-session="), "{held}");
        for part in ["Path=/", "Secure", "HttpOnly", "SameSite=Strict"] {
            assert!(held.split("; ").any(|it| it == part), "{held}");
        }
        let cookie = held.split(';').next().unwrap().to_owned();
        let page = self.get("/tenants", &cookie).await;
        assert_eq!(page.status, 200, "{}", page.text);
        (cookie, token_in(&page.text))
    }

    async fn tenant(&self, customer: &str) -> String {
        let new = NewTenant {
            customer: customer.to_owned(),
            ring: "testing".to_owned(),
            entitled: None,
            by: "kim".to_owned(),
        };
        let welcome = self.door.tenants.create(new).await.unwrap();
        welcome.tenant.id.to_string()
    }
}

fn token_in(page: &str) -> String {
    let (_, rest) = page.split_once("name=\"form_token\" value=\"").unwrap();
    rest.split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn nobody_sees_anything_without_signing_in() {
    let world = World::new().await;
    let id = world.tenant("Acme Ltd").await;
    for path in ["/", "/tenants", "/log", &format!("/tenants/{id}")] {
        let answer = world.get(path, "__Host-session=guessed").await;
        assert_eq!(answer.status, 303, "{path}");
        assert_eq!(answer.header(header::LOCATION), "/sign-in", "{path}");
        assert!(!answer.text.contains("Acme"));
    }
    let suspend = format!("/tenants/{id}/suspend");
    let answer = world.post(&suspend, "", &[("form_token", "x")]).await;
    assert_eq!(answer.status, 401);
    assert_eq!(world.get("/nothing", "").await.status, 404);
    let form = world.get("/sign-in", "").await;
    assert_eq!(form.status, 200);
    for (name, value) in [
        ("content-security-policy", "default-src 'none'"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("cache-control", "no-store"),
        ("strict-transport-security", "max-age"),
    ] {
        let found = form.headers.get(name).unwrap().to_str().unwrap();
        assert!(found.contains(value), "{name}: {found}");
    }
    assert!(!form.text.contains("<script") && !form.text.contains("style="));
    let part = Request::get("/titles").header("hx-request", "true");
    let asked = world.send(part.body(Body::empty()).unwrap()).await;
    assert_eq!(asked.status, 401);
    assert_eq!(asked.headers.get("hx-redirect").unwrap(), "/sign-in");
    assert!(
        world
            .get("/assets/style.css", "")
            .await
            .text
            .contains("prefers-color-scheme")
    );
}

#[tokio::test]
async fn whatever_is_wrong_the_same_is_said() {
    let world = World::new().await;
    let ada = world.add(Office::Administrator).await;
    let code = world.code(&ada);
    let mut told = Vec::new();
    for (name, password, code) in [
        ("nobody", PASSWORD, code.as_str()),
        (&ada.name, "wrong horse battery", &code),
        (&ada.name, PASSWORD, "000000"),
    ] {
        let form = [("name", name), ("password", password), ("code", code)];
        let answer = world.post("/sign-in", "", &form).await;
        assert_eq!(answer.status, 401);
        assert!(answer.headers.get(header::SET_COOKIE).is_none());
        told.push(answer.text);
    }
    assert!(told.iter().all(|text| *text == told[0]));
    // The log knows more, but not what was typed where a name ought to be.
    let entries = world.db.audit_list(None, 10).await.unwrap();
    assert!(
        entries
            .iter()
            .all(|entry| entry.outcome == AuditOutcome::Refused)
    );
    let who: Vec<_> = entries.iter().map(|entry| entry.who.as_str()).collect();
    assert_eq!(who, [&ada.name, &ada.name, "somebody"]);
    let form = [("name", "x")];
    assert_eq!(world.post("/sign-in", "", &form).await.status, 400);
    // Whoever likes cannot fill the log: it is not written into for what was not even looked at.
    world.clock.advance(Duration::from_mins(1));
    let tries = || async {
        let form = [("name", "x"), ("password", "y"), ("code", "z")];
        let mut last = world.post("/sign-in", "", &form).await.status;
        for _ in 0..24 {
            last = world.post("/sign-in", "", &form).await.status;
        }
        last
    };
    assert_eq!(tries().await, 429);
    let entries = world.db.audit_list(None, 100).await.unwrap().len();
    assert!(entries <= 3 + 20, "{entries}");
}

#[tokio::test]
async fn what_does_not_come_from_a_form_of_this_session_changes_nothing() {
    let world = World::new().await;
    let id = world.tenant("Acme Ltd").await;
    let (cookie, token) = world.enter(Office::Administrator).await;
    let (_, other) = world.enter(Office::Viewer).await;
    let path = format!("/tenants/{id}/suspend");
    for given in ["", "x", &other] {
        let answer = world.post(&path, &cookie, &[("form_token", given)]).await;
        assert_eq!(answer.status, 403, "{given}");
    }
    // The right form, sent from another site.
    let from = |name: &'static str, value: &'static str| {
        Request::post(&path)
            .header("host", HOST)
            .header("cookie", &cookie)
            .header(name, value)
            .body(Body::from(format!("form_token={token}")))
            .unwrap()
    };
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("origin", "https://admin.example.com.evil.example"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("sec-fetch-site", "none"),
    ] {
        let answer = world.send(from(name, value)).await;
        assert_eq!(answer.status, 403, "{name} {value}");
    }
    let long = "x".repeat(70_000);
    let form = [("form_token", token.as_str()), ("items", &long)];
    let answer = world.post(&path, &cookie, &form).await;
    assert_eq!(answer.status, 413);
    assert_eq!(world.get(&path, &cookie).await.status, 403);
    let state = world.door.tenants.find("Acme Ltd").await.unwrap().state;
    assert_eq!(state.as_str(), "active");
    let form = [("form_token", token.as_str())];
    assert_eq!(world.post(&path, &cookie, &form).await.status, 303);
    let state = world.door.tenants.find("Acme Ltd").await.unwrap().state;
    assert_eq!(state.as_str(), "suspended");
}

#[tokio::test]
async fn a_tenant_is_made_and_its_secrets_are_shown_once() {
    let world = World::new().await;
    let (cookie, token) = world.enter(Office::Administrator).await;
    let form = [
        ("form_token", token.as_str()),
        ("customer", "<Acme> & Söhne"),
        ("ring", "production"),
        ("items", "Firefox\r\n Widget,Zoom\n"),
    ];
    let made = world.post("/tenants", &cookie, &form).await;
    assert_eq!(made.status, 200, "{}", made.text);
    assert!(
        made.text.contains("&#60;Acme&#62; &#38; Söhne"),
        "{}",
        made.text
    );
    let tenant = world.door.tenants.find("<Acme> & Söhne").await.unwrap();
    assert_eq!(
        tenant.entitled.as_deref().unwrap(),
        ["Firefox", "Widget", "Zoom"]
    );
    assert_eq!(tenant.created_by, "u-administrator");
    let path = format!("/tenants/{}", tenant.id);
    let secrets: Vec<&str> = made
        .text
        .split("<dd><code>")
        .skip(1)
        .map(|rest| rest.split('<').next().unwrap())
        .collect();
    assert_eq!(secrets.len(), 4);
    for page in ["/tenants", &path, "/log"] {
        let page = world.get(page, &cookie).await;
        assert_eq!(page.status, 200);
        // The slug is no secret.
        assert!(secrets.iter().skip(1).all(|it| !page.text.contains(it)));
        assert!(page.text.contains("&#60;Acme&#62;"), "{}", page.text);
    }
}

#[tokio::test]
async fn what_cannot_be_is_refused_and_a_profile_is_given() {
    let world = World::new().await;
    let (cookie, token) = world.enter(Office::Administrator).await;
    let welcome = {
        let new = NewTenant {
            customer: "<Acme> & Söhne".to_owned(),
            ring: "testing".to_owned(),
            entitled: None,
            by: "kim".to_owned(),
        };
        world.door.tenants.create(new).await.unwrap()
    };
    let path = format!("/tenants/{}", welcome.tenant.id);
    for (form, status, why) in [
        (
            [("customer", "<Acme> & Söhne"), ("ring", "production")],
            409,
            "already",
        ),
        ([("customer", "B"), ("ring", "none")], 400, "no ring"),
        (
            [("customer", " "), ("ring", "testing")],
            400,
            "it says nothing",
        ),
    ] {
        let form = [&[("form_token", token.as_str())][..], &form].concat();
        let answer = world.post("/tenants", &cookie, &form).await;
        assert_eq!(answer.status, status);
        assert!(answer.text.contains(why), "{}", answer.text);
    }
    let profile = world
        .post(
            &format!("{path}/profile"),
            &cookie,
            &[("form_token", &token)],
        )
        .await;
    assert_eq!(
        profile.header(header::CONTENT_TYPE),
        "application/x-apple-aspen-config"
    );
    assert!(
        profile.text.contains(welcome.token.expose().as_str()),
        "it holds the token"
    );
    let form = [("form_token", token.as_str()), ("customer", "other")];
    let delete = format!("{path}/delete");
    assert_eq!(world.post(&delete, &cookie, &form).await.status, 400);
    assert_eq!(world.get("/tenants/no-id", &cookie).await.status, 404);
}

#[tokio::test]
async fn signing_out_ends_it() {
    let world = World::new().await;
    let (cookie, token) = world.enter(Office::Viewer).await;
    assert_eq!(world.post("/sign-out", &cookie, &[]).await.status, 403);
    assert_eq!(world.get("/tenants", &cookie).await.status, 200);
    let form = [("form_token", token.as_str())];
    let out = world.post("/sign-out", &cookie, &form).await;
    assert_eq!(out.status, 303);
    assert!(out.header(header::SET_COOKIE).contains("Max-Age=0"));
    assert_eq!(world.get("/tenants", &cookie).await.status, 303);
}

#[tokio::test]
async fn who_may_sign_in_is_shown_and_said_by_whom_it_has_to() {
    for office in Office::ALL {
        let world = World::new().await;
        let bob = world.add_named("bob", Office::Viewer).await;
        let (cookie, token) = world.enter(office).await;
        let sees = matches!(office, Office::Administrator | Office::Auditor);
        let path = format!("/users/{bob}");
        for page in ["/users", &path] {
            let shown = world.get(page, &cookie).await;
            assert_eq!(
                shown.status,
                if sees { 200 } else { 403 },
                "{office} {page}"
            );
            let is_one = page != "/users" && office == Office::Administrator;
            let offers = shown.text.contains("name=\"deed\"");
            assert_eq!(offers, is_one, "{office} {page}");
        }
        let form = [
            ("form_token", token.as_str()),
            ("deed", "appoint"),
            ("role", "approver"),
        ];
        let answer = world.post(&path, &cookie, &form).await;
        let role = world.door.administration.find("bob").await.unwrap().role;
        if office == Office::Administrator {
            assert_eq!((answer.status, role.as_str()), (303, "approver"));
        } else {
            assert_eq!((answer.status, role.as_str()), (403, "viewer"), "{office}");
        }
    }
}

#[tokio::test]
async fn the_last_one_who_can_administer_stays_and_others_are_signed_out() {
    let world = World::new().await;
    let (cookie, token) = world.enter(Office::Administrator).await;
    let (viewer, _) = world.enter(Office::Viewer).await;
    let administration = &world.door.administration;
    let id_of = async |name: &str| administration.find(name).await.unwrap().id.to_string();
    let own = format!("/users/{}", id_of("u-administrator").await);
    let other = format!("/users/{}", id_of("u-viewer").await);
    let say = async |path: &str, deed: &str, role: &str| {
        let form = [
            ("form_token", token.as_str()),
            ("deed", deed),
            ("role", role),
        ];
        world.post(path, &cookie, &form).await
    };
    for (deed, role) in [("disable", ""), ("appoint", "viewer")] {
        let refused = say(&own, deed, role).await;
        assert_eq!(refused.status, 409, "{}", refused.text);
        assert!(refused.text.contains("the last one who can administer"));
    }
    let list = world.get("/users", &cookie).await.text;
    assert_eq!(list.matches("1, heard of").count(), 2, "{list}");
    assert_eq!(world.get("/tenants", &viewer).await.status, 200);
    assert_eq!(say(&other, "sign-out", "").await.status, 303);
    assert_eq!(world.get("/tenants", &viewer).await.status, 303);
    assert_eq!(say(&other, "disable", "").await.status, 303);
    let page = world.get(&other, &cookie).await.text;
    assert!(page.contains(">disabled<"), "{page}");
    assert_eq!(say(&other, "enable", "").await.status, 303);
    for (deed, role) in [("appoint", "root"), ("promote", "viewer")] {
        assert_eq!(say(&other, deed, role).await.status, 400);
    }
    let nobody = format!("/users/{}", model::AdministratorId::new());
    assert_eq!(say(&nobody, "disable", "").await.status, 404);
    let entries = world.db.audit_list(None, 50).await.unwrap();
    let told = |did: &str, outcome| {
        entries
            .iter()
            .any(|it| it.did == did && it.outcome == outcome)
    };
    assert!(told("administrator.disable", AuditOutcome::Failed));
    assert!(told("administrator.sign-out", AuditOutcome::Done));
    check_log(&world.db).await.unwrap();
}

#[tokio::test]
async fn tokens_are_listed_without_themselves_and_revoked() {
    let world = World::new().await;
    let (cookie, form) = world.enter(Office::Administrator).await;
    let new = tenancy::administration::NewToken {
        name: "ci".to_owned(),
        office: Office::Viewer,
        lasts: None,
        by: "kim".to_owned(),
    };
    let (token, text) = world.door.administration.token_add(new).await.unwrap();
    let page = world.get("/users", &cookie).await.text;
    assert!(
        page.contains(">ci<") && !page.contains(text.expose()),
        "{page}"
    );
    assert!(!page.contains(&token.digest.to_string()), "{page}");
    let path = format!("/users/tokens/{}/revoke", token.id);
    let form = [("form_token", form.as_str())];
    assert_eq!(world.post(&path, &cookie, &form).await.status, 303);
    assert_eq!(world.post(&path, &cookie, &form).await.status, 404);
    let page = world.get("/users", &cookie).await.text;
    assert!(
        page.contains(">revoked<") && !page.contains("/revoke\""),
        "{page}"
    );
}

const SCHEDULES: &str = "\
time_zone: Europe/Berlin
schedules:
- cron: '30 5 * * *'
  overrides: [Zoom.munki, 'A b.munki']
";

#[tokio::test]
async fn schedules_are_on_a_calendar_and_rest_when_somebody_may_say_so() {
    let world = World::new().await;
    fs_err::write(&world.door.schedules, SCHEDULES).unwrap();
    let (cookie, token) = world.enter(Office::Viewer).await;
    let page = world.get("/schedules?q=zoom", &cookie).await;
    assert_eq!(page.status, 200, "{}", page.text);
    assert!(page.text.contains("Europe/Berlin") && page.text.contains("30 5 * * *"));
    assert!(!page.text.contains("A b.munki") && !page.text.contains("name=\"deed\""));
    let (_, link) = page.text.split_once("href=\"/calendar?").unwrap();
    let link = link.split('"').next().unwrap().replace("&amp;", "&");
    let day = world.get(&format!("/calendar?{link}"), &cookie).await;
    assert_eq!(day.status, 200, "{}", day.text);
    let place = "/schedules/A%20b.munki";
    for told in ["<time>05:30</time>", place, "2 in all"] {
        assert!(day.text.contains(told), "{told}: {}", day.text);
    }
    for path in ["/calendar?day=2001-01-01", "/schedules/None.munki"] {
        assert_eq!(world.get(path, &cookie).await.status, 404, "{path}");
    }
    let pause = |token: &str| {
        let reason = ("reason", "the <vendor> moves".to_owned());
        let token = ("form_token", token.to_owned());
        [
            token,
            ("deed", "pause".to_owned()),
            reason,
            ("hours", "2".to_owned()),
        ]
    };
    let say = async |path: &str, cookie: &str, form: &[(&str, String)]| {
        let form: Vec<(&str, &str)> = form.iter().map(|(key, it)| (*key, it.as_str())).collect();
        world.post(path, cookie, &form).await
    };
    assert_eq!(say(place, &cookie, &pause(&token)).await.status, 403);
    for office in [Office::Packager, Office::Approver, Office::Auditor] {
        let (cookie, token) = world.enter(office).await;
        let answer = say(place, &cookie, &pause(&token)).await;
        if office != Office::Packager {
            assert_eq!(answer.status, 403, "{office}");
            continue;
        }
        assert_eq!(answer.status, 303, "{}", answer.text);
        assert_eq!(answer.header(header::LOCATION), place);
        let page = world.get(place, &cookie).await.text;
        assert!(page.contains("by u-packager") && page.contains("the &#60;vendor&#62; moves"));
        let resume = [("form_token", token), ("deed", "resume".to_owned())];
        assert_eq!(say(place, &cookie, &resume).await.status, 303);
        assert_eq!(say(place, &cookie, &resume).await.status, 409);
        let long = pause(&resume[0].1).map(|(key, it)| match key {
            "hours" => (key, "9999".to_owned()),
            _ => (key, it),
        });
        for (path, form, status) in [
            (place, &long[..], 409),
            ("/schedules/None.munki", &resume[..], 404),
            ("/schedules/*", &pause(&resume[0].1)[..], 303),
        ] {
            assert_eq!(say(path, &cookie, form).await.status, status, "{path}");
        }
        let all = world.get("/schedules", &cookie).await.text;
        assert!(all.contains("All schedules are paused"), "{all}");
    }
    fs_err::write(&world.door.schedules, "schedules: 7\n").unwrap();
    let broken = world.get("/schedules", &cookie).await;
    assert_eq!(broken.status, 409, "{}", broken.text);
}
