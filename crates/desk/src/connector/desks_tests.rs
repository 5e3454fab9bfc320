use std::{sync::Arc, time::Duration};

use model::{Clock as _, FailureClass, FixedClock, RunId, Timestamp};
use redact::Scrubber;
use serde_json::Value;
use store::{DeliveryState, Incident};
use testkit::desks::{
    Call, Chat, DeskServer, Freshservice, Jira, PagerDuty, Protocol, ServiceNow, Trouble, Zendesk,
};

use crate::{Config, Desk, Failure};

/// A desk that tells one connector, which is called `desk`, in a folder of its own.
struct Bench<P> {
    _folder: tempfile::TempDir,
    clock: Arc<FixedClock>,
    server: DeskServer<P>,
    desk: Desk,
}

impl<P: Protocol> Bench<P> {
    async fn new(protocol: P, config: &str) -> Self {
        let server = DeskServer::start(protocol).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let db = testkit::database(&folder.path().join("auto-update.db")).await;
        let clock = Arc::new(FixedClock::at(Timestamp::from_secs(1_764_016_320)));
        let config: Config = toml::from_str(&config.replace("[DESK]", &server.url())).unwrap();
        let desk = Desk::new(config, db, clock.clone(), Scrubber::new()).unwrap();
        Self {
            _folder: folder,
            clock,
            server,
            desk,
        }
    }

    async fn raise(&self) -> Incident {
        self.clock.advance(Duration::from_mins(1));
        let failure = Failure {
            title: "Firefox.munki".parse().unwrap(),
            class: FailureClass::Download,
            cause: "the vendor <answered> 404".to_owned(),
            next_step: None,
            run: Some(RunId::new()),
            step: Some("URLDownloader".to_owned()),
            excerpt: "first line\nlast line\n".to_owned(),
        };
        self.desk.raise(&failure).await.unwrap()
    }

    async fn resolve(&self) {
        self.clock.advance(Duration::from_mins(1));
        let title = "Firefox.munki".parse().unwrap();
        self.desk.resolve(&title, RunId::new()).await.unwrap();
    }

    /// Delivers until nothing is left to be delivered, as the hours go by.
    async fn deliver(&self) {
        for _ in 0..40 {
            self.desk.deliver_due().await.unwrap();
            let pending = self.desk.db.delivery_next_due().await.unwrap();
            let Some(due) = pending else { return };
            let wait = due.since(self.clock.now());
            self.clock.advance(wait.max(Duration::from_secs(1)));
        }
        let left = self.desk.db.delivery_list(None).await.unwrap();
        panic!("left in the outbox: {left:#?}");
    }

    /// Opened, updated, taken, resolved: four events.
    async fn story(&self) -> Incident {
        let incident = self.raise().await;
        self.deliver().await;
        self.raise().await;
        self.clock.advance(Duration::from_mins(1));
        self.desk.acknowledge(incident.id, "me").await.unwrap();
        self.deliver().await;
        self.resolve().await;
        self.deliver().await;
        let deliveries = self.desk.db.delivery_list(None).await.unwrap();
        let states = deliveries.iter().map(|delivery| delivery.state);
        assert!(states.eq([DeliveryState::Delivered; 4]), "{deliveries:?}");
        incident
    }

    fn posted(&self) -> Vec<Call> {
        let mut calls = self.server.calls();
        calls.retain(|call| call.method != "GET");
        calls
    }
}

const JIRA: &str = "[[jira]]\nname = 'desk'\nurl = '[DESK]'\nuser = 'desk@example.org'\ntoken = 'jira-token'\n\
                    service-desk-id = '10'\nrequest-type-id = '25'\nallow-loopback-http = true\n\
                    priorities = { P3 = 'Medium' }\n";
const SERVICENOW: &str = "[[servicenow]]\nname = 'desk'\nurl = '[DESK]'\nuser = 'desk'\n\
                          token = 'servicenow-token'\nallow-loopback-http = true\n\
                          fields = { assignment_group = 'macOS' }\n";
const ZENDESK: &str = "[[zendesk]]\nname = 'desk'\nurl = '[DESK]'\nuser = 'desk@example.org'\n\
                       token = 'zendesk-token'\nallow-loopback-http = true\n";
const FRESHSERVICE: &str = "[[freshservice]]\nname = 'desk'\nurl = '[DESK]'\ntoken = 'freshservice-token'\n\
                            email = 'macs@example.org'\nallow-loopback-http = true\nfields = { tags = ['macOS'] }\n";
const PAGERDUTY: &str = "[[pagerduty]]\nname = 'desk'\nurl = '[DESK]/v2/enqueue'\nrouting-key = 'pagerduty-key'\n\
                         allow-loopback-http = true\n";
const SLACK: &str = "[[slack]]\nname = 'desk'\nurl = '[DESK]/services/T0/B0/slack-token'\n\
                     allow-loopback-http = true\n";
