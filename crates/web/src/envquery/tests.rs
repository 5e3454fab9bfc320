use std::{num::NonZeroU32, sync::Arc};

use axum::{
    body::{Body, to_bytes},
    http::{Request, StatusCode, header},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use model::{FixedClock, Timestamp};
use serde_json::{Value, json};
use sha2::Sha256;
use store::Db;
use tenancy::{
    NewTenant, Tenants, Vault, Welcome,
    envquery::{EnvQuery, EnvQuerySettings},
};
use tower::ServiceExt as _;

use super::{EnvQueryDoor, LoadBalancers, envquery_router};
use crate::Peer;

const HOST: &str = "envquery.example.com";
const NOW: i64 = 1_800_000_000;

struct World {
    _folder: tempfile::TempDir,
    db: Db,
    acme: Welcome,
    door: EnvQueryDoor,
}

impl World {
    async fn new(failures: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(FixedClock::at(Timestamp::from_secs(NOW)));
        let db = testkit::database(&folder.path().join("auto-update.db")).await;
        let vault = Vault::in_folder(&folder.path().join("keys"));
        let tenants = Tenants::new(db.clone(), vault.clone(), clock.clone(), Vec::new());
        let new = NewTenant {
            customer: "Acme".to_owned(),
            ring: "production".to_owned(),
            entitled: None,
            by: "kim".to_owned(),
        };
        let acme = tenants.create(new).await.unwrap();
        let times = |times| NonZeroU32::new(times).unwrap();
        let settings = EnvQuerySettings {
            url: format!("https://{HOST}"),
            pods_url: "https://pods.example.com".to_owned(),
            per_address: times(1000),
            per_tenant: times(1000),
            failures: times(failures),
        };
        let door = EnvQueryDoor {
            envquery: EnvQuery::new(db.clone(), vault, clock, settings).unwrap(),
            host: HOST.to_owned(),
            load_balancers: LoadBalancers::parse(["10.0.0.1"]).unwrap(),
        };
        Self {
            _folder: folder,
            db,
            acme,
            door,
        }
    }

    fn question(&self, number: u32) -> String {
        let claims = json!({
            "iss": "Acme", "aud": format!("https://{HOST}"), "iat": NOW, "exp": NOW + 60,
            "jti": format!("{number:032x}"), "local_ip": "10.1.2.3",
        });
        let signed = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#),
            URL_SAFE_NO_PAD.encode(claims.to_string())
        );
        let key = self.acme.token.expose().as_bytes();
        let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        mac.update(signed.as_bytes());
        let signature = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
        format!("{signed}.{signature}")
    }

    /// What is answered: the status, the headers worth comparing, and the body.
    async fn ask(&self, request: Request<Body>) -> (u16, Vec<(String, String)>, String) {
        let response = envquery_router(self.door.clone())
            .oneshot(request)
            .await
            .unwrap();
        let status = response.status().as_u16();
        let headers = response.headers().iter();
        let headers =
            headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
        let headers = headers.collect();
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, headers, String::from_utf8(body.to_vec()).unwrap())
    }
}

fn post(body: impl Into<Body>, kind: &str, more: &[(&str, &str)], peer: [u8; 4]) -> Request<Body> {
    let mut request = Request::post("/v1/repository").header(header::CONTENT_TYPE, kind);
    if more.iter().all(|(name, _)| *name != "host") {
        request = request.header(header::HOST, HOST);
    }
    for (name, value) in more {
        request = request.header(*name, *value);
    }
    let mut request = request.body(body.into()).unwrap();
    request.extensions_mut().insert(Peer((peer, 4711).into()));
    request
}

const HERE: [u8; 4] = [192, 0, 2, 7];

#[tokio::test]
async fn a_question_is_answered_with_a_token_that_nobody_keeps() {
    let world = World::new(100).await;
    let (status, headers, body) = world
        .ask(post(world.question(1), "application/jwt", &[], HERE))
        .await;
    assert_eq!(status, 200, "{body}");
    for (name, value) in [
        ("content-type", "application/jwt"),
        ("cache-control", "no-store"),
        ("connection", "close"),
    ] {
        assert!(
            headers.contains(&(name.to_owned(), value.to_owned())),
            "{headers:?}"
        );
    }
    let claims = body.split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    let url = format!("https://pods.example.com/{}", world.acme.tenant.slug);
    assert_eq!(claims["repo_url"], url.as_str());
    let noted = world
        .db
        .check_in_list(world.acme.tenant.id, 9)
        .await
        .unwrap();
    assert_eq!(noted[0].public_ip, "192.0.2.7");
}

