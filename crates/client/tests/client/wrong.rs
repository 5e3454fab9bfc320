//! Every way in which preflight can fail: the status, one line in the log with the code, and nothing changed on disk.

use std::{fs, os::unix::fs::symlink};

use proplist::Value;
use serde_json::Value as Json;

use crate::{
    mac::{CLIENT_PROFILE, MUNKI_PROFILE, ROOT_MUNKI, TestMac, dict, set_mode},
    server::{
        EnvQuery, Identity, Received, TOKEN, claims, honest, now, pod, response, signed, signed_by,
    },
};

const HEAD: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

/// Runs preflight, which must end with 1, write one line that begins with `code`, and change nothing.
fn assert_fails(mac: &TestMac, code: &str) {
    let before = mac.everything();
    let lines = mac.log().len();
    let ended = mac.run(&["preflight", "auto"]);
    assert_eq!(ended.status, 1, "{code}: {ended:?}");
    assert_eq!(ended.stdout, "", "{code}");
    assert!(ended.stderr.is_ascii(), "{}", ended.stderr);
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    let log = mac.log();
    assert_eq!(log.len(), lines + 1, "{code}: {log:?}");
    let line = log.last().unwrap();
    assert!(
        line.starts_with(&format!("ERROR {code} ")),
        "{code}: {line}"
    );
    assert_eq!(mac.everything(), before, "{code}");
    mac.assert_clean();
}

/// A server whose answer to the question is `answer`, on a Mac where preflight is to fail with `code`.
fn assert_refuses(code: &str, answer: impl Fn(&Received, &str) -> Vec<u8> + Send + Sync + 'static) {
    let server = EnvQuery::new(move |request, address| {
        if request.line.starts_with("POST") {
            answer(request, address)
        } else {
            pod(request)
        }
    });
    assert_fails(&TestMac::of(&server), code);
    let posts = server.received();
    assert!(posts.iter().all(|request| request.line.starts_with("POST")));
}

/// As [`assert_refuses`], for claims that are right but for what `change` does to them.
fn assert_refuses_claims(code: &str, change: impl Fn(&mut Json) + Send + Sync + 'static) {
    assert_refuses(code, move |request, address| {
        let mut claims = claims(request, address);
        change(&mut claims);
        response("200 OK", "application/jwt", &signed(&claims))
    });
}

#[test]
fn not_root() {
    let mac = TestMac::bare();
    let before = mac.everything();
    let ended = if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(mac.path(""), Some(4321), None).unwrap();
        mac.run(&["preflight", "auto"])
    } else {
        crate::mac::ended(mac.command(&[]).args(["--root", "/", "preflight", "auto"]))
    };
    assert_eq!(ended.status, 1);
    assert_eq!(
        ended.stderr,
        "auto-update-client: AU101 this must run as root\n"
    );
    assert_eq!(mac.everything(), before);
}

#[test]
fn without_jamf_or_munki() {
    let server = EnvQuery::honest();
    for (path, code) in [
        ("usr/local/jamf/bin/jamf", "AU102"),
        ("usr/local/munki/managedsoftwareupdate", "AU103"),
    ] {
        let mac = TestMac::of(&server);
        fs::remove_file(mac.path(path)).unwrap();
        assert_fails(&mac, code);
        let mac = TestMac::of(&server);
        set_mode(&mac.path(path), 0o777);
        assert_fails(&mac, "AU150");
    }
    assert_eq!(server.received().len(), 0);
}

