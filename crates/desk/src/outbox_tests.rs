use std::path::Path;

use model::{Clock as _, FailureClass, FixedClock, RunId, Timestamp};
use redact::{Scrubber, Secret};
use store::{DeliveryState, EventKind, IncidentState};
use testkit::{
    smtp::{self, SmtpServer},
    webhook_receiver::{Reply, WebhookReceiver},
};

use super::*;
use crate::{Config, Failure, Flapping, WebhookConfig};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OLD_SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// A desk that tells one webhook, in a folder of its own.
struct Bench {
    folder: tempfile::TempDir,
    clock: Arc<FixedClock>,
    receiver: WebhookReceiver,
}

impl Bench {
    async fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            clock: Arc::new(FixedClock::at(Timestamp::from_secs(1_764_016_320))),
            receiver: WebhookReceiver::start(SECRET).await.unwrap(),
        }
    }

    fn config(&self) -> Config {
        let secret = |text: &str| Secret::new(text.to_owned());
        Config {
            webhook: vec![WebhookConfig {
                name: "hook".to_owned(),
                url: Secret::new(self.receiver.url()),
                secrets: vec![secret(OLD_SECRET), secret(SECRET)],
                secret_files: Vec::new(),
                events: EventKind::ALL.to_vec(),
                allow_loopback_http: true,
                timeout_seconds: 20,
            }],
            flapping: Flapping {
                reopened: 0,
                quiet_hours: 0,
            },
            ..Config::default()
        }
    }

    /// Opens the desk as a process that starts does.
    async fn desk(&self) -> Desk {
        self.desk_with(self.config()).await
    }

    async fn desk_with(&self, config: Config) -> Desk {
        let db = testkit::database(&self.folder.path().join("auto-update.db")).await;
        Desk::new(config, db, self.clock.clone(), Scrubber::new()).unwrap()
    }

    /// What the receiver was told, in order.
    fn told(&self) -> Vec<String> {
        let type_ = |call: &testkit::webhook_receiver::Received| {
            assert!(call.verified, "{call:?}");
            call.body["type"].as_str().unwrap().to_owned()
        };
        self.receiver.received().iter().map(type_).collect()
    }
}

fn failure() -> Failure {
    Failure {
        title: "Firefox.munki".parse().unwrap(),
        class: FailureClass::CodeSignature,
        cause: "the seal of Firefox.app is broken".to_owned(),
        next_step: None,
        run: Some(RunId::new()),
        step: Some("CodeSignatureVerifier".to_owned()),
        excerpt: "first line\nlast line\n".to_owned(),
    }
}

#[tokio::test]
async fn a_failure_opens_repeats_count_and_a_good_run_resolves() {
    let bench = Bench::new().await;
    let desk = bench.desk().await;
    for _ in 0..4 {
        desk.raise(&failure()).await.unwrap();
    }
    let other = Failure {
        class: FailureClass::Download,
        ..failure()
    };
    desk.raise(&other).await.unwrap();
    let run = RunId::new();
    let resolved = desk.resolve(&other.title, run).await.unwrap();
    assert_eq!(resolved.len(), 2);
    assert!(desk.resolve(&other.title, run).await.unwrap().is_empty());
    assert_eq!(resolved[0].repeats, 4);

    let tally = desk.deliver_due().await.unwrap();
    assert_eq!((tally.delivered, tally.postponed, tally.failed), (5, 0, 0));
    let of_first: Vec<_> = bench
        .receiver
        .received()
        .iter()
        .filter(|call| call.body["data"]["incident"]["class"] == "code-signature")
        .map(|call| call.body.clone())
        .collect();
    let types: Vec<_> = of_first.iter().map(|body| &body["type"]).collect();
    assert_eq!(
        types,
        ["incident.opened", "incident.updated", "incident.resolved"]
    );
    let last = &of_first[2]["data"]["incident"];
    assert_eq!(last["repeats"], 4);
    assert_eq!(
        last["resolution"],
        format!("Run {run} of Firefox.munki succeeded.")
    );
    bench.told();
}

