use std::{
    net::{IpAddr, Ipv4Addr},
    num::NonZeroU32,
    sync::Arc,
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use model::{Clock as _, FixedClock, Timestamp};
use serde_json::{Value, json};
use sha2::Sha256;
use store::Db;

use super::{Answer, EnvQuery, EnvQuerySettings};
use crate::{NewTenant, Tenants, Vault, Welcome};

const URL: &str = "https://envquery.example.com";
const HERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));
const NOW: i64 = 1_800_000_000;
const NUMBER: &str = "0123456789abcdef0123456789abcdef";

struct World {
    _folder: tempfile::TempDir,
    clock: Arc<FixedClock>,
    db: Db,
    vault: Vault,
    tenants: Tenants,
    acme: Welcome,
    envquery: EnvQuery,
}

fn settings() -> EnvQuerySettings {
    let times = |times| NonZeroU32::new(times).unwrap();
    EnvQuerySettings {
        url: URL.to_owned(),
        pods_url: "https://pods.example.com".to_owned(),
        per_address: times(1000),
        per_tenant: times(1000),
        failures: times(1000),
    }
}

impl World {
    async fn new() -> Self {
        Self::with(settings()).await
    }

    async fn with(settings: EnvQuerySettings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(FixedClock::at(Timestamp::from_secs(NOW)));
        let db = testkit::database(&folder.path().join("auto-update.db")).await;
        let vault = Vault::in_folder(&folder.path().join("keys/tenants"));
        let tenants = Tenants::new(db.clone(), vault.clone(), clock.clone(), Vec::new());
        let acme = make(&tenants, "Acme Ltd").await;
        let envquery = EnvQuery::new(db.clone(), vault.clone(), clock.clone(), settings).unwrap();
        Self {
            _folder: folder,
            clock,
            db,
            vault,
            tenants,
            acme,
            envquery,
        }
    }

    fn key(&self) -> &str {
        self.acme.token.expose()
    }

    async fn ask(&self, question: &str) -> Answer {
        self.envquery.answer(question, HERE).await.unwrap()
    }

    async fn is_refused(&self, question: &str) -> bool {
        matches!(self.ask(question).await, Answer::Refused)
    }

    /// What is told, which is signed with `key`.
    async fn told(&self, question: &str, key: &str) -> Value {
        match self.ask(question).await {
            Answer::Given(token) => opened(token.expose(), key),
            other => panic!("{other:?}"),
        }
    }
}

async fn make(tenants: &Tenants, customer: &str) -> Welcome {
    let new = NewTenant {
        customer: customer.to_owned(),
        ring: "production".to_owned(),
        entitled: None,
        by: "kim".to_owned(),
    };
    tenants.create(new).await.unwrap()
}

fn claims() -> Value {
    json!({
        "iss": "Acme Ltd", "aud": URL, "iat": NOW, "exp": NOW + 60, "jti": NUMBER, "local_ip": "10.1.2.3",
    })
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

fn signature(signed: &str, key: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
    mac.update(signed.as_bytes());
    URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
}

fn signed_as(header: &str, claims: &Value, key: &str) -> String {
    let signed = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(claims.to_string())
    );
    format!("{signed}.{}", signature(&signed, key))
}

