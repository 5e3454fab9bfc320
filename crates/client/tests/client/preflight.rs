//! What preflight does where all is well.

use std::{net::IpAddr, os::unix::fs::MetadataExt as _};

use client::{
    Fault, Files, Mac, Randomness, SystemRandomness,
    net::{LocalNetwork, Network},
    preflight::{self, Outcome},
};
use model::SystemClock;
use proplist::Value;
use url::Url;

use crate::{
    mac::{CLIENT_PROFILE, MUNKI_PROFILE, ROOT_MUNKI, TestMac, dict},
    server::{
        CREDENTIAL, CUSTOMER, EnvQuery, SLUG, TOKEN, claims, claims_of, honest, now, pod, response,
        signed, signed_by,
    },
};

#[test]
fn writes_where_the_repository_is_and_what_opens_it() {
    let server = EnvQuery::honest();
    let mac = TestMac::of(&server);
    let ended = mac.run(&["preflight", "auto"]);
    assert_eq!(
        (ended.status, ended.stdout, ended.stderr),
        (0, String::new(), String::new())
    );
    let written = mac.read_plist(ROOT_MUNKI);
    let url = format!("{}/{SLUG}", server.address());
    assert_eq!(written["SoftwareRepoURL"], Value::from(url));
    let header = format!("Authorization: Basic {CREDENTIAL}");
    assert_eq!(written["AdditionalHttpHeaders"], Value::from(vec![header]));
    let metadata = std::fs::metadata(mac.path(ROOT_MUNKI)).unwrap();
    assert_eq!(metadata.mode() & 0o7777, 0o600);
    assert_eq!(mac.log(), Vec::<String>::new());
}

#[test]
fn asks_as_the_protocol_says_and_no_more_often() {
    let server = EnvQuery::honest();
    let mac = TestMac::of(&server);
    assert_eq!(mac.run(&["preflight", "auto"]).status, 0);
    let received = server.received();
    let lines: Vec<&str> = received
        .iter()
        .map(|request| request.line.as_str())
        .collect();
    let head = format!("HEAD /{SLUG}/catalogs/all HTTP/1.1");
    assert_eq!(lines, ["POST /v1/repository HTTP/1.1", &head]);
    assert_eq!(received.last().unwrap().connection, 1, "two handshakes");
    let question = &received[0];
    assert_eq!(question.header("content-type"), Some("application/jwt"));
    let names: Vec<&str> = question
        .headers
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "host",
            "user-agent",
            "accept",
            "content-type",
            "content-length"
        ]
    );
    let claims = claims_of(&question.body);
    assert_eq!(
        question.body,
        signed(&claims),
        "HS256 with the token, keys in this order"
    );
    assert_eq!(
        (&claims["iss"], &claims["aud"]),
        (&CUSTOMER.into(), &server.address().into())
    );
    assert_eq!(claims["local_ip"], "127.0.0.1");
    let iat = claims["iat"].as_i64().unwrap();
    assert!((now() - iat).abs() <= 60);
    assert_eq!(claims["exp"], iat + 60);
    let jti = claims["jti"].as_str().unwrap();
    assert!(jti.len() == 32 && jti.bytes().all(|byte| byte.is_ascii_hexdigit()));
}

#[test]
fn asks_with_a_number_never_used_before() {
    let server = EnvQuery::honest();
    let mac = TestMac::of(&server);
    for _ in 0..2 {
        assert_eq!(mac.run(&["preflight", "auto"]).status, 0);
    }
    let received = server.received();
    assert_ne!(received[0].claims()["jti"], received[2].claims()["jti"]);
}

