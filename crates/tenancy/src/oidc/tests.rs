use std::time::Duration;

use model::{FixedClock, SystemClock};
use testkit::identity_provider::{Algorithm, CLIENT, CLIENT_SECRET, Fault, IdentityProvider};

use super::*;

struct Bench {
    provider: IdentityProvider,
    clock: Arc<FixedClock>,
    oidc: Oidc,
}

impl Bench {
    async fn new(algorithm: Algorithm) -> Self {
        let provider = IdentityProvider::start(algorithm).await.unwrap();
        provider.person("u-1", "ada", &["everybody", "packaging"]);
        let clock = Arc::new(FixedClock::at(SystemClock.now()));
        let oidc = Oidc::new(settings(provider.issuer()), clock.clone()).unwrap();
        Self {
            provider,
            clock,
            oidc,
        }
    }

    /// Signs in as a browser does.
    async fn sign_in(&self) -> Result<Claimant, OidcError> {
        let begun = self.oidc.begin().await?;
        self.oidc.finish(&begun.cookie, &self.back(&begun)).await
    }

    fn back(&self, begun: &Beginning) -> Answer {
        read(&self.provider.sign_in(&begun.address).unwrap())
    }
}

fn read(query: &str) -> Answer {
    let pairs = url::form_urlencoded::parse(query.as_bytes());
    let fields: serde_json::Map<String, Value> = pairs
        .map(|(name, value)| (name.into_owned(), Value::from(value.into_owned())))
        .collect();
    serde_json::from_value(Value::Object(fields)).unwrap()
}

fn settings(issuer: &str) -> OidcSettings {
    OidcSettings {
        issuer: issuer.to_owned(),
        client_id: CLIENT.to_owned(),
        client_secret: Some(Secret::new(CLIENT_SECRET.to_owned())),
        pages: "https://pages.example".to_owned(),
        scopes: vec!["profile".to_owned()],
        name_claim: "preferred_username".to_owned(),
        groups_claim: "groups".to_owned(),
        groups: BTreeMap::from([
            ("packaging".to_owned(), Office::Packager),
            ("reading".to_owned(), Office::Viewer),
        ]),
        audiences: Vec::new(),
        allow_loopback_http: true,
    }
}

#[tokio::test]
async fn whom_the_provider_knows_is_let_in_by_every_algorithm_that_is_believed() {
    for algorithm in [
        Algorithm::EdDSA,
        Algorithm::ES256,
        Algorithm::PS256,
        Algorithm::RS256,
    ] {
        let bench = Bench::new(algorithm).await;
        let claimant = bench.sign_in().await.unwrap();
        let issuer = bench.provider.issuer();
        assert_eq!(claimant.subject, format!("{issuer} u-1"), "{algorithm:?}");
        assert_eq!(claimant.name, "oidc:ada");
        assert_eq!(claimant.office, Office::Packager);
        // What it told about itself is believed for a while.
        bench.sign_in().await.unwrap();
        assert_eq!(bench.provider.asked("discovery"), 1);
        assert_eq!(bench.provider.asked("keys"), 1);
    }
}

#[tokio::test]
async fn nothing_that_is_wrong_with_a_token_is_believed() {
    let bench = Bench::new(Algorithm::ES256).await;
    for (fault, expected) in [
        (Fault::Expired, "it has expired"),
        (Fault::NoIssueTime, "when it was issued"),
        (Fault::OtherAudience, "who is not allowed"),
        (Fault::OtherKey, "signature of the ID token"),
        (Fault::OtherParty, "somebody else asked for it"),
        (Fault::SharedSecret, "in a way that is not believed"),
        (Fault::Unsigned, "no signed token"),
        (Fault::WrongAudience, "it is for somebody else"),
        (Fault::WrongIssuer, "it is another issuer's"),
        (Fault::WrongNonce, "its nonce is another one"),
        (Fault::Stranger, "another identity provider"),
        (Fault::Denies, "did not sign them in: access_denied"),
        (Fault::RefusesCode, "400, `invalid_grant`"),
    ] {
        bench.provider.fault(Some(fault));
        let refused = bench.sign_in().await.unwrap_err().to_string();
        assert!(refused.contains(expected), "{fault:?}: {refused}");
    }
    bench.provider.fault(None);
    assert!(bench.sign_in().await.is_ok());
}

