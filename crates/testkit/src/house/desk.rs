//! The service desk: a real mail server, and a receiver of webhooks.

use std::path::Path;

use anyhow::ensure;

use crate::{
    smtp::{Letter, SmtpServer},
    webhook_receiver::{Received, WebhookReceiver},
};

/// What signs the webhooks of a house.
const SECRET: &str = "whsec_ZGVtb25zdHJhdGlvbnMtb25seS1ub3QtYS1zZWNyZXQ=";

/// Where incidents arrive.
#[derive(Debug)]
pub struct Desk {
    mail: SmtpServer,
    hook: WebhookReceiver,
    letters_taken: usize,
    calls_taken: usize,
}

/// What came to the desk since it was last looked at.
#[derive(Clone, Debug, Default)]
pub struct News {
    /// Mails.
    pub letters: Vec<Letter>,
    /// Calls of the webhook.
    pub calls: Vec<Received>,
}

impl Desk {
    /// Starts both; mails are kept in `folder`.
    ///
    /// # Errors
    /// If one does not start.
    pub async fn start(folder: &Path) -> anyhow::Result<Self> {
        Ok(Self {
            mail: SmtpServer::start(folder).await?,
            hook: WebhookReceiver::start(SECRET).await?,
            letters_taken: 0,
            calls_taken: 0,
        })
    }

    /// The mail server.
    pub const fn mail(&self) -> &SmtpServer {
        &self.mail
    }

    /// The receiver of webhooks.
    pub const fn hook(&self) -> &WebhookReceiver {
        &self.hook
    }

    /// What came since this was last asked, each call signed as it must be.
    ///
    /// # Errors
    /// If a call was not signed, or the mails cannot be read.
    pub fn news(&mut self) -> anyhow::Result<News> {
        let letters = self.mail.letters()?.split_off(self.letters_taken);
        let calls = self.hook.received().split_off(self.calls_taken);
        self.letters_taken += letters.len();
        self.calls_taken += calls.len();
        for call in &calls {
            ensure!(
                call.verified,
                "the webhook {} was not signed as it must be",
                call.id
            );
        }
        Ok(News { letters, calls })
    }

    /// Its part of the configuration file.
    pub(super) fn config(&self) -> String {
        let port = self.mail.port();
        let url = self.hook.url();
        format!(
            r#"[desk]
scope = "demo"

[[desk.email]]
name = "service-desk"
host = "127.0.0.1"
port = {port}
tls = "none"
from = "Auto-Update <auto-update@house.example>"
to = ["Service Desk <desk@house.example>"]

[[desk.webhook]]
name = "chat"
url = "{url}"
secrets = ["{SECRET}"]
allow-loopback-http = true
"#
        )
    }
}
