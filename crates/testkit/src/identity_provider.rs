//! An identity provider on loopback that speaks `OpenID` Connect, with keys to change and faults to arrange.
//!
//! It checks what it is asked as a strict one does: client, address to come back to, PKCE, and that a code is used once. Its
//! page for signing in asks nothing: whoever comes is the person who was arranged.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyhow::{Context as _, ensure};
use axum::{
    Json, Router,
    body::Bytes,
    extract::{RawQuery, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Redirect, Response},
    routing::{get, post},
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
pub use jsonwebtoken::Algorithm;
use jsonwebtoken::{EncodingKey, Header};
use model::{Clock as _, Sha256, SystemClock};
use rsa::{
    RsaPrivateKey, pkcs1::EncodeRsaPrivateKey as _, pkcs8::DecodePrivateKey as _,
    traits::PublicKeyParts as _,
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

/// Its name for the client.
pub const CLIENT: &str = "auto-update";

/// By which it knows the client; what it holds must be written as in forms.
pub const CLIENT_SECRET: &str = "s3cret:with+signs";

/// What it does that it should not, until something else is arranged.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// It signs nobody in.
    Denies,
    /// Its token has ended.
    Expired,
    /// It says nowhere when it issued the token.
    NoIssueTime,
    /// Its token is also for somebody else.
    OtherAudience,
    /// It signs with a key of its name that is not the one it tells of.
    OtherKey,
    /// Its token says that somebody else asked for it.
    OtherParty,
    /// It takes no code.
    RefusesCode,
    /// It signs with the client's secret.
    SharedSecret,
    /// Its answer says that it is another's.
    Stranger,
    /// It does not sign.
    Unsigned,
    /// Its token is for somebody else.
    WrongAudience,
    /// Its token says that it is another's.
    WrongIssuer,
    /// Its token is of another sign-in.
    WrongNonce,
}

/// A running identity provider; it ends when it is dropped.
#[derive(Debug)]
pub struct IdentityProvider {
    issuer: String,
    world: World,
    server: JoinHandle<()>,
}

impl Drop for IdentityProvider {
    fn drop(&mut self) {
        self.server.abort();
    }
}

type World = Arc<Mutex<Facts>>;

struct Facts {
    issuer: String,
    key: Key,
    changes: u32,
    fault: Option<Fault>,
    person: Value,
    codes: HashMap<String, Asked>,
    asked: Vec<String>,
}

impl std::fmt::Debug for Facts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Facts")
            .field("issuer", &self.issuer)
            .finish_non_exhaustive()
    }
}

/// What a code was asked for with.
struct Asked {
    nonce: String,
    challenge: String,
    back: String,
}

/// A key that it signs with.
struct Key {
    algorithm: Algorithm,
    private: EncodingKey,
    public: Value,
}

impl IdentityProvider {
    /// Starts on a free port of the loopback interface; it signs by this algorithm.
    ///
    /// # Errors
    /// If no port or no key can be had.
    pub async fn start(algorithm: Algorithm) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("no port")?;
        let issuer = issuer_at(listener.local_addr()?);
        let world = World::new(Mutex::new(Facts {
            issuer: issuer.clone(),
            key: Key::new(algorithm, 0)?,
            changes: 0,
            fault: None,
            person: json!({}),
            codes: HashMap::new(),
            asked: Vec::new(),
        }));
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/authorize", get(authorize))
            .route("/end", get(|| async { "You are signed out." }))
            .route("/keys", get(keys))
            .route("/token", post(token))
            .with_state(Arc::clone(&world));
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the identity provider ended");
            }
        });
        Ok(Self {
            issuer,
            world,
            server,
        })
    }

    /// Its name for itself.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Who comes from now on: its name of them, their user ID, their groups.
    pub fn person(&self, subject: &str, name: &str, groups: &[&str]) {
        lock(&self.world).person = json!({
            "sub": subject,
            "preferred_username": name,
            "groups": groups,
        });
    }

    /// What it does that it should not from now on.
    pub fn fault(&self, fault: Option<Fault>) {
        lock(&self.world).fault = fault;
    }

    /// Signs with another key from now on, and tells of that alone.
    ///
    /// # Errors
    /// If none can be made.
    pub fn change_key(&self, algorithm: Algorithm) -> anyhow::Result<()> {
        let mut facts = lock(&self.world);
        facts.changes += 1;
        facts.key = Key::new(algorithm, facts.changes)?;
        Ok(())
    }

    /// How often this was asked for.
    pub fn asked(&self, path: &str) -> usize {
        let facts = lock(&self.world);
        facts.asked.iter().filter(|asked| *asked == path).count()
    }

    /// Signs the person in as a browser would have it; answers what stands behind `?` in the address it goes back to.
    ///
    /// # Errors
    /// If it is asked for what it does not do.
    pub fn sign_in(&self, address: &str) -> anyhow::Result<String> {
        let (_, query) = address.split_once('?').context("there is no question")?;
        let back = answer(&mut lock(&self.world), query)?;
        let (_, query) = back.split_once('?').context("there is no answer")?;
        Ok(query.to_owned())
    }
}

