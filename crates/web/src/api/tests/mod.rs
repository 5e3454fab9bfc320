mod roles;

use std::{collections::BTreeSet, num::NonZeroU32, sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Request, header},
};
use model::{FixedClock, Timestamp};
use redact::Scrubber;
use serde_json::{Value, json};
use tenancy::{
    NewTenant, Tenants, Vault,
    administration::{Administration, NewToken, Office},
};
use tower::ServiceExt as _;

use super::document::document;
use crate::{AdministrationDoor, administration_router};

struct World {
    _folder: tempfile::TempDir,
    clock: Arc<FixedClock>,
    door: AdministrationDoor,
}

/// What came back.
struct Answer {
    status: u16,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    fn header(&self, name: header::HeaderName) -> &str {
        self.headers.get(name).map_or("", |it| it.to_str().unwrap())
    }
}

/// A question: method, path, token, body, and what else stands in its head.
struct Question<'a> {
    line: (&'a str, &'a str),
    token: &'a str,
    body: Option<Value>,
    head: &'a [(&'a str, &'a str)],
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(FixedClock::at(Timestamp::from_secs(1_800_000_000)));
        let db = testkit::database(&folder.path().join("auto-update.db")).await;
        let vault = Vault::in_folder(&folder.path().join("keys"));
        let rings = ["testing", "production"].map(str::to_owned).to_vec();
        let door = AdministrationDoor {
            administration: Administration::new(db.clone(), vault.clone(), clock.clone()),
            tenants: Tenants::new(db.clone(), vault, clock.clone(), rings.clone()),
            db,
            engine: None,
            scrubber: Scrubber::default(),
            rings,
            profile: None,
            overlap: Duration::from_hours(24),
            schedules: folder.path().join("schedules.yaml"),
            stale: Duration::from_hours(14 * 24),
            settings: None,
            is_tls: true,
        };
        Self {
            _folder: folder,
            clock,
            door,
        }
    }

    async fn ask(&self, question: Question<'_>) -> Answer {
        let (method, path) = question.line;
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"));
        if !question.token.is_empty() {
            request = request.header("authorization", format!("Bearer {}", question.token));
        }
        for (name, value) in question.head {
            request = request.header(*name, *value);
        }
        let body = match question.body {
            Some(body) => {
                request = request.header("content-type", "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        let router: Router = administration_router(self.door.clone());
        let response = router.oneshot(request.body(body).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, 1 << 20).await.unwrap();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            text: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }

    async fn get(&self, path: &str, token: &str) -> Answer {
        self.ask(Question {
            line: ("GET", path),
            token,
            body: None,
            head: &[],
        })
        .await
    }

    async fn post(&self, path: &str, token: &str, body: Value) -> Answer {
        self.ask(Question {
            line: ("POST", path),
            token,
            body: Some(body),
            head: &[],
        })
        .await
    }

    async fn token(&self, name: &str, office: Office) -> String {
        let new = NewToken {
            name: name.to_owned(),
            office,
            lasts: Some(Duration::from_hours(1)),
            by: "kim".to_owned(),
        };
        let (_, text) = self.door.administration.token_add(new).await.unwrap();
        text.expose().clone()
    }

    async fn audit(&self) -> Vec<String> {
        let entries = self.door.db.audit_list(None, 100).await.unwrap();
        let told = entries.into_iter().rev();
        told.map(|it| format!("{} {} {} {}", it.who, it.via, it.outcome.as_str(), it.did))
            .collect()
    }
}

#[tokio::test]
async fn what_no_database_can_keep_is_refused_wherever_it_stands() {
    let world = World::new().await;
    let token = world.token("ci", Office::Administrator).await;
    let body = json!({"customer": "Ac\0me", "ring": "production"});
    let made = world.post("/tenants", &token, body).await;
    assert_eq!(made.status, 400, "{}", made.text);
    assert!(made.text.contains("U+0000"), "{}", made.text);
    let asked = world.get("/runs?title=a%00b", &token).await;
    assert_eq!(asked.status, 400, "{}", asked.text);
    let named = world.get("/tenants/a%00b", &token).await;
    assert_eq!(named.status, 404, "{}", named.text);
}

#[tokio::test]
async fn refusals_are_the_same_whatever_is_wrong() {
    let world = World::new().await;
    let token = world.token("ci", Office::Viewer).await;
    let me = world.get("/me", &token).await;
    assert_eq!(me.status, 200, "{}", me.text);
    assert_eq!(me.json()["name"], "ci");
    assert_eq!(me.json()["role"], "viewer");
    assert_eq!(me.json()["expires_at"], "2027-01-15T09:00:00Z");
    let unknown = world.get("/me", "aut_nobody").await;
    assert_eq!(unknown.status, 401);
    assert_eq!(unknown.header(header::WWW_AUTHENTICATE), "Bearer");
    let kind = unknown.header(header::CONTENT_TYPE);
    assert_eq!(kind, "application/problem+json");
    world.clock.advance(Duration::from_hours(1));
    let expired = world.get("/me", &token).await;
    let revoked = world.token("gone", Office::Viewer).await;
    let administration = &world.door.administration;
    administration.token_revoke("gone", "kim").await.unwrap();
    let again = administration.token_revoke("gone", "kim").await;
    assert!(again.unwrap_err().to_string().contains("no token `gone`"));
    let revoked = world.get("/me", &revoked).await;
    for refused in [expired, revoked, world.get("/me", "").await] {
        assert_eq!((refused.status, &refused.text), (401, &unknown.text));
    }
    // A name that was revoked is free.
    world.token("gone", Office::Viewer).await;
    let used = administration.token_list().await.unwrap();
    let used: Vec<bool> = used.iter().map(|token| token.used_at.is_some()).collect();
    assert_eq!(used, [true, false, false]);
}

#[tokio::test]
async fn whoever_calls_too_often_has_to_wait() {
    let mut world = World::new().await;
    let often = NonZeroU32::new(2).unwrap();
    let administration = world.door.administration.clone();
    world.door.administration = administration.with_calls_per_minute(often);
    let token = world.token("ci", Office::Viewer).await;
    for _ in 0..2 {
        assert_eq!(world.get("/me", &token).await.status, 200);
    }
    let refused = world.get("/me", &token).await;
    assert_eq!(refused.status, 429);
    assert_eq!(refused.header(header::RETRY_AFTER), "30");
    assert_eq!(refused.json()["status"], 429);
    let other = world.token("other", Office::Viewer).await;
    assert_eq!(world.get("/me", &other).await.status, 200);
    world.clock.advance(Duration::from_secs(30));
    assert_eq!(world.get("/me", &token).await.status, 200);
}

#[tokio::test]
async fn what_is_known_is_not_sent_again() {
    let world = World::new().await;
    let token = world.token("ci", Office::Viewer).await;
    let first = world.get("/tenants", &token).await;
    let etag = first.header(header::ETAG).to_owned();
    assert_eq!(etag.len(), 66, "{etag}");
    let known = async |head: &[(&str, &str)]| {
        let question = Question {
            line: ("GET", "/tenants"),
            token: &token,
            body: None,
            head,
        };
        world.ask(question).await
    };
    let same = known(&[("if-none-match", &format!("\"other\", {etag}"))]).await;
    assert_eq!((same.status, same.text.as_str()), (304, ""));
    assert_eq!(same.header(header::ETAG), etag);
    let new = NewTenant {
        customer: "Contoso".to_owned(),
        ring: "testing".to_owned(),
        entitled: None,
        by: "kim".to_owned(),
    };
    world.door.tenants.create(new).await.unwrap();
    let changed = known(&[("if-none-match", &etag)]).await;
    assert_eq!(changed.status, 200);
    assert!(changed.text.contains("Contoso"), "{}", changed.text);
}

#[tokio::test]
async fn a_long_list_is_read_page_by_page() {
    let world = World::new().await;
    let token = world.token("ci", Office::Viewer).await;
    for customer in ["a", "b", "c", "d", "e"] {
        let new = NewTenant {
            customer: customer.to_owned(),
            ring: "testing".to_owned(),
            entitled: None,
            by: "kim".to_owned(),
        };
        world.door.tenants.create(new).await.unwrap();
    }
    let (mut path, mut found) = ("/tenants?limit=2".to_owned(), Vec::new());
    let mut pages = 0;
    loop {
        let answer = world.get(&path, &token).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let page = answer.json();
        let items = page["items"].as_array().unwrap();
        let customers = items.iter().map(|it| it["customer"].as_str().unwrap());
        found.extend(customers.map(str::to_owned));
        pages += 1;
        let link = answer.header(header::LINK);
        if page["next"].is_null() {
            assert_eq!(link, "");
            break;
        }
        let place = link.strip_prefix("</api/v1").unwrap();
        path = place.strip_suffix(">; rel=\"next\"").unwrap().to_owned();
    }
    assert_eq!((found.join(""), pages), ("abcde".to_owned(), 3));
    for wrong in [
        "limit=0",
        "limit=201",
        "limit=x",
        "unknown=1",
        "limit=1&limit=2",
    ] {
        let refused = world.get(&format!("/tenants?{wrong}"), &token).await;
        assert_eq!(refused.status, 400, "{wrong}");
    }
    let refused = world.get("/runs?cursor=x", &token).await;
    assert_eq!(refused.status, 400);
}

#[tokio::test]
async fn a_tenant_is_made_changed_and_let_go() {
    let world = World::new().await;
    let token = world.token("ci", Office::Administrator).await;
    let wanted = json!({"customer": "Contoso", "ring": "testing"});
    let made = world.post("/tenants", &token, wanted.clone()).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let place = made.header(header::LOCATION).to_owned();
    let path = place.strip_prefix("/api/v1").unwrap();
    let secret = made.json()["token"].as_str().unwrap().to_owned();
    assert_eq!(world.post("/tenants", &token, wanted).await.status, 409);
    let wrong = json!({"customer": "Other", "ring": "nowhere"});
    assert_eq!(world.post("/tenants", &token, wrong).await.status, 400);
    let shown = world.get(path, &token).await;
    assert!(!shown.text.contains(&secret), "{}", shown.text);
    let etag = shown.header(header::ETAG).to_owned();
    let put = async |what: &str, body: Value, head: &[(&str, &str)]| {
        let place = format!("{path}/{what}");
        let question = Question {
            line: ("PUT", &place),
            token: &token,
            body: Some(body),
            head,
        };
        world.ask(question).await
    };
    let ring = json!({"ring": "production"});
    let moved = put("ring", ring.clone(), &[("if-match", &etag)]).await;
    assert_eq!(moved.json()["ring"], "production", "{}", moved.text);
    let late = put("ring", ring, &[("if-match", &etag)]).await;
    assert_eq!(late.status, 412, "{}", late.text);
    let items = put("items", json!({"items": ["Firefox"]}), &[]).await;
    assert_eq!(items.json()["items"], json!(["Firefox"]), "{}", items.text);
    let suspended = world
        .post(&format!("{path}/suspend"), &token, json!({}))
        .await;
    assert_eq!(suspended.json()["state"], "suspended");
    let rotate = format!("{path}/rotate-token");
    let rotated = world.post(&rotate, &token, json!({})).await;
    assert_eq!(rotated.status, 200, "{}", rotated.text);
    assert_ne!(rotated.json()["token"], secret.as_str());
    let gone = world
        .ask(Question {
            line: ("DELETE", path),
            token: &token,
            body: None,
            head: &[],
        })
        .await;
    assert_eq!((gone.status, gone.text.as_str()), (204, ""));
    assert_eq!(world.get(path, &token).await.status, 404);
    let audit = world.audit().await;
    for told in [
        "done tenant.create",
        "failed tenant.create",
        "done tenant.delete",
    ] {
        let line = format!("token:ci api {told}");
        assert!(audit.contains(&line), "{line} not in {audit:?}");
    }
}

#[tokio::test]
async fn what_comes_twice_with_a_key_is_done_once() {
    let world = World::new().await;
    let token = world.token("ci", Office::Administrator).await;
    let send = async |token: &str, key: &str, customer: &str| {
        let question = Question {
            line: ("POST", "/tenants"),
            token,
            body: Some(json!({"customer": customer, "ring": "testing"})),
            head: &[("idempotency-key", key)],
        };
        world.ask(question).await
    };
    let first = send(&token, "k-1", "Contoso").await;
    assert_eq!(first.status, 201, "{}", first.text);
    let again = send(&token, "k-1", "Contoso").await;
    assert_eq!((again.status, &again.text), (201, &first.text));
    let place = first.header(header::LOCATION);
    assert_eq!(again.header(header::LOCATION), place);
    let other = send(&token, "k-1", "Fabrikam").await;
    assert_eq!(other.status, 422, "{}", other.text);
    // What was refused is refused again; and a key is its token's own.
    assert_eq!(send(&token, "k-2", "Contoso").await.status, 409);
    let another = world.token("another", Office::Administrator).await;
    assert_eq!(send(&another, "k-1", "Fabrikam").await.status, 201);
    for wrong in ["", "a b", &"k".repeat(129)] {
        assert_eq!(send(&token, wrong, "Contoso").await.status, 400, "{wrong}");
    }
    let made = world.audit().await;
    let done = made
        .iter()
        .filter(|line| line.ends_with("done tenant.create"));
    assert_eq!(done.count(), 2);
    // Nothing of what was answered can be read in the state.
    let secret = first.json()["password"].as_str().unwrap().to_owned();
    let key = store::AnswerKey {
        token: again_id(&world, "ci").await,
        key: "k-1".to_owned(),
        asked: model::Sha256::of(b"other"),
    };
    let now = Timestamp::from_secs(1_800_000_000);
    let begun = world
        .door
        .db
        .api_answer_begin(&key, now, now)
        .await
        .unwrap();
    assert_eq!(begun, store::AnswerState::Different);
    let keys = world.door.db.api_answer_keys().await.unwrap();
    assert!(keys.len() == 1 && !keys[0].contains(&secret));
    let administration = &world.door.administration;
    world.clock.advance(Duration::from_hours(25));
    assert_eq!(administration.forget_answers().await.unwrap(), 3);
}

async fn again_id(world: &World, name: &str) -> model::TokenId {
    let tokens = world.door.administration.token_list().await.unwrap();
    tokens.iter().find(|it| it.name == name).unwrap().id
}

#[tokio::test]
async fn what_happens_is_told_from_where_a_listener_left_off() {
    let world = World::new().await;
    let token = world.token("ci", Office::Viewer).await;
    let queue = async |title: &str| {
        let new = store::NewRun {
            title: title.parse().unwrap(),
            trigger: model::Trigger::Manual,
            request: json!({}),
            terms: store::Terms::default(),
        };
        let at = Timestamp::from_secs(1_800_000_000);
        world.door.db.run_queue(&new, at).await.unwrap();
    };
    queue("A.munki").await;
    let now = world.get("/events?seconds=0", &token).await;
    assert_eq!(now.status, 200, "{}", now.text);
    assert_eq!(now.header(header::CONTENT_TYPE), "text/event-stream");
    assert!(!now.text.contains("A.munki"), "{}", now.text);
    let all = world.get("/events?seconds=0&after=0", &token).await.text;
    assert!(all.contains("event: run.queued"), "{all}");
    let id = all.lines().find_map(|line| line.strip_prefix("id: "));
    queue("B.munki").await;
    let next = world
        .ask(Question {
            line: ("GET", "/events?seconds=0"),
            token: &token,
            body: None,
            head: &[("last-event-id", id.unwrap())],
        })
        .await;
    assert!(next.text.contains("\"title\":\"B.munki\""), "{}", next.text);
    assert!(!next.text.contains("A.munki"), "{}", next.text);
    let wrong = world
        .ask(Question {
            line: ("GET", "/events"),
            token: &token,
            body: None,
            head: &[("last-event-id", "x")],
        })
        .await;
    assert_eq!(wrong.status, 400);
    assert_eq!(world.get("/events?seconds=11", &token).await.status, 400);
}

#[tokio::test]
async fn what_is_no_question_is_told_so() {
    let world = World::new().await;
    let token = world.token("ci", Office::Administrator).await;
    assert_eq!(world.get("/nothing", &token).await.status, 404);
    assert_eq!(world.get("/runs/x", &token).await.status, 404);
    let wrong = world.post("/me", &token, json!({})).await;
    assert_eq!(wrong.status, 405);
    assert!(wrong.header(header::ALLOW).contains("GET"));
    let long = json!({"customer": "x".repeat(70_000), "ring": "testing"});
    assert_eq!(world.post("/tenants", &token, long).await.status, 413);
    let typed = world
        .ask(Question {
            line: ("POST", "/tenants"),
            token: &token,
            body: None,
            head: &[("content-type", "text/plain")],
        })
        .await;
    assert_eq!(typed.status, 415);
    let unfit = world.post("/tenants", &token, json!({"customer": 7})).await;
    assert_eq!(unfit.status, 400);
    let kind = unfit.header(header::CONTENT_TYPE);
    assert_eq!(kind, "application/problem+json");
}

#[tokio::test]
async fn the_document_is_served_to_everybody_and_refers_to_what_there_is() {
    let world = World::new().await;
    let served = world.get("/openapi.json", "").await;
    assert_eq!(served.status, 200);
    assert_eq!(served.json(), document());
    let text = served.text;
    for part in text.split("\"#/").skip(1) {
        let place = part.split('"').next().unwrap();
        let pointed = document();
        assert!(pointed.pointer(&format!("/{place}")).is_some(), "{place}");
    }
}

#[tokio::test]
async fn users_are_appointed_and_disabled() {
    let world = World::new().await;
    let administration = &world.door.administration;
    for (name, office) in [("ada", Office::Administrator), ("bob", Office::Viewer)] {
        let new = tenancy::administration::NewAdministrator {
            name: name.to_owned(),
            office,
            password: redact::Secret::new("correct horse battery".to_owned()),
            by: "kim".to_owned(),
        };
        administration.add(new).await.unwrap();
    }
    let token = world.token("ci", Office::Administrator).await;
    let users = world.get("/users", &token).await.json();
    let id = |at: usize| users["items"][at]["user"].as_str().unwrap().to_owned();
    assert_eq!(users["items"][1]["name"], "bob");
    assert_eq!(users["items"][1]["signed_in_at"], Value::Null);
    let (ada, bob) = (id(0), id(1));
    let put = async |user: &str, role: &str| {
        let question = Question {
            line: ("PUT", &format!("/users/{user}/role")),
            token: &token,
            body: Some(json!({"role": role})),
            head: &[],
        };
        world.ask(question).await
    };
    let appointed = put(&bob, "approver").await;
    assert_eq!(appointed.json()["role"], "approver", "{}", appointed.text);
    assert_eq!(put(&bob, "root").await.status, 400);
    assert_eq!(put(&ada, "viewer").await.status, 409);
    for (deed, state) in [
        ("disable", "disabled"),
        ("enable", "active"),
        ("sign-out", "active"),
    ] {
        let place = format!("/users/{bob}/{deed}");
        let done = world.post(&place, &token, json!({})).await;
        assert_eq!(done.json()["state"], state, "{deed}: {}", done.text);
    }
    let audit = world.audit().await;
    for told in ["administrator.appoint", "administrator.sign-out"] {
        let line = format!("token:ci api done {told}");
        assert!(audit.contains(&line), "{line} not in {audit:?}");
    }
}

#[tokio::test]
async fn of_changes_to_what_was_seen_one_is_made() {
    let world = World::new().await;
    let token = world.token("ci", Office::Administrator).await;
    let id = async |customer: &str| {
        let wanted = json!({"customer": customer, "ring": "testing"});
        let made = world.post("/tenants", &token, wanted).await;
        made.json()["id"].as_str().unwrap().to_owned()
    };
    let place = format!("/tenants/{}", id("Contoso").await);
    let other = format!("/tenants/{}/items", id("Fabrikam").await);
    let seen = world.get(&place, &token).await;
    let etag = seen.header(header::ETAG);
    let items = format!("{place}/items");
    let change = async |path: &str, item: usize, head: &[(&str, &str)]| {
        let question = Question {
            line: ("PUT", path),
            token: &token,
            body: Some(json!({"items": [format!("Item{item}")]})),
            head,
        };
        world.ask(question).await.status
    };
    // Others are changed meanwhile, which is nobody's concern.
    let asked: [_; 6] = std::array::from_fn(|at| {
        let (items, other, change) = (&items, &other, &change);
        async move {
            if at % 2 == 0 {
                change(items, at, &[("if-match", etag)]).await
            } else {
                change(other, at, &[]).await
            }
        }
    });
    let mut statuses = futures_util::future::join_all(asked).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 200, 200, 412, 412]);
}

