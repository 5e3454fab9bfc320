//! The client and its memory against a stand-in that speaks the documented protocol.

use std::{path::PathBuf, sync::Arc, time::Duration};

use model::{Clock as _, FailureClass, FixedClock, Retry, Sha256, Timestamp};
use redact::Secret;
use testkit::virus_total::{KEY, Verdict, VirusTotal as StandIn};

use crate::{
    Answer, Assessment, Config, LookUp, Medium, NoReport, ScanError, Thresholds, UPLOAD_LIMIT,
    VirusTotal, assess,
};

struct Bench {
    folder: tempfile::TempDir,
    clock: Arc<FixedClock>,
    service: StandIn,
    config: Config,
}

impl Bench {
    async fn new() -> Self {
        let service = StandIn::start().await.unwrap();
        let config = Config {
            base_url: service.base_url(),
            api_key: Some(Secret::new(KEY.to_owned())),
            per_minute: 1_000,
            ..Config::default()
        };
        Self {
            folder: tempfile::tempdir().unwrap(),
            clock: Arc::new(FixedClock::at(Timestamp::from_secs(1_764_016_320))),
            service,
            config,
        }
    }

    /// Opens the client as a process that starts does.
    async fn client(&self) -> VirusTotal {
        let db = testkit::database(&self.folder.path().join("auto-update.db")).await;
        VirusTotal::new(self.config.clone(), db, self.clock.clone()).unwrap()
    }

    fn medium(&self, bytes: &[u8]) -> Medium {
        let path = self.folder.path().join("App.dmg");
        fs_err::write(&path, bytes).unwrap();
        Medium {
            sha256: Sha256::of(bytes),
            len_bytes: bytes.len() as u64,
            path,
            name: "App.dmg".to_owned(),
            may_upload: true,
        }
    }

    /// Asks until the answer is not "later", turning the clock on as told; each time as a process that starts.
    async fn ask_to_the_end(&self, medium: &Medium) -> Answer {
        for _ in 0..20 {
            match self.client().await.ask(medium).await.unwrap() {
                Answer::Pending { ask_again_at } => {
                    assert!(ask_again_at > self.clock.now());
                    self.clock.advance(ask_again_at.since(self.clock.now()));
                }
                answer => return answer,
            }
        }
        panic!("no answer")
    }
}

fn meaning(answer: &Answer) -> Assessment {
    let Answer::Report(report) = answer else {
        panic!("{answer:?}")
    };
    assess(report, &Thresholds::default())
}

#[tokio::test]
async fn a_known_file_is_answered_at_once_and_remembered() {
    let bench = Bench::new().await;
    let medium = bench.medium(b"app");
    bench.service.know(medium.sha256, Verdict::malicious(5));
    let answer = bench.client().await.ask(&medium).await.unwrap();
    assert!(matches!(meaning(&answer), Assessment::Malicious { engines } if engines.len() == 5));
    assert_eq!(bench.client().await.ask(&medium).await.unwrap(), answer);
    assert_eq!(bench.service.requests().len(), 1);
    bench.clock.advance(Duration::from_hours(25));
    bench.service.know(medium.sha256, Verdict::clean());
    let later = bench.client().await.ask(&medium).await.unwrap();
    assert_eq!(meaning(&later), Assessment::Clean);
}

#[tokio::test]
async fn an_unknown_file_is_uploaded_once_and_polled_over_restarts() {
    let bench = Bench::new().await;
    bench.service.set_polls_needed(3);
    let medium = bench.medium(b"new app");
    bench.service.will_say(medium.sha256, Verdict::suspicious());
    let answer = bench.ask_to_the_end(&medium).await;
    assert!(matches!(meaning(&answer), Assessment::Suspicious { .. }));
    let upload = (medium.sha256.to_string(), "App.dmg".to_owned());
    assert_eq!(bench.service.uploads(), [upload]);
    let requests = bench.service.requests();
    let polls = requests
        .iter()
        .filter(|line| line.contains("/analyses/"))
        .count();
    assert_eq!((requests.len(), polls), (7, 4), "{requests:?}");
}

#[tokio::test]
async fn a_large_file_goes_to_an_address_of_its_own() {
    let bench = Bench::new().await;
    let medium = bench.medium(&vec![7; 33_000_000]);
    let answer = bench.ask_to_the_end(&medium).await;
    assert_eq!(meaning(&answer), Assessment::Clean);
    assert_eq!(bench.service.uploads().len(), 1);
    let requests = bench.service.requests();
    assert!(
        requests.contains(&"POST /_ah/upload/0".to_owned()),
        "{requests:?}"
    );
}

#[tokio::test]
async fn what_cannot_or_must_not_be_uploaded_is_said() {
    let bench = Bench::new().await;
    let mut medium = bench.medium(b"private app");
    medium.may_upload = false;
    let answer = bench.client().await.ask(&medium).await.unwrap();
    assert_eq!(answer, Answer::None(NoReport::UploadNotAllowed));
    medium.may_upload = true;
    medium.len_bytes = UPLOAD_LIMIT + 1;
    let too_large = NoReport::TooLarge {
        len_bytes: UPLOAD_LIMIT + 1,
        limit_bytes: UPLOAD_LIMIT,
    };
    let answer = bench.client().await.ask(&medium).await.unwrap();
    assert_eq!(answer, Answer::None(too_large));
    let sparse = fs_err::File::create(&medium.path).unwrap();
    sparse.set_len(UPLOAD_LIMIT + 1).unwrap();
    let refused = bench.client().await.upload(&medium.path, "App.dmg").await;
    assert!(matches!(refused, Err(ScanError::TooLarge { .. })));
    assert!(bench.service.uploads().is_empty());
}

