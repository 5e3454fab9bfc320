//! The client against a real daemon, and against one that says what daemons say.

use std::{path::Path, sync::Arc, time::Duration};

use model::{FixedClock, Sha256, Timestamp};
use testkit::clamd::{Clamd as Daemon, FOUND, MARKER, YARA_MARKER};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::{Clamd, ClamdConfig, ClamdError, Engine, Opinion, Verdict, engine_of, verdict_of};
use crate::{Action, Medium};

struct Bench {
    folder: tempfile::TempDir,
    clock: Arc<FixedClock>,
}

impl Bench {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            clock: Arc::new(FixedClock::at(Timestamp::from_secs(1_764_016_320))),
        }
    }

    async fn client(&self, config: ClamdConfig) -> Clamd {
        let db = testkit::database(&self.folder.path().join("auto-update.db")).await;
        Clamd::new(config, db, self.clock.clone()).unwrap().unwrap()
    }

    fn medium(&self, name: &str, bytes: &[u8]) -> Medium {
        let path = self.folder.path().join(name);
        fs_err::write(&path, bytes).unwrap();
        Medium {
            sha256: Sha256::of(bytes),
            len_bytes: bytes.len() as u64,
            path,
            name: name.to_owned(),
            may_upload: false,
        }
    }
}

fn at_socket(socket: &Path) -> ClamdConfig {
    ClamdConfig {
        socket: Some(socket.to_owned()),
        signature_days: 0,
        ..ClamdConfig::default()
    }
}

/// A daemon that gives each connection in turn the next of `answers`; `None` cuts it off.
async fn stand_in(answers: Vec<Option<&'static str>>) -> ClamdConfig {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let Some(answer) = answer else { continue };
            let mut heard = [0_u8; 10];
            stream.read_exact(&mut heard[..9]).await.unwrap();
            if heard.starts_with(b"zINSTREAM") {
                // The end of the command, and then the pieces.
                stream.read_exact(&mut heard[9..]).await.unwrap();
                loop {
                    let len = stream.read_u32().await.unwrap();
                    if len == 0 {
                        break;
                    }
                    let mut piece = vec![0_u8; len as usize];
                    stream.read_exact(&mut piece).await.unwrap();
                }
            }
            stream.write_all(answer.as_bytes()).await.unwrap();
            stream.write_all(b"\0").await.unwrap();
        }
    });
    ClamdConfig {
        address: Some(address),
        ..ClamdConfig::default()
    }
}

#[tokio::test]
async fn a_real_daemon_tells_malware_from_what_is_clean_too_large_or_out_of_reach() {
    let Some(mut daemon) = Daemon::start().unwrap() else {
        eprintln!("skipped: ClamAV's daemon is not installed");
        return;
    };
    let bench = Bench::new();
    let client = bench.client(at_socket(&daemon.socket())).await;
    let now = Timestamp::from_secs(0);

    let clean = bench.medium("clean", &b"nothing".repeat(100_000));
    let opinion = client.ask(&clean).await.unwrap();
    assert_eq!(opinion.verdict, Verdict::Clean);
    assert!(opinion.engine.name.starts_with("ClamAV "), "{opinion}");
    assert_eq!(client.action(&opinion, now), Action::Release);

    let bad = bench.medium("bad", format!("an {MARKER} in it").as_bytes());
    let opinion = client.ask(&bad).await.unwrap();
    let name = FOUND.to_owned();
    assert_eq!(opinion.verdict, Verdict::Found { name });
    assert!(opinion.is_malware());
    assert_eq!(client.action(&opinion, now), Action::Fail);

    let by_rule = bench.medium("rule", format!("a {YARA_MARKER} in it").as_bytes());
    let opinion = client.ask(&by_rule).await.unwrap();
    assert_eq!(
        opinion.to_string().split("finds ").last(),
        Some("YARA.Marker.UNOFFICIAL")
    );

    // The daemon takes 1 MiB, and cuts the connection off in the middle.
    let large = bench.medium("large", &vec![7; 9 << 20]);
    let opinion = client.ask(&large).await.unwrap();
    let limit = "its own `StreamMaxLength`".to_owned();
    assert_eq!(opinion.verdict, Verdict::TooLarge { limit });
    assert_eq!(client.action(&opinion, now), Action::Hold);

    daemon.stop();
    let error = client.ask(&clean).await.unwrap_err();
    assert!(matches!(error, ClamdError::Down { .. }), "{error}");
}

#[tokio::test]
async fn an_opinion_is_kept_until_signatures_change_or_it_is_old() {
    const OLD: &str = "ClamAV 1.4.6/27400/Thu Nov 20 09:00:00 2025";
    const NEW: &str = "ClamAV 1.4.6/27401/Fri Nov 21 09:00:00 2025";
    let bench = Bench::new();
    let config = stand_in(vec![
        Some(OLD),
        Some("stream: OK"),
        Some(OLD),
        Some(NEW),
        Some("stream: Osx.Trojan FOUND"),
        Some(NEW),
        Some("stream: OK"),
    ])
    .await;
    let client = bench.client(config).await;
    let medium = bench.medium("app", b"app");
    let first = client.ask(&medium).await.unwrap();
    assert_eq!(first.verdict, Verdict::Clean);
    assert_eq!(first.engine.signatures, Some(27_400));
    bench.clock.advance(Duration::from_hours(1));
    assert_eq!(client.ask(&medium).await.unwrap(), first, "it was not sent");
    assert!(client.ask(&medium).await.unwrap().is_malware());
    bench.clock.advance(Duration::from_hours(24));
    assert_eq!(client.ask(&medium).await.unwrap().verdict, Verdict::Clean);
    let kept = client.opinion(&medium).await.unwrap();
    assert_eq!(kept.unwrap().engine.signatures, Some(27_401));
}