const TEAMS: &str =
    "[[teams]]\nname = 'desk'\nurl = '[DESK]/workflows/teams-token'\nallow-loopback-http = true\n";

/// Runs the story once without trouble, and then with each of its calls done but its answer lost; answers what is
/// at the desk at each end.
async fn lose_each_answer<P: Protocol + Clone + Default, S: PartialEq + std::fmt::Debug>(
    config: &str,
    seen: impl Fn(&P) -> S,
) -> (usize, S) {
    let undisturbed = Bench::new(P::default(), config).await;
    undisturbed.story().await;
    let expected = undisturbed.server.at(|desk| seen(desk));
    let calls = undisturbed.server.calls().len();
    for lost in 0..calls {
        let bench = Bench::new(P::default(), config).await;
        let quiet = vec![Trouble::None; lost];
        bench
            .server
            .will_trouble(quiet.into_iter().chain([Trouble::Lost]));
        bench.story().await;
        let found = bench.server.at(|desk| seen(desk));
        assert_eq!(found, expected, "the answer to call {lost} was lost");
    }
    (calls, expected)
}

#[tokio::test]
async fn zendesk_has_one_ticket_and_each_event_once_whatever_answer_is_lost() {
    let seen = |desk: &Zendesk| {
        let tickets = desk.tickets.values();
        let each =
            tickets.map(|one| (one.status.clone(), one.priority.clone(), one.comments.len()));
        each.collect::<Vec<_>>()
    };
    let (calls, end) = lose_each_answer::<Zendesk, _>(ZENDESK, seen).await;
    assert_eq!(end, [("solved".to_owned(), "normal".to_owned(), 4)]);
    assert_eq!(calls, 5);
}

#[tokio::test]
async fn servicenow_has_one_record_and_each_event_once_whatever_answer_is_lost() {
    let seen = |desk: &ServiceNow| {
        let records = desk.records.values();
        let each = records.map(|one| {
            let names = [
                "state",
                "close_code",
                "impact",
                "urgency",
                "assignment_group",
            ];
            let fields = names.map(|name| one.field(name).to_owned());
            (fields, one.work_notes.len())
        });
        each.collect::<Vec<_>>()
    };
    let (_, end) = lose_each_answer::<ServiceNow, _>(SERVICENOW, seen).await;
    let fields = ["6", "Solution provided", "2", "2", "macOS"].map(str::to_owned);
    assert_eq!(end, [(fields, 3)]);
}

#[tokio::test]
async fn jira_has_one_request_and_each_event_once_whatever_answer_is_lost() {
    let seen = |desk: &Jira| {
        let requests = desk.requests.values();
        let each = requests.map(|one| (one.is_done, one.priority.clone(), one.comments.len()));
        each.collect::<Vec<_>>()
    };
    let (_, end) = lose_each_answer::<Jira, _>(JIRA, seen).await;
    assert_eq!(end, [(true, "Medium".to_owned(), 3)]);
}

#[tokio::test]
async fn freshservice_has_one_ticket_and_each_event_once_whatever_answer_is_lost() {
    let seen = |desk: &Freshservice| {
        let tickets = desk.tickets.values();
        let each = tickets.map(|one| (one.status, one.priority, one.tags.len(), one.notes.len()));
        each.collect::<Vec<_>>()
    };
    let (_, end) = lose_each_answer::<Freshservice, _>(FRESHSERVICE, seen).await;
    assert_eq!(end, [(4, 2, 2, 3)]);
}

#[tokio::test]
async fn freshservice_finds_what_its_index_does_not_know_yet() {
    let fresh = Freshservice {
        index_lags: 10,
        ..Freshservice::default()
    };
    let bench = Bench::new(fresh, FRESHSERVICE).await;
    // The look, and then the ticket that is made.
    bench.server.will_trouble([Trouble::None, Trouble::Lost]);
    bench.story().await;
    assert_eq!(bench.server.at(|desk| desk.tickets.len()), 1);
}

#[tokio::test]
async fn what_comes_back_opens_its_ticket_again_or_a_successor_of_a_closed_one() {
    let bench = Bench::new(Zendesk::default(), ZENDESK).await;
    bench.story().await;
    bench.raise().await;
    bench.deliver().await;
    let status = |desk: &mut Zendesk| desk.tickets.values().next_back().unwrap().status.clone();
    assert_eq!(bench.server.at(status), "open");
    bench.resolve().await;
    bench.deliver().await;
    bench.server.at(|desk| {
        let ticket = desk.tickets.get_mut(&1).unwrap();
        "closed".clone_into(&mut ticket.status);
    });
    let incident = bench.raise().await;
    bench.deliver().await;
    bench.resolve().await;
    bench.deliver().await;
    let tickets = bench.server.at(|desk| desk.tickets.clone());
    assert_eq!(tickets.len(), 2);
    assert_eq!(
        (tickets[&2].follows, tickets[&2].status.as_str()),
        (Some(1), "solved")
    );
    let kept = bench.desk.db.ticket_list(incident.id).await.unwrap();
    assert_eq!(kept[0].1.reference, "2");
}

