//! Signing in through the identity provider.

use std::collections::BTreeMap;

use model::SystemClock;
use tenancy::{
    administration::SignOn,
    oidc::{Oidc, OidcSettings},
};
use testkit::identity_provider::{Algorithm, CLIENT, CLIENT_SECRET, Fault, IdentityProvider};

use super::*;

fn oidc(provider: &IdentityProvider) -> Oidc {
    let settings = OidcSettings {
        issuer: provider.issuer().to_owned(),
        client_id: CLIENT.to_owned(),
        client_secret: Some(Secret::new(CLIENT_SECRET.to_owned())),
        pages: format!("https://{HOST}"),
        scopes: Vec::new(),
        name_claim: "preferred_username".to_owned(),
        groups_claim: "groups".to_owned(),
        groups: BTreeMap::from([("reading".to_owned(), Office::Viewer)]),
        audiences: Vec::new(),
        allow_loopback_http: true,
    };
    // The provider's tokens are of this machine's time.
    Oidc::new(settings, Arc::new(SystemClock)).unwrap()
}

/// A world, and the provider.
async fn stand(sign_on: fn(Oidc) -> SignOn) -> (World, IdentityProvider) {
    let mut world = World::new().await;
    let provider = IdentityProvider::start(Algorithm::ES256).await.unwrap();
    provider.person("u-1", "ada", &["reading"]);
    let sign_on = sign_on(oidc(&provider));
    world.door.administration = world.door.administration.clone().with_sign_on(sign_on);
    (world, provider)
}

/// Is sent to the provider, signed in there, and comes back.
async fn come_back(world: &World, provider: &IdentityProvider) -> Answer {
    let begun = world.get("/sign-in/oidc", "").await;
    assert_eq!(begun.status, 303, "{}", begun.text);
    let held = begun.header(header::SET_COOKIE);
    assert!(held.starts_with("__Host-sign-on="), "{held}");
    for part in ["SameSite=Lax", "Secure", "HttpOnly", "Max-Age=600"] {
        assert!(held.contains(part), "{held}");
    }
    let cookie = held.split(';').next().unwrap();
    let back = provider.sign_in(begun.header(header::LOCATION)).unwrap();
    let path = format!("/sign-in/oidc/callback?{back}");
    world.get(&path, cookie).await
}

