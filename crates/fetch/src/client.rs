//! Sends requests: limits, politeness, redirects.

use std::{
    error::Error,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use redact::{SafeUrl, Secret};
use reqwest::{
    Client, ClientBuilder, Method, Response, StatusCode,
    header::{self, HeaderMap, HeaderName, HeaderValue},
    redirect,
};
use tokio::time;
use url::Url;

use crate::{
    FetchError, PlainHttp, Request, RetryPolicy, Settings, Turnstile,
    error::causes,
    hosts::{Hosts, Permit},
    plain,
};

/// Downloads over HTTP and HTTPS with limits, time-outs and retries.
///
/// One for the whole program: it keeps connections, and counts the requests per host.
#[derive(Debug)]
pub struct Fetcher {
    pub(crate) settings: Settings,
    /// For TLS. It is made when it is first needed, because the system's certificates are read then.
    client: OnceLock<Client>,
    http1: OnceLock<Client>,
    /// For plain HTTP: it trusts no server.
    plain: Client,
    hosts: Hosts,
}

/// The last answer of a chain of redirects.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) response: Response,
    /// Where the chain led, in order; raw, because a file name may be taken from the last one.
    pub(crate) hops: Vec<Url>,
    /// The host may not be asked more often while this lives.
    pub(crate) permit: Permit,
}

impl Answer {
    /// The last address it was sent to; it may hold a signature in its query.
    pub(crate) fn redirected_to(&self) -> Option<Secret<String>> {
        self.hops.last().map(|url| Secret::new(url.to_string()))
    }
}

impl Fetcher {
    /// A fetcher with these limits. Whether the system's certificates can be had turns out with the first request that
    /// needs them.
    ///
    /// # Errors
    /// [`FetchError::Setup`] if it cannot be set up.
    pub fn new(settings: Settings) -> Result<Self, FetchError> {
        choose_provider();
        Ok(Self {
            client: OnceLock::new(),
            http1: OnceLock::new(),
            plain: trusting_nobody(&settings)?,
            hosts: Hosts::new(settings.per_host),
            settings,
        })
    }

    /// A fetcher for a place without a network, and perhaps without certificates: it trusts no server.
    ///
    /// # Errors
    /// [`FetchError::Setup`] if it cannot be set up.
    pub fn offline() -> Result<Self, FetchError> {
        choose_provider();
        let settings = Settings::default();
        let nobody = trusting_nobody(&settings)?;
        Ok(Self {
            client: OnceLock::from(nobody.clone()),
            http1: OnceLock::new(),
            plain: nobody,
            hosts: Hosts::new(settings.per_host),
            settings,
        })
    }

    /// The same, where requests are counted together with other programs, too.
    #[must_use]
    pub fn with_turnstile(mut self, turnstile: Arc<dyn Turnstile>) -> Self {
        self.hosts.set_turnstile(turnstile);
        self
    }

    /// Whether requests over TLS can be made from here at all; the system's certificates are read now, if they were not
    /// before.
    ///
    /// # Errors
    /// [`FetchError::Setup`] if there are none that can be used.
    pub fn check_tls(&self) -> Result<(), FetchError> {
        self.tls(&Version::Any).map(|_client| ())
    }

    /// Sends `request` with `extra` headers, and follows redirects.
    pub(crate) async fn send(
        &self,
        request: &Request,
        extra: &HeaderMap,
    ) -> Result<Answer, FetchError> {
        let mut hop = Hop::first(request, extra);
        let mut hops = Vec::new();
        loop {
            self.admit(request, &hop)?;
            let permit = self
                .hosts
                .enter(hop.url.host_str().unwrap_or_default())
                .await;
            let response = self.send_one(request, &hop).await?;
            let Some(next) = target(&hop.url, &response)? else {
                return Ok(Answer {
                    response,
                    hops,
                    permit,
                });
            };
            if hops.len() >= self.settings.max_redirects {
                return Err(FetchError::Redirects {
                    url: request.shown(),
                    limit: self.settings.max_redirects,
                });
            }
            hops.push(next.clone());
            hop.follow(next, response.status());
        }
    }

