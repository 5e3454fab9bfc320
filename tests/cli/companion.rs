//! A tenant's Mac from its profile to the inventory: the client, envQUERY and a pod, each the real one, over TLS, and
//! between them a Munki of our own making.

use std::{
    net::TcpStream,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use proplist::{Dict, Value};
use rustix::process::Signal;
use serde_json::Value as Json;
use testkit::nginx::Nginx;

use crate::{envquery::free_port, program::House, serve::Service};

const MUNKI: &str = include_str!("munki_stand_in.py");
const PACKAGE: &[u8] = b"this is what is installed";
/// The pin in reserve: of a key that nobody has.
const RESERVE: &str = "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA=";
const ROOT_MUNKI: &str = "private/var/root/Library/Preferences/ManagedInstalls.plist";
const LOCAL_MANIFEST: &str = "Library/Managed Installs/manifests/auto-update";
const EVIDENCE_KEYS: &str = "usr/local/auto-update/trust/evidence.pem";
const UPDATE_ROOT: &str = "usr/local/auto-update/trust/root.json";
const LOG: &str = "private/var/log/auto-update.log";

/// What serves pods.
#[derive(Clone, Copy)]
enum Pods {
    BuiltIn,
    Nginx,
}

impl Pods {
    /// Starts what the service does not bring; nothing, and a word about it, where it is not installed. Answers the
    /// section of the configuration for a port, too.
    fn start(self, house: &House, port: u16) -> Option<(Option<Nginx>, String)> {
        let section = format!(
            "[pods]\nurl = 'https://localhost:{port}'\ncertificate = 'cert.pem'\nkey = 'key.pem'\n"
        );
        match self {
            Self::BuiltIn => Some((None, format!("{section}listen = '127.0.0.1:{port}'\n"))),
            Self::Nginx => {
                let include = format!("{}/nginx/pods.con[f]", house.arg(""));
                let Some(nginx) = Nginx::start(&house.path("server"), &include).unwrap() else {
                    eprintln!("skipped: NGINX is not installed");
                    return None;
                };
                let section = format!(
                    "{section}[pods.nginx]\nfolder = 'nginx'\nlisten = '127.0.0.1:{port}'\n\
                     test = {:?}\nreload = {:?}\n",
                    nginx.test(),
                    nginx.reload()
                );
                Some((Some(nginx), section))
            }
        }
    }

    /// What the service says when pods are served.
    const fn sign(self) -> &'static str {
        match self {
            Self::BuiltIn => "listening for tenants",
            Self::Nginx => "NGINX has a new configuration",
        }
    }
}

/// A service with one tenant, and that tenant's Mac.
struct Scene {
    house: House,
    service: Service,
    _nginx: Option<Nginx>,
    acme: Json,
    program: PathBuf,
}

impl Scene {
    /// Nothing, and a word about it, where the client was not built.
    fn stand(pods: Pods) -> Option<Self> {
        let program = client()?;
        let house = House::new();
        let issued = testkit::tls::self_signed("localhost", "first").unwrap();
        house.write("cert.pem", &issued.certificate);
        house.write("key.pem", &issued.key);
        let pins = house.ok("tenant pins cert.pem");
        let pin = pins.split_whitespace().next().unwrap();
        let (port, pods_port) = (free_port(), free_port());
        let (nginx, section) = pods.start(&house, pods_port)?;
        house.write(
            "auto-update.toml",
            &format!(
                "[serve]\nworkers = 1\n[envquery]\nlisten = '127.0.0.1:{port}'\n\
                 url = 'https://localhost:{port}'\ncertificate = 'cert.pem'\nkey = 'key.pem'\n\
                 pins = ['{pin}', '{RESERVE}']\n{section}"
            ),
        );
        publish(&house);
        let made = house.ok("tenant create Acme --ring production --by kim --json");
        let acme = serde_json::from_str(&made).unwrap();
        house.ok("tuf init");
        house.ok("tuf refresh");
        house.ok("evidence key --public");
        let mut service = Service::start(&house);
        service.until("listening for tenants");
        service.until(pods.sign());
        // NGINX opens its new sockets in its own time.
        let until = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(("127.0.0.1", pods_port)).is_err() {
            assert!(Instant::now() < until, "nobody listens for pods");
            thread::sleep(Duration::from_millis(20));
        }
        let scene = Self {
            house,
            service,
            _nginx: nginx,
            acme,
            program,
        };
        scene.enrol(&issued.certificate);
        Some(scene)
    }

