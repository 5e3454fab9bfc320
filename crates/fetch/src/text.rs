//! Pages and feeds, held in memory.

use std::io::Read as _;

use flate2::read::{GzDecoder, ZlibDecoder};
use redact::{SafeUrl, Secret};
use reqwest::{
    Method, Response,
    header::{self, HeaderMap, HeaderValue},
};
use tokio::time;

use crate::{
    FetchError, Fetcher, Renewal, Request,
    client::{Answer, Attempts, header_text},
    spent::refused,
};

/// A page, a feed, an answer of an API.
#[derive(Debug)]
pub struct Text {
    /// The text: UTF-8, what is not UTF-8 dropped, lines ended by a line feed.
    pub text: String,
    /// The status; 404 too, since `AutoPkg` runs curl without `--fail` here.
    pub status: u16,
    /// Where it was sent to, in order.
    pub redirects: Vec<SafeUrl>,
}

/// An answer before it is known what its bytes are.
struct Page {
    body: Vec<u8>,
    status: u16,
    redirects: Vec<SafeUrl>,
}

/// The headers of an answer without its body.
#[derive(Debug)]
pub struct Head {
    /// The status.
    pub status: u16,
    /// `Content-Disposition`.
    pub content_disposition: Option<String>,
    /// The last address it was sent to; it may hold a signature in its query.
    pub redirected_to: Option<Secret<String>>,
}

impl Fetcher {
    /// Reads the text that `request` asks for, whatever the status.
    ///
    /// # Errors
    /// Any but those of files; what may pass was tried again. A status of the server's is an error only when it is
    /// one that asks to come again later, and it stays.
    pub async fn text(&self, request: &Request) -> Result<Text, FetchError> {
        let mut attempts = Attempts::new(self.settings.retry, self.limit(request));
        loop {
            let left = attempts.left();
            let error = match time::timeout(left, Box::pin(self.read_text(request))).await {
                Ok(Ok(text)) => match passing_status(request, &text) {
                    None => return Ok(text),
                    Some(error) => error,
                },
                Ok(Err(error)) => error,
                Err(_elapsed) => self.too_long(request),
            };
            attempts.after(error).await?;
        }
    }

    /// Reads the few bytes that `request` asks for: a checksum, a signature.
    ///
    /// # Errors
    /// Any but those of files: [`FetchError::TooLarge`] for more than `limit_bytes`, [`FetchError::Status`] for what
    /// is not there. What may pass was tried again.
    pub async fn bytes(&self, request: &Request, limit_bytes: u64) -> Result<Vec<u8>, FetchError> {
        let mut attempts = Attempts::new(self.settings.retry, self.limit(request));
        loop {
            let left = attempts.left();
            let reading = Box::pin(self.read(request, limit_bytes));
            let error = match time::timeout(left, reading).await {
                Ok(Ok(page)) if (200..300).contains(&page.status) => return Ok(page.body),
                Ok(Ok(page)) => FetchError::Status {
                    url: request.shown(),
                    status: page.status,
                    retry_after: None,
                },
                Ok(Err(error)) => error,
                Err(_elapsed) => self.too_long(request),
            };
            attempts.after(error).await?;
        }
    }

    /// Asks for the headers only.
    ///
    /// # Errors
    /// As [`Fetcher::text`].
    pub async fn head(&self, request: &Request) -> Result<Head, FetchError> {
        let mut request = request.clone();
        request.method = Method::HEAD;
        let mut attempts = Attempts::new(self.settings.retry, self.limit(&request));
        loop {
            let left = attempts.left();
            let empty = HeaderMap::new();
            let error = match time::timeout(left, Box::pin(self.send(&request, &empty))).await {
                Ok(Ok(answer)) => return Ok(head_of(&answer)),
                Ok(Err(error)) => error,
                Err(_elapsed) => self.too_long(&request),
            };
            attempts.after(error).await?;
        }
    }

    fn limit(&self, request: &Request) -> std::time::Duration {
        let limit = self.settings.text_timeout;
        request.max_time.map_or(limit, |time| time.min(limit))
    }

    fn too_long(&self, request: &Request) -> FetchError {
        FetchError::TimedOut {
            what: "fetching",
            url: request.shown(),
            limit: self.limit(request),
        }
    }

