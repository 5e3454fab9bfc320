use std::sync::Arc;

use model::{Clock as _, FixedClock, Timestamp, Trigger};
use redact::{Scrubber, Secret};
use serde_json::json;
use store::{IncidentState, NewRun, Queued, Terms, Worker};
use testkit::webhook_receiver::{Received, Reply, WebhookReceiver};

use super::*;
use crate::{BACK_OFF, Config, EndpointConfig};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OLD_SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// A desk that tells nobody, and one endpoint.
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

    fn endpoint(&self, name: &str, events: &[&str]) -> EndpointConfig {
        let secret = |text: &str| Secret::new(text.to_owned());
        EndpointConfig {
            name: name.to_owned(),
            url: secret(&self.receiver.url()),
            secrets: vec![secret(OLD_SECRET), secret(SECRET)],
            secret_files: Vec::new(),
            events: events.iter().map(|&it| it.to_owned()).collect(),
            allow_loopback_http: true,
            timeout_seconds: 20,
        }
    }

    /// Opens the desk as a process that starts does, and hears from then on.
    async fn desk(&self, events: &[&str]) -> Desk {
        let db = testkit::database(&self.folder.path().join("auto-update.db")).await;
        let desk = Desk::new(Config::default(), db, self.clock.clone(), Scrubber::new());
        let endpoint = vec![self.endpoint("inventory", events)];
        let config = WebhooksConfig { endpoint };
        let desk = desk.unwrap().with_webhooks(&config).unwrap();
        desk.deliver_due().await.unwrap();
        desk
    }

    fn told(&self) -> Vec<(String, String)> {
        let told = |call: &Received| {
            assert!(call.verified, "{call:?}");
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            (text(&call.body["type"]), text(&call.body["data"]["title"]))
        };
        self.receiver.received().iter().map(told).collect()
    }

    fn told_ids(&self) -> BTreeSet<String> {
        let received = self.receiver.received();
        received.into_iter().map(|call| call.id).collect()
    }

    async fn queue(&self, desk: &Desk, title: &str) -> model::RunId {
        let new = NewRun {
            title: title.parse().unwrap(),
            trigger: Trigger::Manual,
            request: json!({}),
            terms: Terms::default(),
        };
        let queued = desk.db.run_queue(&new, self.clock.now()).await.unwrap();
        let (Queued::New(run) | Queued::Already(run)) = queued;
        run
    }
}

fn failure() -> Failure {
    Failure {
        title: "Firefox.munki".parse().unwrap(),
        class: FailureClass::CodeSignature,
        cause: "the seal of Firefox.app is broken".to_owned(),
        next_step: None,
        run: None,
        step: None,
        excerpt: String::new(),
    }
}

#[tokio::test]
async fn what_happens_is_told_whether_or_not_a_desk_is() {
    let bench = Bench::new().await;
    let desk = bench.desk(&["run.queued", "incident"]).await;
    let run = bench.queue(&desk, "Firefox.munki").await;
    // Nobody asked for what becomes of it.
    let until = bench.clock.now().plus(LEASE);
    let worker = Worker::named("w");
    let claimed = desk.db.run_claim(&worker, bench.clock.now(), until).await;
    let (_, lease) = claimed.unwrap().unwrap();
    assert!(desk.db.run_start(lease, bench.clock.now()).await.unwrap());
    let incident = desk.raise(&failure()).await.unwrap();
    desk.acknowledge(incident.id, "ada").await.unwrap();
    assert_eq!(desk.deliver_due().await.unwrap().delivered, 3);
    let kinds: Vec<String> = bench.told().into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(
        kinds,
        ["run.queued", "incident.open", "incident.acknowledged"]
    );
    let received = bench.receiver.received();
    assert_eq!(received[0].body["data"]["run"], run.to_string());
    assert_eq!(
        received[1].body["data"]["incident"],
        incident.id.to_string()
    );
    assert_eq!(received[1].body["data"]["class"], "code-signature");
    assert_eq!(bench.told_ids().len(), 3);
    // Another process takes nothing over a second time.
    let again = bench.desk(&[]).await;
    assert_eq!(again.deliver_due().await.unwrap(), Tally::default());
}

#[tokio::test]
async fn what_is_refused_comes_again_under_its_name_before_what_follows_it() {
    let bench = Bench::new().await;
    let desk = bench.desk(&["incident"]).await;
    bench.receiver.will_reply([Reply::Status(500)]);
    let incident = desk.raise(&failure()).await.unwrap();
    desk.acknowledge(incident.id, "ada").await.unwrap();
    assert_eq!(desk.deliver_due().await.unwrap().postponed, 1);
    // Killed: the next process goes on where this one was.
    drop(desk);
    let desk = bench.desk(&["incident"]).await;
    assert_eq!(bench.told().len(), 1);
    bench.clock.advance(Duration::from_secs(6));
    assert_eq!(desk.deliver_due().await.unwrap().delivered, 2);
    let kinds: Vec<String> = bench.told().into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(
        kinds,
        ["incident.open", "incident.open", "incident.acknowledged"]
    );
    assert_eq!(bench.told_ids().len(), 2);
}

