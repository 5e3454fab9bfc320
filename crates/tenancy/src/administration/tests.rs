use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Duration,
};

use model::{Clock as _, FixedClock, Timestamp};
use redact::Secret;
use store::{AuditOutcome, Db, StoreError};
use totp_rs::{Builder, Secret as CodeSecret};

use super::{
    Administration, AdministrationError, Attempt, AuditFault, Deed, Enrolment, Entry,
    NewAdministrator, Office, Refusal, Way, check_log,
};
use crate::{Tenants, Vault};

struct House {
    folder: tempfile::TempDir,
    clock: Arc<FixedClock>,
    db: Db,
    administration: Administration,
}

const PASSWORD: &str = "correct horse battery";
const MINUTE: Duration = Duration::from_mins(1);

impl House {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(FixedClock::at(Timestamp::from_secs(1_800_000_000)));
        let db = testkit::database(&folder.path().join("auto-update.db")).await;
        let vault = Vault::in_folder(&folder.path().join("keys"));
        let administration = Administration::new(db.clone(), vault, clock.clone());
        Self {
            folder,
            clock,
            db,
            administration,
        }
    }

    async fn add(&self, name: &str, office: Office) -> Enrolment {
        let new = NewAdministrator {
            name: name.to_owned(),
            office,
            password: Secret::new(PASSWORD.to_owned()),
            by: "kim".to_owned(),
        };
        self.administration.add(new).await.unwrap()
    }

    /// What an app shows.
    fn code(&self, enrolment: &Enrolment) -> String {
        let secret = CodeSecret::try_from_base32(enrolment.secret.expose()).unwrap();
        let codes = Builder::new()
            .with_secret(secret)
            .with_step_duration(60)
            .build()
            .unwrap();
        let seconds = self.clock.now().as_micros() / 1_000_000;
        codes.generate(u64::try_from(seconds).unwrap()).to_string()
    }

    async fn try_in(&self, name: &str, password: &str, code: &str) -> Entry {
        let attempt = Attempt {
            name: name.to_owned(),
            password: Secret::new(password.to_owned()),
            code: Secret::new(code.to_owned()),
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        };
        self.administration.sign_in(attempt).await.unwrap()
    }

    async fn refusal(&self, name: &str, password: &str, code: &str) -> Refusal {
        match self.try_in(name, password, code).await {
            Entry::Refused(refusal) => refusal,
            other => panic!("{other:?}"),
        }
    }

    async fn enter(&self, enrolment: &Enrolment) -> Secret<String> {
        let code = self.code(enrolment);
        match self.try_in(&enrolment.name, PASSWORD, &code).await {
            Entry::Welcome(cookie) => cookie,
            other => panic!("{other:?}"),
        }
    }

    async fn is_in(&self, cookie: &Secret<String>) -> bool {
        let session = self.administration.session(cookie).await.unwrap();
        session.is_some()
    }
}

#[tokio::test]
async fn who_proves_it_is_let_in_and_a_code_counts_once() {
    let house = House::new().await;
    let ada = house.add("ada", Office::Approver).await;
    let code = house.code(&ada);
    for (name, password, code, refusal) in [
        ("bob", PASSWORD, code.as_str(), Refusal::Unknown),
        ("ada", "wrong horse battery", code.as_str(), Refusal::Wrong),
        ("ada", PASSWORD, "000000", Refusal::Wrong),
        ("ada", PASSWORD, "", Refusal::Wrong),
    ] {
        assert_eq!(house.refusal(name, password, code).await, refusal);
    }
    let cookie = house.enter(&ada).await;
    let session = house
        .administration
        .session(&cookie)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (session.name.as_str(), session.office),
        ("ada", Office::Approver)
    );
    assert!(session.is_form_token(session.form_token.expose()));
    assert!(!session.is_form_token(cookie.expose()) && !session.is_form_token(""));

    // The very same code, at once and in the next minute, in which it would still be near enough.
    assert_eq!(house.refusal("ada", PASSWORD, &code).await, Refusal::Wrong);
    house.clock.advance(MINUTE);
    assert_eq!(house.refusal("ada", PASSWORD, &code).await, Refusal::Wrong);
    house.enter(&ada).await;

    house.administration.sign_out(&session).await.unwrap();
    assert!(!house.is_in(&cookie).await);
    // What the state holds opens nothing.
    let long = "x".repeat(2000);
    assert_eq!(house.refusal("ada", &long, &code).await, Refusal::Unknown);
}

#[tokio::test]
async fn of_many_who_use_one_code_at_once_one_is_let_in() {
    let house = House::new().await;
    let ada = house.add("ada", Office::Viewer).await;
    let code = house.code(&ada);
    let tries = (0..4).map(|_| house.try_in("ada", PASSWORD, &code));
    let entries = futures_util::future::join_all(tries).await;
    let welcome = entries
        .iter()
        .filter(|entry| matches!(entry, Entry::Welcome(_)));
    assert_eq!(welcome.count(), 1, "{entries:?}");
}

