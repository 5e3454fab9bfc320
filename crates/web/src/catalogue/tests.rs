use std::sync::Arc;

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Request, header},
};
use model::{Clock as _, FixedClock, Timestamp};
use publication::FolderRepository;
use store::{Db, Passage, RingStay};
use tenancy::{NewTenant, Tenants, Vault, administration::check_log, catalogue::Catalogue};
use tower::ServiceExt as _;

use super::{CatalogueDoor, catalogue_router, page::size_told};

const HOST: &str = "catalogue.example.com";

/// What is in the catalog `production`; the description could be meant as part of a page.
const CATALOG: &str = "<plist><array>\
    <dict><key>name</key><string>Widget &amp; Co</string><key>version</key><string>1.0</string>\
    <key>description</key><string>&lt;script&gt;alert(1)&lt;/script&gt;</string>\
    <key>category</key><string>Tools</string>\
    <key>installer_item_location</key><string>apps/Widget-1.0.pkg</string></dict>\
    <dict><key>name</key><string>Gadget</string><key>version</key><string>2.0</string>\
    <key>installer_item_location</key><string>apps/Gadget-2.0.pkg</string></dict>\
    </array></plist>";

struct World {
    _folder: tempfile::TempDir,
    clock: Arc<FixedClock>,
    db: Db,
    tenants: Tenants,
    door: CatalogueDoor,
}

/// What came back.
struct Answer {
    status: u16,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    fn header(&self, name: header::HeaderName) -> &str {
        self.headers.get(name).map_or("", |it| it.to_str().unwrap())
    }

    fn between(&self, before: &str, after: &str) -> String {
        let (_, rest) = self.text.split_once(before).unwrap();
        rest.split_once(after).unwrap().0.to_owned()
    }
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(FixedClock::at(Timestamp::from_secs(1_800_000_000)));
        let db = testkit::database(&folder.path().join("auto-update.db")).await;
        let vault = Vault::in_folder(&folder.path().join("keys"));
        let tenants = Tenants::new(db.clone(), vault, clock.clone(), Vec::new());
        let root = folder.path().join("repo");
        let repository = Arc::new(FolderRepository::create(&root).unwrap());
        let door = CatalogueDoor {
            access: tenants.catalogue(),
            catalogue: Catalogue::new(db.clone(), repository, Vec::new()),
            url: Some(format!("https://{HOST}")),
            is_tls: true,
        };
        let world = Self {
            _folder: folder,
            clock,
            db,
            tenants,
            door,
        };
        for (path, contents) in [
            ("catalogs/production", CATALOG),
            ("icons/Gadget.png", "icon"),
            (
                "icons/_icon_hashes.plist",
                "<plist><dict><key>Gadget.png</key><string>x</string></dict></plist>",
            ),
            ("evidence/apps/Widget-1.0.pkg.intoto.jsonl", "{}"),
            ("evidence/apps/Gadget-2.0.pkg.intoto.jsonl", "{}"),
        ] {
            let path = root.join(path);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, contents).unwrap();
        }
        world.publish("Widget & Co", "1.0").await;
        world.publish("Gadget", "2.0").await;
        world
    }

    async fn publish(&self, name: &str, version: &str) {
        let stay = RingStay {
            pkginfo: format!("apps/{name}.plist"),
            name: name.to_owned(),
            version: version.to_owned(),
            catalog: "production".to_owned(),
            entered: Passage {
                at: self.clock.now(),
                why: "published".to_owned(),
                by: None,
            },
            left: None,
        };
        self.db.ring_stay_note(&[stay]).await.unwrap();
    }

    fn router(&self) -> Router {
        catalogue_router(self.door.clone())
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, 1 << 20).await.unwrap();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            text: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }

    async fn get(&self, path: &str, cookie: &str) -> Answer {
        let request = Request::get(path).header("host", HOST);
        let request = request.header("cookie", format!("other=1; {cookie}"));
        self.send(request.body(Body::empty()).unwrap()).await
    }

    async fn post(&self, path: &str, cookie: &str, form: &[(&str, &str)]) -> Answer {
        let body = serde_urlencoded::to_string(form).unwrap();
        let request = Request::post(path)
            .header("host", HOST)
            .header("origin", format!("https://{HOST}"))
            .header("cookie", cookie);
        self.send(request.body(Body::from(body)).unwrap()).await
    }

    /// Makes a tenant and signs somebody there in; answers what the browser sends from then on, and what has to come
    /// with forms.
    async fn enter(&self, customer: &str, items: Option<&[&str]>) -> (String, String) {
        let new = NewTenant {
            customer: customer.to_owned(),
            ring: "production".to_owned(),
            entitled: items.map(|items| items.iter().map(|it| (*it).to_owned()).collect()),
            by: "kim".to_owned(),
        };
        let tenant = self.tenants.create(new).await.unwrap().tenant;
        let code = self.door.access.give(&tenant, "kim").await.unwrap();
        let form = [("customer", customer), ("code", code.expose())];
        let answer = self.post("/sign-in", "", &form).await;
        assert_eq!(answer.status, 303, "{}", answer.text);
        let held = answer.header(header::SET_COOKIE);
        assert!(held.starts_with("__Host-catalogue="), "{held}");
        for part in ["Path=/", "Secure", "HttpOnly", "SameSite=Strict"] {
            assert!(held.split("; ").any(|it| it == part), "{held}");
        }
        let cookie = held.split(';').next().unwrap().to_owned();
        let page = self.get("/", &cookie).await;
        (cookie, page.between("name=\"form_token\" value=\"", "\""))
    }
}