fn issuer_at(address: SocketAddr) -> String {
    format!("http://{address}")
}

fn lock(world: &World) -> MutexGuard<'_, Facts> {
    world.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Key {
    fn new(algorithm: Algorithm, number: u32) -> anyhow::Result<Self> {
        let kid = format!("key-{number}");
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let (private, public) = match algorithm {
            Algorithm::ES256 => {
                let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
                let point = pair.public_key_raw();
                let (x, y) = (point.get(1..33), point.get(33..65));
                let (x, y) = (x.context("no point")?, y.context("no point")?);
                let public = json!({ "kty": "EC", "crv": "P-256", "x": text(x), "y": text(y) });
                (EncodingKey::from_ec_der(&pair.serialize_der()), public)
            }
            Algorithm::EdDSA => {
                let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519)?;
                let x = text(pair.public_key_raw());
                let public = json!({ "kty": "OKP", "crv": "Ed25519", "x": x });
                (EncodingKey::from_ed_der(&pair.serialize_der()), public)
            }
            Algorithm::RS256 | Algorithm::PS256 => {
                let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256)?;
                let key = RsaPrivateKey::from_pkcs8_der(&pair.serialize_der())?;
                let (n, e) = (text(&key.n().to_bytes_be()), text(&key.e().to_bytes_be()));
                let public = json!({ "kty": "RSA", "n": n, "e": e, "use": "sig" });
                let private = key.to_pkcs1_der()?;
                (EncodingKey::from_rsa_der(private.as_bytes()), public)
            }
            other => anyhow::bail!("{other:?} is not signed by"),
        };
        let mut public = public;
        if let Some(fields) = public.as_object_mut() {
            fields.insert("kid".to_owned(), json!(kid));
        }
        Ok(Self {
            algorithm,
            private,
            public,
        })
    }
}

async fn discovery(State(world): State<World>) -> Json<Value> {
    let mut facts = lock(&world);
    facts.asked.push("discovery".to_owned());
    let issuer = &facts.issuer;
    Json(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/keys"),
        "end_session_endpoint": format!("{issuer}/end"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        "authorization_response_iss_parameter_supported": true,
    }))
}

async fn keys(State(world): State<World>) -> Json<Value> {
    let mut facts = lock(&world);
    facts.asked.push("keys".to_owned());
    Json(json!({ "keys": [facts.key.public] }))
}

