//! One request at a time: counted, sent with the key, and its status understood.

use std::time::Duration;

use model::Timestamp;
use redact::{SafeUrl, Secret};
use reqwest::{Client, RequestBuilder, Response, StatusCode, header, redirect};
use serde::{Deserialize, de::DeserializeOwned};
use store::QuotaAnswer;
use url::{Host, Url};

use crate::{ScanError, VirusTotal, quota, report::tame};

/// Longest answer that is read. Reports have some hundred kilobytes.
const LONGEST_ANSWER: usize = 16 << 20;

/// How long to wait after a refusal that does not say how long.
const PAUSE: Duration = Duration::from_mins(1);

pub(crate) const SERVICE: &str = "virustotal";

/// An answer with a good status, or that there is no such thing.
pub(crate) enum Reply {
    Found(Vec<u8>),
    NotFound,
}

/// `VirusTotal`'s envelope of errors.
#[derive(Deserialize)]
struct ErrorAnswer {
    error: ErrorBody,
}

#[derive(Deserialize)]
struct ErrorBody {
    code: String,
}

/// The HTTP client; it follows no redirect, because the key would go with it.
pub(crate) fn http_client(https_only: bool) -> Result<Client, ScanError> {
    Client::builder()
        .https_only(https_only)
        .redirect(redirect::Policy::none())
        .connect_timeout(Duration::from_secs(15))
        .user_agent(concat!("auto-update/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|source| ScanError::SetUp {
            why: "the transport refuses",
            source: Some(source),
        })
}

/// The key as a header, which does not show it.
pub(crate) fn key_header(key: &Secret<String>) -> Result<header::HeaderValue, ScanError> {
    let Ok(mut value) = header::HeaderValue::from_str(key.expose()) else {
        return Err(ScanError::SetUp {
            why: "the key holds characters that a key cannot hold",
            source: None,
        });
    };
    value.set_sensitive(true);
    Ok(value)
}

/// The configured address, always as a folder.
pub(crate) fn base_url(text: &str) -> Result<Url, ScanError> {
    let refused = |why| ScanError::Address {
        url: SafeUrl::of_text(text),
        why,
    };
    let folder = format!("{}/", text.trim_end_matches('/'));
    let Ok(url) = Url::parse(&folder) else {
        return Err(refused("it is no address"));
    };
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        _ => Err(refused(
            "it is neither https nor http on the loopback interface",
        )),
    }
}