#[tokio::test]
async fn nobody_sees_anything_without_signing_in() {
    let world = World::new().await;
    for path in [
        "/",
        "/news",
        "/titles/Gadget",
        "/icons/Gadget.png",
        "/evidence/apps/Gadget-2.0.pkg.intoto.jsonl",
    ] {
        let answer = world.get(path, "__Host-catalogue=guessed").await;
        assert_eq!(answer.status, 303, "{path}");
        assert_eq!(answer.header(header::LOCATION), "/sign-in", "{path}");
    }
    assert_eq!(world.post("/feeds", "", &[]).await.status, 401);
    assert_eq!(world.get("/feeds/guessed/feed.rss", "").await.status, 404);
    let form = world.get("/sign-in", "").await;
    assert_eq!(form.status, 200);
    let policy = form.header(header::CONTENT_SECURITY_POLICY);
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    assert_eq!(form.header(header::CACHE_CONTROL), "no-store");
    assert!(!form.text.contains("<script") && !form.text.contains("style="));
    let wrong = [("customer", "Acme"), ("code", "guessed")];
    let known = [("customer", "Bolt"), ("code", "guessed")];
    world.enter("Bolt", None).await;
    let (wrong, known) = (
        world.post("/sign-in", "", &wrong).await,
        world.post("/sign-in", "", &known).await,
    );
    assert_eq!((wrong.status, known.status), (401, 401));
    assert_eq!(wrong.text, known.text);
}

#[tokio::test]
async fn a_tenant_sees_what_it_may_and_nothing_of_another_ones() {
    let world = World::new().await;
    let (acme, _) = world.enter("Acme Ltd", Some(&["Gadget"])).await;
    let (bolt, _) = world.enter("Bolt", None).await;
    let all = world.get("/", &bolt).await.text;
    assert!(all.contains("2 titles"), "{all}");
    assert!(all.contains("/titles/Widget%20%26%20Co"), "{all}");
    assert!(all.contains("&#60;script&#62;"), "{all}");
    let some = world.get("/", &acme).await.text;
    assert!(some.contains("1 title"), "{some}");
    for hidden in ["Widget", "Bolt"] {
        assert!(!some.contains(hidden), "{some}");
    }
    let title = world.get("/titles/Widget%20%26%20Co", &bolt).await;
    assert_eq!(title.status, 200);
    assert!(title.text.contains("still there"), "{}", title.text);
    for (path, theirs, others) in [
        ("/titles/Widget%20%26%20Co", 404, 200),
        ("/evidence/apps/Widget-1.0.pkg.intoto.jsonl", 404, 200),
        ("/titles/Gadget", 200, 200),
        ("/icons/Gadget.png", 200, 200),
        ("/icons/Gadget.svg", 404, 404),
        ("/evidence/%2e%2e/catalogs/production", 404, 404),
        ("/titles/Nothing", 404, 404),
    ] {
        assert_eq!(world.get(path, &acme).await.status, theirs, "{path}");
        assert_eq!(world.get(path, &bolt).await.status, others, "{path}");
    }
    let evidence = "/evidence/apps/Gadget-2.0.pkg.intoto.jsonl";
    let evidence = world.get(evidence, &acme).await;
    assert_eq!(
        evidence.header(header::CONTENT_DISPOSITION),
        "attachment; filename=\"Gadget-2.0.pkg.intoto.jsonl\""
    );
    let found = world.get("/?q=script&category=Tools", &bolt).await.text;
    assert!(found.contains("1 title"), "{found}");
    let none = world.get("/?q=nothing&from=99999999", &bolt).await.text;
    assert!(none.contains("0 titles"), "{none}");
}