async fn authorize(State(world): State<World>, RawQuery(query): RawQuery) -> Response {
    match answer(&mut lock(&world), &query.unwrap_or_default()) {
        Ok(back) => Redirect::to(&back).into_response(),
        Err(error) => (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
    }
}

fn pairs(text: &[u8]) -> HashMap<String, String> {
    let pairs = url::form_urlencoded::parse(text);
    pairs
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect()
}

/// Where somebody goes back to who was sent here with this question.
fn answer(facts: &mut Facts, query: &str) -> anyhow::Result<String> {
    let asked = pairs(query.as_bytes());
    let of = |name: &str| asked.get(name).cloned().unwrap_or_default();
    ensure!(of("response_type") == "code", "no code is asked for");
    ensure!(of("client_id") == CLIENT, "unknown client");
    ensure!(of("code_challenge_method") == "S256", "no PKCE");
    let scopes = of("scope");
    ensure!(scopes.split(' ').any(|it| it == "openid"), "no openid");
    ensure!(
        !of("state").is_empty() && !of("nonce").is_empty(),
        "unbound"
    );
    let back = of("redirect_uri");
    ensure!(back.ends_with("/sign-in/oidc/callback"), "unknown place");
    let mut answer = url::form_urlencoded::Serializer::new(String::new());
    answer.append_pair("state", &of("state"));
    let issuer = match facts.fault {
        Some(Fault::Stranger) => "https://other.example",
        _ => &facts.issuer,
    };
    answer.append_pair("iss", issuer);
    if facts.fault == Some(Fault::Denies) {
        answer.append_pair("error", "access_denied");
    } else {
        let code = format!("code-{}", facts.codes.len());
        answer.append_pair("code", &code);
        let kept = Asked {
            nonce: of("nonce"),
            challenge: of("code_challenge"),
            back: back.clone(),
        };
        facts.codes.insert(code, kept);
    }
    Ok(format!("{back}?{}", answer.finish()))
}

async fn token(State(world): State<World>, headers: HeaderMap, body: Bytes) -> Response {
    let mut facts = lock(&world);
    facts.asked.push("token".to_owned());
    match exchange(&mut facts, &headers, &body) {
        Ok(id_token) => Json(json!({
            "access_token": "not used",
            "token_type": "Bearer",
            "id_token": id_token,
        }))
        .into_response(),
        Err(error) => {
            let said = json!({ "error": "invalid_grant", "error_description": error.to_string() });
            (StatusCode::BAD_REQUEST, Json(said)).into_response()
        }
    }
}

fn exchange(facts: &mut Facts, headers: &HeaderMap, body: &[u8]) -> anyhow::Result<String> {
    let given = headers.get(header::AUTHORIZATION).context("no client")?;
    // As in forms first: the colon and the sign of the secret are escaped.
    let wanted = STANDARD.encode(format!("{CLIENT}:s3cret%3Awith%2Bsigns"));
    ensure!(given.to_str()? == format!("Basic {wanted}"), "wrong client");
    let form = pairs(body);
    let of = |name: &str| form.get(name).cloned().unwrap_or_default();
    ensure!(of("grant_type") == "authorization_code", "no code");
    ensure!(facts.fault != Some(Fault::RefusesCode), "refused");
    // A code is taken once, whatever becomes of it.
    let asked = facts.codes.get_mut(&of("code")).context("unknown code")?;
    let challenge = std::mem::take(&mut asked.challenge);
    ensure!(!challenge.is_empty(), "used code");
    let digest = Sha256::of(of("code_verifier").as_bytes());
    let digest = URL_SAFE_NO_PAD.encode(digest.as_bytes());
    ensure!(digest == challenge, "wrong verifier");
    ensure!(of("redirect_uri") == asked.back, "wrong place");
    let nonce = asked.nonce.clone();
    signed(facts, &nonce)
}

fn signed(facts: &Facts, nonce: &str) -> anyhow::Result<String> {
    let now = SystemClock.now().as_secs();
    let fault = facts.fault;
    let when =
        |it: Fault, wrong: Value, right: Value| if fault == Some(it) { wrong } else { right };
    let mut claims = facts.person.clone();
    let fields = claims.as_object_mut().context("nobody")?;
    let other = json!("https://other.example");
    let issuer = when(Fault::WrongIssuer, other, json!(facts.issuer));
    let audience = when(Fault::WrongAudience, json!("somebody"), json!(CLIENT));
    let both = json!([CLIENT, "somebody"]);
    fields.insert("iss".to_owned(), issuer);
    fields.insert("aud".to_owned(), when(Fault::OtherAudience, both, audience));
    fields.insert(
        "azp".to_owned(),
        when(Fault::OtherParty, json!("x"), json!(CLIENT)),
    );
    fields.insert(
        "exp".to_owned(),
        when(Fault::Expired, json!(now - 90), json!(now + 300)),
    );
    fields.insert(
        "nonce".to_owned(),
        when(Fault::WrongNonce, json!("other"), json!(nonce)),
    );
    if fault != Some(Fault::NoIssueTime) {
        fields.insert("iat".to_owned(), json!(now));
    }
    let kid = facts.key.public.get("kid").and_then(Value::as_str);
    let kid = kid.map(str::to_owned);
    let head = |algorithm| Header {
        kid: kid.clone(),
        ..Header::new(algorithm)
    };
    let algorithm = facts.key.algorithm;
    let other;
    let (head, key) = match fault {
        Some(Fault::Unsigned) => {
            let text = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
            let head = text(&json!({ "alg": "none", "kid": kid }));
            return Ok(format!("{head}.{}.", text(&claims)));
        }
        Some(Fault::SharedSecret) => {
            other = EncodingKey::from_secret(CLIENT_SECRET.as_bytes());
            (head(Algorithm::HS256), &other)
        }
        Some(Fault::OtherKey) => {
            other = Key::new(algorithm, 0)?.private;
            (head(algorithm), &other)
        }
        _ => (head(algorithm), &facts.key.private),
    };
    Ok(jsonwebtoken::encode(&head, &claims, key)?)
}