    async fn read_text(&self, request: &Request) -> Result<Text, FetchError> {
        let page = self.read(request, self.settings.max_text_bytes).await?;
        Ok(Text {
            text: normalised(&page.body),
            status: page.status,
            redirects: page.redirects,
        })
    }

    async fn read(&self, request: &Request, limit_bytes: u64) -> Result<Page, FetchError> {
        let mut extra = HeaderMap::new();
        extra.insert(
            header::ACCEPT_ENCODING,
            HeaderValue::from_static("gzip, deflate"),
        );
        let answer = self.send(request, &extra).await?;
        let headers = answer.response.headers();
        if Renewal::of(answer.response.status(), headers).is_some() {
            // The page that comes with it would only blame the recipe.
            return Err(refused(request, answer.response.status(), headers));
        }
        let status = answer.response.status().as_u16();
        let encoding = header_text(answer.response.headers(), &header::CONTENT_ENCODING);
        let body = self
            .read_body(request, answer.response, limit_bytes)
            .await?;
        Ok(Page {
            body: decode(request, body, encoding.as_deref(), limit_bytes)?,
            status,
            redirects: answer.hops.iter().map(SafeUrl::of).collect(),
        })
    }

    async fn read_body(
        &self,
        request: &Request,
        mut response: Response,
        limit_bytes: u64,
    ) -> Result<Vec<u8>, FetchError> {
        let mut body = Vec::new();
        loop {
            let piece = match time::timeout(self.settings.read_timeout, response.chunk()).await {
                Ok(Ok(Some(piece))) => piece,
                Ok(Ok(None)) => return Ok(body),
                Ok(Err(error)) => {
                    return Err(FetchError::Cut {
                        url: request.shown(),
                        received_bytes: len(&body),
                        announced_bytes: None,
                        source: Some(error.without_url()),
                    });
                }
                Err(_elapsed) => {
                    return Err(FetchError::TimedOut {
                        what: "reading",
                        url: request.shown(),
                        limit: self.settings.read_timeout,
                    });
                }
            };
            body.extend_from_slice(&piece);
            check_size(request, len(&body), limit_bytes)?;
        }
    }
}

/// Undoes the compression that was offered, within the limit of size.
fn decode(
    request: &Request,
    body: Vec<u8>,
    encoding: Option<&str>,
    limit_bytes: u64,
) -> Result<Vec<u8>, FetchError> {
    let limit = limit_bytes.saturating_add(1);
    let mut plain = Vec::new();
    let outcome = match encoding.map(str::to_ascii_lowercase).as_deref() {
        Some("gzip" | "x-gzip") => GzDecoder::new(&*body).take(limit).read_to_end(&mut plain),
        Some("deflate") => ZlibDecoder::new(&*body).take(limit).read_to_end(&mut plain),
        _ => return Ok(body),
    };
    if outcome.is_err() {
        return Err(FetchError::Cut {
            url: request.shown(),
            received_bytes: len(&body),
            announced_bytes: None,
            source: None,
        });
    }
    check_size(request, len(&plain), limit_bytes)?;
    Ok(plain)
}

fn check_size(request: &Request, len_bytes: u64, limit_bytes: u64) -> Result<(), FetchError> {
    if len_bytes > limit_bytes {
        return Err(FetchError::TooLarge {
            url: request.shown(),
            limit_bytes,
        });
    }
    Ok(())
}

fn len(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

/// A server in trouble sends a page too, but searching that one would blame the recipe.
fn passing_status(request: &Request, text: &Text) -> Option<FetchError> {
    let error = FetchError::Status {
        url: request.shown(),
        status: text.status,
        retry_after: None,
    };
    (error.retry() == model::Retry::Later).then_some(error)
}

fn head_of(answer: &Answer) -> Head {
    Head {
        status: answer.response.status().as_u16(),
        content_disposition: header_text(answer.response.headers(), &header::CONTENT_DISPOSITION),
        redirected_to: answer.redirected_to(),
    }
}

fn normalised(body: &[u8]) -> String {
    let text: String = body.utf8_chunks().map(|chunk| chunk.valid()).collect();
    text.replace("\r\n", "\n").replace('\r', "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_what_is_not_text_and_normalises_line_ends() {
        assert_eq!(normalised(b"a\r\nb\rc\xffd\n"), "a\nb\ncd\n");
    }
}
