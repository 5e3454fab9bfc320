//! A server with real TLS that answers whatever it is told to: envQUERY and the pod of one tenant.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use hmac::{Hmac, KeyInit as _, Mac as _};
use model::{Clock as _, SystemClock};
use proplist::{Dict, Value};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, PublicKeyData as _,
};
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};

use crate::mac::dict;

pub(crate) const CUSTOMER: &str = "Acme Ltd";
pub(crate) const TOKEN: &str = "q7Zx1mN8vB3kL0pR5tY2wE9uI4oA6sDf";
/// `user:password` in base64.
pub(crate) const CREDENTIAL: &str = "czNjcjN0VXNlcjEyMzQ1Njp0MHBTM2NyM3RXMHJkMTIz";
pub(crate) const SLUG: &str = "ez558k0p2PWY6lik";

/// A request as it came in.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    pub(crate) connection: usize,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn claims(&self) -> Json {
        claims_of(&self.body)
    }
}

type Answer = dyn Fn(&Received, &str) -> Vec<u8> + Send + Sync;

/// The server, until the test ends.
pub(crate) struct EnvQuery {
    address: String,
    roots: String,
    pin: String,
    received: Arc<Mutex<Vec<Received>>>,
}

/// Who signed the server's certificate, and what it is for.
pub(crate) struct Identity {
    config: ServerConfig,
    root: String,
    pin: String,
}

impl Identity {
    /// A certificate for this machine, by an authority made for it.
    pub(crate) fn new() -> Self {
        Self::named(vec!["127.0.0.1".to_owned(), "localhost".to_owned()])
    }

    pub(crate) fn named(names: Vec<String>) -> Self {
        Self::made(&CertificateParams::new(names).unwrap())
    }

    pub(crate) fn expired() -> Self {
        let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2020, 2, 1);
        Self::made(&params)
    }

    fn made(params: &CertificateParams) -> Self {
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority =
            CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &authority).unwrap();
        let pin = STANDARD.encode(Sha256::digest(key.subject_public_key_info()));
        let chain = vec![CertificateDer::from(certificate.der().to_vec())];
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        Self {
            config,
            root: authority.pem(),
            pin,
        }
    }
}

impl EnvQuery {
    /// One that does as envQUERY and the pod do.
    pub(crate) fn honest() -> Self {
        Self::new(honest)
    }

    pub(crate) fn new(answer: impl Fn(&Received, &str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::with(Identity::new(), answer)
    }

    pub(crate) fn with(
        identity: Identity,
        answer: impl Fn(&Received, &str) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("https://{}", listener.local_addr().unwrap());
        let received = Arc::new(Mutex::new(Vec::new()));
        let server = Self {
            address: address.clone(),
            roots: identity.root,
            pin: identity.pin,
            received: Arc::clone(&received),
        };
        let config = Arc::new(identity.config);
        let answer: Arc<Answer> = Arc::new(answer);
        // It lives as long as the process of the test.
        thread::spawn(move || {
            for (connection, stream) in listener.incoming().enumerate() {
                let (config, received) = (Arc::clone(&config), Arc::clone(&received));
                let (answer, address) = (Arc::clone(&answer), address.clone());
                thread::spawn(move || {
                    serve(stream.unwrap(), config, &received, connection, &|request| {
                        answer(request, &address)
                    })
                });
            }
        });
        server
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn roots(&self) -> &str {
        &self.roots
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// The preferences of the tenant's profile.
    pub(crate) fn profile(&self) -> Dict {
        let spare = STANDARD.encode([7; 32]);
        dict([
            ("CustomerID", Value::from(CUSTOMER)),
            ("EnvQueryURL", Value::from(self.address.as_str())),
            ("EnvQueryToken", Value::from(TOKEN)),
            ("EnvQueryPins", Value::from(vec![spare, self.pin.clone()])),
        ])
    }
}

fn serve(
    stream: TcpStream,
    config: Arc<ServerConfig>,
    received: &Mutex<Vec<Received>>,
    connection: usize,
    answer: &dyn Fn(&Received) -> Vec<u8>,
) -> Option<()> {
    let connected = ServerConnection::new(config).unwrap();
    let mut reader = BufReader::new(StreamOwned::new(connected, stream));
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let mut headers = Vec::new();
        loop {
            let mut header = String::new();
            reader.read_line(&mut header).ok()?;
            let Some((name, value)) = header.trim_end().split_once(':') else {
                break;
            };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut request = Received {
            line: line.trim_end().to_owned(),
            headers,
            body: String::new(),
            connection,
        };
        let len = request
            .header("content-length")
            .map_or(0, |len| len.parse().unwrap());
        let mut body = vec![0; len];
        reader.read_exact(&mut body).ok()?;
        request.body = String::from_utf8(body).unwrap();
        let bytes = answer(&request);
        received.lock().unwrap().push(request);
        reader.get_mut().write_all(&bytes).ok()?;
        reader.get_mut().flush().ok()?;
        if bytes
            .windows(17)
            .any(|window| window == b"connection: close")
        {
            reader.get_mut().conn.send_close_notify();
            return reader.get_mut().flush().ok();
        }
    }
}

/// What envQUERY and the pod of one tenant say.
pub(crate) fn honest(request: &Received, address: &str) -> Vec<u8> {
    if request.line == "POST /v1/repository HTTP/1.1" {
        return response(
            "200 OK",
            "application/jwt",
            &signed(&claims(request, address)),
        );
    }
    pod(request)
}

/// What the pod says.
pub(crate) fn pod(request: &Received) -> Vec<u8> {
    let path = format!("/{SLUG}/catalogs/all ");
    if !request.line.contains(&path) {
        return response("404 Not Found", "text/plain", "");
    }
    let basic = format!("Basic {CREDENTIAL}");
    if request.header("authorization") == Some(&basic) {
        b"HTTP/1.1 200 OK\r\ncontent-type: text/xml\r\ncontent-length: 1234567\r\n\r\n".to_vec()
    } else {
        response("401 Unauthorized", "text/plain", "")
    }
}

/// The claims of a right answer.
pub(crate) fn claims(request: &Received, address: &str) -> Json {
    let now = now();
    json!({
        "iss": address, "aud": CUSTOMER, "iat": now, "exp": now + 60,
        "jti": request.claims()["jti"],
        "repo_url": format!("{address}/{SLUG}"),
        "repo_authorization": format!("Basic {CREDENTIAL}"),
    })
}

pub(crate) fn signed(claims: &Json) -> String {
    signed_by(TOKEN, r#"{"alg":"HS256","typ":"JWT"}"#, claims)
}

pub(crate) fn signed_by(key: &str, head: &str, claims: &Json) -> String {
    let text = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(head),
        URL_SAFE_NO_PAD.encode(claims.to_string())
    );
    let mut code = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
    code.update(text.as_bytes());
    let signature = URL_SAFE_NO_PAD.encode(code.finalize().into_bytes());
    format!("{text}.{signature}")
}

pub(crate) fn claims_of(token: &str) -> Json {
    let body = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body).unwrap()).unwrap()
}

pub(crate) fn response(status: &str, kind: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nretry-after: 17\r\nlocation: /elsewhere\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

pub(crate) fn now() -> i64 {
    SystemClock.now().as_secs()
}