#[tokio::test]
async fn a_crash_between_incident_and_delivery_loses_nothing() {
    let bench = Bench::new().await;
    let desk = bench.desk().await;
    let failure = failure();
    let incident = desk.raise(&failure).await.unwrap();
    // Killed after it took the delivery, before it was made.
    let now = bench.clock.now();
    let claimed = desk.db.delivery_claim(now, now.plus(LEASE)).await.unwrap();
    drop(desk);
    assert!(bench.told().is_empty());

    let desk = bench.desk().await;
    let again = desk.raise(&failure).await.unwrap();
    assert_eq!((again.id, again.repeats), (incident.id, 1));
    assert_eq!(desk.deliver_due().await.unwrap(), Tally::default());
    bench.clock.advance(LEASE);
    assert_eq!(desk.deliver_due().await.unwrap().delivered, 1);
    assert_eq!(desk.deliver_due().await.unwrap(), Tally::default());
    assert_eq!(bench.told(), ["incident.opened"]);
    assert_eq!(
        bench.receiver.received()[0].id,
        claimed.unwrap().id.to_string()
    );
}

#[tokio::test]
async fn a_desk_that_fails_is_told_again_under_the_same_id() {
    let bench = Bench::new().await;
    let desk = bench.desk().await;
    bench.receiver.will_reply([
        Reply::Status(500),
        Reply::RetryAfter(3_600),
        Reply::Redirect("http://127.0.0.1:9/elsewhere".to_owned()),
    ]);
    desk.raise(&failure()).await.unwrap();
    assert_eq!(desk.deliver_due().await.unwrap().postponed, 1);
    assert_eq!(desk.deliver_due().await.unwrap(), Tally::default());
    bench.clock.advance(Duration::from_secs(6));
    assert_eq!(desk.deliver_due().await.unwrap().postponed, 1);
    // Longer than the second wait of the schedule, and still shorter than what the desk asked for.
    bench.clock.advance(Duration::from_mins(50));
    assert_eq!(desk.deliver_due().await.unwrap(), Tally::default());
    bench.clock.advance(Duration::from_mins(10));
    assert_eq!(desk.deliver_due().await.unwrap().postponed, 1);
    let delivery = desk.db.delivery_list(None).await.unwrap().remove(0);
    assert_eq!(delivery.last_error.as_deref(), Some("it answered 302"));
    bench.clock.advance(Duration::from_hours(1));
    assert_eq!(desk.deliver_due().await.unwrap().delivered, 1);
    let received = bench.receiver.received();
    assert_eq!(received.len(), 4);
    assert!(
        received
            .iter()
            .all(|call| call.verified && call.id == received[0].id)
    );
    assert!(received[0].timestamp < received[3].timestamp);
}

#[tokio::test]
async fn a_delivery_is_given_up_after_the_schedule_and_can_be_retried() {
    let bench = Bench::new().await;
    let desk = bench.desk().await;
    bench.receiver.will_reply(vec![Reply::Status(503); 10]);
    desk.raise(&failure()).await.unwrap();
    for _ in BACK_OFF {
        assert_eq!(desk.deliver_due().await.unwrap().postponed, 1);
        bench.clock.advance(Duration::from_hours(30));
    }
    assert_eq!(desk.deliver_due().await.unwrap().failed, 1);
    let delivery = desk.db.delivery_list(None).await.unwrap().remove(0);
    assert_eq!(delivery.state, DeliveryState::Failed);
    assert!(
        desk.db
            .delivery_retry(delivery.id, bench.clock.now())
            .await
            .unwrap()
    );
    assert_eq!(desk.deliver_due().await.unwrap().delivered, 1);
}

#[tokio::test]
async fn a_desk_that_is_gone_is_told_nothing_more() {
    let bench = Bench::new().await;
    let desk = bench.desk().await;
    bench.receiver.will_reply([Reply::Status(410)]);
    desk.raise(&failure()).await.unwrap();
    assert_eq!(desk.deliver_due().await.unwrap().failed, 1);
    desk.resolve(&failure().title, RunId::new()).await.unwrap();
    assert_eq!(desk.deliver_due().await.unwrap(), Tally::default());
    assert_eq!(bench.told(), ["incident.opened"]);
}

#[tokio::test]
async fn a_connector_that_is_no_longer_configured_loses_nothing() {
    let bench = Bench::new().await;
    bench.desk().await.raise(&failure()).await.unwrap();
    let without = bench.desk_with(Config::default()).await;
    assert_eq!(without.deliver_due().await.unwrap().postponed, 1);
    bench.clock.advance(Duration::from_secs(6));
    assert_eq!(bench.desk().await.deliver_due().await.unwrap().delivered, 1);
}

