//! Where secrets of the configuration are, so that whoever reads it can read their files, and nobody forgets one.

use std::path::{Path, PathBuf};

use redact::Secret;

use super::Config;

/// A secret that may be given, or be in a file.
#[derive(Debug)]
pub struct SecretPlace<'a> {
    /// The key of the secret itself.
    pub key: &'static str,
    /// The key of the file.
    pub file_key: &'static str,
    /// The secret.
    pub secret: &'a mut Option<Secret<String>>,
    /// The file.
    pub file: Option<&'a Path>,
}

macro_rules! places {
    ($config:expr; $($list:ident $secret:ident $file:ident $key:literal $file_key:literal;)*) => {{
        let mut places = Vec::new();
        $(for one in &mut $config.$list {
            places.push(SecretPlace {
                key: concat!("desk.", $key),
                file_key: concat!("desk.", $file_key),
                secret: &mut one.$secret,
                file: one.$file.as_deref(),
            });
        })*
        places
    }};
}

impl Config {
    /// Every secret that may be in a file of its own, but those of webhooks, which may have several.
    pub fn secret_places(&mut self) -> Vec<SecretPlace<'_>> {
        places!(self;
            email password password_file "email.password" "email.password-file";
            jira token token_file "jira.token" "jira.token-file";
            servicenow token token_file "servicenow.token" "servicenow.token-file";
            zendesk token token_file "zendesk.token" "zendesk.token-file";
            freshservice token token_file "freshservice.token" "freshservice.token-file";
            pagerduty routing_key routing_key_file "pagerduty.routing-key" "pagerduty.routing-key-file";
            slack url url_file "slack.url" "slack.url-file";
            teams url url_file "teams.url" "teams.url-file";
        )
    }

    /// Every file that holds a secret, to be named from the root.
    pub fn secret_files_mut(&mut self) -> Vec<&mut PathBuf> {
        let mut files = Vec::new();
        files.extend(
            self.email
                .iter_mut()
                .filter_map(|one| one.password_file.as_mut()),
        );
        files.extend(
            self.webhook
                .iter_mut()
                .flat_map(|one| &mut one.secret_files),
        );
        files.extend(
            self.jira
                .iter_mut()
                .filter_map(|one| one.token_file.as_mut()),
        );
        files.extend(
            self.servicenow
                .iter_mut()
                .filter_map(|one| one.token_file.as_mut()),
        );
        files.extend(
            self.zendesk
                .iter_mut()
                .filter_map(|one| one.token_file.as_mut()),
        );
        files.extend(
            self.freshservice
                .iter_mut()
                .filter_map(|one| one.token_file.as_mut()),
        );
        files.extend(
            self.pagerduty
                .iter_mut()
                .filter_map(|one| one.routing_key_file.as_mut()),
        );
        files.extend(
            self.slack
                .iter_mut()
                .filter_map(|one| one.url_file.as_mut()),
        );
        files.extend(
            self.teams
                .iter_mut()
                .filter_map(|one| one.url_file.as_mut()),
        );
        files
    }

    /// Every secret that is known.
    pub fn secrets(&self) -> Vec<&Secret<String>> {
        let mut secrets = Vec::new();
        secrets.extend(self.email.iter().filter_map(|one| one.password.as_ref()));
        for webhook in &self.webhook {
            secrets.extend(webhook.secrets.iter().chain([&webhook.url]));
        }
        secrets.extend(self.jira.iter().filter_map(|one| one.token.as_ref()));
        secrets.extend(self.servicenow.iter().filter_map(|one| one.token.as_ref()));
        secrets.extend(self.zendesk.iter().filter_map(|one| one.token.as_ref()));
        secrets.extend(
            self.freshservice
                .iter()
                .filter_map(|one| one.token.as_ref()),
        );
        secrets.extend(
            self.pagerduty
                .iter()
                .filter_map(|one| one.routing_key.as_ref()),
        );
        secrets.extend(self.slack.iter().filter_map(|one| one.url.as_ref()));
        secrets.extend(self.teams.iter().filter_map(|one| one.url.as_ref()));
        secrets
    }
}