#[test]
fn with_a_profile_that_is_missing_or_incomplete() {
    let server = EnvQuery::honest();
    let mac = TestMac::of(&server);
    fs::remove_file(mac.path(CLIENT_PROFILE)).unwrap();
    // What anyone with an administrator's password can write does not stand in for a profile.
    let mut local = server.profile();
    let other = Value::from("zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz");
    local.insert("EnvQueryToken".to_owned(), other);
    mac.plist("Library/Preferences/com.auto-update.client.plist", local);
    assert_fails(&mac, "AU104");
    let pin = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
    for (key, value) in [
        ("CustomerID", None),
        ("CustomerID", Some(Value::from(""))),
        ("CustomerID", Some(Value::from(7_i64))),
        ("EnvQueryURL", None),
        ("EnvQueryURL", Some(Value::from("not an address"))),
        ("EnvQueryURL", Some(Value::from("http://envquery.example"))),
        (
            "EnvQueryURL",
            Some(Value::from("https://me:pw@envquery.example")),
        ),
        (
            "EnvQueryURL",
            Some(Value::from("https://envquery.example/?a=b")),
        ),
        ("EnvQueryToken", None),
        ("EnvQueryToken", Some(Value::from("short"))),
        ("EnvQueryPins", None),
        ("EnvQueryPins", Some(Value::from(pin))),
        ("EnvQueryPins", Some(Value::from(vec![pin]))),
        ("EnvQueryPins", Some(Value::from(vec![pin, pin]))),
        ("EnvQueryPins", Some(Value::from(vec![pin, "AAAA"]))),
        ("EnvQueryPins", Some(Value::from(vec![pin, "not base64"]))),
        ("EnvQueryPins", Some(Value::from(vec![1_i64, 2]))),
    ] {
        let mut profile = server.profile();
        profile.shift_remove(key);
        profile.extend(value.map(|value| (key.to_owned(), value)));
        mac.plist(CLIENT_PROFILE, profile);
        assert_fails(&mac, "AU105");
        assert!(mac.log().last().unwrap().contains(key), "{:?}", mac.log());
    }
    assert_eq!(server.received().len(), 0);
}

#[test]
fn with_a_profile_that_is_no_property_list() {
    let server = EnvQuery::honest();
    for bytes in [
        &b""[..],
        b"bplist00",
        b"<plist>",
        b"[1]",
        b"{}{}",
        &[0xff; 64],
    ] {
        let mac = TestMac::of(&server);
        mac.write(CLIENT_PROFILE, bytes, 0o644);
        assert_fails(&mac, "AU152");
    }
}

#[test]
fn with_a_profile_that_forces_what_preflight_must_set() {
    let server = EnvQuery::honest();
    let mac = TestMac::of(&server);
    for key in ["SoftwareRepoURL", "AdditionalHttpHeaders"] {
        mac.plist(MUNKI_PROFILE, dict([(key, Value::from("x"))]));
        assert_fails(&mac, "AU106");
    }
}

#[test]
fn with_preferences_of_munki_that_cannot_be_kept() {
    let server = EnvQuery::honest();
    let mac = TestMac::of(&server);
    mac.write(ROOT_MUNKI, b"not a property list", 0o600);
    assert_fails(&mac, "AU152");
    let mac = TestMac::of(&server);
    symlink("/etc/passwd", mac.path(ROOT_MUNKI)).unwrap();
    assert_fails(&mac, "AU150");
    let mac = TestMac::of(&server);
    mac.write(ROOT_MUNKI, b"{}", 0o666);
    assert_fails(&mac, "AU150");
    let mac = TestMac::of(&server);
    set_mode(&mac.path("private/var/root/Library/Preferences"), 0o777);
    assert_fails(&mac, "AU150");
}

#[test]
fn where_envquery_is_not() {
    let mac = TestMac::of(&EnvQuery::honest());
    for (url, code) in [
        ("https://envquery.invalid", "AU110"),
        ("https://127.0.0.1:1", "AU111"),
    ] {
        let mut profile = mac.read_plist(CLIENT_PROFILE);
        profile.insert("EnvQueryURL".to_owned(), Value::from(url));
        mac.plist(CLIENT_PROFILE, profile);
        // Without any network there is nothing to fail: the name of a host is not looked up then.
        if code == "AU110" && !has_a_way_out() {
            println!("skipped: this machine has no network");
            continue;
        }
        assert_fails(&mac, code);
    }
}

fn has_a_way_out() -> bool {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    socket.connect("192.0.2.1:443").is_ok()
}

#[test]
fn with_a_certificate_that_is_not_trusted() {
    // By an authority that nobody has heard of.
    let server = EnvQuery::honest();
    let mac = TestMac::of(&server);
    fs::remove_file(mac.path("private/etc/ssl/cert.pem")).unwrap();
    assert_fails(&mac, "AU112");
    for identity in [
        Identity::named(vec!["elsewhere.example".to_owned()]),
        Identity::expired(),
    ] {
        let server = EnvQuery::with(identity, honest);
        assert_fails(&TestMac::of(&server), "AU112");
        assert_eq!(server.received().len(), 0);
    }
}

