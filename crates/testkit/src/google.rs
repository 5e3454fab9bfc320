//! Google Cloud Storage on loopback: the part of its XML API that a repository needs, with the tokens of a service account
//! and conditions on generations.
//!
//! # Source
//! Google's documentation of the XML API: object uploads and downloads, multipart uploads, bucket listings of version 2,
//! `x-goog-if-generation-match`; of service accounts: tokens that are signed by oneself, RS256.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyhow::Context as _;
use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Query, State},
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::{IntoResponse as _, Response},
};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use model::Sha256;
use rsa::{RsaPrivateKey, pkcs1::EncodeRsaPublicKey as _, pkcs8::DecodePrivateKey as _};
use serde_json::json;
use tokio::{net::TcpListener, task::JoinHandle};

/// The bucket that there is.
pub const BUCKET: &str = "munki";

const GENERATION: &str = "x-goog-generation";
const EXPECTED: &str = "x-goog-if-generation-match";
/// When everything was written, as far as the store tells: nothing here goes by it.
const WRITTEN: (&str, &str) = ("Wed, 01 Jan 2025 00:00:00 GMT", "2025-01-01T00:00:00.000Z");
/// How many objects a page of a listing has; small, so that there are several.
const PAGE: usize = 20;

/// A running server; it ends when it is dropped.
#[derive(Debug)]
pub struct Google {
    address: SocketAddr,
    account: String,
    server: JoinHandle<()>,
}

impl Drop for Google {
    fn drop(&mut self) {
        self.server.abort();
    }
}

#[derive(Debug)]
struct Object {
    contents: Bytes,
    generation: u64,
}

#[derive(Debug, Default)]
struct Facts {
    objects: BTreeMap<String, Object>,
    uploads: BTreeMap<String, BTreeMap<u32, Bytes>>,
    generation: u64,
}

#[derive(Clone)]
struct World {
    facts: Arc<Mutex<Facts>>,
    key: Arc<DecodingKey>,
}

impl Google {
    /// Starts it with an empty bucket and one service account.
    ///
    /// # Errors
    /// If there is no port, or no key can be made.
    pub async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("no port")?;
        let address = listener.local_addr()?;
        let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256)?;
        let public = RsaPrivateKey::from_pkcs8_der(&pair.serialize_der())?.to_public_key();
        let public = public.to_pkcs1_der()?;
        let account = json!({
            "type": "service_account",
            "private_key": pair.serialize_pem(),
            "private_key_id": "1",
            "client_email": "publisher@munki.iam.gserviceaccount.com",
        });
        let world = World {
            facts: Arc::default(),
            key: Arc::new(DecodingKey::from_rsa_der(public.as_bytes())),
        };
        let router = Router::new()
            .fallback(answer)
            .layer(DefaultBodyLimit::disable())
            .with_state(world);
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the stand-in of Google's storage ended");
            }
        });
        Ok(Self {
            address,
            account: account.to_string(),
            server,
        })
    }

    /// Its address.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What is in the file of the service account.
    pub fn account(&self) -> &str {
        &self.account
    }
}

impl World {
    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the request comes from the service account.
    fn knows(&self, headers: &HeaderMap) -> bool {
        let token = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "));
        let validation = Validation::new(Algorithm::RS256);
        token.is_some_and(|token| {
            jsonwebtoken::decode::<serde_json::Value>(token, &self.key, &validation).is_ok()
        })
    }
}

type Parameters = Query<BTreeMap<String, String>>;