    /// What device management and the installers of Munki and Jamf's agent do.
    fn enrol(&self, certificate: &str) {
        self.folder("private/tmp", 0o1777);
        self.folder("private/var/root/Library/Preferences", 0o700);
        self.folder("Library/Managed Installs/manifests", 0o755);
        self.folder("private/var/log", 0o755);
        self.file("private/etc/ssl/cert.pem", certificate.as_bytes(), 0o644);
        let profile = self.house.ok("tenant profile Acme");
        for payload in payloads(profile.as_bytes()) {
            let domain = payload["PayloadType"].as_str().unwrap().to_owned();
            let keys = payload.into_iter();
            let keys = keys.filter(|(key, _)| !key.starts_with("Payload"));
            self.plist(
                &format!("Library/Managed Preferences/{domain}.plist"),
                keys.collect(),
            );
        }
        self.script("usr/local/jamf/bin/jamf", "echo \"jamf $*\" >> '[MAC]/ran'");
        self.file("munki.py", MUNKI.as_bytes(), 0o644);
        self.script(
            "usr/local/munki/managedsoftwareupdate",
            &format!(
                "exec '{}' '[MAC]/munki.py' '[MAC]' '{}' \"$@\" 2>> '[MAC]/complaints'",
                python().display(),
                self.program.display()
            ),
        );
    }

    fn mac(&self, name: &str) -> PathBuf {
        self.house.path("mac").join(name)
    }

    fn folder(&self, name: &str, mode: u32) {
        let mut path = self.house.path("");
        for part in Path::new("mac").join(name).components() {
            path.push(part);
            if !path.exists() {
                fs_err::create_dir(&path).unwrap();
                fs_err::set_permissions(&path, permissions(0o755)).unwrap();
            }
        }
        fs_err::set_permissions(path, permissions(mode)).unwrap();
    }

    fn file(&self, name: &str, bytes: &[u8], mode: u32) {
        let path = self.mac(name);
        if !path.parent().unwrap().exists() {
            self.folder(Path::new(name).parent().unwrap().to_str().unwrap(), 0o755);
        }
        fs_err::write(&path, bytes).unwrap();
        fs_err::set_permissions(path, permissions(mode)).unwrap();
    }

    fn script(&self, name: &str, text: &str) {
        let mac = self.mac("");
        let mac = mac.to_str().unwrap().trim_end_matches('/');
        let text = format!("#!/bin/sh\n{}\n", text.replace("[MAC]", mac));
        self.file(name, text.as_bytes(), 0o755);
    }

    fn plist(&self, name: &str, dict: Dict) {
        let text = proplist::to_xml(&Value::Dict(dict), proplist::KeyOrder::AsIs).unwrap();
        self.file(name, text.as_bytes(), 0o644);
    }

    fn read(&self, name: &str) -> String {
        fs_err::read_to_string(self.mac(name)).unwrap_or_default()
    }

    /// Runs the client, which must tell nobody a secret.
    fn client(&self, arguments: &[&str]) -> Output {
        let output = Command::new(&self.program)
            .env_clear()
            // A proxy that is not there: whoever asked it would fail.
            .env("https_proxy", "http://127.0.0.1:9")
            .arg("--root")
            .arg(self.mac(""))
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        for text in [&output.stdout, &output.stderr] {
            let text = String::from_utf8_lossy(text);
            for secret in self.secrets() {
                assert!(!text.contains(&secret), "{text}");
            }
        }
        output
    }

    /// The token, and the credential's password.
    fn secrets(&self) -> [String; 2] {
        ["token", "password"].map(|name| self.acme[name].as_str().unwrap().to_owned())
    }

    /// A policy of Jamf Pro that adds titles; its output, and its status.
    fn policy(&self, installs: &str) -> (String, Option<i32>) {
        let output = self.client(&["policy", "/", "mac", "", installs, "", "", "", ""]);
        let complaints = self.read("complaints");
        assert_eq!(complaints, "", "Munki ends with an error");
        (
            String::from_utf8(output.stdout).unwrap(),
            output.status.code(),
        )
    }