#[tokio::test]
async fn what_is_larger_than_is_sent_is_not_sent() {
    let bench = Bench::new();
    let mut config = stand_in(vec![Some("ClamAV 1.4.6")]).await;
    config.max_mib = 1;
    let medium = Medium {
        len_bytes: (1 << 20) + 1,
        ..bench.medium("app", b"app")
    };
    let opinion = bench.client(config).await.ask(&medium).await.unwrap();
    assert!(
        matches!(opinion.verdict, Verdict::TooLarge { .. }),
        "{opinion}"
    );
}

#[tokio::test]
async fn trouble_is_told_apart() {
    let bench = Bench::new();
    let medium = bench.medium("app", b"app");
    let version = Some("ClamAV 1.4.6");
    let refusing = stand_in(vec![version, Some("Can't allocate memory ERROR")]).await;
    let error = bench.client(refusing).await.ask(&medium).await.unwrap_err();
    assert!(
        error.to_string().ends_with("Can't allocate memory ERROR"),
        "{error}"
    );
    let cut_off = stand_in(vec![version, None]).await;
    let error = bench.client(cut_off).await.ask(&medium).await.unwrap_err();
    assert!(matches!(error, ClamdError::Down { .. }), "{error}");
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let slow = ClamdConfig {
        address: Some(silent.local_addr().unwrap().to_string()),
        ..ClamdConfig::default()
    };
    let client = bench.client(slow).await;
    let talk = super::Talk {
        place: &client.place,
        limit: Duration::from_millis(20),
    };
    let error = talk.scan(&medium.path).await.unwrap_err();
    assert!(matches!(error, ClamdError::Slow { .. }), "{error}");
}

#[test]
fn versions_and_answers_are_read() {
    let engine = engine_of("ClamAV 1.4.6/27400/Thu Nov 20 09:00:00 2025");
    assert_eq!(
        engine,
        Engine {
            name: "ClamAV 1.4.6".to_owned(),
            signatures: Some(27_400),
            signatures_at: Some(Timestamp::from_secs(1_763_629_200)),
        }
    );
    for odd in ["", "ClamAV 1.4.6", "ClamAV 1.4.6/x/never", "/////"] {
        assert_eq!(engine_of(odd).signatures_at, None);
    }
    let found = |name: &str| {
        Some(Verdict::Found {
            name: name.to_owned(),
        })
    };
    assert_eq!(verdict_of("stream: OK"), Some(Verdict::Clean));
    assert_eq!(
        verdict_of("stream: Osx.Trojan FOUND\n"),
        found("Osx.Trojan")
    );
    let exceeded = verdict_of("stream: Heuristics.Limits.Exceeded.MaxFileSize FOUND");
    assert!(matches!(exceeded, Some(Verdict::TooLarge { .. })));
    for trouble in [
        "",
        "stream:",
        "UNKNOWN COMMAND",
        "stream: lstat() failed ERROR",
    ] {
        assert_eq!(verdict_of(trouble), None, "{trouble}");
    }
}

#[tokio::test]
async fn what_an_opinion_leads_to_is_configured() {
    let bench = Bench::new();
    let mut config = at_socket(Path::new("/nowhere"));
    config.signature_days = 7;
    config.policy.suspicious = Action::Warn;
    let client = bench.client(config).await;
    let opinion = |verdict: Verdict, made: Option<i64>| Opinion {
        engine: Engine {
            signatures_at: made.map(Timestamp::from_secs),
            ..engine_of("ClamAV 1.4.6")
        },
        verdict,
        at: Timestamp::from_secs(0),
    };
    let now = Timestamp::from_secs(8 * 86_400);
    let action = |verdict, made| client.action(&opinion(verdict, made), now);
    let found = |name: &str| Verdict::Found {
        name: name.to_owned(),
    };
    assert_eq!(action(Verdict::Clean, Some(2 * 86_400)), Action::Release);
    assert_eq!(action(Verdict::Clean, Some(0)), Action::Hold, "too old");
    assert_eq!(action(Verdict::Clean, None), Action::Hold, "of no date");
    assert_eq!(action(found("PUA.Osx.Adware"), None), Action::Warn);
    assert_eq!(
        action(found("Heuristics.Encrypted.Zip"), None),
        Action::Warn
    );
    assert_eq!(action(found("Osx.Trojan"), None), Action::Fail);
}

#[tokio::test]
async fn a_place_that_cannot_be_meant_is_refused() {
    let bench = Bench::new();
    let db = testkit::database(&bench.folder.path().join("auto-update.db")).await;
    let made = |config| Clamd::new(config, db.clone(), bench.clock.clone());
    assert!(
        made(ClamdConfig::default()).unwrap().is_none(),
        "none is named"
    );
    let two = ClamdConfig {
        address: Some("127.0.0.1:3310".to_owned()),
        ..at_socket(Path::new("/run/clamd"))
    };
    let portless = ClamdConfig {
        address: Some("localhost".to_owned()),
        ..ClamdConfig::default()
    };
    let nothing = ClamdConfig {
        max_mib: 0,
        ..at_socket(Path::new("/run/clamd"))
    };
    for config in [two, portless, nothing] {
        assert!(matches!(made(config), Err(ClamdError::SetUp { .. })));
    }
}
