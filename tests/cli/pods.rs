//! Pods, on both servers: the one that is built in, and NGINX.

use std::{
    collections::BTreeSet,
    process::Command,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rustix::process::Signal;
use serde_json::Value;
use testkit::nginx::Nginx;

use crate::{program::House, serve::Service};

const NAME: &str = "pods.example.com";

const CATALOG: &str = "<plist><array>\
    <dict><key>name</key><string>Widget</string>\
    <key>installer_item_location</key><string>apps/Widget 1.0.pkg</string></dict>\
    <dict><key>name</key><string>Gadget</string>\
    <key>installer_item_location</key><string>apps/Gadget.dmg</string></dict>\
    </array></plist>";

/// A tenant, by its address and its credential.
#[derive(Clone)]
struct Tenant {
    slug: String,
    pair: String,
}

impl Tenant {
    fn of(shown: &Value) -> Self {
        Self {
            slug: text(shown, "slug"),
            pair: pair(shown),
        }
    }
}

fn pair(shown: &Value) -> String {
    format!("{}:{}", text(shown, "user"), text(shown, "password"))
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap().to_owned()
}

/// A house whose tenants are served by both.
struct Scene {
    house: House,
    service: Option<Service>,
    nginx: Nginx,
    /// The ports: built in, and NGINX.
    ports: [u16; 2],
    acme: Tenant,
    beta: Tenant,
}

impl Scene {
    /// Acme may have Widget, Beta everything; nothing, and a word about it, where NGINX is not installed.
    fn stand() -> Option<Self> {
        let house = House::new();
        let include = format!("{}/nginx/pods.con[f]", house.arg(""));
        let Some(nginx) = Nginx::start(&house.path("server"), &include).unwrap() else {
            eprintln!("skipped: NGINX is not installed");
            return None;
        };
        let issued = testkit::tls::self_signed(NAME, "pods").unwrap();
        house.write("cert.pem", &issued.certificate);
        house.write("key.pem", &issued.key);
        let ports = [(), ()].map(|()| crate::envquery::free_port());
        house.write(
            "auto-update.toml",
            &format!(
                "[serve]\nworkers = 1\n\
                 [pods]\nlisten = '127.0.0.1:{}'\nurl = 'https://{NAME}'\n\
                 certificate = 'cert.pem'\nkey = 'key.pem'\n\
                 [pods.nginx]\nfolder = 'nginx'\nlisten = '127.0.0.1:{}'\n\
                 log = 'access.log'\ntest = {:?}\nreload = {:?}\n",
                ports[0],
                ports[1],
                nginx.test(),
                nginx.reload(),
            ),
        );
        furnish(&house);
        let create = |arguments: &str| {
            let command = format!("tenant create {arguments} --ring production --by kim --json");
            Tenant::of(&serde_json::from_str(&house.ok(&command)).unwrap())
        };
        let (acme, beta) = (create("Acme --item Widget"), create("Beta"));
        house.write(
            "lab.plist",
            "<plist><dict><key>note</key><string>Acme's</string></dict></plist>",
        );
        house.ok("tenant put-manifest Acme lab lab.plist");
        let mut service = Service::start(&house);
        service.until("listening for tenants");
        service.until("NGINX has a new configuration");
        Some(Self {
            house,
            service: Some(service),
            nginx,
            ports,
            acme,
            beta,
        })
        .inspect(|scene| {
            // It opens its new sockets in its own time.
            until("NGINX answers", || scene.get(1, "", None, &[]).0 == 401);
        })
    }

    /// What a server answers at a path below `/`: the status and the body. With curl's own arguments.
    fn get(&self, server: usize, path: &str, pair: Option<&str>, more: &[&str]) -> (u16, String) {
        let port = self.ports[server];
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--path-as-is", "--noproxy", "*"])
            .args(["--cacert", &self.house.arg("cert.pem")])
            .args(["--resolve", &format!("{NAME}:{port}:127.0.0.1")])
            .args(["--max-time", "30", "--write-out", "\n%{http_code}"])
            .args(more);
        if let Some(pair) = pair {
            curl.args(["--user", pair]);
        }
        let output = curl
            .arg(format!("https://{NAME}:{port}/{path}"))
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let (body, status) = text.rsplit_once('\n').unwrap_or(("", "0"));
        (status.parse().unwrap_or(0), body.to_owned())
    }

    /// What a tenant gets at a path of its view.
    fn shown(&self, server: usize, tenant: &Tenant, path: &str) -> Option<String> {
        let path = format!("{}/{path}", tenant.slug);
        let (status, body) = self.get(server, &path, Some(&tenant.pair), &[]);
        // Of bytes that are no part of any address NGINX says so before it looks who asks.
        assert!(matches!(status, 200 | 400 | 401 | 404), "{status} {path}");
        (status == 200).then_some(body)
    }

    /// What every server logged.
    fn logs(&self) -> String {
        ["access.log", "server/error.log", "nginx/error.log"]
            .map(|name| fs_err::read_to_string(self.house.path(name)).unwrap_or_default())
            .concat()
    }
}

fn furnish(house: &House) {
    for (path, contents) in [
        ("catalogs/production", CATALOG),
        ("catalogs/testing", "<plist><array/></plist>"),
        ("pkgs/apps/Widget 1.0.pkg", "widget"),
        ("pkgs/apps/Gadget.dmg", "gadget"),
        ("pkgs/apps/Future.pkg", "SECRET"),
        ("pkgsinfo/apps/Widget.plist", "SECRET"),
        ("icons/Widget.png", "icon"),
        ("icons/Gadget.png", "icon"),
        ("client_resources/site_default.zip", "zip"),
        ("evidence/apps/Widget 1.0.pkg.intoto.jsonl", "{}"),
        ("evidence/apps/Gadget.dmg.intoto.jsonl", "{}"),
        ("tuf/timestamp.json", "{}"),
        ("manifests/site_default", "SECRET"),
        (".auto-update/journal/x", "SECRET"),
    ] {
        house.write(&format!("var/repo/{path}"), contents);
    }
    house.write("outside", "SECRET");
    for (target, name) in [("outside", "client_resources/out.zip"), ("var", "pkgs/var")] {
        let link = house.path("var/repo").join(name);
        fs_err::os::unix::fs::symlink(house.path(target), link).unwrap();
    }
}

/// Waits until something that is under way has happened.
#[track_caller]
fn until(what: &str, happened: impl Fn() -> bool) {
    let latest = Instant::now() + Duration::from_secs(30);
    while !happened() {
        assert!(Instant::now() < latest, "never: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_tenant_sees_its_own_on_both_servers() {
    let Some(mut scene) = Scene::stand() else {
        return;
    };
    for server in [0, 1] {
        for (path, acme, beta) in [
            ("pkgs/apps/Widget%201.0.pkg", Some("widget"), Some("widget")),
            ("pkgs/apps/Gadget.dmg", None, Some("gadget")),
            ("pkgs/apps/Future.pkg", None, None),
            ("icons/Widget.png", Some("icon"), Some("icon")),
            ("icons/Gadget.png", None, Some("icon")),
            (
                "client_resources/site_default.zip",
                Some("zip"),
                Some("zip"),
            ),
            (
                "evidence/apps/Widget%201.0.pkg.intoto.jsonl",
                Some("{}"),
                Some("{}"),
            ),
            ("evidence/apps/Gadget.dmg.intoto.jsonl", None, Some("{}")),
            ("tuf/timestamp.json", None, Some("{}")),
            ("catalogs/testing", None, None),
            ("manifests/x", None, None),
        ] {
            let shown = [&scene.acme, &scene.beta].map(|who| scene.shown(server, who, path));
            assert_eq!(shown[0].as_deref(), acme, "{server} {path}");
            assert_eq!(shown[1].as_deref(), beta, "{server} {path}");
        }
        for name in ["production", "all"] {
            let path = format!("catalogs/{name}");
            assert_eq!(scene.shown(server, &scene.beta, &path).unwrap(), CATALOG);
            let cut = scene.shown(server, &scene.acme, &path).unwrap();
            assert!(cut.contains("Widget") && !cut.contains("Gadget"), "{cut}");
        }
        let made = scene.shown(server, &scene.beta, "manifests/site_default");
        assert!(made.unwrap().contains("<string>production</string>"));
        let own = scene.shown(server, &scene.acme, "manifests/lab").unwrap();
        assert!(own.contains("Acme's"), "{own}");
        assert_eq!(scene.shown(server, &scene.beta, "manifests/lab"), None);
    }
    check_ranges(&scene);
    check_tricks(&scene);
    check_strangers(&scene);
    let service = scene.service.take().unwrap();
    service.signal(Signal::TERM);
    let logs = scene.logs() + &service.end().1;
    assert!(logs.contains("/icons/Widget.png"), "{logs}");
    for secret in scene.acme.pair.split(':').chain(scene.beta.pair.split(':')) {
        assert!(!logs.contains(secret), "{logs}");
    }
    assert!(!logs.contains("guessed"), "{logs}");
}

/// Parts of a file, and what tells whether it has changed; a server says nothing of its version.
fn check_ranges(scene: &Scene) {
    let heads = [0, 1].map(|server| {
        let path = format!("{}/icons/Widget.png", scene.acme.slug);
        let part = ["--range", "1-2", "--head"];
        let (status, head) = scene.get(server, &path, Some(&scene.acme.pair), &part);
        assert_eq!(status, 206, "{head}");
        let head = head.to_lowercase();
        assert!(head.contains("content-range: bytes 1-2/4"), "{head}");
        assert!(
            head.contains("last-modified") && head.contains("etag"),
            "{head}"
        );
        head
    });
    assert!(!heads[1].contains("nginx/"), "{}", heads[1]);
}

/// No way leads to what has no address in the view of who asks.
fn check_tricks(scene: &Scene) {
    let (acme, beta) = (&scene.acme, &scene.beta);
    let tricks = [
        "",
        "catalogs",
        "catalogs/",
        "pkgs/apps",
        "pkgs/apps/",
        "catalogs//production",
        "/catalogs/production",
        "catalogs/./production",
        "catalogs/production/",
        "catalogs/production%00",
        "catalogs%2fproduction",
        "catalogs/%70roduction%2f",
        "catalogs/../pkgsinfo/apps/Widget.plist",
        "catalogs/%2e%2e/pkgsinfo/apps/Widget.plist",
        "catalogs/..%2fpkgsinfo/apps/Widget.plist",
        "catalogs/%2e%2e%2fpkgsinfo%2fapps%2fWidget.plist",
        "catalogs/..%5cpkgsinfo",
        "x/../catalogs/production",
        "pkgs/../catalogs/production",
        "pkgs/%2e%2e/catalogs/production",
        "../nginx/pods.conf",
        "pkgsinfo/apps/Widget.plist",
        ".auto-update/journal/x",
        "client_resources/out.zip",
        "pkgs/var/auto-update.db",
        "pkgs/var/repo/pkgs/apps/Future.pkg",
        "manifests/../../../passwords/.nobody",
        "Catalogs/production",
    ];
    let others = [
        format!("../{}/catalogs/production", beta.slug),
        format!("%2e%2e/{}/catalogs/production", beta.slug),
        format!("manifests/../../{}/lab", acme.slug),
        format!("manifests/../../../own/{}/lab", acme.slug),
        format!("../../own/{}/lab", acme.slug),
    ];
    for server in [0, 1] {
        for trick in tricks
            .iter()
            .copied()
            .chain(others.iter().map(String::as_str))
        {
            assert_eq!(scene.shown(server, acme, trick), None, "{server} {trick}");
        }
        // As somebody who comes by the address of another view, too.
        let over = format!("../{}/catalogs/production", acme.slug);
        assert_eq!(scene.shown(server, beta, &over), None, "{server}");
        let path = format!("{}/catalogs/production", acme.slug);
        for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
            let (status, body) = scene.get(server, &path, Some(&acme.pair), &["--request", method]);
            assert!(matches!(status, 404 | 405), "{server} {method} {status}");
            assert!(!body.contains("Widget"), "{server} {method}");
        }
    }
}

/// Who has no credential of a view cannot tell it from one that there is not.
fn check_strangers(scene: &Scene) {
    let (acme, beta) = (&scene.acme, &scene.beta);
    let user = acme.pair.split(':').next().unwrap();
    let guessed = format!("{user}:guessed");
    let answer = |server: usize, path: &str, pair: Option<&str>, method: &str| {
        let include = ["--include", "--request", method];
        let (status, text) = scene.get(server, path, pair, &include);
        assert_eq!(status, 401, "{server} {path} {method}");
        let lines = text
            .lines()
            .filter(|line| !line.starts_with("date:") && !line.starts_with("Date:"));
        lines.collect::<Vec<_>>().join("\n")
    };
    for server in [0, 1] {
        let mut answers = BTreeSet::new();
        for slug in [&acme.slug, "AAAAAAAAAAAAAAAA"] {
            for rest in ["catalogs/production", "pkgs/nothing", "pkgsinfo/x"] {
                for pair in [None, Some(beta.pair.as_str()), Some(&guessed)] {
                    let path = format!("{slug}/{rest}");
                    answers.insert(answer(server, &path, pair, "GET"));
                    answers.insert(answer(server, &path, pair, "DELETE"));
                }
            }
        }
        assert_eq!(answers.len(), 1, "{answers:?}");
        assert!(
            answers
                .iter()
                .all(|text| text.contains("Basic realm=\"pod\""))
        );
    }
}

#[test]
fn a_configuration_that_nginx_refuses_is_taken_back() {
    let Some(mut scene) = Scene::stand() else {
        return;
    };
    // The commands alone, from now on.
    let service = scene.service.take().unwrap();
    service.signal(Signal::TERM);
    service.end();
    let house = &scene.house;
    let before = house.read("nginx/pods.conf");
    assert_eq!(
        house.ok("tenant nginx"),
        before.replace(&house.arg(""), "[HOUSE]")
    );
    house.ok("tenant nginx --check");
    let good = house.read("auto-update.toml");
    house.write("auto-update.toml", &good.replace("'key.pem'", "'lost.pem'"));
    for _ in 0..2 {
        let outcome = house.run("tenant nginx --write");
        assert_eq!(outcome.status, Some(1), "{outcome}");
        assert!(outcome.shows("keeps the one before"), "{outcome}");
        assert!(outcome.shows("lost.pem"), "{outcome}");
        assert_eq!(house.read("nginx/pods.conf"), before);
        assert!(!house.path("nginx/.pods.conf.before").exists());
    }
    assert_eq!(house.run("tenant nginx --check").status, Some(1));
    // It is closed all the same, and nobody else suffers.
    let refused = house.run("tenant suspend Acme");
    assert!(refused.shows("NGINX does not follow"), "{refused}");
    assert_eq!(scene.shown(1, &scene.acme, "catalogs/all"), None);
    assert!(scene.shown(1, &scene.beta, "catalogs/all").is_some());
    // Interrupted between the change and the test.
    house.write("nginx/.pods.conf.before", &before);
    house.write("nginx/pods.conf", "nonsense");
    house.write("auto-update.toml", &good);
    house.ok("tenant nginx --write");
    assert!(!house.read("nginx/pods.conf").contains(&scene.acme.slug));
    house.ok("tenant resume Acme");
    house.ok("tenant nginx --check");
    until("Acme is let in again", || {
        scene.shown(1, &scene.acme, "catalogs/all").is_some()
    });
    assert!(scene.nginx.id() > 0);
}

#[test]
fn the_desk_hears_that_nginx_refuses() {
    let Some(scene) = Scene::stand() else {
        return;
    };
    let house = &scene.house;
    fs_err::rename(house.path("key.pem"), house.path("away.pem")).unwrap();
    let made = house.run("tenant create Late --ring production --by kim");
    assert!(made.shows("NGINX does not follow"), "{made}");
    let is_told = || house.ok("incident list").contains("pods of NGINX");
    until("the desk hears of it", is_told);
    fs_err::rename(house.path("away.pem"), house.path("key.pem")).unwrap();
    until("the incident ends", || !is_told());
    house.ok("tenant nginx --check");
}

#[test]
fn what_is_decided_holds_on_both_servers() {
    let Some(scene) = Scene::stand() else {
        return;
    };
    let sees = |tenant: &Tenant, path: &str| {
        [0, 1].map(|server| scene.shown(server, tenant, path).is_some())
    };
    let gadget = "pkgs/apps/Gadget.dmg";
    assert_eq!(sees(&scene.acme, gadget), [false; 2]);
    scene.house.ok("tenant entitle Acme --all");
    until("Acme sees it", || sees(&scene.acme, gadget) == [true; 2]);
    scene.house.ok("tenant entitle Acme --item Widget");
    until("Acme sees it no more", || {
        sees(&scene.acme, gadget) == [false; 2] && sees(&scene.acme, "catalogs/all") == [true; 2]
    });
    // What is published comes by itself, and what is taken back goes.
    let widget = "pkgs/apps/Widget%201.0.pkg";
    let next = CATALOG.replace("Widget 1.0.pkg", "Future.pkg");
    scene.house.write("var/repo/catalogs/next", &next);
    let place = |name: &str| scene.house.path("var/repo/catalogs").join(name);
    fs_err::rename(place("next"), place("production")).unwrap();
    until("the new one is there, and the old one gone", || {
        sees(&scene.acme, "pkgs/apps/Future.pkg") == [true; 2]
            && sees(&scene.acme, widget) == [false; 2]
    });
    scene.house.ok("tenant delete Acme");
    assert_eq!(sees(&scene.acme, "catalogs/all"), [false; 2]);
    assert_eq!(sees(&scene.beta, "catalogs/all"), [true; 2]);
    until("nothing is left of Acme", || {
        let left = |place: &str| scene.house.path(place).join(&scene.acme.slug).exists();
        !left("nginx/passwords") && !left("nginx/own")
    });
    let views = fs_err::read_dir(scene.house.path("nginx/views")).unwrap();
    assert_eq!(views.count(), 1);
}

/// Clients that ask all the time, with what they were told last.
#[test]
fn rotation_loses_no_request_and_suspension_closes_at_once() {
    let Some(scene) = Scene::stand() else {
        return;
    };
    let told = Mutex::new(scene.acme.pair.clone());
    let (over, asked, lost) = (
        AtomicBool::new(false),
        AtomicUsize::new(0),
        Mutex::new(Vec::new()),
    );
    let path = format!("{}/catalogs/production", scene.acme.slug);
    let client = |server: usize| {
        while !over.load(Ordering::Acquire) {
            let pair = told.lock().unwrap().clone();
            let (status, _) = scene.get(server, &path, Some(&pair), &[]);
            asked.fetch_add(1, Ordering::AcqRel);
            if status != 200 {
                lost.lock().unwrap().push((server, status));
            }
        }
    };
    thread::scope(|scope| {
        for server in [0, 1, 0, 1] {
            scope.spawn(move || client(server));
        }
        for round in 1..=4 {
            let new = scene.house.ok("tenant rotate-credential Acme --json");
            *told.lock().unwrap() = pair(&serde_json::from_str(&new).unwrap());
            until("clients have asked", || {
                asked.load(Ordering::Acquire) >= round * 20
            });
        }
        over.store(true, Ordering::Release);
    });
    assert_eq!(lost.into_inner().unwrap(), []);
    scene.house.ok("tenant suspend Acme");
    let pair = told.into_inner().unwrap();
    for server in [0, 1] {
        assert_eq!(
            scene.get(server, &path, Some(&pair), &[]).0,
            401,
            "{server}"
        );
        assert_eq!(scene.get(server, &path, Some(&scene.acme.pair), &[]).0, 401);
    }
}
