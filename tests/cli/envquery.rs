//! envQUERY and the pods, by the program, over TLS, asked by a client of somebody else's making.

use std::{
    io::Write as _,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{program::House, serve::Service};

const CLIENT: &str = include_str!("envquery_client.py");
const NAME: &str = "tenants.example.com";

/// What answers under [`NAME`].
struct Scene {
    house: House,
    service: Service,
    python: PathBuf,
    envquery: u16,
    pods: u16,
    acme: Value,
    beta: Value,
}

impl Scene {
    /// A house with two tenants and its service; nothing, and a word about it, where the client cannot run.
    fn stand() -> Option<Self> {
        let Some(python) = find_python() else {
            assert!(
                std::env::var_os("CI").is_none(),
                "no Python has PyJWT: `cargo xtask setup` installs it"
            );
            eprintln!("skipped: no Python has PyJWT");
            return None;
        };
        let house = House::new();
        issue(&house, "first");
        let (envquery, pods) = (free_port(), free_port());
        house.write(
            "auto-update.toml",
            &format!(
                "[serve]\nworkers = 1\n\
                 [envquery]\nlisten = '127.0.0.1:{envquery}'\nurl = 'https://{NAME}:{envquery}'\n\
                 certificate = 'cert.pem'\nkey = 'key.pem'\n\
                 [pods]\nlisten = '127.0.0.1:{pods}'\nurl = 'https://{NAME}:{pods}'\n\
                 certificate = 'cert.pem'\nkey = 'key.pem'\n"
            ),
        );
        house.write(
            "var/repo/catalogs/production",
            "<plist><array><dict><key>name</key><string>Widget</string></dict>\
             <dict><key>name</key><string>Gadget</string></dict></array></plist>",
        );
        house.write("var/repo/pkgsinfo/Widget-1.0.plist", "nobody's business");
        let create = |arguments: &str| {
            let command = format!("tenant create {arguments} --ring production --by kim --json");
            serde_json::from_str(&house.ok(&command)).unwrap()
        };
        let (acme, beta) = (create("Acme --item Widget"), create("Beta"));
        let mut service = Service::start(&house);
        service.until("listening for tenants");
        service.until("listening for tenants");
        Some(Self {
            house,
            service,
            python,
            envquery,
            pods,
            acme,
            beta,
        })
    }

    /// What the client has seen; it checks most of it itself.
    fn client(&self) -> Value {
        let (user, password) = (&self.beta["user"], &self.beta["password"]);
        let pin = self.house.ok("tenant pins cert.pem");
        let told = json!({
            "customer": "Acme",
            "token": self.acme["token"],
            "url": format!("https://{NAME}:{}", self.envquery),
            "certificate": self.house.arg("cert.pem"),
            "pin": pin.split_whitespace().next().unwrap(),
            // Whatever port is asked for.
            "resolve": format!("{NAME}:{}:127.0.0.1", self.envquery),
            "pods_resolve": format!("{NAME}:{}:127.0.0.1", self.pods),
            "other": format!("{}:{}", user.as_str().unwrap(), password.as_str().unwrap()),
        });
        let mut client = Command::new(&self.python)
            .args(["-c", CLIENT])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = client.stdin.take().unwrap();
        input.write_all(told.to_string().as_bytes()).unwrap();
        drop(input);
        let output = client.wait_with_output().unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{complaint}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The status that curl gets at `url` with more arguments; what it says if it gets none.
    fn curl(&self, url: &str, more: &[&str]) -> Result<u16, String> {
        let certificate = self.house.arg("cert.pem");
        let resolve = format!("{NAME}:{}:127.0.0.1", self.pods);
        let output = Command::new("curl")
            .args([
                "--silent",
                "--show-error",
                "--noproxy",
                "*",
                "--output",
                "-",
            ])
            .args(["--cacert", &certificate, "--resolve", &resolve])
            .args(["--write-out", "\n%{http_code}"])
            .args(more)
            .arg(url)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        if output.status.success() {
            Ok(text.lines().last().unwrap().parse().unwrap())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }
}

#[test]
fn a_client_by_the_description_alone_gets_its_view_and_nothing_else() {
    let Some(scene) = Scene::stand() else {
        return;
    };
    let seen = scene.client();
    let answer = &seen["answer"];
    let slug = scene.acme["slug"].as_str().unwrap();
    let url = format!("https://{NAME}:{}/{slug}", scene.pods);
    assert_eq!(answer["repo_url"], url.as_str());
    let catalog = seen["catalog"].as_str().unwrap();
    assert!(
        catalog.contains("Widget") && !catalog.contains("Gadget"),
        "{catalog}"
    );
    let check_ins = scene.house.ok("tenant check-ins Acme --json");
    assert_eq!(check_ins.lines().count(), 1, "{check_ins}");
    assert!(check_ins.contains("10.1.2.3") && check_ins.contains("127.0.0.1"));

    let basic = format!(
        "Authorization: {}",
        answer["repo_authorization"].as_str().unwrap()
    );
    let catalog = format!("{url}/catalogs/production");
    let ask = || scene.curl(&catalog, &["--header", &basic]);
    assert_eq!(ask(), Ok(200));
    // Both are taken for a while, and a tenant that is suspended is out at once.
    scene.house.ok("tenant rotate-credential Acme");
    assert_eq!(ask(), Ok(200));
    scene.house.ok("tenant suspend Acme");
    assert_eq!(ask(), Ok(401));
    scene.house.ok("tenant resume Acme");
    assert_eq!(ask(), Ok(200));
    scene
        .house
        .ok("tenant rotate-credential Acme --overlap-hours 0");
    assert_eq!(ask(), Ok(401));

    assert_eq!(
        scene.curl(&catalog, &["--tlsv1.2", "--tls-max", "1.2"]),
        Ok(401)
    );
    assert_eq!(scene.curl(&catalog, &["--tlsv1.3"]), Ok(401));
    // The client is ready to: it is the server that does not.
    let old = [
        "--tlsv1.0",
        "--tls-max",
        "1.1",
        "--ciphers",
        "DEFAULT@SECLEVEL=0",
    ];
    let refused = scene.curl(&catalog, &old).unwrap_err();
    assert!(refused.contains("alert"), "{refused}");

    scene.service.signal(Signal::TERM);
    let (ended, log) = scene.service.end();
    assert_eq!(ended.code(), Some(0), "{log}");
    for secret in [
        &scene.acme["token"],
        &scene.acme["password"],
        &answer["repo_authorization"],
    ] {
        assert!(!log.contains(secret.as_str().unwrap()), "{log}");
    }
}

/// Writes a certificate that signed itself, and its key.
fn issue(house: &House, serial: &str) {
    let issued = testkit::tls::self_signed(NAME, serial).unwrap();
    house.write("cert.pem", &issued.certificate);
    house.write("key.pem", &issued.key);
}

/// A port that nobody listens on at the moment.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// A Python that has `PyJWT`: that of `cargo xtask setup` first.
fn find_python() -> Option<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/s3-server/bin/python");
    [own, "python3".into()].into_iter().find(|python| {
        Command::new(python)
            .args(["-c", "import jwt"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    })
}