#[test]
fn keeps_what_else_munki_prefers_in_the_form_it_has() {
    let server = EnvQuery::honest();
    let mac = TestMac::of(&server);
    let kept = dict([
        ("ClientIdentifier", Value::from("lab/mac-07")),
        ("LoggingLevel", Value::from(2_i64)),
        ("SoftwareRepoURL", Value::from("http://munki/repo")),
    ]);
    mac.plist(ROOT_MUNKI, kept);
    assert_eq!(mac.run(&["preflight", "auto"]).status, 0);
    assert!(mac.text(ROOT_MUNKI).starts_with("<?xml"));
    let written = mac.read_plist(ROOT_MUNKI);
    let keys: Vec<&String> = written.keys().collect();
    assert_eq!(
        keys,
        [
            "ClientIdentifier",
            "LoggingLevel",
            "SoftwareRepoURL",
            "AdditionalHttpHeaders"
        ]
    );
    std::fs::remove_file(mac.path(ROOT_MUNKI)).unwrap();
    assert_eq!(mac.run(&["preflight", "auto"]).status, 0);
    let bytes = std::fs::read(mac.path(ROOT_MUNKI)).unwrap();
    assert!(
        bytes.starts_with(b"bplist00"),
        "new ones are as the system writes them"
    );
    assert_eq!(mac.run(&["preflight", "auto"]).status, 0);
    assert!(
        std::fs::read(mac.path(ROOT_MUNKI))
            .unwrap()
            .starts_with(b"bplist00")
    );
}

#[test]
fn takes_no_proxy_whatever_the_environment_says() {
    let server = EnvQuery::honest();
    let mac = TestMac::of(&server);
    let mut command = mac.command(&["preflight", "auto"]);
    for name in [
        "http_proxy",
        "https_proxy",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "all_proxy",
    ] {
        command.env(name, "http://127.0.0.1:9");
    }
    command
        .env("SSL_CERT_FILE", "/nowhere")
        .env("SSL_CERT_DIR", "/nowhere");
    assert_eq!(crate::mac::ended(&mut command).status, 0);
}

#[test]
fn asks_anew_where_the_credential_has_changed_meanwhile() {
    let server = EnvQuery::new(|request, address| {
        if !request.line.starts_with("POST") {
            return pod(request);
        }
        let mut claims = claims(request, address);
        if request.connection == 0 {
            claims["repo_authorization"] = "Basic b2xkOm9sZA==".into();
        }
        response("200 OK", "application/jwt; charset=utf-8", &signed(&claims))
    });
    let mac = TestMac::of(&server);
    assert_eq!(mac.run(&["preflight", "auto"]).status, 0);
    assert_eq!(server.received().len(), 4);
    let header = format!("Authorization: Basic {CREDENTIAL}");
    let written = mac.read_plist(ROOT_MUNKI);
    assert_eq!(written["AdditionalHttpHeaders"], Value::from(vec![header]));
}

