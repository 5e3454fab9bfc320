use std::time::Duration;

use model::{FailureClass, FixedClock};
use redact::Scrubber;
use testkit::smtp::SmtpServer;

use super::*;
use crate::{EmailConfig, Failure};

fn config(at: &str, zone: &str, connectors: &[&str]) -> Config {
    let toml = format!(
        "[digest]\nat = '{at}'\ntime-zone = '{zone}'\nconnectors = {connectors:?}\n\
         [[email]]\nname = 'mail'\nhost = 'localhost'\ntls = 'none'\nfrom = 'a@example.org'\nto = ['b@example.org']\n"
    );
    toml::from_str(&toml).unwrap()
}

fn due(at: &str, zone: &str, now: &str) -> Option<String> {
    let schedule = Schedule::of(&config(at, zone, &[])).unwrap().unwrap();
    let now: DateTime<Utc> = now.parse().unwrap();
    schedule.due(now.into()).map(|day| day.to_string())
}

#[test]
fn a_letter_is_due_at_its_time_in_its_zone() {
    let day = |day: &str| Some(day.to_owned());
    let berlin = "Europe/Berlin";
    assert_eq!(due("07:30", berlin, "2026-11-27T06:29:59Z"), None);
    assert_eq!(
        due("07:30", berlin, "2026-11-27T06:30:00Z"),
        day("2026-11-27")
    );
    assert_eq!(
        due("07:30", berlin, "2026-07-01T05:30:00Z"),
        day("2026-07-01")
    );
    assert_eq!(
        due("07:30", "Asia/Tokyo", "2026-11-26T22:30:00Z"),
        day("2026-11-27")
    );
    assert_eq!(due("07:30", "", "2026-11-27T07:30:00Z"), day("2026-11-27"));
    // The clock goes from 2:00 to 3:00, so there is no 2:30.
    assert_eq!(due("02:30", berlin, "2026-03-29T01:29:00Z"), None);
    assert_eq!(
        due("02:30", berlin, "2026-03-29T01:30:00Z"),
        day("2026-03-29")
    );
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let refused = |at: &str, zone: &str, connectors: &[&str]| {
        Schedule::of(&config(at, zone, connectors))
            .unwrap_err()
            .to_string()
    };
    assert!(refused("25:00", "", &[]).contains("no time"));
    assert!(refused("7:30", "", &[]).contains("no time"));
    assert!(refused("07:30", "Mars/Base", &[]).contains("no time zone"));
    assert!(refused("07:30", "", &["chat"]).contains("named `chat`"));
    let mut without = config("07:30", "", &[]);
    without.email.clear();
    assert!(Schedule::of(&without).is_err());
    assert!(Schedule::of(&Config::default()).unwrap().is_none());
}

#[tokio::test]
async fn a_letter_is_mailed_once_a_day_and_tells_what_is_open() {
    let folder = tempfile::tempdir().unwrap();
    let server = SmtpServer::start(folder.path()).await.unwrap();
    let clock = Arc::new(FixedClock::at(Timestamp::from_secs(1_764_016_320)));
    let db = testkit::database(&folder.path().join("auto-update.db")).await;
    let mut config = config("07:30", "Europe/Berlin", &["mail"]);
    config.email = vec![EmailConfig {
        port: Some(server.port()),
        host: "127.0.0.1".to_owned(),
        ..config.email.remove(0)
    }];
    let desk = Desk::new(config, db, clock.clone(), Scrubber::new()).unwrap();
    let failure = Failure {
        title: "Firefox.munki".parse().unwrap(),
        class: FailureClass::Download,
        cause: "The vendor's server is down".to_owned(),
        next_step: None,
        run: None,
        step: None,
        excerpt: String::new(),
    };
    desk.raise(&failure).await.unwrap();
    // It is 21:32 in Berlin, and the time of the day is over.
    assert_eq!(desk.digest().await.unwrap(), 1);
    assert_eq!(desk.digest().await.unwrap(), 0, "once a day");
    clock.advance(Duration::from_hours(8));
    assert_eq!(
        desk.digest().await.unwrap(),
        0,
        "it is 5:32 of the next day"
    );
    clock.advance(Duration::from_hours(2));
    assert_eq!(desk.digest().await.unwrap(), 1);
    let letters = server.letters().unwrap();
    assert_eq!(letters.len(), 2);
    let mail = server.mails().unwrap().remove(0);
    assert!(
        mail.contains("Subject: Auto-Update on 2025-11-24: 1 open, 0 published"),
        "{mail}"
    );
    assert!(
        mail.contains("P3 Firefox.munki: download, 1 times"),
        "{mail}"
    );
    assert!(mail.contains("Runs that ended: none"), "{mail}");
}

#[tokio::test]
async fn a_mail_server_that_is_down_is_asked_again() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(FixedClock::at(Timestamp::from_secs(1_764_016_320)));
    let db = testkit::database(&folder.path().join("auto-update.db")).await;
    let mut config = config("07:30", "", &[]);
    // Nobody listens on a port that was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    config.email = vec![EmailConfig {
        port: Some(port),
        host: "127.0.0.1".to_owned(),
        ..config.email.remove(0)
    }];
    let desk = Desk::new(config.clone(), db.clone(), clock.clone(), Scrubber::new()).unwrap();
    assert_eq!(desk.digest().await.unwrap(), 0);
    let server = SmtpServer::start(folder.path()).await.unwrap();
    config.email = vec![EmailConfig {
        port: Some(server.port()),
        ..config.email.remove(0)
    }];
    let desk = Desk::new(config, db, clock.clone(), Scrubber::new()).unwrap();
    assert_eq!(desk.digest().await.unwrap(), 0, "not at once");
    clock.advance(Duration::from_mins(6));
    assert_eq!(desk.digest().await.unwrap(), 1);
}
