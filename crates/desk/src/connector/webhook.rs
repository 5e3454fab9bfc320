//! Webhooks, signed as Standard Webhooks 1.0.0 says.

use async_trait::async_trait;
use store::EventKind;

use super::{Attempt, Connector, DeliveryError, Taken, caller::Caller, http::Line};
use crate::{DeskError, WebhookConfig};

/// Calls one webhook.
#[derive(Debug)]
pub(crate) struct Webhook {
    name: String,
    caller: Caller,
    events: Vec<EventKind>,
}

impl Webhook {
    pub(crate) fn new(config: &WebhookConfig) -> Result<Self, DeskError> {
        let line = Line {
            name: &config.name,
            address: config.url.expose(),
            allow_loopback_http: config.allow_loopback_http,
            timeout_seconds: config.timeout_seconds,
        };
        Ok(Self {
            name: config.name.clone(),
            caller: Caller::new(line, &config.secrets)?,
            events: config.events.clone(),
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
        let body = attempt.delivery.payload.to_string();
        self.caller.call(&id, body, attempt.at).await?;
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