fn signed(claims: &Value, key: &str) -> String {
    signed_as(r#"{"alg":"HS256","typ":"JWT"}"#, claims, key)
}

fn opened(token: &str, key: &str) -> Value {
    let (signed, given) = token.rsplit_once('.').unwrap();
    assert_eq!(given, signature(signed, key));
    let (header, claims) = signed.split_once('.').unwrap();
    let header = URL_SAFE_NO_PAD.decode(header).unwrap();
    assert_eq!(header, br#"{"alg":"HS256","typ":"JWT"}"#);
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap()
}

#[tokio::test]
async fn a_mac_that_has_the_key_is_told_where_its_view_is() {
    let world = World::new().await;
    let told = world
        .told(&signed(&claims(), world.key()), world.key())
        .await;
    let basic = world.acme.credential.basic();
    assert_eq!(
        told,
        json!({
            "iss": URL,
            "aud": "Acme Ltd",
            "iat": NOW,
            "exp": NOW + 60,
            "jti": NUMBER,
            "repo_url": format!("https://pods.example.com/{}", world.acme.tenant.slug),
            "repo_authorization": format!("Basic {}", basic.expose()),
        })
    );
    let listed = world.db.check_in_list(world.acme.tenant.id, 9).await;
    let listed = listed.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(
        (listed[0].local_ip.as_str(), listed[0].public_ip.as_str()),
        ("10.1.2.3", "192.0.2.7")
    );
}

/// Claims of which each makes a token wrong.
fn wrong_claims() -> Vec<(&'static str, Value)> {
    vec![
        ("iss", json!("Nobody")),
        ("iss", json!("")),
        ("iss", json!("acme ltd")),
        ("iss", json!(["Acme Ltd"])),
        ("aud", json!("https://envquery.example.com/")),
        ("aud", json!("https://elsewhere.example.com")),
        ("aud", json!([URL])),
        ("iat", json!(NOW + 61)),
        ("iat", json!("1800000000")),
        ("iat", json!(-1)),
        ("exp", json!(NOW - 60)),
        ("exp", json!(NOW + 61)),
        ("exp", json!(i64::MAX)),
        ("exp", json!(1e300)),
        ("exp", json!(NOW)),
        ("exp", Value::Null),
        ("nbf", json!(NOW + 61)),
        ("jti", json!("0123")),
        ("jti", json!("g123456789abcdef0123456789abcdef")),
        ("jti", json!(format!("{NUMBER}00"))),
        ("local_ip", json!("localhost")),
        ("local_ip", json!("10.1.2.3; drop")),
        ("local_ip", Value::Null),
    ]
}

#[tokio::test]
async fn whatever_is_wrong_is_refused() {
    let world = World::new().await;
    let beta = make(&world.tenants, "Beta").await;
    let key = world.key();
    let good = signed(&claims(), key);
    let (body, _) = good.rsplit_once('.').unwrap();
    let none = |header: &str| {
        let text = claims().to_string();
        format!(
            "{}.{}.",
            URL_SAFE_NO_PAD.encode(header),
            URL_SAFE_NO_PAD.encode(text)
        )
    };
    let mut wrong: Vec<String> = wrong_claims()
        .into_iter()
        .map(|(name, value)| signed(&with(name, value), key))
        .collect();
    wrong.extend([
        signed(&claims(), beta.token.expose()),
        signed(&claims(), "guessed"),
        signed(&claims(), ""),
        format!("{body}."),
        body.to_owned(),
        format!("{good}."),
        format!("{good}=="),
        format!("{good} "),
        format!("{good}.x"),
        none(r#"{"alg":"none","typ":"JWT"}"#),
        none(r#"{"alg":"HS256","typ":"JWT"}"#),
        signed_as(r#"{"alg":"none","typ":"JWT"}"#, &claims(), key),
        signed_as(r#"{"alg":"hs256","typ":"JWT"}"#, &claims(), key),
        signed_as(r#"{"alg":"HS512","typ":"JWT"}"#, &claims(), key),
        signed_as(r#"{"alg":"RS256","typ":"JWT"}"#, &claims(), key),
        signed_as(r#"{"alg":"HS256","alg":"none"}"#, &claims(), key),
        signed_as(r#"{"alg":"HS256","typ":"JWE"}"#, &claims(), key),
        signed_as(
            r#"{"alg":"HS256","crit":["b64"],"b64":false}"#,
            &claims(),
            key,
        ),
        signed_as(r#"{"typ":"JWT"}"#, &claims(), key),
        signed_as("[]", &claims(), key),
        signed(&json!("text"), key),
        signed(&json!({}), key),
        String::new(),
        "..".to_owned(),
        "a.b.c".to_owned(),
        "\0".repeat(16 << 10),
        ".".repeat(16 << 10),
    ]);
    for question in &wrong {
        assert!(world.is_refused(question).await, "{question}");
    }
    let listed = world.db.check_in_list(world.acme.tenant.id, 9).await;
    assert_eq!(listed.unwrap(), [], "nothing is noted of those");
    // The good one is good still: none of them has used its number up.
    world.told(&good, key).await;
}

#[tokio::test]
async fn a_question_that_was_changed_in_one_place_is_refused() {
    let world = World::new().await;
    let good = signed(&claims(), world.key());
    for at in 0..good.len() {
        let mut bytes = good.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        assert!(world.is_refused(&changed).await, "{at}");
        assert!(world.is_refused(good.get(..at).unwrap()).await, "{at}");
    }
    world.told(&good, world.key()).await;
}

#[tokio::test]
async fn clocks_may_differ_by_a_minute() {
    let world = World::new().await;
    let at = |seconds: i64, number: u32| {
        let mut claims = claims();
        claims["iat"] = json!(NOW + seconds);
        claims["exp"] = json!(NOW + seconds + 60);
        claims["jti"] = json!(format!("{number:032x}"));
        signed(&claims, world.key())
    };
    for (number, (seconds, taken)) in
        (0..).zip([(60, true), (61, false), (-119, true), (-120, false)])
    {
        assert_eq!(
            !world.is_refused(&at(seconds, number)).await,
            taken,
            "{seconds}"
        );
    }
    let fractions = json!({
        "iss": "Acme Ltd", "aud": URL, "iat": 1_800_000_000.5, "exp": 1_800_000_060.25,
        "jti": "f".repeat(32), "local_ip": "fe80::1",
    });
    world
        .told(&signed(&fractions, world.key()), world.key())
        .await;
}

#[tokio::test]
async fn a_question_is_answered_once_by_all_nodes_together() {
    let world = World::new().await;
    let other = EnvQuery::new(
        world.db.clone(),
        world.vault.clone(),
        world.clock.clone(),
        settings(),
    )
    .unwrap();
    let question = signed(&claims(), world.key());
    world.told(&question, world.key()).await;
    assert!(world.is_refused(&question).await);
    let elsewhere = other.answer(&question, HERE).await.unwrap();
    assert!(matches!(elsewhere, Answer::Refused));
    // The same number in other letters.
    let upper = with("jti", json!(NUMBER.to_uppercase()));
    assert!(world.is_refused(&signed(&upper, world.key())).await);
    // As long as it would be good, the number is remembered, however short check-ins are kept.
    world.clock.advance(Duration::from_secs(119));
    world
        .tenants
        .forget_check_ins(Duration::ZERO)
        .await
        .unwrap();
    assert!(world.is_refused(&question).await);
    world.clock.advance(Duration::from_mins(10));
    let forgotten = world.tenants.forget_check_ins(Duration::ZERO).await;
    assert_eq!(forgotten.unwrap(), 1);
    assert!(world.is_refused(&question).await, "it is stale now");
}

#[tokio::test]
async fn of_many_at_once_one_is_answered() {
    let world = World::new().await;
    let question = signed(&claims(), world.key());
    let asked = (0..16).map(|_| {
        let (envquery, question) = (world.envquery.clone(), question.clone());
        tokio::spawn(async move { envquery.answer(&question, HERE).await.unwrap() })
    });
    let mut given = 0;
    for answer in asked.collect::<Vec<_>>() {
        given += usize::from(matches!(answer.await.unwrap(), Answer::Given(_)));
    }
    assert_eq!(given, 1);
}

#[tokio::test]
async fn suspended_and_deleted_tenants_are_told_nothing_at_once() {
    let world = World::new().await;
    let ask = |number: u8| signed(&with("jti", json!(format!("{number:032x}"))), world.key());
    world.told(&ask(1), world.key()).await;
    world.tenants.suspend("Acme Ltd").await.unwrap();
    assert!(world.is_refused(&ask(2)).await);
    world.tenants.resume("Acme Ltd").await.unwrap();
    world.told(&ask(2), world.key()).await;
    world.tenants.delete("Acme Ltd").await.unwrap();
    assert!(world.is_refused(&ask(3)).await);
}

#[tokio::test]
async fn no_refusal_is_told_before_any_other_could_be() {
    let world = World::new().await;
    let unknown = signed(&with("iss", json!("Nobody Ltd")), world.key());
    let bad = signed(&claims(), "another key");
    for question in [unknown.as_str(), &bad, "no token", ""] {
        let asked = tokio::time::Instant::now();
        assert!(world.is_refused(question).await);
        assert!(asked.elapsed() >= Duration::from_millis(5), "{question}");
    }
}

#[tokio::test]
async fn a_new_credential_is_told_when_every_server_knows_it() {
    let world = World::new().await;
    let ask = async |after: Duration, overlap: Option<Duration>| {
        world.clock.advance(after);
        let new = match overlap {
            Some(overlap) => Some(world.tenants.rotate_credential("Acme Ltd", overlap).await),
            None => None,
        };
        let now = world.clock.now();
        let mut claims = with("jti", json!(format!("{:032x}", now.as_micros())));
        claims["iat"] = json!(now.as_secs());
        claims["exp"] = json!(now.as_secs() + 60);
        let told = world.told(&signed(&claims, world.key()), world.key()).await;
        let told = told["repo_authorization"].as_str().unwrap().to_owned();
        let is_new = new.is_some_and(|new| told.ends_with(new.unwrap().basic().expose()));
        (told, is_new)
    };
    let hour = Duration::from_hours(1);
    let (first, _) = ask(hour, None).await;
    let (told, _) = ask(hour, Some(hour)).await;
    assert_eq!(told, first, "another server may not know the new one yet");
    let (told, _) = ask(Duration::from_secs(59), None).await;
    assert_eq!(told, first);
    let (second, _) = ask(Duration::from_secs(1), None).await;
    assert_ne!(second, first);
    // One that is no good any more is not worth giving.
    for overlap in [Duration::ZERO, Duration::from_mins(9)] {
        let (_, is_new) = ask(hour, Some(overlap)).await;
        assert!(is_new, "{overlap:?}");
    }
}

#[tokio::test]
async fn old_and_new_keys_are_taken_for_a_while_and_the_newest_credential_told() {
    let world = World::new().await;
    let hour = Duration::from_hours(1);
    let new = world.tenants.rotate_token("Acme Ltd", hour).await.unwrap();
    let credential = world.tenants.rotate_credential("Acme Ltd", hour).await;
    let expected = format!("Basic {}", credential.unwrap().basic().expose());
    for (number, key) in [(1, world.key()), (2, new.expose())] {
        let question = signed(&with("jti", json!(format!("{number:032x}"))), key);
        let told = world.told(&question, key).await;
        assert_eq!(told["repo_authorization"], expected.as_str());
    }
    world.clock.advance(hour);
    let later = |key: &str| {
        let mut claims = claims();
        claims["iat"] = json!(NOW + 3600);
        claims["exp"] = json!(NOW + 3660);
        signed(&claims, key)
    };
    assert!(world.is_refused(&later(world.key())).await);
    // Whatever was sealed anew is opened anew.
    world.tenants.rotate_key().await.unwrap();
    world.told(&later(new.expose()), new.expose()).await;
}

#[tokio::test]
async fn who_fails_too_often_has_to_wait_and_keeps_nobody_else_out() {
    let few = EnvQuerySettings {
        failures: NonZeroU32::new(3).unwrap(),
        ..settings()
    };
    let world = World::with(few).await;
    for customer in ["Acme Ltd", "Nobody"] {
        let question = signed(&with("iss", json!(customer)), "guessed");
        let mut answers = Vec::new();
        for last in 0..5 {
            let from = IpAddr::V4(Ipv4Addr::new(198, 51, 100, last));
            answers.push(world.envquery.answer(&question, from).await.unwrap());
        }
        let waits: Vec<_> = answers
            .iter()
            .map(|answer| match answer {
                Answer::Refused => 0,
                Answer::TooMany(wait) => wait.as_secs(),
                Answer::Given(_) => panic!("{answer:?}"),
            })
            .collect();
        assert_eq!(waits, [0, 0, 0, 20, 20], "{customer}");
    }
    world
        .told(&signed(&claims(), world.key()), world.key())
        .await;
}

#[tokio::test]
async fn an_address_or_a_tenant_that_asks_too_often_has_to_wait() {
    let few = EnvQuerySettings {
        per_address: NonZeroU32::new(6).unwrap(),
        per_tenant: NonZeroU32::new(3).unwrap(),
        ..settings()
    };
    let world = World::with(few).await;
    let mut waits = Vec::new();
    for number in 0..7 {
        let question = signed(&with("jti", json!(format!("{number:032x}"))), world.key());
        waits.push(match world.ask(&question).await {
            Answer::Given(_) => 0,
            Answer::TooMany(wait) => wait.as_secs(),
            Answer::Refused => panic!("refused"),
        });
    }
    assert_eq!(waits, [0, 0, 0, 20, 20, 20, 10]);
}