#[test]
fn with_a_trusted_certificate_whose_key_is_not_pinned() {
    let server = EnvQuery::honest();
    let mac = TestMac::of(&server);
    let mut profile = server.profile();
    let pins = vec![
        "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=",
        "CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg=",
    ];
    profile.insert("EnvQueryPins".to_owned(), Value::from(pins));
    mac.plist(CLIENT_PROFILE, profile);
    assert_fails(&mac, "AU113");
    assert_eq!(server.received().len(), 0, "something was sent");
}

#[test]
fn with_a_pinned_key_that_leads_to_no_root() {
    // The pin is right, and does not stand in for the chain.
    let server = EnvQuery::honest();
    let mac = TestMac::of(&server);
    mac.write("private/etc/ssl/cert.pem", b"", 0o644);
    assert_fails(&mac, "AU112");
}

#[test]
fn where_the_server_speaks_no_tls() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            use std::io::Write as _;
            stream
                .unwrap()
                .write_all(b"HTTP/1.1 200 OK\r\n\r\n")
                .unwrap();
        }
    });
    let mac = TestMac::of(&EnvQuery::honest());
    let mut profile = mac.read_plist(CLIENT_PROFILE);
    profile.insert("EnvQueryURL".to_owned(), Value::from(url));
    mac.plist(CLIENT_PROFILE, profile);
    assert_fails(&mac, "AU114");
}

#[test]
fn with_a_status_that_is_not_200() {
    for (status, code) in [
        ("401 Unauthorized", "AU120"),
        ("429 Too Many Requests", "AU121"),
        ("301 Moved Permanently", "AU122"),
        ("302 Found", "AU122"),
        ("307 Temporary Redirect", "AU122"),
        ("400 Bad Request", "AU123"),
        ("500 Internal Server Error", "AU123"),
        ("204 No Content", "AU123"),
    ] {
        // The body would do.
        assert_refuses(code, move |request, address| {
            response(
                status,
                "application/jwt",
                &signed(&claims(request, address)),
            )
        });
    }
}

#[test]
fn with_an_answer_that_breaks_off_or_is_too_long() {
    assert_refuses("AU116", |request, address| {
        let mut answer = honest(request, address);
        answer.truncate(answer.len() - 20);
        answer
    });
    assert_refuses("AU116", |_, _| {
        b"220 mail.example ESMTP connection: close\r\n".to_vec()
    });
    assert_refuses("AU116", |_, _| {
        b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-le".to_vec()
    });
    let long = "a".repeat(16 * 1024);
    assert_refuses("AU117", move |_, _| {
        response("200 OK", "application/jwt", &long)
    });
    // And where its length is not said beforehand.
    let chunk = format!("4000\r\n{}\r\n", "a".repeat(0x4000));
    let endless = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/jwt\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n{}",
        chunk.repeat(8)
    );
    assert_refuses("AU117", move |_, _| endless.clone().into_bytes());
}

#[test]
fn with_an_answer_that_is_no_signed_token() {
    for kind in ["text/html", "application/json", ""] {
        assert_refuses("AU130", move |request, address| {
            response("200 OK", kind, &signed(&claims(request, address)))
        });
    }
    for body in [
        "",
        "a.b",
        "a.b.c.d",
        "e30.e30.",
        "<html>Welcome to our network</html>",
    ] {
        assert_refuses("AU131", move |_, _| {
            response("200 OK", "application/jwt", body)
        });
    }
    for head in [
        r#"{"alg":"none"}"#,
        r#"{"alg":"HS384"}"#,
        r#"{"alg":"RS256"}"#,
        r#"{"alg":"hs256"}"#,
    ] {
        assert_refuses("AU131", move |request, address| {
            let token = signed_by(TOKEN, head, &claims(request, address));
            response("200 OK", "application/jwt", &token)
        });
    }
    assert_refuses("AU132", |request, address| {
        let token = signed_by(
            "another key of thirty-two letters",
            HEAD,
            &claims(request, address),
        );
        response("200 OK", "application/jwt", &token)
    });
}