    /// Whether `hop` may be asked at all.
    fn admit(&self, request: &Request, hop: &Hop) -> Result<(), FetchError> {
        let url = &hop.url;
        match url.scheme() {
            "https" => Ok(()),
            "http" => {
                let host = url.host_str().unwrap_or_default();
                if self.settings.plain_http_hosts.contains(host) {
                    return Ok(());
                }
                match request.plain_http {
                    PlainHttp::Pinned(_) => Ok(()),
                    PlainHttp::PinnedInside(_) => {
                        let has_body = hop.with_body && request.body.is_some();
                        plain::refusal(url, &hop.method, has_body).map_or(Ok(()), |why| {
                            let url = SafeUrl::of(url);
                            Err(FetchError::PlainHttpInside { url, why })
                        })
                    }
                    PlainHttp::Refused => Err(FetchError::PlainHttp {
                        url: SafeUrl::of(url),
                    }),
                }
            }
            scheme => Err(FetchError::Scheme {
                scheme: scheme.to_owned(),
                url: SafeUrl::of(url),
            }),
        }
    }

    async fn send_one(&self, request: &Request, hop: &Hop) -> Result<Response, FetchError> {
        if hop.url.scheme() == "http" && !request.http1_only {
            match self.ask(&self.plain, request, hop).await {
                // With a proxy TLS is spoken all the same.
                Err(FetchError::Tls { .. }) => {}
                answer => return answer,
            }
        }
        let version = if request.http1_only {
            Version::Http1
        } else {
            Version::Any
        };
        self.ask(self.tls(&version)?, request, hop).await
    }

    /// What speaks TLS, made now if it was not before.
    fn tls(&self, version: &Version) -> Result<&Client, FetchError> {
        let place = match version {
            Version::Any => &self.client,
            Version::Http1 => &self.http1,
        };
        made(place, || client_for(&self.settings, version))
    }

    async fn ask(
        &self,
        client: &Client,
        request: &Request,
        hop: &Hop,
    ) -> Result<Response, FetchError> {
        let mut builder = client
            .request(hop.method.clone(), hop.url.clone())
            .headers(hop.headers.clone());
        if let Some(body) = request.body.as_ref().filter(|_| hop.with_body) {
            builder = builder.body(body.clone());
        }
        // Connecting has its own limit; after it, an answer must begin within the limit of silence.
        let limit = self.settings.connect_timeout + self.settings.read_timeout;
        match time::timeout(limit, builder.send()).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(self.classify(&hop.url, error)),
            Err(_elapsed) => Err(FetchError::TimedOut {
                what: "an answer from",
                url: SafeUrl::of(&hop.url),
                limit,
            }),
        }
    }

    fn classify(&self, url: &Url, error: reqwest::Error) -> FetchError {
        let url = SafeUrl::of(url);
        let source = error.without_url();
        if source.is_timeout() {
            FetchError::TimedOut {
                what: "connecting to",
                url,
                limit: self.settings.connect_timeout,
            }
        } else if causes(&source).any(<dyn Error>::is::<rustls::Error>) || names_tls(&source) {
            FetchError::Tls { url, source }
        } else {
            FetchError::Connect { url, source }
        }
    }
}

/// The error of the handshake is wrapped in an `io::Error`, whose `source` skips the error it holds.
fn names_tls(error: &reqwest::Error) -> bool {
    causes(error)
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .filter_map(|cause| cause.get_ref())
        .any(|inner| inner.downcast_ref::<rustls::Error>().is_some())
}

enum Version {
    Any,
    Http1,
}

/// Two providers of cryptography are linked into the program, so one must be chosen; whoever comes second finds it chosen.
fn choose_provider() {
    let chosen = rustls::crypto::aws_lc_rs::default_provider().install_default();
    if chosen.is_err() {
        tracing::trace!("a provider of cryptography was chosen before");
    }
}

fn builder(settings: &Settings) -> ClientBuilder {
    Client::builder()
        .connect_timeout(settings.connect_timeout)
        .user_agent(settings.user_agent.as_str())
        .redirect(redirect::Policy::none())
}

/// What is in `place`; if nothing is, what `make` puts there.
fn made(
    place: &OnceLock<Client>,
    make: impl FnOnce() -> Result<Client, FetchError>,
) -> Result<&Client, FetchError> {
    if let Some(client) = place.get() {
        return Ok(client);
    }
    let new = make()?;
    Ok(place.get_or_init(|| new))
}