    /// What the inventory of Jamf Pro reads, without the time.
    fn attribute(&self) -> String {
        let output = self.client(&["extension-attribute"]);
        let text = String::from_utf8(output.stdout).unwrap();
        let line = text.trim_end().strip_prefix("<result>").unwrap();
        line.strip_suffix("</result>").unwrap()[20..].to_owned()
    }

    /// The URL and nothing else is left of what preflight wrote.
    fn assert_closed(&self) {
        let bytes = fs_err::read(self.mac(ROOT_MUNKI)).unwrap();
        let Value::Dict(left) = proplist::from_bytes(&bytes).unwrap() else {
            panic!("preferences are a dictionary");
        };
        let keys: Vec<&str> = left.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, ["SoftwareRepoURL"]);
        let slug = self.acme["slug"].as_str().unwrap();
        let url = left["SoftwareRepoURL"].as_str().unwrap();
        assert!(url.ends_with(&format!("/{slug}")), "{url}");
        self.assert_holds_no_secret(&self.mac(""));
    }

    /// No file holds the credential, and none but the profile the token.
    fn assert_holds_no_secret(&self, folder: &Path) {
        let text = |name: &str| self.acme[name].as_str().unwrap();
        let pair = format!("{}:{}", text("user"), text("password"));
        let basic = STANDARD.encode(pair);
        for entry in fs_err::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                self.assert_holds_no_secret(&path);
                continue;
            }
            let bytes = fs_err::read(&path).unwrap();
            let holds = |secret: &str| {
                let mut windows = bytes.windows(secret.len());
                windows.any(|window| window == secret.as_bytes())
            };
            let is_clean = !holds(&basic) && !holds(text("password"));
            assert!(is_clean, "{} holds the credential", path.display());
            let is_profile = path.ends_with("com.auto-update.client.plist");
            assert!(
                is_profile || !holds(text("token")),
                "{} holds the token",
                path.display()
            );
        }
    }
}

/// One whole run after another, as a tenant's Mac does them.
fn whole_run(pods: Pods) {
    let Some(scene) = Scene::stand(pods) else {
        return;
    };
    let (said, status) = scene.policy("Widget");
    assert_eq!(
        said,
        "Adding Widget to installs\n\
         Preflight: Contains 1 installs ['Widget'], 0 uninstalls [], 0 pending, 0 warnings\n\
         Postflight: Contains 0 installs [], 0 uninstalls [], 0 pending, 0 warnings\n"
    );
    assert_eq!(status, Some(0));
    assert_eq!(
        scene.attribute(),
        "INFO 1 installed, 0 removed, 0 pending, 0 warnings"
    );
    assert_eq!(scene.read("ran"), "munki --auto -m\njamf recon\n");
    assert!(!scene.read(LOCAL_MANIFEST).contains("Widget"));
    scene.assert_closed();
    // What waits for a log-out stays on the list, and is asked for.
    let (said, status) = scene.policy("Gadget");
    assert!(
        said.ends_with(
            "Postflight: Contains 1 installs ['Gadget'], 0 uninstalls [], 1 pending, 0 warnings\n"
        ),
        "{said}"
    );
    assert_eq!(status, Some(0));
    assert_eq!(
        scene.attribute(),
        "INFO 0 installed, 0 removed, 1 pending, 0 warnings"
    );
    let trigger = scene.mac("private/tmp/com.googlecode.munki.installatlogout");
    assert!(trigger.exists());
    scene.assert_closed();
    let check_ins = scene.house.ok("tenant check-ins Acme --json");
    assert_eq!(check_ins.lines().count(), 2, "{check_ins}");
    tells_what_the_service_has_published(&scene);
    refused_when_suspended(&scene);
    let Scene { service, .. } = scene;
    service.signal(Signal::TERM);
    let (ended, log) = service.end();
    assert_eq!(ended.code(), Some(0), "{log}");
}