#[tokio::test]
async fn whom_the_provider_knows_looks_and_signs_out() {
    let (world, provider) = stand(SignOn::Both).await;
    let page = world.get("/sign-in", "").await;
    assert!(
        page.text.contains("href=\"/sign-in/oidc\""),
        "{}",
        page.text
    );
    assert!(page.text.contains("name=\"password\""));

    let entered = come_back(&world, &provider).await;
    assert_eq!(entered.status, 200, "{}", entered.text);
    // A page of ours leads on: what is sent along from another site does not have the session's cookie.
    assert!(entered.text.contains("http-equiv=\"refresh\""));
    let held: Vec<&str> = entered
        .headers
        .get_all(header::SET_COOKIE)
        .iter()
        .map(|it| it.to_str().unwrap())
        .collect();
    let [session, over] = &*held else {
        panic!("{held:?}");
    };
    assert!(session.contains("SameSite=Strict"), "{session}");
    assert!(
        over.starts_with("__Host-sign-on=;") && over.contains("Max-Age=0"),
        "{over}"
    );
    let cookie = session.split(';').next().unwrap();
    let page = world.get("/tenants", cookie).await;
    assert!(page.text.contains("oidc:ada, viewer"), "{}", page.text);
    assert_eq!(world.get("/log", cookie).await.status, 403);

    let (_, rest) = page
        .text
        .split_once("name=\"form_token\" value=\"")
        .unwrap();
    let (token, _) = rest.split_once('"').unwrap();
    let left = world
        .post("/sign-out", cookie, &[("form_token", token)])
        .await;
    assert_eq!(left.status, 200, "{}", left.text);
    let end = format!("{}/end?", provider.issuer());
    assert!(left.text.contains(&end), "{}", left.text);
    assert_eq!(world.get("/tenants", cookie).await.status, 303);
    let told: Vec<(String, String, AuditOutcome)> = world
        .db
        .audit_from(0, 10)
        .await
        .unwrap()
        .into_iter()
        .map(|it| (it.who, it.did, it.outcome))
        .collect();
    let entry = |did: &str, outcome| ("oidc:ada".to_owned(), did.to_owned(), outcome);
    let expected = [
        entry("session.begin", AuditOutcome::Done),
        entry("page.ask", AuditOutcome::Refused),
        entry("session.end", AuditOutcome::Done),
    ];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn who_came_through_the_provider_is_signed_out_by_others() {
    let (world, provider) = stand(SignOn::Both).await;
    let entered = come_back(&world, &provider).await;
    let held = entered.header(header::SET_COOKIE).split(';').next();
    let ada = held.unwrap().to_owned();
    assert_eq!(world.get("/tenants", &ada).await.status, 200);
    let (cookie, token) = world.enter(Office::Administrator).await;
    let page = world.get("/users", &cookie).await;
    assert!(page.text.contains("value=\"oidc:ada\""), "{}", page.text);
    let send = async |name: &str| {
        let form = [("form_token", token.as_str()), ("name", name)];
        let place = "/users/people/sign-out";
        world.post(place, &cookie, &form).await.status
    };
    assert_eq!(send("oidc:nobody").await, 404);
    assert_eq!(world.get("/tenants", &ada).await.status, 200);
    assert_eq!(send("oidc:ada").await, 303);
    assert_eq!(world.get("/tenants", &ada).await.status, 303);
    let page = world.get("/users", &cookie).await;
    assert!(!page.text.contains("value=\"oidc:ada\""), "{}", page.text);
    // Who may come in again is the provider's to say.
    assert_eq!(come_back(&world, &provider).await.status, 200);
}

#[tokio::test]
async fn who_is_not_let_in_is_told_what_to_do() {
    let (world, provider) = stand(SignOn::Both).await;
    for (fault, status, text) in [
        (Fault::Denies, 401, "did not sign you in"),
        (Fault::Stranger, 502, "cannot be used"),
        (Fault::Unsigned, 502, "cannot be used"),
        (Fault::WrongNonce, 502, "cannot be used"),
    ] {
        provider.fault(Some(fault));
        let refused = come_back(&world, &provider).await;
        assert_eq!(refused.status, status, "{fault:?}");
        assert!(refused.text.contains(text), "{fault:?}: {}", refused.text);
        assert!(!refused.text.contains("nonce"), "{}", refused.text);
    }
    provider.fault(None);
    provider.person("u-2", "bob", &["everybody"]);
    let refused = come_back(&world, &provider).await;
    assert_eq!(refused.status, 403);
    assert!(refused.text.contains("none of your groups has a role"));
    let entries = world.db.audit_from(0, 10).await.unwrap();
    assert_eq!(entries.len(), 5);
    let refused = entries.iter().all(|it| it.outcome == AuditOutcome::Refused);
    assert!(refused && entries[4].who == "oidc:bob", "{entries:?}");

    // What nobody asked for is not written down.
    for path in ["", "?state=1.x&code=y", "?state=1.x&state=2.x"] {
        let path = format!("/sign-in/oidc/callback{path}");
        for cookie in ["", "__Host-sign-on=guessed"] {
            let answer = world.get(&path, cookie).await;
            assert_eq!(answer.status, 400, "{path}");
        }
    }
    assert_eq!(world.db.audit_from(0, 10).await.unwrap().len(), 5);
    drop(provider);
    // What it told about itself is still believed; its token cannot be fetched.
    let begun = world.get("/sign-in/oidc", "").await;
    assert_eq!(begun.status, 303);
}

#[tokio::test]
async fn passwords_are_taken_only_where_they_may() {
    let (mut world, provider) = stand(SignOn::Oidc).await;
    let page = world.get("/sign-in", "").await;
    assert!(!page.text.contains("password"), "{}", page.text);
    let enrolment = world.add(Office::Administrator).await;
    let code = world.code(&enrolment);
    let form = [
        ("name", enrolment.name.as_str()),
        ("password", PASSWORD),
        ("code", &code),
    ];
    assert_eq!(world.post("/sign-in", "", &form).await.status, 403);

    // Where there is no provider any more, nobody is signed in through it.
    let entered = come_back(&world, &provider).await;
    let cookie = entered.header(header::SET_COOKIE).split(';').next();
    let cookie = cookie.unwrap().to_owned();
    assert_eq!(world.get("/tenants", &cookie).await.status, 200);
    world.door.administration = world
        .door
        .administration
        .clone()
        .with_sign_on(SignOn::Local);
    assert_eq!(world.get("/tenants", &cookie).await.status, 303);
    assert_eq!(world.get("/sign-in/oidc", "").await.status, 404);
    assert_eq!(world.post("/sign-in", "", &form).await.status, 303);
}
