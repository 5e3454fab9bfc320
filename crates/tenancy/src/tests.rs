use std::{sync::Arc, time::Duration};

use model::{FixedClock, Timestamp};
use store::{Db, Passage, RingStay, TenantState};

use crate::{
    Exposure, NewTenant, SecretKind, TenancyError, Tenants, Vault, Welcome, could_have_fetched,
};

struct House {
    folder: tempfile::TempDir,
    clock: Arc<FixedClock>,
    db: Db,
    tenants: Tenants,
}

const HOUR: Duration = Duration::from_hours(1);

impl House {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(FixedClock::at(Timestamp::from_secs(1_800_000_000)));
        let db = testkit::database(&folder.path().join("auto-update.db")).await;
        let rings = ["testing", "production"].map(str::to_owned).to_vec();
        let vault = Vault::in_folder(&folder.path().join("keys/tenants"));
        let tenants = Tenants::new(db.clone(), vault, clock.clone(), rings);
        Self {
            folder,
            clock,
            db,
            tenants,
        }
    }

    async fn create(&self, customer: &str, ring: &str) -> Result<Welcome, TenancyError> {
        let new = NewTenant {
            customer: customer.to_owned(),
            ring: ring.to_owned(),
            entitled: None,
            by: "kim".to_owned(),
        };
        self.tenants.create(new).await
    }

    async fn valid(&self, customer: &str, kind: SecretKind) -> Vec<String> {
        let tenant = self.tenants.find(customer).await.unwrap();
        let valid = self.tenants.valid(&tenant, kind).await.unwrap();
        valid.iter().map(|secret| secret.expose().clone()).collect()
    }
}

#[tokio::test]
async fn a_tenant_gets_its_secrets_once_and_the_disk_never_holds_them_open() {
    let house = House::new().await;
    let acme = house.create("Acme Ltd", "production").await.unwrap();
    assert_eq!(acme.tenant.slug.len(), 16);
    assert_eq!(acme.token.expose().len(), 32);
    let basic = acme.credential.basic();
    assert_eq!(
        house.valid("Acme Ltd", SecretKind::Token).await,
        [acme.token.expose().clone()]
    );
    assert_eq!(
        house.valid("Acme Ltd", SecretKind::Credential).await,
        [basic.expose().clone()]
    );
    assert!(!format!("{acme:?}").contains(acme.token.expose()));
    house.db.close().await;
    for entry in fs_err::read_dir(house.folder.path()).unwrap() {
        let path = entry.unwrap().path();
        let Ok(bytes) = fs_err::read(&path) else {
            continue;
        };
        for secret in [
            acme.token.expose(),
            acme.credential.password.expose(),
            basic.expose(),
        ] {
            let found = bytes
                .windows(secret.len())
                .any(|window| window == secret.as_bytes());
            assert!(!found, "{}", path.display());
        }
    }
}

#[tokio::test]
async fn names_are_taken_once_and_free_again() {
    let house = House::new().await;
    house.create("Acme Ltd", "production").await.unwrap();
    let error = house.create("Acme Ltd", "testing").await.unwrap_err();
    assert!(matches!(error, TenancyError::Exists { .. }), "{error}");
    for (customer, ring) in [
        ("", "testing"),
        (" x", "testing"),
        ("a\nb", "testing"),
        ("b", "lab"),
    ] {
        let error = house.create(customer, ring).await.unwrap_err();
        assert!(
            matches!(
                error,
                TenancyError::Customer { .. } | TenancyError::NoRing { .. }
            ),
            "{error}"
        );
    }
    house.tenants.delete("Acme Ltd").await.unwrap();
    assert!(matches!(
        house.tenants.find("Acme Ltd").await,
        Err(TenancyError::Unknown { .. })
    ));
    let secrets = house
        .db
        .tenant_secrets(None, Timestamp::default())
        .await
        .unwrap();
    assert_eq!(secrets, [], "nothing of it is left");
    house.create("Acme Ltd", "testing").await.unwrap();
    assert_eq!(house.tenants.list(false).await.unwrap().len(), 1);
    assert_eq!(house.tenants.list(true).await.unwrap().len(), 2);
}

#[tokio::test]
async fn old_and_new_secrets_are_taken_for_a_while() {
    let house = House::new().await;
    let acme = house.create("Acme", "production").await.unwrap();
    let token = house.tenants.rotate_token("Acme", HOUR).await.unwrap();
    let both = [token.expose().clone(), acme.token.expose().clone()];
    assert_eq!(house.valid("Acme", SecretKind::Token).await, both);
    house.clock.advance(HOUR);
    assert_eq!(house.valid("Acme", SecretKind::Token).await, both[..1]);
    assert_eq!(house.tenants.forget_old_secrets().await.unwrap(), 1);
    let kept = || house.db.tenant_secrets(None, Timestamp::default());
    let credential = house
        .tenants
        .rotate_credential("Acme", Duration::ZERO)
        .await
        .unwrap();
    house.tenants.rotate_token("Acme", HOUR).await.unwrap();
    let kept = kept().await.unwrap();
    assert_eq!(kept.len(), 3, "the credential that ended is gone: {kept:?}");
    assert_eq!(
        house.valid("Acme", SecretKind::Credential).await,
        [credential.basic().expose().clone()],
        "the old one is gone at once"
    );
}