#[tokio::test]
async fn a_request_that_cannot_be_opened_again_and_a_record_that_is_gone_get_successors() {
    let jira = Bench::new(Jira::default(), JIRA).await;
    jira.story().await;
    jira.server.at(|desk| {
        let request = desk.requests.get_mut("DESK-1").unwrap();
        request.is_final = true;
    });
    jira.raise().await;
    jira.deliver().await;
    let follows = jira
        .server
        .at(|desk| desk.requests["DESK-2"].description.clone());
    assert!(follows.starts_with("Follows DESK-1."), "{follows}");

    let servicenow = Bench::new(ServiceNow::default(), SERVICENOW).await;
    servicenow.raise().await;
    servicenow.deliver().await;
    servicenow.server.at(|desk| desk.records.clear());
    servicenow.raise().await;
    servicenow.deliver().await;
    assert_eq!(servicenow.server.at(|desk| desk.records.len()), 1);
}

#[tokio::test]
async fn a_desk_that_never_heard_of_an_incident_does_not_hear_of_its_end() {
    let config = ZENDESK.replace("allow-", "events = ['resolved']\nallow-");
    let bench = Bench::new(Zendesk::default(), &config).await;
    bench.raise().await;
    bench.resolve().await;
    bench.deliver().await;
    assert!(bench.server.at(|desk| desk.tickets.is_empty()));
}

#[tokio::test]
async fn pagerduty_has_one_alert_which_goes_with_the_incident() {
    let bench = Bench::new(PagerDuty::default(), PAGERDUTY).await;
    bench
        .server
        .will_trouble([Trouble::Lost, Trouble::Status(500)]);
    let incident = bench.story().await;
    let actions: Vec<Value> = bench
        .posted()
        .iter()
        .map(|call| call.body["event_action"].clone())
        .collect();
    assert_eq!(
        actions,
        [
            "trigger",
            "trigger",
            "trigger",
            "trigger",
            "acknowledge",
            "resolve"
        ]
    );
    let alerts = bench.server.at(|desk| desk.alerts.clone());
    assert_eq!(alerts.len(), 1);
    let alert = &alerts[&incident.id.to_string()];
    assert_eq!(
        (alert.status.as_str(), alert.severity.as_str()),
        ("resolved", "warning")
    );
    assert_eq!(alert.summary, "[P3] Firefox.munki: download failed");

    // A clock moves on between the taking and the telling.
    let deliveries = bench.desk.db.delivery_list(None).await.unwrap();
    let mut taken: crate::Notice = serde_json::from_value(deliveries[2].payload.clone()).unwrap();
    taken.timestamp += Duration::from_millis(3);
    let action = super::pagerduty::action(&taken, deliveries[2].kind);
    assert_eq!(action, "acknowledge");
}

#[tokio::test]
async fn chats_get_a_message_for_each_event_in_which_nothing_of_others_is_a_mark() {
    for config in [SLACK, TEAMS] {
        let bench = Bench::new(Chat::default(), config).await;
        bench.story().await;
        let messages = bench.server.at(|desk| desk.messages.clone());
        assert_eq!(messages.len(), 4, "{messages:#?}");
        let first = messages[0].to_string();
        assert!(first.contains("Firefox.munki was stopped"), "{first}");
        assert_eq!(first.contains("<answered>"), config == TEAMS, "{first}");
    }
}

#[tokio::test]
async fn a_quota_rests_the_whole_connector_until_the_desk_said() {
    let bench = Bench::new(PagerDuty::default(), PAGERDUTY).await;
    bench.server.will_trouble([Trouble::RetryAfter(429, 1_800)]);
    bench.raise().await;
    assert_eq!(bench.desk.deliver_due().await.unwrap().postponed, 1);
    // Another incident, whose delivery is due at once.
    let other = Failure {
        title: "Zoom.munki".parse().unwrap(),
        class: FailureClass::Package,
        cause: "no package".to_owned(),
        next_step: None,
        run: None,
        step: None,
        excerpt: String::new(),
    };
    bench.desk.raise(&other).await.unwrap();
    bench.clock.advance(Duration::from_mins(29));
    assert_eq!(bench.desk.deliver_due().await.unwrap().delivered, 0);
    assert_eq!(bench.posted().len(), 1);
    let state = bench.desk.connectors().await.unwrap().remove(0);
    assert_eq!((state.health.failures, state.health.pending), (1, 2));
    assert!(state.health.resting_until.is_some() && state.configured);
    bench.clock.advance(Duration::from_mins(1));
    assert_eq!(bench.desk.deliver_due().await.unwrap().delivered, 2);
    let state = bench.desk.connectors().await.unwrap().remove(0);
    assert_eq!((state.health.failures, state.health.pending), (0, 0));
    assert_eq!(state.health.delivered_at, Some(bench.clock.now()));
}