#[tokio::test]
async fn one_that_has_too_much_is_left_alone_as_long_as_it_asks() {
    let bench = Bench::new().await;
    let desk = bench.desk(&["run"]).await;
    bench.receiver.will_reply([Reply::TooMany(Some(3_600))]);
    for title in ["A", "B"] {
        bench.queue(&desk, title).await;
    }
    assert_eq!(desk.deliver_due().await.unwrap().postponed, 1);
    bench.clock.advance(Duration::from_mins(59));
    assert_eq!(desk.deliver_due().await.unwrap(), Tally::default());
    bench.clock.advance(Duration::from_mins(2));
    assert_eq!(desk.deliver_due().await.unwrap().delivered, 2);
    // One that does not say for how long is left alone, too.
    bench.receiver.will_reply([Reply::TooMany(None)]);
    for title in ["C", "D"] {
        bench.queue(&desk, title).await;
    }
    assert_eq!(desk.deliver_due().await.unwrap().postponed, 1);
    assert_eq!(desk.deliver_due().await.unwrap(), Tally::default());
}

#[tokio::test]
async fn one_that_is_gone_is_a_persons_to_mend() {
    let bench = Bench::new().await;
    let desk = bench.desk(&["run"]).await;
    bench.receiver.will_reply([Reply::Status(410)]);
    bench.queue(&desk, "A").await;
    bench.queue(&desk, "B").await;
    assert_eq!(desk.deliver_due().await.unwrap().failed, 1);
    assert_eq!(bench.told().len(), 1);
    let states = desk.connectors().await.unwrap();
    let [state] = &*states else {
        panic!("{states:?}");
    };
    assert!(state.configured && state.health.disabled_at.is_some());
    assert_eq!(
        (state.topics.clone(), state.health.given_up),
        (vec!["run".to_owned()], 2)
    );
    let title = "Webhook inventory".parse().unwrap();
    let open = desk
        .db
        .incident_list_of_title("house", &title)
        .await
        .unwrap();
    assert_eq!(open.len(), 1, "nobody was told");
    assert!(open[0].cause.contains("410"), "{}", open[0].cause);

    desk.take_up_again().await.unwrap();
    assert_eq!(desk.deliver_due().await.unwrap().delivered, 2);
    let after = desk.db.incident_find(open[0].id).await.unwrap().unwrap();
    assert_eq!(after.state, IncidentState::Resolved);
}

#[tokio::test]
async fn one_that_never_takes_it_is_given_up_and_told() {
    let bench = Bench::new().await;
    let desk = bench.desk(&["run"]).await;
    let redirect = Reply::Redirect("http://127.0.0.1:9/elsewhere".to_owned());
    bench.receiver.will_reply(vec![redirect; 10]);
    bench.queue(&desk, "A").await;
    for _ in BACK_OFF {
        assert_eq!(desk.deliver_due().await.unwrap().postponed, 1);
        bench.clock.advance(Duration::from_hours(30));
    }
    assert_eq!(desk.deliver_due().await.unwrap().failed, 1);
    assert_eq!(bench.told_ids().len(), 1);
    let title = "Webhook inventory".parse().unwrap();
    let open = desk
        .db
        .incident_list_of_title("house", &title)
        .await
        .unwrap();
    assert_eq!(open.len(), 1);
}

#[tokio::test]
async fn the_loop_sends_what_happens_and_stops() {
    let bench = Bench::new().await;
    let desk = Arc::new(bench.desk(&[]).await);
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let (desk, stop) = (Arc::clone(&desk), stop.clone());
        async move { desk.run_webhook("inventory", &stop).await }
    });
    bench.queue(&desk, "A").await;
    bench.receiver.until_called(1).await;
    stop.cancel();
    running.await.unwrap();
    assert_eq!(bench.told(), [("run.queued".to_owned(), "A".to_owned())]);
}

#[tokio::test]
async fn a_test_goes_past_the_outbox() {
    let bench = Bench::new().await;
    let desk = bench.desk(&[]).await;
    assert_eq!(desk.test_fire("inventory").await.unwrap(), None);
    assert_eq!(bench.receiver.received()[0].body["type"], "webhook.test");
    bench.receiver.will_reply([Reply::Status(500)]);
    let refused = desk.test_fire("inventory").await.unwrap_err().to_string();
    assert!(refused.contains("it answered 500"), "{refused}");
    let unknown = desk.test_fire("other").await.unwrap_err().to_string();
    assert!(unknown.contains("there are: inventory"), "{unknown}");
}

#[tokio::test]
async fn refuses_what_cannot_be_meant() {
    let bench = Bench::new().await;
    let refusal = async |endpoints: &[EndpointConfig]| {
        let db = testkit::database(&bench.folder.path().join("auto-update.db")).await;
        let desk = Desk::new(Config::default(), db, bench.clock.clone(), Scrubber::new());
        let config = WebhooksConfig {
            endpoint: endpoints.to_vec(),
        };
        let refused = desk.unwrap().with_webhooks(&config);
        refused.err().map(|error| error.to_string())
    };
    let good = bench.endpoint("a", &["publication.published", "hold"]);
    assert_eq!(refusal(std::slice::from_ref(&good)).await, None);
    let twice = refusal(&[good.clone(), good]).await.unwrap();
    assert!(twice.contains("used twice"), "{twice}");
    for topic in ["step", "run.exploded", "runs", "incident."] {
        let refused = refusal(&[bench.endpoint("a", &[topic])]).await.unwrap();
        assert!(refused.contains(&format!("`{topic}`")), "{refused}");
    }
    assert!(refusal(&[bench.endpoint("a/b", &[])]).await.is_some());
    let plain = EndpointConfig {
        allow_loopback_http: false,
        ..bench.endpoint("a", &[])
    };
    assert!(refusal(&[plain]).await.is_some());
}
