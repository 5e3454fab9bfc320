//! Webhooks, signed as Standard Webhooks 1.0.0 says.

use std::fmt;

use async_trait::async_trait;
use reqwest::{Client, header};
use store::EventKind;
use url::Url;

use super::{
    Attempt, Connector, DeliveryError, SigningKey, Taken,
    http::{self, Line},
    set_up,
};
use crate::{DeskError, WebhookConfig};

/// Calls one webhook.
pub(crate) struct Webhook {
    name: String,
    url: Url,
    keys: Vec<SigningKey>,
    events: Vec<EventKind>,
    http: Client,
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook")
            .field("name", &self.name)
            .field("host", &self.url.host_str())
            .finish_non_exhaustive()
    }
}

impl Webhook {
    pub(crate) fn new(config: &WebhookConfig) -> Result<Self, DeskError> {
        let refused = |why: &str| set_up(&config.name, why);
        let line = Line {
            name: &config.name,
            address: config.url.expose(),
            allow_loopback_http: config.allow_loopback_http,
            timeout_seconds: config.timeout_seconds,
        };
        let (url, http) = line.open()?;
        if config.secrets.is_empty() {
            return Err(refused("it has no secret, so nobody could know who calls"));
        }
        let keys = config.secrets.iter().map(SigningKey::parse).collect();
        Ok(Self {
            name: config.name.clone(),
            url,
            keys: Option::ok_or_else(keys, || {
                refused("a secret is not `whsec_` and the base64 of 24 to 64 bytes")
            })?,
            events: config.events.clone(),
            http,
        })
    }
}

#[async_trait]
impl Connector for Webhook {
    fn name(&self) -> &str {
        &self.name
    }

    fn wants(&self, kind: EventKind) -> bool {
        self.events.contains(&kind)
    }

    async fn deliver(&self, attempt: &Attempt) -> Result<Taken, DeliveryError> {
        let id = attempt.delivery.id.to_string();
        let seconds = attempt.at.as_secs();
        let body = attempt.delivery.payload.to_string();
        let sign = |key: &SigningKey| key.sign(&id, seconds, body.as_bytes());
        let signatures: Vec<String> = self.keys.iter().map(sign).collect();
        let request = self
            .http
            .post(self.url.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header("webhook-id", &id)
            .header("webhook-timestamp", seconds)
            .header("webhook-signature", signatures.join(" "))
            .body(body);
        http::take(request, attempt.at).await?;
        Ok(Taken::default())
    }
}

#[cfg(test)]
mod tests {
    use redact::Secret;

    use super::*;

    fn set_up_error(url: &str, secrets: &[&str]) -> Option<String> {
        let secret = |text: &&str| Secret::new((*text).to_owned());
        let config = WebhookConfig {
            name: "hook".to_owned(),
            url: Secret::new(url.to_owned()),
            secrets: secrets.iter().map(secret).collect(),
            secret_files: Vec::new(),
            events: vec![],
            allow_loopback_http: true,
            timeout_seconds: 20,
        };
        Webhook::new(&config).err().map(|error| error.to_string())
    }

    const GOOD: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    #[test]
    fn refuses_a_webhook_that_could_be_read_or_forged() {
        assert_eq!(set_up_error("https://hooks.example/x", &[GOOD]), None);
        assert_eq!(set_up_error("http://127.0.0.1:9/x", &[GOOD]), None);
        let plain = set_up_error("http://hooks.example/x?token=canary-value", &[GOOD]).unwrap();
        assert!(
            plain.contains("is not https") && !plain.contains("canary"),
            "{plain}"
        );
        assert!(set_up_error("nonsense", &[GOOD]).is_some());
        assert!(set_up_error("https://hooks.example/x", &[]).is_some());
        let unreadable = set_up_error("https://hooks.example/x", &[GOOD, "canary-value"]).unwrap();
        assert!(!unreadable.contains("canary"), "{unreadable}");
    }
}