#[tokio::test]
async fn changes_come_from_forms_of_ours_and_are_written_down() {
    let world = World::new().await;
    let (acme, token) = world.enter("Acme", None).await;
    let (_, other) = world.enter("Bolt", None).await;
    for form in [&[][..], &[("form_token", "x")], &[("form_token", &other)]] {
        assert_eq!(world.post("/feeds", &acme, form).await.status, 403);
        assert_eq!(world.post("/sign-out", &acme, form).await.status, 403);
    }
    let long = "x".repeat(65 << 10);
    let form = [("form_token", token.as_str()), ("more", &long)];
    assert_eq!(world.post("/feeds", &acme, &form).await.status, 413);
    let elsewhere = Request::post("/sign-out")
        .header("host", HOST)
        .header("origin", "https://evil.example.com")
        .header("cookie", &acme);
    let body = Body::from(format!("form_token={token}"));
    let answer = world.send(elsewhere.body(body).unwrap()).await;
    assert_eq!(answer.status, 403);
    assert_eq!(world.get("/", &acme).await.status, 200);
    let form = [("form_token", token.as_str())];
    assert_eq!(world.post("/sign-out", &acme, &form).await.status, 303);
    assert_eq!(world.get("/", &acme).await.status, 303);
    let entries = world.db.audit_list(None, 100).await.unwrap();
    let deeds: Vec<_> = entries.iter().map(|it| (&*it.who, &*it.did)).collect();
    let expected = [
        ("Acme", "session.end"),
        ("Bolt", "session.begin"),
        ("Acme", "session.begin"),
    ];
    assert_eq!(deeds, expected);
    check_log(&world.db).await.unwrap();
}

#[tokio::test]
async fn feeds_tell_what_is_new_to_who_knows_their_address() {
    let world = World::new().await;
    let (acme, token) = world.enter("Acme & Sons", Some(&["Widget & Co"])).await;
    let open = || async {
        let form = [("form_token", token.as_str())];
        let opened = world.post("/feeds", &acme, &form).await;
        assert_eq!(opened.status, 200, "{}", opened.text);
        opened.between("<code>https://catalogue.example.com", "/feed.rss")
    };
    let place = open().await;
    let feed = world.get(&format!("{place}/feed.json"), "").await;
    assert_eq!(feed.header(header::CONTENT_TYPE), "application/feed+json");
    let told: serde_json::Value = serde_json::from_str(&feed.text).unwrap();
    assert_eq!(told["version"], "https://jsonfeed.org/version/1.1");
    assert_eq!(told["items"].as_array().unwrap().len(), 1);
    let item = &told["items"][0];
    assert_eq!(item["title"], "Widget & Co 1.0");
    assert_eq!(item["date_published"], "2027-01-15T08:00:00Z");
    let address = "https://catalogue.example.com/titles/Widget%20%26%20Co";
    assert_eq!(item["url"], address);

    let rss = world.get(&format!("{place}/feed.rss"), "").await;
    assert_eq!(rss.status, 200);
    let document = roxmltree::Document::parse(&rss.text).unwrap();
    let titles = document.descendants().filter(|it| it.has_tag_name("title"));
    let titles: Vec<_> = titles.filter_map(|it| it.text()).collect();
    assert_eq!(titles, ["New versions for Acme & Sons", "Widget & Co 1.0"]);
    assert!(
        rss.text.contains("Fri, 15 Jan 2027 08:00:00 +0000"),
        "{}",
        rss.text
    );
    assert!(!rss.text.contains("Gadget"));
    let again = Request::get(format!("{place}/feed.rss"))
        .header("host", HOST)
        .header("if-none-match", rss.header(header::ETAG));
    let again = world.send(again.body(Body::empty()).unwrap()).await;
    assert_eq!((again.status, again.text.as_str()), (304, ""));

    // It opens feeds and nothing else, and until there is another one.
    let secret = place.trim_start_matches("/feeds/");
    let cookie = format!("__Host-catalogue={secret}");
    assert_eq!(world.get("/", &cookie).await.status, 303);
    let newer = open().await;
    assert_eq!(
        world.get(&format!("{place}/feed.rss"), "").await.status,
        404
    );
    let feed = format!("{newer}/feed.rss");
    assert_eq!(world.get(&feed, "").await.status, 200);
    world.tenants.suspend("Acme & Sons").await.unwrap();
    assert_eq!(world.get(&feed, "").await.status, 404);
    assert_eq!(world.get("/", &acme).await.status, 303);
    let entries = world.db.audit_list(None, 100).await.unwrap();
    let hidden = |text: &str| entries.iter().any(|it| format!("{it:?}").contains(text));
    assert!(!hidden(secret));
}

#[test]
fn sizes_are_told_in_three_digits() {
    for (bytes, told) in [
        (0, "0.0 KiB"),
        (1 << 10, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (10 << 10, "10 KiB"),
        (1 << 20, "1.0 MiB"),
        (130 << 20, "130 MiB"),
        ((4 << 30) + (512 << 20), "4.5 GiB"),
    ] {
        assert_eq!(size_told(Some(bytes)), told);
    }
    assert_eq!(size_told(None), "");
}