#[tokio::test]
async fn an_answer_counts_in_the_browser_that_asked_once_and_for_ten_minutes() {
    let bench = Bench::new(Algorithm::ES256).await;
    let (mine, other) = (
        bench.oidc.begin().await.unwrap(),
        bench.oidc.begin().await.unwrap(),
    );
    let answer = bench.back(&mine);
    let elsewhere = bench.oidc.finish(&other.cookie, &answer).await;
    assert!(
        matches!(elsewhere, Err(OidcError::NotBegun)),
        "{elsewhere:?}"
    );
    // The answer of another sign-in under the state of this one: the code is not for this verifier.
    let mixed = Answer {
        code: bench.back(&other).code,
        ..answer.clone()
    };
    assert!(bench.oidc.finish(&mine.cookie, &mixed).await.is_err());
    assert!(bench.oidc.finish(&mine.cookie, &answer).await.is_ok());
    let again = bench.oidc.finish(&mine.cookie, &answer).await;
    assert!(again.is_err(), "a code was taken twice");

    let late = bench.oidc.begin().await.unwrap();
    let answer = bench.back(&late);
    bench.clock.advance(PATIENCE);
    let refused = bench.oidc.finish(&late.cookie, &answer).await;
    assert!(matches!(refused, Err(OidcError::NotBegun)), "{refused:?}");
}

#[tokio::test]
async fn another_key_is_asked_for_but_not_all_the_time() {
    let bench = Bench::new(Algorithm::ES256).await;
    bench.sign_in().await.unwrap();
    bench.provider.change_key(Algorithm::RS256).unwrap();
    let refused = bench.sign_in().await.unwrap_err().to_string();
    assert!(refused.contains("does not tell of"), "{refused}");
    assert_eq!(bench.provider.asked("keys"), 1);
    bench.clock.advance(Duration::from_secs(31));
    bench.sign_in().await.unwrap();
    assert_eq!(bench.provider.asked("keys"), 2);
}

#[tokio::test]
async fn a_role_comes_from_groups_and_a_name_can_be_written_down() {
    let bench = Bench::new(Algorithm::EdDSA).await;
    bench
        .provider
        .person("u-2", "bob", &["reading", "packaging"]);
    assert_eq!(bench.sign_in().await.unwrap().office, Office::Packager);
    bench.provider.person("u-2", "bob", &["everybody"]);
    let refused = bench.sign_in().await.unwrap_err();
    assert!(
        matches!(&refused, OidcError::NoRole { name } if name == "oidc:bob"),
        "{refused:?}"
    );
    for name in ["", "a b", "terminal:root", "x\u{202e}y"] {
        bench.provider.person("u-3", name, &["reading"]);
        let refused = bench.sign_in().await;
        assert!(
            matches!(refused, Err(OidcError::Name { .. })),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn refuses_what_others_could_read_or_be() {
    let bench = Bench::new(Algorithm::EdDSA).await;
    let clock = || bench.clock.clone();
    let plain = OidcSettings {
        allow_loopback_http: false,
        ..settings(bench.provider.issuer())
    };
    assert!(Oidc::new(plain, clock()).is_err());
    let nobody = OidcSettings {
        groups: BTreeMap::new(),
        ..settings("https://id.example")
    };
    assert!(Oidc::new(nobody, clock()).is_err());
    // It has to call itself what it is called here.
    let slash = settings(&format!("{}/", bench.provider.issuer()));
    let slash = Oidc::new(slash, clock()).unwrap();
    let refused = slash.begin().await.unwrap_err().to_string();
    assert!(refused.contains("it calls itself"), "{refused}");
    let gone = Oidc::new(settings("http://127.0.0.1:9"), clock()).unwrap();
    let refused = gone.begin().await.unwrap_err();
    assert!(
        matches!(refused, OidcError::Unreachable { .. }),
        "{refused:?}"
    );
    let end = bench.oidc.end_address().await.unwrap().unwrap();
    assert!(end.contains("post_logout_redirect_uri=https%3A%2F%2Fpages.example%2Fsign-in"));
}