#[tokio::test]
async fn people_of_the_provider_are_told_of_and_signed_out() {
    let world = World::new().await;
    let token = world.token("ci", Office::Administrator).await;
    let claimant = tenancy::oidc::Claimant {
        subject: "u-1".to_owned(),
        name: "oidc:ada".to_owned(),
        office: Office::Packager,
    };
    let administration = &world.door.administration;
    assert!(administration.welcome(&claimant).await.unwrap().is_some());
    let sessions = async || {
        let people = world.get("/people", &token).await.json();
        let ada = people["items"][0].clone();
        (
            ada["name"].clone(),
            ada["role"].clone(),
            ada["sessions"].clone(),
        )
    };
    let (ada, packager) = (json!("oidc:ada"), json!("packager"));
    assert_eq!(sessions().await, (ada.clone(), packager.clone(), json!(1)));
    let place = "/people/oidc%3Aada/sign-out";
    let done = world.post(place, &token, json!({})).await;
    assert_eq!(done.status, 204, "{}", done.text);
    assert_eq!(sessions().await, (ada, packager, json!(0)));
    let nobody = world
        .post("/people/oidc%3Abob/sign-out", &token, json!({}))
        .await;
    assert_eq!(nobody.status, 404, "{}", nobody.text);
    let line = "token:ci api done person.sign-out".to_owned();
    assert!(world.audit().await.contains(&line));
}

#[tokio::test]
async fn tokens_are_told_of_and_revoked() {
    let world = World::new().await;
    let token = world.token("ci", Office::Administrator).await;
    let other = world.token("other", Office::Viewer).await;
    let tokens = world.get("/tokens", &token).await;
    assert!(!tokens.text.contains(&other), "{}", tokens.text);
    let id = tokens.json()["items"][1]["token"].clone();
    let place = format!("/tokens/{}", id.as_str().unwrap());
    let revoke = async || {
        let question = Question {
            line: ("DELETE", &place),
            token: &token,
            body: None,
            head: &[],
        };
        world.ask(question).await.status
    };
    assert_eq!((revoke().await, revoke().await), (204, 404));
    assert_eq!(world.get("/me", &other).await.status, 401);
    let audit = world.audit().await;
    let line = "token:ci api done token.revoke".to_owned();
    assert!(audit.contains(&line), "{audit:?}");
}