#[tokio::test]
async fn the_loop_delivers_what_is_raised_and_stops() {
    let bench = Bench::new().await;
    let desk = Arc::new(bench.desk().await);
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let (desk, stop) = (Arc::clone(&desk), stop.clone());
        async move { desk.run(&stop).await }
    });
    desk.raise(&failure()).await.unwrap();
    while desk.db.delivery_next_due().await.unwrap().is_some() {
        tokio::task::yield_now().await;
    }
    stop.cancel();
    running.await.unwrap();
    assert_eq!(bench.told(), ["incident.opened"]);
}

#[tokio::test]
async fn people_take_and_resolve_incidents_once() {
    let bench = Bench::new().await;
    let desk = bench.desk().await;
    let incident = desk.raise(&failure()).await.unwrap();
    let taken = desk.acknowledge(incident.id, "me").await.unwrap();
    assert_eq!(taken.state, IncidentState::Acknowledged);
    assert_eq!(desk.acknowledge(incident.id, "you").await.unwrap(), taken);
    let resolved = desk
        .resolve_by_hand(incident.id, "false alarm")
        .await
        .unwrap();
    assert_eq!(resolved.resolution.as_deref(), Some("false alarm"));
    assert!(desk.resolve_by_hand(incident.id, "again").await.is_err());
    assert!(desk.acknowledge(incident.id, "me").await.is_err());
    assert!(
        desk.acknowledge(model::IncidentId::new(), "me")
            .await
            .is_err()
    );
    desk.deliver_due().await.unwrap();
    assert_eq!(
        bench.told(),
        ["incident.opened", "incident.updated", "incident.resolved"]
    );
}

#[tokio::test]
async fn no_secret_is_in_any_text() {
    let bench = Bench::new().await;
    let Some(_) = smtp::find_python().await else {
        println!("skipped: no Python has aiosmtpd");
        return;
    };
    let mails = bench.folder.path().join("mails");
    let server = SmtpServer::start_with_password(&mails, "canary-password")
        .await
        .unwrap();
    let mut config = bench.config();
    config.email.push(
        toml::from_str(&format!(
            "name = 'mail'\nhost = '127.0.0.1'\nport = {}\ntls = 'none'\nuser = 'desk'\n\
             password = 'canary-password'\nfrom = 'Auto-Update <au@example.org>'\nto = ['desk@example.org']",
            server.port()
        ))
        .unwrap(),
    );
    let db = testkit::database(&bench.folder.path().join("auto-update.db")).await;
    let mut scrubber = Scrubber::new();
    scrubber.learn("canary-of-the-run");
    let desk = Desk::new(config, db, bench.clock.clone(), scrubber).unwrap();
    let leak = format!(
        "sent canary-of-the-run, canary-password, {SECRET} and https://u:canary-user@h.example/?t=canary-token \
         <script>alert(1)</script>"
    );
    let failure = Failure {
        cause: leak.clone(),
        next_step: Some(leak.clone()),
        step: Some(leak.clone()),
        excerpt: leak,
        ..failure()
    };
    let incident = desk.raise(&failure).await.unwrap();
    assert_eq!(desk.deliver_due().await.unwrap().delivered, 2);
    desk.resolve(&failure.title, RunId::new()).await.unwrap();
    assert_eq!(desk.deliver_due().await.unwrap().delivered, 2);

    let mails = server.mails().unwrap();
    assert_eq!(mails.len(), 2);
    let told = format!(
        "{:?} {mails:?} {incident:?} {desk:?}",
        bench.receiver.received()
    );
    for canary in [
        "canary",
        SECRET,
        SECRET.trim_start_matches("whsec_"),
        "<script>",
    ] {
        let shown = if canary == "<script>" {
            mails[0].split("text/html").nth(1).unwrap()
        } else {
            &told
        };
        assert!(!shown.contains(canary), "{canary} in {shown}");
    }
    assert!(no_file_holds(bench.folder.path(), "canary"));
}

