//! One request, one answer, one connection.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::{
    Response, StatusCode,
    body::{Bytes, Incoming},
    header::{
        ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName, HeaderValue, RETRY_AFTER, USER_AGENT,
    },
};
use hyper_util::rt::TokioIo;
use redact::Secret;
use rustls::{CertificateError, pki_types::ServerName};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};
use url::{Host, Url};

use crate::{
    fault::NetFault,
    net::{Pins, Trust},
};

/// What the client calls itself.
const AGENT: &str = concat!("auto-update-client/", env!("CARGO_PKG_VERSION"));
/// The longest answer of envQUERY.
pub const LONGEST_ANSWER: usize = 16 * 1024 - 1;
/// How long one address of a server may take to answer before the next one is tried.
const CONNECT: Duration = Duration::from_secs(8);

/// What is asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Method {
    /// What is there.
    Get,
    /// Whether it is there.
    Head,
    /// What the answer to this is.
    Post,
}

/// A request.
#[derive(Debug)]
pub struct Request<'a> {
    /// How.
    pub method: Method,
    /// Where: `https`.
    pub url: &'a Url,
    /// The keys that the server may have, on top of a chain to a trusted root.
    pub pins: Option<&'a Pins>,
    /// The value of `Authorization`.
    pub authorization: Option<&'a Secret<String>>,
    /// What is sent, a token.
    pub body: Option<String>,
    /// The longest body that is read, in bytes.
    pub longest: usize,
    /// When the answer must be there.
    pub until: Instant,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its type, without parameters, in small letters.
    pub content_type: String,
    /// How long the server asks to wait.
    pub retry_after: Option<Duration>,
    /// Its body.
    pub body: Vec<u8>,
}

/// Asks, and waits for the answer.
///
/// # Errors
/// [`NetFault`], by what failed.
pub fn send(request: Request<'_>, trust: &Trust) -> Result<Answer, NetFault> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .map_err(|source| NetFault::Machine { source })?;
    let host = request.url.host_str().unwrap_or_default().to_owned();
    let until = tokio::time::Instant::from_std(request.until);
    let answer = runtime.block_on(async {
        tokio::time::timeout_at(until, exchange(request, trust))
            .await
            .unwrap_or(Err(NetFault::Timeout { host }))
    });
    // A look-up of a name cannot be broken off, and is not waited for.
    runtime.shutdown_background();
    answer
}

async fn exchange(request: Request<'_>, trust: &Trust) -> Result<Answer, NetFault> {
    let host = request.url.host_str().unwrap_or_default().to_owned();
    let stream = connect(&request, trust, &host).await?;
    let broken = |why: String| NetFault::Protocol {
        host: host.clone(),
        why,
    };
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|e| broken(e.to_string()))?;
    let longest = request.longest;
    let request = to_hyper(request).map_err(&broken)?;
    let talk = async {
        let response = sender
            .send_request(request)
            .await
            .map_err(|e| broken(e.to_string()))?;
        read(response, &host, longest).await
    };
    let mut talk = std::pin::pin!(talk);
    // Once the connection has ended, what came over it may still wait to be read.
    tokio::select! {
        answer = &mut talk => answer,
        _ended = connection => talk.await,
    }
}

async fn connect(
    request: &Request<'_>,
    trust: &Trust,
    host: &str,
) -> Result<TlsStream<TcpStream>, NetFault> {
    let no_tls = |why: String| NetFault::Tls {
        host: host.to_owned(),
        why,
    };
    let config = trust.config(request.pins).map_err(no_tls)?;
    let name = server_name(request.url).map_err(no_tls)?;
    let stream = reach(request.url, host).await?;
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
        .map_err(|e| tls_fault(&e, host))
}