#[tokio::test]
async fn five_failures_lock_somebody_out_for_a_while_right_or_not() {
    let house = House::new().await;
    let ada = house.add("ada", Office::Administrator).await;
    let bob = house.add("bob", Office::Viewer).await;
    for _ in 0..4 {
        assert_eq!(house.refusal("ada", "x", "1").await, Refusal::Wrong);
    }
    assert_eq!(
        house.refusal("ada", "x", "1").await,
        Refusal::WrongAndLocked
    );
    let code = house.code(&ada);
    assert_eq!(house.refusal("ada", PASSWORD, &code).await, Refusal::Locked);
    house.enter(&bob).await;
    house.clock.advance(MINUTE * 14);
    let code = house.code(&ada);
    assert_eq!(house.refusal("ada", PASSWORD, &code).await, Refusal::Locked);
    house.clock.advance(MINUTE);
    house.enter(&ada).await;

    // Somebody at the terminal can end it sooner; failures that lie before a success do not count.
    house.clock.advance(MINUTE);
    for _ in 0..5 {
        house.refusal("ada", "x", "1").await;
    }
    let found = house.administration.find("ada").await.unwrap();
    assert!(found.locked_until.is_some());
    house.administration.enable("ada").await.unwrap();
    house.enter(&ada).await;
}

#[tokio::test]
async fn an_address_tries_so_often_a_minute() {
    let house = House::new().await;
    for _ in 0..20 {
        assert_eq!(house.refusal("x", "y", "z").await, Refusal::Unknown);
    }
    assert!(matches!(
        house.try_in("x", "y", "z").await,
        Entry::TooMany(_)
    ));
}

#[tokio::test]
async fn a_session_ends_when_nothing_is_done_and_after_half_a_day() {
    let house = House::new().await;
    let ada = house.add("ada", Office::Viewer).await;
    let cookie = house.enter(&ada).await;
    for _ in 0..50 {
        house.clock.advance(MINUTE * 14);
        assert!(house.is_in(&cookie).await);
    }
    assert_eq!(house.administration.forget_sessions().await.unwrap(), 0);
    house.clock.advance(MINUTE * 20);
    assert!(!house.is_in(&cookie).await, "twelve hours are over");

    let cookie = house.enter(&ada).await;
    house.clock.advance(MINUTE * 15);
    assert!(!house.is_in(&cookie).await, "nothing was done");
    house.clock.advance(MINUTE);
    assert!(house.administration.forget_sessions().await.unwrap() >= 1);
}

#[tokio::test]
async fn a_browser_that_asks_by_itself_keeps_nobody_signed_in() {
    let house = House::new().await;
    let ada = house.add("ada", Office::Viewer).await;
    let cookie = house.enter(&ada).await;
    let asks = async || house.administration.session_unnoted(&cookie).await.unwrap();
    for _ in 0..2 {
        house.clock.advance(MINUTE * 7);
        assert!(asks().await.is_some());
    }
    house.clock.advance(MINUTE * 2);
    assert!(asks().await.is_none());
    assert!(!house.is_in(&cookie).await);
}

#[tokio::test]
async fn who_is_changed_or_let_go_is_signed_out() {
    let house = House::new().await;
    let ada = house.add("ada", Office::Administrator).await;
    let bob = house.add("bob", Office::Viewer).await;
    let administration = &house.administration;

    let cookie = house.enter(&bob).await;
    let other = Secret::new("another horse battery".to_owned());
    administration.change_password("bob", other).await.unwrap();
    assert!(!house.is_in(&cookie).await);
    house.clock.advance(MINUTE);
    let code = house.code(&bob);
    assert_eq!(house.refusal("bob", PASSWORD, &code).await, Refusal::Wrong);

    let cookie = house.enter(&ada).await;
    let anew = administration.change_codes("ada").await.unwrap();
    assert!(!house.is_in(&cookie).await);
    house.clock.advance(MINUTE);
    let old = house.code(&ada);
    assert_eq!(house.refusal("ada", PASSWORD, &old).await, Refusal::Wrong);
    let cookie = house.enter(&anew).await;

    let last = administration.disable("ada").await;
    assert!(matches!(last, Err(AdministrationError::Last { .. })));
    let last = administration.appoint("ada", Office::Viewer).await;
    assert!(matches!(last, Err(AdministrationError::Last { .. })));
    administration
        .appoint("bob", Office::Administrator)
        .await
        .unwrap();
    administration.disable("ada").await.unwrap();
    assert!(!house.is_in(&cookie).await);
    house.clock.advance(MINUTE);
    let code = house.code(&anew);
    assert_eq!(
        house.refusal("ada", PASSWORD, &code).await,
        Refusal::Unknown
    );
}