/// An address for an upload, as the service gave it: the file and the key may go only where the service lives.
pub(crate) fn upload_url(base: &Url, text: &str) -> Result<Url, ScanError> {
    let refused = |why| ScanError::Address {
        url: SafeUrl::of_text(text),
        why,
    };
    let Ok(url) = Url::parse(text) else {
        return Err(refused("it is no address"));
    };
    let own_host =
        url.host() == base.host() && url.port_or_known_default() == base.port_or_known_default();
    let service_host = url
        .host_str()
        .is_some_and(|host| host == "virustotal.com" || host.ends_with(".virustotal.com"));
    if url.scheme() != base.scheme() || !(own_host || service_host) {
        return Err(refused("it is not where the service lives"));
    }
    Ok(url)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

impl VirusTotal {
    /// The address of one thing of the API.
    pub(crate) fn url(&self, path: &[&str]) -> Result<Url, ScanError> {
        let mut url = self.base.clone();
        let Ok(mut segments) = url.path_segments_mut() else {
            return Err(ScanError::Address {
                url: SafeUrl::of(&self.base),
                why: "it cannot hold a path",
            });
        };
        segments.pop_if_empty().extend(path);
        drop(segments);
        Ok(url)
    }

    /// Sends one request, if the quota allows it.
    pub(crate) async fn send(
        &self,
        what: &'static str,
        request: RequestBuilder,
    ) -> Result<Reply, ScanError> {
        let key = self.key.clone().ok_or(ScanError::NoKey)?;
        self.take_quota().await?;
        let request = request.header("x-apikey", key);
        let response = request
            .send()
            .await
            .map_err(|source| unreachable(what, source))?;
        let status = response.status();
        tracing::debug!(what, status = status.as_u16(), "VirusTotal answered");
        match status {
            StatusCode::TOO_MANY_REQUESTS => Err(self.pause(&response).await?),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(ScanError::WrongKey {
                what,
                status: status.as_u16(),
            }),
            StatusCode::NOT_FOUND => Ok(Reply::NotFound),
            status if status.is_success() => Ok(Reply::Found(read(what, response).await?)),
            status if status.is_server_error() => Err(ScanError::Unavailable {
                what,
                status: status.as_u16(),
            }),
            status => {
                let body = read(what, response).await.unwrap_or_default();
                let answer: Option<ErrorAnswer> = serde_json::from_slice(&body).ok();
                Err(ScanError::Refused {
                    what,
                    status: status.as_u16(),
                    code: answer
                        .map(|answer| tame(&answer.error.code))
                        .unwrap_or_default(),
                })
            }
        }
    }

    async fn take_quota(&self) -> Result<(), ScanError> {
        let now = self.clock.now();
        let windows = quota::windows(&self.config, now);
        match self.db.quota_take(SERVICE, &windows, now).await? {
            QuotaAnswer::Granted => Ok(()),
            QuotaAnswer::Paused { until } => Err(ScanError::QuotaSpent { until }),
            QuotaAnswer::Spent { window } => Err(ScanError::QuotaSpent {
                until: window.ends_at,
            }),
        }
    }

    /// Keeps the pause that a 429 asks for, so that no other process and no later start breaks it.
    async fn pause(&self, response: &Response) -> Result<ScanError, ScanError> {
        let seconds = response
            .headers()
            .get(header::RETRY_AFTER)
            .and_then(|value| value.to_str().ok())
            .and_then(|text| text.trim().parse().ok());
        let until = self
            .clock
            .now()
            .plus(seconds.map_or(PAUSE, Duration::from_secs));
        self.db.quota_pause(SERVICE, until).await?;
        tracing::warn!(until = %until, "VirusTotal told us to wait");
        Ok(ScanError::QuotaSpent { until })
    }

    /// When a spent quota of a minute is not worth telling anybody.
    pub(crate) fn is_short(&self, until: Timestamp) -> bool {
        until.since(self.clock.now()) <= 2 * PAUSE
    }
}

fn unreachable(what: &'static str, source: reqwest::Error) -> ScanError {
    let url = source
        .url()
        .map_or_else(|| SafeUrl::of_text(""), SafeUrl::of);
    ScanError::Unreachable {
        what,
        url,
        source: source.without_url(),
    }
}

/// The body, up to the length that an answer may have.
async fn read(what: &'static str, mut response: Response) -> Result<Vec<u8>, ScanError> {
    let mut body = Vec::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|source| unreachable(what, source))?
    {
        body.extend_from_slice(&chunk);
        if body.len() > LONGEST_ANSWER {
            return Err(ScanError::Wrong {
                what,
                why: "it is longer than any answer should be",
            });
        }
    }
    Ok(body)
}

/// Decodes an answer.
pub(crate) fn decode<T: DeserializeOwned>(what: &'static str, body: &[u8]) -> Result<T, ScanError> {
    serde_json::from_slice(body).map_err(|source| ScanError::Unreadable { what, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_https_or_loopback() {
        let told = |text| base_url(text).map(|url| url.to_string()).ok();
        assert_eq!(
            told("https://vt.example/api/v3").as_deref(),
            Some("https://vt.example/api/v3/")
        );
        assert!(told("http://127.0.0.1:8080/api/v3/").is_some());
        assert!(told("http://[::1]:8080/").is_some());
        assert!(told("http://localhost:8080/").is_some());
        assert!(told("http://vt.example/api/v3/").is_none());
        assert!(told("http://127.0.0.1.vt.example/").is_none());
        assert!(told("ftp://127.0.0.1/").is_none());
        assert!(told("nonsense").is_none());
    }

    #[test]
    fn files_go_only_where_the_service_lives() {
        let base = base_url("https://www.virustotal.com/api/v3/").unwrap();
        let goes = |text| upload_url(&base, text).is_ok();
        assert!(goes("https://www.virustotal.com/_ah/upload/AMmfu6b/"));
        assert!(goes("https://bigfiles.virustotal.com/upload"));
        assert!(!goes("https://evil.example/_ah/upload/"));
        assert!(!goes("https://evilvirustotal.com/"));
        assert!(!goes("http://www.virustotal.com/_ah/upload/"));
        assert!(!goes("file:///etc/passwd"));
    }
}