/// A connection to the first of the server's addresses that takes one.
async fn reach(url: &Url, host: &str) -> Result<TcpStream, NetFault> {
    let port = url.port_or_known_default().unwrap_or(443);
    let resolve = || NetFault::Resolve {
        host: host.to_owned(),
    };
    // An IPv6 address stands in brackets in an address of the web only.
    let name = host.trim_start_matches('[').trim_end_matches(']');
    let addresses = tokio::net::lookup_host((name, port))
        .await
        .map_err(|_says_no_more| resolve())?;
    let mut fault = resolve();
    for address in addresses {
        let connected = tokio::time::timeout(CONNECT, TcpStream::connect(address))
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        match connected.and_then(|stream| stream.set_nodelay(true).map(|()| stream)) {
            Ok(stream) => return Ok(stream),
            Err(source) => {
                fault = NetFault::Connect {
                    host: host.to_owned(),
                    source,
                }
            }
        }
    }
    Err(fault)
}

fn server_name(url: &Url) -> Result<ServerName<'static>, String> {
    match url.host() {
        Some(Host::Domain(name)) => {
            ServerName::try_from(name.to_owned()).map_err(|e| e.to_string())
        }
        Some(Host::Ipv4(address)) => Ok(ServerName::from(std::net::IpAddr::V4(address))),
        Some(Host::Ipv6(address)) => Ok(ServerName::from(std::net::IpAddr::V6(address))),
        None => Err("the address names no host".to_owned()),
    }
}

fn tls_fault(error: &io::Error, host: &str) -> NetFault {
    let host = host.to_owned();
    let inner = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        Some(rustls::Error::InvalidCertificate(
            CertificateError::ApplicationVerificationFailure,
        )) => NetFault::Pin { host },
        Some(rustls::Error::InvalidCertificate(why)) => NetFault::Certificate {
            host,
            why: why.to_string(),
        },
        _ => NetFault::Tls {
            host,
            why: error.to_string(),
        },
    }
}

fn to_hyper(request: Request<'_>) -> Result<hyper::Request<Full<Bytes>>, String> {
    let url = request.url;
    // The target is a path: what names the host as well is for proxies.
    let mut target = url.path().to_owned();
    if let Some(query) = url.query() {
        target.push('?');
        target.push_str(query);
    }
    let host = url.host_str().unwrap_or_default();
    let host = url
        .port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    let method = match request.method {
        Method::Get => hyper::Method::GET,
        Method::Head => hyper::Method::HEAD,
        Method::Post => hyper::Method::POST,
    };
    let mut builder = hyper::Request::builder()
        .method(method)
        .uri(target)
        .header(HOST, host)
        .header(USER_AGENT, AGENT)
        .header(ACCEPT, "application/jwt, */*;q=0.1");
    if let Some(authorization) = request.authorization {
        let mut value =
            HeaderValue::from_str(authorization.expose()).map_err(|_shows| "a header")?;
        value.set_sensitive(true);
        builder = builder.header(AUTHORIZATION, value);
    }
    if request.body.is_some() {
        builder = builder.header(CONTENT_TYPE, "application/jwt");
    }
    builder
        .body(Full::from(request.body.unwrap_or_default()))
        .map_err(|e| e.to_string())
}

async fn read(
    response: Response<Incoming>,
    host: &str,
    longest: usize,
) -> Result<Answer, NetFault> {
    let text = |name: HeaderName| {
        let value = response.headers().get(name)?.to_str().ok()?;
        Some(value.trim().to_ascii_lowercase())
    };
    let content_type = text(CONTENT_TYPE).unwrap_or_default();
    let content_type = content_type.split(';').next().unwrap_or_default().trim();
    let answer = Answer {
        status: response.status().as_u16(),
        content_type: content_type.to_owned(),
        retry_after: text(RETRY_AFTER)
            .and_then(|seconds| seconds.parse().ok())
            .map(Duration::from_secs),
        body: Vec::new(),
    };
    if response.status() != StatusCode::OK {
        // Whatever it says, nothing of it is used.
        return Ok(answer);
    }
    let body = Limited::new(response.into_body(), longest)
        .collect()
        .await
        .map_err(|e| {
            if e.is::<LengthLimitError>() {
                return NetFault::TooLong {
                    host: host.to_owned(),
                    limit: longest,
                };
            }
            NetFault::Protocol {
                host: host.to_owned(),
                why: e.to_string(),
            }
        })?;
    Ok(Answer {
        body: body.to_bytes().to_vec(),
        ..answer
    })
}
