//! How a webhook is called: signed by each of its keys, so that a new one can be brought in before the old one goes.

use std::fmt;

use model::Timestamp;
use redact::Secret;
use reqwest::{Client, header};
use url::Url;

use super::{
    DeliveryError, SigningKey,
    http::{self, Line},
    set_up,
};
use crate::DeskError;

/// Calls one address, as Standard Webhooks 1.0.0 says.
pub(crate) struct Caller {
    url: Url,
    keys: Vec<SigningKey>,
    http: Client,
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller")
            .field("host", &self.url.host_str())
            .finish_non_exhaustive()
    }
}

impl Caller {
    pub(crate) fn new(line: Line<'_>, secrets: &[Secret<String>]) -> Result<Self, DeskError> {
        let refused = |why: &str| set_up(line.name, why);
        let (url, http) = line.open()?;
        if secrets.is_empty() {
            return Err(refused("it has no secret, so nobody could know who calls"));
        }
        let keys = secrets.iter().map(SigningKey::parse).collect();
        Ok(Self {
            url,
            keys: Option::ok_or_else(keys, || {
                refused("a secret is not `whsec_` and the base64 of 24 to 64 bytes")
            })?,
            http,
        })
    }

    /// Sends `body` under this name, which holds no full stop.
    pub(crate) async fn call(
        &self,
        id: &str,
        body: String,
        at: Timestamp,
    ) -> Result<(), DeliveryError> {
        let seconds = at.as_secs();
        let sign = |key: &SigningKey| key.sign(id, seconds, body.as_bytes());
        let signatures: Vec<String> = self.keys.iter().map(sign).collect();
        let request = self
            .http
            .post(self.url.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", seconds)
            .header("webhook-signature", signatures.join(" "))
            .body(body);
        http::take(request, at).await?;
        Ok(())
    }
}