#[tokio::test]
async fn everything_that_is_wrong_looks_the_same() {
    let world = World::new(100).await;
    let good = world.question(1);
    let jwt = "application/jwt";
    let (body, _) = good.rsplit_once('.').unwrap();
    let wrong = [
        post("", jwt, &[], HERE),
        post("no token", jwt, &[], HERE),
        post(format!("{body}."), jwt, &[], HERE),
        post(format!("{body}.AAAA"), jwt, &[], HERE),
        post(vec![0xff; 99], jwt, &[], HERE),
        post(vec![b'a'; 16 << 10], jwt, &[], HERE),
        post(vec![b'a'; (16 << 10) + 1], jwt, &[], HERE),
        post(vec![b'a'; 5 << 20], jwt, &[], HERE),
        post(good.clone(), "application/json", &[], HERE),
        post(good.clone(), "application/jwt; charset=utf-8", &[], HERE),
        post(good.clone(), jwt, &[("content-type", jwt)], HERE),
        post(good.clone(), jwt, &[("content-encoding", "gzip")], HERE),
    ];
    let mut answers = Vec::new();
    for request in wrong {
        answers.push(world.ask(request).await);
    }
    let (status, headers, body) = &answers[0];
    assert_eq!(*status, 401);
    let document: Value = serde_json::from_str(body).unwrap();
    assert_eq!(document["status"], 401);
    assert!(headers.contains(&(
        "content-type".to_owned(),
        "application/problem+json".to_owned()
    )));
    for answer in &answers {
        assert_eq!(answer, &answers[0]);
    }
    let used = post(good, jwt, &[], HERE);
    assert_eq!(world.ask(used).await.0, 200, "none has used the number up");
}

#[tokio::test]
async fn what_did_not_come_straight_is_refused_before_it_is_read() {
    let world = World::new(100).await;
    let jwt = "application/jwt";
    for header in [
        ("via", "1.1 proxy"),
        ("x-forwarded-for", "10.1.1.1"),
        ("forwarded", "for=10.1.1.1"),
        ("proxy-connection", "close"),
        ("host", "elsewhere.example.com"),
    ] {
        let request = post(world.question(1), jwt, &[header], HERE);
        let (status, _, body) = world.ask(request).await;
        assert_eq!(status, 400, "{header:?} {body}");
    }
    let balanced = [("x-forwarded-for", "198.51.100.9")];
    let request = post(world.question(1), jwt, &balanced, [10, 0, 0, 1]);
    assert_eq!(world.ask(request).await.0, 200);
    let noted = world
        .db
        .check_in_list(world.acme.tenant.id, 9)
        .await
        .unwrap();
    assert_eq!(noted[0].public_ip, "198.51.100.9");
}

#[tokio::test]
async fn there_is_nothing_else_to_be_had() {
    let world = World::new(100).await;
    for (method, path, expected) in [
        ("GET", "/v1/repository", StatusCode::METHOD_NOT_ALLOWED),
        ("PUT", "/v1/repository", StatusCode::METHOD_NOT_ALLOWED),
        ("POST", "/", StatusCode::NOT_FOUND),
        ("POST", "/v1/repository/", StatusCode::NOT_FOUND),
        ("POST", "//v1/repository", StatusCode::NOT_FOUND),
        ("GET", "/healthz", StatusCode::NOT_FOUND),
    ] {
        let request = Request::builder().method(method).uri(path);
        let request = request.header("host", HOST).body(Body::empty()).unwrap();
        let (status, headers, _) = world.ask(request).await;
        assert_eq!(status, expected.as_u16(), "{method} {path}");
        assert!(headers.iter().any(|(name, _)| name == "cache-control"));
    }
}

#[tokio::test]
async fn who_fails_too_often_is_told_when_to_come_again() {
    let world = World::new(2).await;
    let ask = || world.ask(post("guess", "application/jwt", &[], HERE));
    assert_eq!((ask().await.0, ask().await.0), (401, 401));
    let (status, headers, body) = ask().await;
    assert_eq!(status, 429, "{body}");
    let wait = ("retry-after".to_owned(), "30".to_owned());
    assert!(headers.contains(&wait), "{headers:?}");
    let good = post(world.question(1), "application/jwt", &[], HERE);
    assert_eq!(world.ask(good).await.0, 200);
}

#[tokio::test]
async fn without_the_database_nothing_is_answered() {
    let world = World::new(100).await;
    world.db.close().await;
    let (status, _, body) = world
        .ask(post(world.question(1), "application/jwt", &[], HERE))
        .await;
    assert_eq!(status, 503);
    assert!(!body.contains("database"), "{body}");
}