async fn answer(
    State(world): State<World>,
    (method, uri): (Method, Uri),
    Query(query): Parameters,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if !world.knows(&headers) {
        return error(StatusCode::UNAUTHORIZED, "AuthenticationRequired");
    }
    let path = uri.path().trim_start_matches('/');
    let (bucket, name) = path.split_once('/').unwrap_or((path, ""));
    if bucket != BUCKET {
        return error(StatusCode::NOT_FOUND, "NoSuchBucket");
    }
    let Some(name) = decoded(name) else {
        return error(StatusCode::BAD_REQUEST, "InvalidURI");
    };
    let mut facts = world.facts();
    let upload = query.get("uploadId").map(String::as_str);
    match (method.as_str(), upload) {
        ("GET", None) if name.is_empty() => facts.list(&query),
        ("GET" | "HEAD", None) => facts.read(&name, &headers),
        ("PUT", None) => facts.write(&name, &headers, body),
        ("PUT", Some(upload)) => facts.take_part(upload, &query, body),
        ("POST", None) if query.contains_key("uploads") => facts.begin(&name),
        ("POST", Some(upload)) => facts.put_together(&name, upload, &body),
        ("DELETE", Some(upload)) => {
            facts.uploads.remove(upload);
            StatusCode::NO_CONTENT.into_response()
        }
        ("DELETE", None) => match facts.objects.remove(&name) {
            Some(_object) => StatusCode::NO_CONTENT.into_response(),
            None => error(StatusCode::NOT_FOUND, "NoSuchKey"),
        },
        _ => error(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed"),
    }
}

impl Facts {
    fn list(&self, query: &BTreeMap<String, String>) -> Response {
        let prefix = query.get("prefix").map_or("", String::as_str);
        let after = query.get("continuation-token").or(query.get("start-after"));
        let after = after.map_or("", String::as_str);
        let mut listed = self
            .objects
            .iter()
            .filter(|(name, _)| name.starts_with(prefix) && name.as_str() > after)
            .peekable();
        let mut page = String::from("<ListBucketResult>");
        let mut last = "";
        for (name, object) in listed.by_ref().take(PAGE) {
            let (tag, len) = (tag(&object.contents), object.contents.len());
            let (_, written) = WRITTEN;
            last = name;
            let name = escaped(name);
            let contents = format!(
                "<Contents><Key>{name}</Key><Size>{len}</Size><LastModified>{written}</LastModified><ETag>{tag}</ETag>\
                 </Contents>"
            );
            page.push_str(&contents);
        }
        if listed.peek().is_some() {
            let token = escaped(last);
            page.extend([
                "<NextContinuationToken>",
                &token,
                "</NextContinuationToken>",
            ]);
        }
        page.push_str("</ListBucketResult>");
        xml(&page)
    }

    fn read(&self, name: &str, headers: &HeaderMap) -> Response {
        let Some(object) = self.objects.get(name) else {
            return error(StatusCode::NOT_FOUND, "NoSuchKey");
        };
        let tag = tag(&object.contents);
        let wanted = headers.get(header::IF_MATCH);
        if wanted.is_some_and(|wanted| wanted.as_bytes() != tag.as_bytes()) {
            return error(StatusCode::PRECONDITION_FAILED, "PreconditionFailed");
        }
        let mut answer = vec![
            (header::ETAG.as_str(), tag),
            (header::LAST_MODIFIED.as_str(), WRITTEN.0.to_owned()),
            (GENERATION, object.generation.to_string()),
        ];
        let range = headers.get(header::RANGE).and_then(|it| it.to_str().ok());
        let len = object.contents.len();
        let Some((from, to)) = range.and_then(|range| bounds(range, len)) else {
            return (from_pairs(&answer), object.contents.clone()).into_response();
        };
        answer.push((
            header::CONTENT_RANGE.as_str(),
            format!("bytes {from}-{}/{len}", to - 1),
        ));
        let part = object.contents.slice(from..to);
        (StatusCode::PARTIAL_CONTENT, from_pairs(&answer), part).into_response()
    }

    fn write(&mut self, name: &str, headers: &HeaderMap, body: Bytes) -> Response {
        let now = self.objects.get(name).map_or(0, |object| object.generation);
        let expected = headers.get(EXPECTED).and_then(|it| it.to_str().ok());
        if expected.is_some_and(|expected| expected != now.to_string()) {
            return error(StatusCode::PRECONDITION_FAILED, "PreconditionFailed");
        }
        let contents = match headers.get("x-goog-copy-source") {
            None => body,
            Some(source) => match self.copied(source.to_str().unwrap_or_default()) {
                Some(contents) => contents,
                None => return error(StatusCode::NOT_FOUND, "NoSuchKey"),
            },
        };
        from_pairs(&self.put(name, contents)).into_response()
    }

    /// What is at `BUCKET/NAME`.
    fn copied(&self, source: &str) -> Option<Bytes> {
        let (bucket, name) = source.trim_start_matches('/').split_once('/')?;
        let name = decoded(name)?;
        let object = self.objects.get(&name).filter(|_| bucket == BUCKET)?;
        Some(object.contents.clone())
    }

    fn put(&mut self, name: &str, contents: Bytes) -> [(&'static str, String); 2] {
        self.generation += 1;
        let generation = self.generation;
        let told = [
            ("etag", tag(&contents)),
            (GENERATION, generation.to_string()),
        ];
        let object = Object {
            contents,
            generation,
        };
        self.objects.insert(name.to_owned(), object);
        told
    }

    fn begin(&mut self, name: &str) -> Response {
        let id = format!("{}-{name}", self.uploads.len());
        self.uploads.insert(id.clone(), BTreeMap::new());
        xml(&format!(
            "<InitiateMultipartUploadResult><UploadId>{}</UploadId></InitiateMultipartUploadResult>",
            escaped(&id)
        ))
    }

    fn take_part(&mut self, id: &str, query: &BTreeMap<String, String>, body: Bytes) -> Response {
        let number = query.get("partNumber").and_then(|it| it.parse().ok());
        let (Some(parts), Some(number)) = (self.uploads.get_mut(id), number) else {
            return error(StatusCode::NOT_FOUND, "NoSuchUpload");
        };
        let told = [("etag", tag(&body))];
        parts.insert(number, body);
        from_pairs(&told).into_response()
    }

    /// All parts that came, which the request must name.
    fn put_together(&mut self, name: &str, id: &str, body: &[u8]) -> Response {
        let Some(parts) = self.uploads.remove(id) else {
            return error(StatusCode::NOT_FOUND, "NoSuchUpload");
        };
        let named = String::from_utf8_lossy(body)
            .matches("<PartNumber>")
            .count();
        if named != parts.len() {
            return error(StatusCode::BAD_REQUEST, "InvalidPart");
        }
        let contents: Vec<u8> = parts.into_values().flatten().collect();
        let told = self.put(name, contents.into());
        let answer = format!(
            "<CompleteMultipartUploadResult><ETag>{}</ETag></CompleteMultipartUploadResult>",
            told[0].1
        );
        (from_pairs(&told), xml(&answer)).into_response()
    }
}

fn from_pairs(pairs: &[(&'static str, String)]) -> HeaderMap {
    let pairs = pairs.iter().filter_map(|(name, value)| {
        Some((header::HeaderName::from_static(name), value.parse().ok()?))
    });
    pairs.collect()
}

/// `bytes=FROM-TO`, as the half-open range that it means in `len` bytes.
fn bounds(range: &str, len: usize) -> Option<(usize, usize)> {
    let (from, to) = range.strip_prefix("bytes=")?.split_once('-')?;
    let from: usize = from.parse().ok()?;
    let to = to
        .parse()
        .map_or(len, |to: usize| to.saturating_add(1).min(len));
    (from < to).then_some((from, to))
}

fn tag(contents: &[u8]) -> String {
    let mut tag = Sha256::of(contents).to_string();
    tag.truncate(32);
    format!("\"{tag}\"")
}

fn decoded(name: &str) -> Option<String> {
    let pairs = format!("name={}", name.replace('+', "%2B"));
    let mut pairs = url::form_urlencoded::parse(pairs.as_bytes());
    pairs.next().map(|(_, name)| name.into_owned())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn xml(text: &str) -> Response {
    ([(header::CONTENT_TYPE, "application/xml")], text.to_owned()).into_response()
}

fn error(status: StatusCode, code: &str) -> Response {
    (status, xml(&format!("<Error><Code>{code}</Code></Error>"))).into_response()
}
