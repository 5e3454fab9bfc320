//! Where an object store is, and how to get in.

use std::{fmt, str::FromStr, sync::Arc, time::Duration};

use object_store::{
    ClientOptions, ObjectStore, RetryConfig, aws::AmazonS3Builder, azure::MicrosoftAzureBuilder,
    gcp::GoogleCloudStorageBuilder,
};
use redact::Secret;

use crate::RepositoryError;

/// A server that sends nothing for so long has gone.
const SILENCE: Duration = Duration::from_mins(1);
const CONNECT: Duration = Duration::from_secs(10);
/// Tried again with pauses for so long at most.
const PATIENCE: Duration = Duration::from_mins(1);
const RETRIES: usize = 6;

/// Whose object store it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Provider {
    /// Azure Blob Storage, `az://CONTAINER/PREFIX`.
    Azure,
    /// Google Cloud Storage, `gs://BUCKET/PREFIX`.
    Google,
    /// Amazon S3, and whatever speaks like it, `s3://BUCKET/PREFIX`.
    S3,
}

/// The address of a repository in an object store.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ObjectAddress {
    provider: Provider,
    bucket: String,
    prefix: String,
}

impl ObjectAddress {
    /// Whose object store it is.
    pub const fn provider(&self) -> Provider {
        self.provider
    }

    /// What all keys begin with, without slashes at its ends; perhaps nothing.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }
}

impl FromStr for ObjectAddress {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (scheme, rest) = text
            .split_once("://")
            .ok_or("it does not begin with `s3://`, `gs://` or `az://`")?;
        let provider = match scheme {
            "az" => Provider::Azure,
            "gs" => Provider::Google,
            "s3" => Provider::S3,
            _ => return Err("it does not begin with `s3://`, `gs://` or `az://`"),
        };
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let is_name = |text: &str| {
            text.chars()
                .all(|letter| letter.is_ascii_alphanumeric() || "-._".contains(letter))
        };
        if bucket.is_empty() {
            return Err("it names no bucket");
        }
        if !is_name(bucket) {
            return Err(
                "the bucket's name holds what no such name does; secrets and ports do not belong here",
            );
        }
        let prefix = prefix.trim_end_matches('/');
        let mut parts = prefix.split('/').filter(|_| !prefix.is_empty());
        if !parts.all(|part| !part.is_empty() && !part.starts_with('.') && is_name(part)) {
            return Err(
                "what follows the bucket may hold letters, digits, `-`, `.` and `_` between single slashes only",
            );
        }
        Ok(Self {
            provider,
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
        })
    }
}

impl fmt::Display for ObjectAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.provider {
            Provider::Azure => "az",
            Provider::Google => "gs",
            Provider::S3 => "s3",
        };
        write!(f, "{scheme}://{}", self.bucket)?;
        if self.prefix.is_empty() {
            return Ok(());
        }
        write!(f, "/{}", self.prefix)
    }
}

/// How to get at a repository in an object store. What is not given is taken from where the provider's own tools take
/// it: the environment, or the machine's own identity.
#[derive(Clone, Debug)]
pub struct ObjectSettings {
    /// The address.
    pub address: ObjectAddress,
    /// The server, where it is not the provider's own.
    pub endpoint: Option<String>,
    /// The region of an S3 bucket.
    pub region: Option<String>,
    /// Whether the bucket is part of an S3 server's name, not of the path.
    pub virtual_hosted: bool,
    /// The name of the S3 key, or of the Azure account.
    pub access_key_id: Option<String>,
    /// The S3 key, the Azure key, or what is in the file of a Google service account.
    pub secret: Option<Secret<String>>,
}

impl ObjectSettings {
    pub(super) fn store(&self) -> Result<Arc<dyn ObjectStore>, RepositoryError> {
        let store: object_store::Result<Arc<dyn ObjectStore>> = match self.address.provider {
            Provider::Azure => self.azure().map(|store| Arc::new(store) as _),
            Provider::Google => self.google().map(|store| Arc::new(store) as _),
            Provider::S3 => self.s3().map(|store| Arc::new(store) as _),
        };
        store.map_err(RepositoryError::store(&self.address.to_string()))
    }

    fn s3(&self) -> object_store::Result<object_store::aws::AmazonS3> {
        let mut builder = AmazonS3Builder::from_env()
            .with_bucket_name(&self.address.bucket)
            .with_virtual_hosted_style_request(self.virtual_hosted)
            .with_retry(retry())
            .with_client_options(self.client());
        if let Some(endpoint) = &self.endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        if let Some(region) = &self.region {
            builder = builder.with_region(region);
        }
        if let Some(id) = &self.access_key_id {
            builder = builder.with_access_key_id(id);
        }
        if let Some(secret) = &self.secret {
            builder = builder.with_secret_access_key(secret.expose());
        }
        builder.build()
    }

    fn google(&self) -> object_store::Result<object_store::gcp::GoogleCloudStorage> {
        let mut builder = GoogleCloudStorageBuilder::from_env()
            .with_bucket_name(&self.address.bucket)
            .with_retry(retry())
            .with_client_options(self.client());
        if let Some(endpoint) = &self.endpoint {
            builder = builder.with_base_url(endpoint);
        }
        if let Some(secret) = &self.secret {
            builder = builder.with_service_account_key(secret.expose());
        }
        builder.build()
    }

    fn azure(&self) -> object_store::Result<object_store::azure::MicrosoftAzure> {
        let mut builder = MicrosoftAzureBuilder::from_env()
            .with_container_name(&self.address.bucket)
            .with_retry(retry())
            .with_client_options(self.client());
        if let Some(endpoint) = &self.endpoint {
            builder = builder.with_endpoint(endpoint.clone());
        }
        if let Some(account) = &self.access_key_id {
            builder = builder.with_account(account);
        }
        if let Some(secret) = &self.secret {
            builder = builder.with_access_key(secret.expose());
        }
        builder.build()
    }

    /// A whole package may take its time, silence may not.
    fn client(&self) -> ClientOptions {
        let is_plain = |endpoint: &String| endpoint.starts_with("http://");
        ClientOptions::new()
            .with_allow_http(self.endpoint.as_ref().is_some_and(is_plain))
            .with_timeout_disabled()
            .with_read_timeout(SILENCE)
            .with_connect_timeout(CONNECT)
    }
}

fn retry() -> RetryConfig {
    RetryConfig {
        max_retries: RETRIES,
        retry_timeout: PATIENCE,
        ..RetryConfig::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_as_they_are_written() {
        for text in ["s3://munki", "gs://munki/central", "az://m-1/a/b.c"] {
            let address: ObjectAddress = text.parse().unwrap();
            assert_eq!(address.to_string(), text);
        }
        assert_eq!(
            "s3://munki/".parse::<ObjectAddress>().unwrap().to_string(),
            "s3://munki"
        );
        for (text, why) in [
            ("munki", "does not begin"),
            ("http://munki", "does not begin"),
            ("s3://", "no bucket"),
            ("s3:///x", "no bucket"),
            ("s3://key:secret@munki", "bucket's name"),
            ("s3://munki/a//b", "single slashes"),
            ("s3://munki/../b", "single slashes"),
            ("s3://munki/a?b", "single slashes"),
        ] {
            let refused = text.parse::<ObjectAddress>().unwrap_err();
            assert!(refused.contains(why), "{text}: {refused}");
        }
    }
}