fn trusting_nobody(settings: &Settings) -> Result<Client, FetchError> {
    let nobody = builder(settings).tls_certs_only([]);
    nobody.build().map_err(FetchError::Setup)
}

fn client_for(settings: &Settings, version: &Version) -> Result<Client, FetchError> {
    let builder = builder(settings);
    let builder = match version {
        Version::Any => builder,
        Version::Http1 => builder.http1_only(),
    };
    builder.build().map_err(FetchError::Setup)
}

/// One request of a chain of redirects.
struct Hop {
    url: Url,
    method: Method,
    headers: HeaderMap,
    with_body: bool,
}

impl Hop {
    fn first(request: &Request, extra: &HeaderMap) -> Self {
        let mut headers = request.headers.clone();
        for (name, value) in extra {
            headers.insert(name, value.clone());
        }
        Self {
            url: request.url.clone(),
            method: request.method.clone(),
            headers,
            with_body: true,
        }
    }

    /// As curl: what identifies the user stays with the host it was meant for, and a form is not sent twice.
    ///
    /// # Source
    /// RFC 9110 §15.4; curl's `--location` and `Curl_follow`.
    fn follow(&mut self, next: Url, status: StatusCode) {
        if next.origin() != self.url.origin() {
            for name in [
                header::AUTHORIZATION,
                header::COOKIE,
                header::PROXY_AUTHORIZATION,
            ] {
                self.headers.remove(name);
            }
        }
        let forgets_method = match status {
            StatusCode::SEE_OTHER => self.method != Method::HEAD,
            StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => self.method == Method::POST,
            _ => false,
        };
        if forgets_method {
            self.method = Method::GET;
            self.with_body = false;
            self.headers.remove(header::CONTENT_TYPE);
        }
        self.url = next;
    }
}

/// Where `response` sends us; nothing if it is the last one.
fn target(url: &Url, response: &Response) -> Result<Option<Url>, FetchError> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let Some(location) = header_text(response.headers(), &header::LOCATION) else {
        return Ok(None);
    };
    let next = url
        .join(&location)
        .map_err(|_no_address| FetchError::Address {
            given: SafeUrl::of_text(&location),
        })?;
    if url.scheme() == "https" && next.scheme() == "http" {
        return Err(FetchError::Downgrade {
            from: SafeUrl::of(url),
            to: SafeUrl::of(&next),
        });
    }
    Ok(Some(next))
}

/// The header's text; what is not UTF-8 in it is replaced.
pub(crate) fn header_text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers
        .get(name)
        .map(|value| String::from_utf8_lossy(value.as_bytes()).trim().to_owned())
        .filter(|text| !text.is_empty())
}

/// The header's value, where it can be one.
pub(crate) fn header_value(text: &str) -> Option<HeaderValue> {
    HeaderValue::from_bytes(text.as_bytes()).ok()
}

/// How long the server asks to wait, in seconds; the form with a date is rare and left to the back-off.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = header_text(headers, &header::RETRY_AFTER)?;
    text.parse().ok().map(Duration::from_secs)
}

/// Counts attempts, and waits between them.
pub(crate) struct Attempts {
    policy: RetryPolicy,
    failed: u32,
    deadline: Instant,
}

impl Attempts {
    pub(crate) fn new(policy: RetryPolicy, limit: Duration) -> Self {
        Self {
            policy,
            failed: 0,
            deadline: Instant::now() + limit,
        }
    }

    /// How long is left for everything.
    pub(crate) fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// The last attempt got somewhere: earlier failures do not count any more.
    pub(crate) const fn progressed(&mut self) {
        self.failed = 0;
    }

    /// Waits before the next attempt, or gives `error` back if there is none.
    pub(crate) async fn after(&mut self, error: FetchError) -> Result<(), FetchError> {
        self.failed = self.failed.saturating_add(1);
        let delay = self.policy.delay(self.failed, error.retry_after());
        let hopeless = error.retry() == model::Retry::Never
            || self.failed >= self.policy.attempts
            || delay >= self.left();
        if hopeless {
            return Err(error);
        }
        tracing::debug!(error = %error, delay_ms = delay.as_millis(), "trying again");
        time::sleep(delay).await;
        Ok(())
    }
}