#[tokio::test]
async fn who_is_suspended_has_no_secrets_until_it_is_resumed() {
    let house = House::new().await;
    house.create("Acme", "production").await.unwrap();
    house.tenants.suspend("Acme").await.unwrap();
    assert_eq!(house.valid("Acme", SecretKind::Token).await, [""; 0]);
    let error = house.tenants.assign("Acme", "testing").await.unwrap_err();
    assert!(matches!(error, TenancyError::Suspended { .. }), "{error}");
    let resumed = house.tenants.resume("Acme").await.unwrap();
    assert_eq!(resumed.state, TenantState::Active);
    assert_eq!(house.valid("Acme", SecretKind::Token).await.len(), 1);
    let ring = house.tenants.ring_of(&resumed).await.unwrap();
    assert_eq!(ring.as_deref(), Some("production"));
}

#[tokio::test]
async fn secrets_are_sealed_anew_with_a_new_key() {
    let house = House::new().await;
    let acme = house.create("Acme", "production").await.unwrap();
    let before = house
        .db
        .tenant_secrets(None, Timestamp::default())
        .await
        .unwrap();
    for _ in 0..2 {
        let id = house.tenants.rotate_key().await.unwrap();
        let after = house
            .db
            .tenant_secrets(None, Timestamp::default())
            .await
            .unwrap();
        assert!(after.iter().all(|secret| secret.key_id == id));
        assert_eq!(
            house.valid("Acme", SecretKind::Token).await,
            [acme.token.expose().clone()]
        );
    }
    let old = house
        .folder
        .path()
        .join(format!("keys/tenants/{}.key", before[0].key_id));
    assert!(!old.exists(), "the key before the last one is gone");
}

fn offer(catalog: &str, from: i64, until: Option<i64>) -> RingStay {
    let passage = |seconds| Passage {
        at: Timestamp::from_secs(1_800_000_000 + seconds * 3600),
        why: "published".to_owned(),
        by: None,
    };
    RingStay {
        pkginfo: "Widget-1.0.plist".to_owned(),
        name: "Widget".to_owned(),
        version: "1.0".to_owned(),
        catalog: catalog.to_owned(),
        entered: passage(from),
        left: until.map(passage),
    }
}

#[tokio::test]
async fn a_recall_tells_who_could_have_fetched_it() {
    let house = House::new().await;
    house.create("Early", "testing").await.unwrap();
    house.create("Late", "production").await.unwrap();
    house.create("Other", "testing").await.unwrap();
    house
        .tenants
        .entitle("Other", Some(vec!["Gadget".to_owned()]))
        .await
        .unwrap();
    house.create("Away", "testing").await.unwrap();
    house.tenants.suspend("Away").await.unwrap();
    house.create("Gone", "testing").await.unwrap();
    house.clock.advance(HOUR * 5);
    house.tenants.delete("Gone").await.unwrap();
    house.clock.advance(HOUR * 5);
    house.tenants.assign("Late", "testing").await.unwrap();

    // In testing from the third to the twentieth hour, in production from the fifteenth.
    let offers = [offer("testing", 3, Some(20)), offer("production", 15, None)];
    let tenants = house.tenants.list(true).await.unwrap();
    let rings = house.tenants.rings().await.unwrap();
    let told: Vec<_> = could_have_fetched(&offers, &tenants, &rings)
        .into_iter()
        .map(|exposure: Exposure| {
            let hour = |at: Timestamp| (at.as_secs() - 1_800_000_000) / 3600;
            (
                exposure.customer,
                exposure.catalog,
                hour(exposure.from),
                exposure.until.map(hour),
            )
        })
        .collect();
    let testing = "testing".to_owned();
    assert_eq!(
        told,
        [
            ("Early".to_owned(), testing.clone(), 3, Some(20)),
            ("Gone".to_owned(), testing.clone(), 3, Some(5)),
            ("Late".to_owned(), testing, 10, Some(20)),
        ]
    );
}

#[tokio::test]
async fn credentials_are_replaced_when_they_are_old_and_both_are_taken_for_a_while() {
    let house = House::new().await;
    let day = HOUR * 24;
    house.create("Acme", "production").await.unwrap();
    house.create("Away", "production").await.unwrap();
    house.tenants.suspend("Away").await.unwrap();
    house.clock.advance(day * 10);
    house.create("Beta", "production").await.unwrap();
    let due = || house.tenants.rotate_due(day * 30, day);
    assert_eq!(due().await.unwrap(), 0);
    let before = house.valid("Acme", SecretKind::Credential).await;
    let token = house.valid("Acme", SecretKind::Token).await;
    house.clock.advance(day * 20);
    assert_eq!(
        due().await.unwrap(),
        1,
        "neither who is new nor who is away"
    );
    assert_eq!(due().await.unwrap(), 0, "once is enough");
    let during = house.valid("Acme", SecretKind::Credential).await;
    assert_eq!((during.len(), &during[1]), (2, &before[0]));
    house.clock.advance(day);
    let after = house.valid("Acme", SecretKind::Credential).await;
    assert_eq!(after, during[..1]);
    assert_eq!(house.valid("Acme", SecretKind::Token).await, token);
}