/// A clock that is wrong by less than a minute does no harm, and an address with a slash at its end is the same.
#[test]
fn allows_for_clocks_and_slashes() {
    let server = EnvQuery::new(|request, address| {
        if !request.line.starts_with("POST") {
            return pod(request);
        }
        let mut claims = claims(request, address);
        claims["iat"] = (now() + 50).into();
        claims["exp"] = (now() + 110).into();
        claims["iss"] = format!("{address}/").into();
        claims["repo_url"] = format!("{address}/{SLUG}/").into();
        let token = signed_by(TOKEN, r#"{"typ":"JWT","alg":"HS256"}"#, &claims);
        response("200 OK", "Application/JWT", &token)
    });
    let mac = TestMac::of(&server);
    assert_eq!(mac.run(&["preflight", "auto"]).status, 0);
    let url = format!("{}/{SLUG}", server.address());
    assert_eq!(
        mac.read_plist(ROOT_MUNKI)["SoftwareRepoURL"],
        Value::from(url)
    );
}

#[test]
fn reads_profiles_as_older_tools_laid_them_down() {
    let server = EnvQuery::new(honest);
    let mac = TestMac::of(&server);
    let settings = dict([("mcx_preference_settings", Value::Dict(server.profile()))]);
    let forced = dict([("Forced", Value::Array(vec![Value::Dict(settings)]))]);
    let content = dict([("com.auto-update.client", Value::Dict(forced.clone()))]);
    for old in [forced, dict([("PayloadContent", Value::Dict(content))])] {
        mac.plist(CLIENT_PROFILE, old);
        assert_eq!(mac.run(&["preflight", "auto"]).status, 0);
    }
}

#[test]
fn believes_the_profile_before_the_machine() {
    let server = EnvQuery::honest();
    let mac = TestMac::of(&server);
    let other = dict([
        ("CustomerID", Value::from("Somebody Else")),
        ("LogFile", Value::from("/var/log/other.log")),
    ]);
    mac.plist("Library/Preferences/com.auto-update.client.plist", other);
    assert_eq!(mac.run(&["preflight", "auto"]).status, 0);
    assert_eq!(server.received()[0].claims()["iss"], CUSTOMER);
    std::fs::remove_file(mac.path(MUNKI_PROFILE)).unwrap();
    std::fs::remove_file(mac.path(CLIENT_PROFILE)).unwrap();
    assert_eq!(mac.run(&["preflight", "auto"]).status, 1);
    assert!(mac.text("private/var/log/other.log").contains("AU104"));
}

#[derive(Debug)]
pub(crate) struct Nothing;

impl Network for Nothing {
    fn local_address(&self, _url: &Url) -> Option<IpAddr> {
        None
    }
}

#[test]
fn says_and_does_nothing_without_a_network() {
    let server = EnvQuery::honest();
    let test = TestMac::of(&server);
    let before = test.everything();
    let mac = Mac {
        files: Files::below(&test.path("")).unwrap(),
        clock: &SystemClock,
        network: &Nothing,
        randomness: &SystemRandomness,
    };
    assert_eq!(preflight::run(&mac, "auto").unwrap(), Outcome::Offline);
    assert_eq!(test.everything(), before);
    assert_eq!(server.received().len(), 0);
}

#[derive(Debug)]
struct NoChance;

impl Randomness for NoChance {
    fn fill(&self, _bytes: &mut [u8]) -> Result<(), Fault> {
        Err(Fault::NoRandomness)
    }
}

#[test]
fn asks_nothing_where_there_are_no_random_numbers() {
    let server = EnvQuery::honest();
    let test = TestMac::of(&server);
    let before = test.everything();
    let mac = Mac {
        files: Files::below(&test.path("")).unwrap(),
        clock: &SystemClock,
        network: &LocalNetwork,
        randomness: &NoChance,
    };
    assert_eq!(preflight::run(&mac, "auto").unwrap_err().code(), "AU154");
    assert_eq!(test.everything(), before);
    assert_eq!(server.received().len(), 0);
}

/// Two questions, two answers, each over a connection of its own; and the most memory that it ever took, as its last
/// question is being answered.
#[cfg(target_os = "linux")]
#[test]
fn takes_two_round_trips_and_little_memory() {
    use std::sync::{Arc, Mutex};

    const MOST_KB: u64 = 20 * 1000;
    let client = Arc::new(Mutex::new(None::<u32>));
    let peak = Arc::new(Mutex::new(None::<u64>));
    let server = {
        let (client, peak) = (Arc::clone(&client), Arc::clone(&peak));
        EnvQuery::new(move |request, address| {
            if request.line.starts_with("HEAD") {
                let id = client.lock().unwrap().unwrap();
                let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
                let line = status.lines().find(|line| line.starts_with("VmHWM:"));
                let number = line.unwrap().split_whitespace().nth(1).unwrap();
                *peak.lock().unwrap() = Some(number.parse().unwrap());
            }
            honest(request, address)
        })
    };
    let mac = TestMac::of(&server);
    let mut held = client.lock().unwrap();
    let mut child = mac.command(&["preflight", "auto"]).spawn().unwrap();
    *held = Some(child.id());
    drop(held);
    assert!(child.wait().unwrap().success());
    let received = server.received();
    let lines: Vec<&str> = received
        .iter()
        .map(|request| request.line.split(' ').next().unwrap())
        .collect();
    assert_eq!(lines, ["POST", "HEAD"]);
    let peak = peak.lock().unwrap().unwrap();
    println!("preflight took {peak} kB");
    assert!(peak <= MOST_KB, "{peak} kB");
}