#[test]
fn with_claims_of_another_exchange() {
    assert_refuses_claims("AU133", |claims| {
        claims["iss"] = "https://envquery.example".into();
    });
    assert_refuses_claims("AU133", |claims| claims["aud"] = "Somebody Else".into());
    assert_refuses_claims("AU133", |claims| claims["jti"] = "0".repeat(32).into());
    assert_refuses_claims("AU134", |claims| {
        claims["iat"] = (now() - 200).into();
        claims["exp"] = (now() - 100).into();
    });
    assert_refuses_claims("AU134", |claims| {
        claims["iat"] = (now() + 100).into();
        claims["exp"] = (now() + 160).into();
    });
    for claim in [
        "iss",
        "aud",
        "iat",
        "exp",
        "jti",
        "repo_url",
        "repo_authorization",
    ] {
        assert_refuses_claims("AU131", move |claims| {
            claims.as_object_mut().unwrap().remove(claim);
        });
    }
    // The question sent back is no answer.
    assert_refuses("AU131", |request, _| {
        response("200 OK", "application/jwt", &request.body)
    });
}

#[test]
fn with_a_repository_that_munki_must_not_be_given() {
    for url in [
        "http://pods.example/ez558k0p2PWY6lik",
        "file:///Users/Shared/repo",
        "https://me:pw@pods.example/x",
        "https://pods.example/x?y=z",
        "https://pods.example/x\n",
        "pods.example",
    ] {
        assert_refuses_claims("AU135", move |claims| claims["repo_url"] = url.into());
    }
    for credential in [
        "Basic ",
        "Bearer abc",
        "Basic a:b",
        "Basic a\r\nX-Other: y",
        "Basic é",
        "",
    ] {
        assert_refuses_claims("AU136", move |claims| {
            claims["repo_authorization"] = credential.into();
        });
    }
}

/// A server that answers the question as it should, and everything else with `status`.
fn pod_with(status: &'static str) -> EnvQuery {
    EnvQuery::new(move |request, address| {
        if request.line.starts_with("POST") {
            honest(request, address)
        } else {
            response(status, "text/plain", "")
        }
    })
}

#[test]
fn where_the_repository_does_not_open() {
    for (status, code, requests) in [
        ("401 Unauthorized", "AU140", 4),
        ("302 Found", "AU141", 2),
        ("404 Not Found", "AU142", 2),
        ("500 Internal Server Error", "AU142", 2),
    ] {
        let server = pod_with(status);
        assert_fails(&TestMac::of(&server), code);
        assert_eq!(server.received().len(), requests, "{code}");
    }
    let server = EnvQuery::new(|request, address| {
        let mut claims = claims(request, address);
        claims["repo_url"] = "https://127.0.0.1:1/x".into();
        response("200 OK", "application/jwt", &signed(&claims))
    });
    assert_fails(&TestMac::of(&server), "AU143");
}

#[test]
fn a_credential_left_behind_goes_even_so() {
    let mac = TestMac::of(&pod_with("401 Unauthorized"));
    mac.leave_credential();
    assert_eq!(mac.run(&["preflight", "auto"]).status, 1);
    let keys: Vec<String> = mac.read_plist(ROOT_MUNKI).into_keys().collect();
    assert_eq!(keys, ["SoftwareRepoURL"]);
    mac.assert_clean();
}

/// The program gives up after 45 s; here the same wait has an end sooner.
#[test]
fn where_nobody_answers_there_is_an_end_to_waiting() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    let mac = TestMac::bare();
    let files = client::Files::below(&mac.path("")).unwrap();
    let request = client::net::Request {
        method: client::net::Method::Post,
        url: &url.parse().unwrap(),
        pins: None,
        authorization: None,
        body: None,
        longest: client::net::LONGEST_ANSWER,
        until: std::time::Instant::now() + std::time::Duration::from_millis(200),
    };
    let trust = client::net::Trust::of(&files).unwrap();
    let fault = client::Fault::EnvQuery(client::net::send(request, &trust).unwrap_err());
    assert_eq!(fault.code(), "AU115");
}