#[tokio::test]
async fn a_mail_server_that_refuses_gets_each_mail_once_and_in_order_when_it_takes_mail_again() {
    let bench = Bench::new().await;
    let Some(_) = smtp::find_python().await else {
        println!("skipped: no Python has aiosmtpd");
        return;
    };
    let refusing = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = refusing.local_addr().unwrap().port();
    let refuser = tokio::spawn(async move {
        loop {
            let (mut visitor, _) = refusing.accept().await.unwrap();
            let busy = b"421 4.3.2 come back later\r\n";
            tokio::io::AsyncWriteExt::write_all(&mut visitor, busy)
                .await
                .unwrap();
        }
    });
    let mail = |port: u16| {
        Config {
        email: vec![
            toml::from_str(&format!(
                "name = 'mail'\nhost = '127.0.0.1'\nport = {port}\ntls = 'none'\nfrom = 'au@example.org'\n\
                 to = ['desk@example.org']"
            ))
            .unwrap(),
        ],
        ..Config::default()
    }
    };
    let desk = bench.desk_with(mail(port)).await;
    desk.raise(&failure()).await.unwrap();
    desk.raise(&failure()).await.unwrap();
    desk.resolve(&failure().title, RunId::new()).await.unwrap();
    for _ in 0..3 {
        assert_eq!(desk.deliver_due().await.unwrap().postponed, 1);
        bench.clock.advance(Duration::from_hours(3));
    }
    let state = desk.connectors().await.unwrap().remove(0);
    assert_eq!((state.health.failures, state.health.pending), (3, 3));
    let error = state.health.last_error.unwrap();
    assert!(error.contains("come back later"), "{error}");
    refuser.abort();

    let mails = bench.folder.path().join("mails");
    let server = SmtpServer::start(&mails).await.unwrap();
    let desk = bench.desk_with(mail(server.port())).await;
    assert_eq!(desk.deliver_due().await.unwrap().delivered, 3);
    let letters = server.letters().unwrap();
    let firsts = letters
        .iter()
        .map(|letter| letter.text.lines().next().unwrap());
    let firsts: Vec<&str> = firsts.collect();
    assert!(firsts[0].contains("was stopped:"), "{firsts:?}");
    assert!(firsts[1].contains("was stopped 2 times"), "{firsts:?}");
    assert!(firsts[2].starts_with("Resolved:"), "{firsts:?}");
    assert_eq!(firsts.len(), 3);
}

/// Looks through the database and its log as well.
fn no_file_holds(folder: &Path, word: &str) -> bool {
    std::fs::read_dir(folder).unwrap().all(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return no_file_holds(&path, word);
        }
        let bytes = std::fs::read(path).unwrap();
        !bytes
            .windows(word.len())
            .any(|window| window == word.as_bytes())
    })
}

#[tokio::test]
async fn a_notice_stays_small_whatever_is_raised() {
    let bench = Bench::new().await;
    let desk = bench.desk().await;
    for filling in ["\"", "\\", "\n", "ä", "\u{1f600}", "\u{1}"] {
        let long = filling.repeat(40_000);
        let failure = Failure {
            title: "\"".repeat(255).parse().unwrap(),
            class: FailureClass::Package,
            cause: long.clone(),
            next_step: Some(long.clone()),
            step: Some(long.clone()),
            excerpt: long,
            run: Some(RunId::new()),
        };
        let incident = desk.raise(&failure).await.unwrap();
        desk.resolve_by_hand(incident.id, &filling.repeat(40_000))
            .await
            .unwrap();
    }
    let deliveries = desk.db.delivery_list(None).await.unwrap();
    assert_eq!(deliveries.len(), 12);
    for delivery in deliveries {
        let len_bytes = delivery.payload.to_string().len();
        assert!(len_bytes < 20_000, "{len_bytes}");
    }
}

#[test]
fn waits_follow_the_schedule_with_jitter_and_heed_the_desk() {
    assert_eq!(next_attempt(1, None, 0.0), Some(Duration::from_secs(5)));
    assert_eq!(next_attempt(1, None, 1.0), Some(Duration::from_secs(6)));
    assert_eq!(next_attempt(9, None, 0.0), Some(Duration::from_hours(24)));
    assert_eq!(next_attempt(10, None, 0.0), None);
    let asked = Some(Duration::from_hours(1));
    assert_eq!(next_attempt(1, asked, 0.0), asked);
    let too_long = Some(Duration::from_hours(1_000));
    assert_eq!(next_attempt(1, too_long, 0.0), Some(LONGEST_RETRY_AFTER));
}