#[tokio::test]
async fn what_cannot_be_is_refused_and_says_why() {
    let house = House::new().await;
    house.add("ada", Office::Viewer).await;
    for (name, password, why) in [
        ("", PASSWORD, "it is empty"),
        ("a b", PASSWORD, "only letters and digits"),
        ("bob", "short", "fewer than 12"),
        ("ada", PASSWORD, "already"),
    ] {
        let new = NewAdministrator {
            name: name.to_owned(),
            office: Office::Viewer,
            password: Secret::new(password.to_owned()),
            by: "kim".to_owned(),
        };
        let error = house.administration.add(new).await.unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
    }
    let unknown = house.administration.find("eve").await.unwrap_err();
    assert!(unknown.to_string().contains("administrator list"));
}

#[tokio::test]
async fn a_new_key_seals_their_secrets_too() {
    let house = House::new().await;
    let ada = house.add("ada", Office::Viewer).await;
    let vault = Vault::in_folder(&house.folder.path().join("keys"));
    let tenants = Tenants::new(house.db.clone(), vault, house.clock.clone(), Vec::new());
    // Twice: the first key is not there any more then.
    let first = tenants.rotate_key().await.unwrap();
    let second = tenants.rotate_key().await.unwrap();
    assert_ne!(first, second);
    tenants.rotate_key().await.unwrap();
    house.enter(&ada).await;
    let proof = house
        .db
        .administrator_proof(house.administration.find("ada").await.unwrap().id)
        .await
        .unwrap()
        .unwrap();
    assert!(!proof.code_secret.contains(ada.secret.expose().as_str()));
}

#[tokio::test]
async fn what_people_do_is_written_down_before_and_after() {
    let house = House::new().await;
    let audit = house.administration.audit(Way::Pages {
        address: "192.0.2.7".to_owned(),
    });
    let deed = |did| Deed {
        who: "ada",
        did,
        about: "Acme Ltd",
        detail: "ring testing".to_owned(),
    };
    let done = audit
        .recorded(&deed("tenant.assign"), async { Ok::<_, StoreError>(7) })
        .await;
    assert_eq!(done.unwrap(), 7);
    let failed = audit
        .recorded(&deed("tenant.suspend"), async {
            Err::<(), _>(AdministrationError::Unknown {
                name: "x".to_owned(),
            })
        })
        .await;
    failed.unwrap_err();
    let entries = house.db.audit_list(None, 10).await.unwrap();
    let told: Vec<_> = entries
        .iter()
        .map(|entry| (entry.sequence, entry.did.as_str(), entry.outcome))
        .collect();
    assert_eq!(
        told,
        [
            (4, "tenant.suspend", AuditOutcome::Failed),
            (3, "tenant.suspend", AuditOutcome::Asked),
            (2, "tenant.assign", AuditOutcome::Done),
            (1, "tenant.assign", AuditOutcome::Asked),
        ]
    );
    assert!(entries[0].detail.contains("there is no administrator `x`"));
    assert_eq!(entries[0].address.as_deref(), Some("192.0.2.7"));
    let (count, digest) = check_log(&house.db).await.unwrap();
    assert_eq!((count, &digest), (4, &entries[0].digest));
    let page = house.db.audit_list(Some(3), 1).await.unwrap();
    assert_eq!(page[0].sequence, 2);
}

/// What is wrong with the log of a state that was restored from these lines.
async fn fault_of(lines: Vec<String>) -> AuditFault {
    let folder = tempfile::tempdir().unwrap();
    let db = testkit::database(&folder.path().join("auto-update.db")).await;
    let mut lines = lines.into_iter().map(Ok);
    db.restore(&mut lines).await.unwrap();
    check_log(&db).await.unwrap_err()
}

#[tokio::test]
async fn an_entry_that_was_changed_or_taken_out_is_noticed() {
    let house = House::new().await;
    let audit = house.administration.audit(Way::Terminal);
    for about in ["a", "b", "c"] {
        let deed = Deed {
            who: "ada",
            did: "tenant.delete",
            about,
            detail: String::new(),
        };
        audit.note(&deed, AuditOutcome::Done, "").await.unwrap();
    }
    let entries = house.db.audit_from(0, 10).await.unwrap();
    let mut forged = entries[1].clone();
    forged.who = "bob".to_owned();
    let digest = forged.digest_after(&entries[0].digest).to_string();
    assert_ne!(digest, entries[1].digest);

    let mut lines = Vec::new();
    let mut write = |line: &str| {
        lines.push(line.to_owned());
        Ok(())
    };
    house.db.dump(&mut write).await.unwrap();
    let is_second = |line: &String| line.contains("\"audit_entry\"") && line.contains("\"b\"");
    assert_eq!(lines.iter().filter(|line| is_second(line)).count(), 1);
    let without: Vec<_> = lines.iter().filter(|it| !is_second(it)).cloned().collect();
    let fault = fault_of(without).await;
    assert!(
        matches!(fault, AuditFault::Gap { after: 1, found: 3 }),
        "{fault}"
    );
    let changed = lines.iter().map(|line| {
        if is_second(line) {
            line.replace("\"b\"", "\"x\"")
        } else {
            line.clone()
        }
    });
    let fault = fault_of(changed.collect()).await;
    assert!(
        matches!(fault, AuditFault::Changed { sequence: 2 }),
        "{fault}"
    );
}