#[tokio::test]
async fn without_a_key_nothing_is_asked() {
    let mut bench = Bench::new().await;
    bench.config.api_key = None;
    let medium = bench.medium(b"app");
    let answer = bench.client().await.ask(&medium).await.unwrap();
    assert_eq!(answer, Answer::None(NoReport::NoKey));
    assert!(bench.service.requests().is_empty());
}

#[tokio::test]
async fn a_wrong_key_is_a_configuration_failure_and_is_not_shown() {
    let mut bench = Bench::new().await;
    bench.config.api_key = Some(Secret::new("canary-key".to_owned()));
    let client = bench.client().await;
    let error = client.ask(&bench.medium(b"app")).await.unwrap_err();
    assert!(matches!(error, ScanError::WrongKey { status: 401, .. }));
    assert_eq!(
        (error.class(), error.retry()),
        (FailureClass::Configuration, Retry::Never)
    );
    assert!(!format!("{error} {error:?} {client:?} {:?}", bench.config).contains("canary"));
}

#[tokio::test]
async fn the_quota_is_kept_over_restarts() {
    let mut bench = Bench::new().await;
    bench.config.per_minute = 2;
    bench.config.per_day = 3;
    let sha256 = Sha256::of(b"app");
    for _ in 0..2 {
        let found = bench.client().await.look_up(sha256).await.unwrap();
        assert_eq!(found, LookUp::Unknown);
    }
    // The minute is spent: a short wait, whatever process asks.
    let medium = bench.medium(b"app");
    let answer = bench.client().await.ask(&medium).await.unwrap();
    let Answer::Pending { ask_again_at } = answer else {
        panic!("{answer:?}")
    };
    bench.clock.advance(ask_again_at.since(bench.clock.now()));
    bench.client().await.look_up(sha256).await.unwrap();
    // The day is spent.
    let answer = bench.client().await.ask(&medium).await.unwrap();
    let Answer::None(NoReport::QuotaSpent { until }) = answer else {
        panic!("{answer:?}")
    };
    assert_eq!(until.to_string(), "2025-11-25T00:00:00Z");
    assert_eq!(bench.service.requests().len(), 3);
}

#[tokio::test]
async fn a_refusal_for_quota_pauses_every_process_as_long_as_it_says() {
    let bench = Bench::new().await;
    bench.service.set_quota(0, 3_600);
    let medium = bench.medium(b"app");
    let until = bench.clock.now().plus(Duration::from_hours(1));
    for _ in 0..2 {
        let answer = bench.client().await.ask(&medium).await.unwrap();
        assert_eq!(answer, Answer::None(NoReport::QuotaSpent { until }));
    }
    assert_eq!(bench.service.requests().len(), 1);
    bench.service.lift_quota();
    bench.clock.advance(Duration::from_hours(1));
    let answer = bench.ask_to_the_end(&medium).await;
    assert_eq!(meaning(&answer), Assessment::Clean);
}

#[tokio::test]
async fn a_quota_that_ends_in_the_middle_of_an_upload_only_delays_it() {
    let bench = Bench::new().await;
    bench.service.set_quota(1, 30);
    let medium = bench.medium(b"app");
    let answer = bench.client().await.ask(&medium).await.unwrap();
    assert!(matches!(answer, Answer::Pending { .. }), "{answer:?}");
    bench.service.lift_quota();
    bench.clock.advance(Duration::from_secs(30));
    assert_eq!(
        meaning(&bench.ask_to_the_end(&medium).await),
        Assessment::Clean
    );
    assert_eq!(bench.service.uploads().len(), 1);
}

#[tokio::test]
async fn an_upload_whose_process_died_is_taken_over_after_silence() {
    let bench = Bench::new().await;
    let medium = bench.medium(b"app");
    let db = testkit::database(&bench.folder.path().join("auto-update.db")).await;
    let now = bench.clock.now();
    let scan = db.scan_ask(medium.sha256, now).await.unwrap();
    db.scan_move(&scan, store::ScanState::Uploading, now)
        .await
        .unwrap()
        .unwrap();
    let answer = bench.client().await.ask(&medium).await.unwrap();
    assert!(matches!(answer, Answer::Pending { .. }));
    assert!(bench.service.requests().is_empty());
    assert_eq!(
        meaning(&bench.ask_to_the_end(&medium).await),
        Assessment::Clean
    );
    assert_eq!(bench.service.uploads().len(), 1);
}

#[tokio::test]
async fn a_file_that_is_gone_and_a_service_that_is_gone_are_errors() {
    let bench = Bench::new().await;
    let mut medium = bench.medium(b"app");
    medium.path = PathBuf::from("/nowhere/App.dmg");
    let client = bench.client().await;
    for _ in 0..2 {
        let error = client.ask(&medium).await.unwrap_err();
        assert!(matches!(error, ScanError::File { .. }), "{error}");
    }
    drop(bench.service);
    tokio::task::yield_now().await;
    let config = Config {
        // Nothing listens on the discard port.
        base_url: "http://127.0.0.1:9/api/v3/".to_owned(),
        ..bench.config
    };
    let db = testkit::database(&bench.folder.path().join("auto-update.db")).await;
    let client = VirusTotal::new(config, db, bench.clock).unwrap();
    let error = client.look_up(medium.sha256).await.unwrap_err();
    assert!(matches!(error, ScanError::Unreachable { .. }), "{error}");
    assert_eq!(
        (error.class(), error.retry()),
        (FailureClass::ScanInconclusive, Retry::Later)
    );
}