/// Update metadata vouches for the catalog that Munki has fetched; what was published by hand has no evidence.
fn tells_what_the_service_has_published(scene: &Scene) {
    let root = scene.house.ok("tuf show --root");
    scene.file(UPDATE_ROOT, root.as_bytes(), 0o644);
    let verify = || {
        let output = scene.client(&["verify"]);
        let text = String::from_utf8(output.stdout).unwrap();
        (text, output.status.code())
    };
    assert_eq!(
        verify(),
        (
            "verified catalog production\n-        item Gadget 1.0: not offered\n".to_owned(),
            Some(0)
        )
    );
    let key = scene.house.ok("evidence key --public");
    scene.file(EVIDENCE_KEYS, key.as_bytes(), 0o644);
    let catalog = "Library/Managed Installs/catalogs/production";
    let fetched = scene.read(catalog);
    scene.file(catalog, format!("{fetched}\n").as_bytes(), 0o644);
    let (text, status) = verify();
    let refused = |text: &str| text.starts_with("REFUSED  ");
    assert!(text.lines().all(refused), "{text}");
    assert!(
        text.contains(" AU194 ") && text.contains(" AU196 "),
        "{text}"
    );
    assert_eq!(status, Some(1));
}

/// A tenant that is suspended is told nothing, and nothing on the Mac changes but the log.
fn refused_when_suspended(scene: &Scene) {
    scene.house.ok("tenant suspend Acme");
    let before = fs_err::read(scene.mac(ROOT_MUNKI)).unwrap();
    let output = scene.client(&["preflight", "auto"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(fs_err::read(scene.mac(ROOT_MUNKI)).unwrap(), before);
    assert!(scene.attribute().starts_with("ERROR AU120 "));
    let log = scene.read(LOG);
    assert_eq!(log.lines().count(), 4, "{log}");
    for secret in scene.secrets() {
        assert!(!log.contains(&secret), "{log}");
    }
}

#[test]
fn a_mac_gets_from_the_built_in_pods_what_the_policy_names() {
    whole_run(Pods::BuiltIn);
}

#[test]
fn a_mac_gets_from_nginx_what_the_policy_names() {
    whole_run(Pods::Nginx);
}

/// Two titles of one package; the second waits for a log-out.
fn publish(house: &House) {
    let item = |name: &str, more: &str| {
        format!(
            "<dict><key>name</key><string>{name}</string><key>version</key><string>1.0</string>\
             <key>installer_item_location</key><string>apps/Widget-1.0.pkg</string>\
             <key>installer_item_hash</key><string>{}</string>{more}</dict>",
            model::Sha256::of(PACKAGE)
        )
    };
    let logout = "<key>RestartAction</key><string>RequireLogout</string>";
    house.write(
        "var/repo/catalogs/production",
        &format!(
            "<plist version=\"1.0\"><array>{}{}</array></plist>",
            item("Widget", ""),
            item("Gadget", logout)
        ),
    );
    house.write("var/repo/pkgsinfo/Widget-1.0.plist", "nobody's business");
    house.write(
        "var/repo/pkgs/apps/Widget-1.0.pkg",
        std::str::from_utf8(PACKAGE).unwrap(),
    );
}

/// The payloads of a profile.
fn payloads(profile: &[u8]) -> Vec<Dict> {
    let Value::Dict(profile) = proplist::from_bytes(profile).unwrap() else {
        panic!("a profile is a dictionary");
    };
    let payloads = profile["PayloadContent"].as_array().unwrap().to_vec();
    let payloads = payloads.into_iter().map(|payload| match payload {
        Value::Dict(payload) => payload,
        other => panic!("a payload is a dictionary, not {other:?}"),
    });
    payloads.collect()
}

/// The client's program, which is built with everything else of the workspace and lies beside ours.
fn client() -> Option<PathBuf> {
    let program = Path::new(env!("CARGO_BIN_EXE_auto-update")).with_file_name("auto-update-client");
    if program.exists() {
        return Some(program);
    }
    assert!(
        std::env::var_os("CI").is_none(),
        "{} is not there: build the whole workspace",
        program.display()
    );
    eprintln!("skipped: {} is not there", program.display());
    None
}

/// Where Python is; the client passes no search path on.
fn python() -> PathBuf {
    let output = Command::new("python3")
        .args(["-c", "import sys; print(sys.executable)"])
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().trim().into()
}

fn permissions(mode: u32) -> std::fs::Permissions {
    std::fs::Permissions::from_mode(mode)
}