#[tokio::test]
async fn a_desk_that_is_down_for_an_hour_gets_everything_once_and_in_order() {
    let config = format!("{ZENDESK}[flapping]\nreopened = 0\n");
    let bench = Bench::new(Zendesk::default(), &config).await;
    bench.server.set_down(true);
    let end = bench.clock.now().plus(Duration::from_hours(1));
    // Every minute something happens, and the outbox is looked at.
    let mut happened = 0;
    while bench.clock.now() < end {
        if happened % 3 == 2 {
            bench.resolve().await;
        } else {
            bench.raise().await;
        }
        happened += 1;
        bench.desk.deliver_due().await.unwrap();
    }
    let refused = bench.server.calls().len();
    assert!(
        refused < 10,
        "a desk that is down was asked {refused} times"
    );
    bench.server.set_down(false);
    bench.deliver().await;

    let deliveries = bench.desk.db.delivery_list(None).await.unwrap();
    assert!(
        deliveries
            .iter()
            .all(|one| one.state == DeliveryState::Delivered)
    );
    let tickets = bench.server.at(|desk| desk.tickets.clone());
    assert_eq!(tickets.len(), 1);
    let marks: Vec<u32> = tickets[&1]
        .comments
        .iter()
        .map(|comment| {
            let mark = comment.rsplit_once('#').unwrap().1;
            mark.trim_end().trim_end_matches(']').parse().unwrap()
        })
        .collect();
    let sequences: Vec<u32> = deliveries.iter().map(|one| one.sequence).collect();
    assert_eq!(marks, sequences);
    assert!(marks.len() > 30, "{}", marks.len());
}

#[tokio::test]
async fn a_test_is_fired_at_each_kind_and_leaves_nothing_open() {
    let bench = Bench::new(ServiceNow::default(), SERVICENOW).await;
    let ticket = bench.desk.test_fire("desk").await.unwrap().unwrap();
    assert!(ticket.url.unwrap().contains("incident.do?sys_id="));
    let records = bench.server.at(|desk| desk.records.clone());
    assert_eq!(records[&ticket.reference].field("state"), "6");
    assert!(bench.desk.db.delivery_list(None).await.unwrap().is_empty());
    let error = bench.desk.test_fire("none").await.unwrap_err().to_string();
    assert_eq!(error, "no connector is called `none`; there are: desk");

    bench.server.will_trouble([Trouble::Status(410)]);
    let error = bench.desk.test_fire("desk").await.unwrap_err().to_string();
    assert!(
        error.contains("`desk` did not take the test: it answered 410"),
        "{error}"
    );

    let chat = Bench::new(Chat::default(), SLACK).await;
    assert_eq!(chat.desk.test_fire("desk").await.unwrap(), None);
    assert_eq!(chat.server.at(|desk| desk.messages.len()), 2);
}

#[tokio::test]
async fn what_a_desk_says_of_a_refusal_is_kept_without_secrets() {
    let wrong = ZENDESK.replace("zendesk-token", "canary-token");
    let bench = Bench::new(Zendesk::default(), &wrong).await;
    bench.raise().await;
    assert_eq!(bench.desk.deliver_due().await.unwrap().postponed, 1);
    let state = bench.desk.connectors().await.unwrap().remove(0);
    let error = state.health.last_error.unwrap();
    assert!(
        error.starts_with("it answered 401: ") && error.contains("Not Authenticated"),
        "{error}"
    );
    let told = format!("{error} {:?}", bench.desk);
    assert!(!told.contains("canary"), "{told}");
}

#[test]
fn a_connector_without_its_secret_or_tls_is_refused_at_the_start() {
    for (config, why) in [
        (
            ZENDESK.replace("token = 'zendesk-token'\n", ""),
            "it has no token",
        ),
        (
            PAGERDUTY.replace("routing-key = 'pagerduty-key'\n", ""),
            "it has no routing key",
        ),
        (
            SLACK.replace("url = '[DESK]/services/T0/B0/slack-token'\n", ""),
            "it has no address",
        ),
        (
            JIRA.replace("[DESK]", "http://jira.example.org"),
            "is not https",
        ),
    ] {
        let config = config.replace("[DESK]", "https://desk.example.org");
        let config: Config = toml::from_str(&config).unwrap();
        let error = super::all(&config).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
    let unknown = format!("{ZENDESK}tokn = 'x'\n");
    assert!(toml::from_str::<Config>(&unknown).is_err());
}
