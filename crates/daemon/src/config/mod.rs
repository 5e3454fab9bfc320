//! How the house is set up: the configuration file, and what the environment says.

mod again;
mod database;
mod error;
mod nginx;
mod oidc;
mod pages;
mod places;
mod preferences;
mod repository;
mod sandbox;
mod secrets;
mod surroundings;
mod tenants;
mod tuf;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, io,
    net::{Ipv4Addr, SocketAddr},
    num::NonZeroU16,
    path::{Path, PathBuf},
};

use evidence::Keyring;
use model::Title;
use pipeline::{Keeping, payload::ChangeKind};
use publication::{ObjectSettings, Retention, Rings, tuf::Tuf};
use redact::{Scrubber, Secret};
use serde::Deserialize;
use url::Url;

use self::places::Places;
pub use self::{
    database::{DatabaseConfig, RetryConfig, Role},
    error::ConfigError,
    nginx::NginxConfig,
    oidc::OidcConfig,
    pages::{AdministrationConfig, PagesConfig},
    sandbox::SandboxConfig,
    surroundings::Surroundings,
    tenants::{EnvQueryConfig, PodsConfig},
    tuf::TufConfig,
};
pub(crate) use self::{
    nginx::NginxPlace,
    pages::PagesPlace,
    tenants::{EnvQueryPlace, TlsPlace},
};

/// The name of the configuration file that is used when it lies in the current folder.
pub const CONFIG_FILE: &str = "auto-update.toml";

/// How the house is set up.
///
/// Every key may be left out, none may be unknown. In a loaded configuration every place is a path from the root, and
/// every secret is where it is needed, whichever file it came from.
///
/// ```toml
/// state-dir = "var"
/// [repository]
/// path = "var/repo"
/// [autopkg]
/// recipe-search-dirs = ["recipes"]
/// [scan]
/// api-key-file = "keys/virustotal"
/// [serve]
/// listen = "127.0.0.1:8787"
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// The folder of everything that outlives the process: the database, downloads, workspaces.
    pub state_dir: PathBuf,
    /// The Munki repository.
    pub repository: RepositoryConfig,
    /// Recipes and overrides.
    pub autopkg: AutopkgConfig,
    /// What this service is called among those that share its state; the name of the machine if not given.
    pub node: Option<String>,
    /// Where the state is kept, if not in a file of the state folder.
    pub database: DatabaseConfig,
    /// When runs that failed in passing are tried again.
    pub retry: RetryConfig,
    /// Downloads.
    pub fetch: FetchConfig,
    /// Processors of recipe repositories.
    pub sandbox: SandboxConfig,
    /// Signatures.
    pub signatures: SignaturesConfig,
    /// What holds a release.
    pub guards: GuardsConfig,
    /// Which catalogs are rings, and how long an item stays in each.
    pub rings: Rings,
    /// What is kept of older versions.
    pub retention: Retention,
    /// What is kept of runs.
    pub records: Keeping,
    /// `VirusTotal`.
    pub scan: scan::Config,
    /// Evidence of what was published.
    pub evidence: EvidenceConfig,
    /// Update metadata of the repository.
    pub tuf: TufConfig,
    /// The service desk.
    pub desk: desk::Config,
    /// Programs that are called with what happens.
    pub webhooks: desk::WebhooksConfig,
    /// The service.
    pub serve: ServeConfig,
    /// What tells tenants' Macs where their view is.
    pub envquery: EnvQueryConfig,
    /// The views of tenants.
    pub pods: PodsConfig,
    /// The administration pages.
    pub administration: AdministrationConfig,
    /// The catalogue, for people at tenants.
    pub catalogue: PagesConfig,
    /// The file it was read from.
    #[serde(skip)]
    file: Option<PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            state_dir: "var".into(),
            repository: RepositoryConfig::default(),
            autopkg: AutopkgConfig::default(),
            node: None,
            database: DatabaseConfig::default(),
            retry: RetryConfig::default(),
            fetch: FetchConfig::default(),
            sandbox: SandboxConfig::default(),
            signatures: SignaturesConfig::default(),
            guards: GuardsConfig::default(),
            rings: Rings::default(),
            retention: Retention::default(),
            records: Keeping::default(),
            scan: scan::Config::default(),
            evidence: EvidenceConfig::default(),
            tuf: TufConfig::default(),
            desk: desk::Config::default(),
            webhooks: desk::WebhooksConfig::default(),
            serve: ServeConfig::default(),
            envquery: EnvQueryConfig::default(),
            pods: PodsConfig::default(),
            administration: AdministrationConfig::default(),
            catalogue: PagesConfig::default(),
            file: None,
        }
    }
}

/// Where the Munki repository lies.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct RepositoryConfig {
    /// Its folder; `repo` in the state folder if not given.
    pub path: Option<PathBuf>,
    /// Its address instead: `s3://BUCKET/PREFIX`, `gs://…`, `az://…`, or `file:///FOLDER`.
    pub url: Option<String>,
    /// The object store's server, where it is not the provider's own.
    pub endpoint: Option<Url>,
    /// The region of an S3 bucket.
    pub region: Option<String>,
    /// Whether an S3 bucket is part of the server's name, not of the path.
    pub virtual_hosted: bool,
    /// The name of the S3 key, or of the Azure account.
    pub access_key_id: Option<String>,
    /// The S3 key, the Azure key, or what is in the file of a Google service account.
    pub secret_key: Option<Secret<String>>,
    /// A file that holds it instead.
    pub secret_key_file: Option<PathBuf>,
}

/// Where the Munki repository lies.
#[derive(Clone, Debug)]
pub enum RepositoryPlace {
    /// In a folder.
    Folder(PathBuf),
    /// In an object store.
    Objects(ObjectSettings),
}

impl fmt::Display for RepositoryPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => path.display().fmt(f),
            Self::Objects(settings) => settings.address.fmt(f),
        }
    }
}

/// Where recipes and overrides lie.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct AutopkgConfig {
    /// Preferences of `AutoPkg`; its own place if not given.
    pub prefs: Option<PathBuf>,
    /// Folders of recipes, sought before those of the preferences.
    pub recipe_search_dirs: Vec<String>,
    /// Folders of overrides, sought before those of the preferences.
    pub recipe_override_dirs: Vec<String>,
    /// Where recipe repositories are cloned to, instead of where the preferences say.
    pub recipe_repo_dir: Option<String>,
}

/// Limits of downloads.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct FetchConfig {
    /// Hosts that may be asked without encryption, by name or address without port.
    pub plain_http_hosts: BTreeSet<String>,
    /// The largest download, in MiB.
    pub max_download_mib: u64,
    /// How many requests this service has under way to one host at a time.
    pub per_host: NonZeroU16,
}

impl Default for FetchConfig {
    fn default() -> Self {
        Self {
            plain_http_hosts: BTreeSet::new(),
            max_download_mib: 32_768,
            per_host: NonZeroU16::MIN.saturating_add(1),
        }
    }
}

/// What the operator decides about signatures.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct SignaturesConfig {
    /// Whether `DISABLE_CODE_SIGNATURE_VERIFICATION` is honoured.
    pub may_disable: bool,
    /// The list of certificates and teams that are not believed any more.
    pub revoked: Option<PathBuf>,
    /// Proofs without which nothing is taken for a title.
    pub proofs: Vec<ProofConfig>,
}

/// What a release may not bring unless a person lets it.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct GuardsConfig {
    /// Kinds of changes since the last release that hold a run.
    pub payload: BTreeSet<ChangeKind>,
    /// Whether the first release of a title waits for a person.
    pub first_release: bool,
    /// How many people must approve what waits.
    pub people: NonZeroU16,
}

impl Default for GuardsConfig {
    fn default() -> Self {
        Self {
            payload: BTreeSet::new(),
            first_release: false,
            people: NonZeroU16::MIN,
        }
    }
}

/// A proof without which nothing is taken for a title: one of `checksums`, `digest`, `minisign`,
/// `openpgp`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ProofConfig {
    /// The title.
    pub title: Title,
    /// Which of its downloads must be proved: a pattern of their names; all if not given.
    pub files: Option<String>,
    /// Where a list of the vendor's checksums is.
    pub checksums: Option<String>,
    /// A digest that the recipe found.
    pub digest: Option<String>,
    /// Where a signature of minisign is.
    pub minisign: Option<String>,
    /// Where a detached `OpenPGP` signature is.
    pub openpgp: Option<String>,
    /// The vendor's public key; of minisign only.
    pub key: Option<String>,
    /// A file that holds it, in place of the key itself.
    pub key_file: Option<PathBuf>,
}

/// What evidence is signed with.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct EvidenceConfig {
    /// A private key, Ed25519 as PKCS #8 in PEM, that only the service can read; one in the state folder that is made
    /// when it is first needed, if not given.
    pub key: Option<PathBuf>,
}

/// What `serve` does.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct ServeConfig {
    /// Where health and metrics are served.
    pub listen: SocketAddr,
    /// How many runs are worked on at a time.
    pub workers: NonZeroU16,
    /// The file that says which overrides run when.
    pub schedules: PathBuf,
    /// How long runs may go on after the service was told to stop, in seconds.
    pub grace_seconds: u64,
    /// For how many hours no run may have ended after one was due before there is an incident; 0 for never.
    pub watchdog_hours: u64,
    /// After how many days without a good run there is an incident of a scheduled title; 0 for never.
    pub stale_days: u64,
    /// How long a worker may be silent before another takes its run over, in seconds.
    pub lease_seconds: u64,
    /// What it does; everything if not given.
    pub roles: BTreeSet<Role>,
    /// What its workers can do that others cannot: schedules may ask for it.
    pub labels: BTreeSet<String>,
    /// How many steps of a processor there are at a time, by its name as recipes write it.
    pub processors: BTreeMap<String, NonZeroU16>,
}

impl Default for ServeConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8787)),
            workers: NonZeroU16::MIN.saturating_add(1),
            schedules: "schedules.yaml".into(),
            grace_seconds: 30,
            lease_seconds: 60,
            roles: BTreeSet::from([Role::Scheduler, Role::Worker]),
            labels: BTreeSet::new(),
            processors: BTreeMap::new(),
            watchdog_hours: 6,
            stale_days: 14,
        }
    }
}

impl Config {
    /// Reads `file`, or [`CONFIG_FILE`] in the current folder if it is there, or else says nothing but the defaults.
    ///
    /// # Errors
    /// If the file cannot be read or understood, or a secret cannot be read from its own file.
    pub fn load(file: Option<&Path>, surroundings: &Surroundings<'_>) -> Result<Self, ConfigError> {
        let (path, given) = match file {
            Some(file) => (surroundings.current_dir.join(file), true),
            None => (surroundings.current_dir.join(CONFIG_FILE), false),
        };
        let mut config = match fs_err::read_to_string(&path) {
            Ok(text) => Self {
                file: Some(path.clone()),
                ..Self::parse(&path, &text)?
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound && !given => Self::default(),
            Err(source) => return Err(ConfigError::Io { path, source }),
        };
        let base = config.file.as_deref().and_then(Path::parent);
        let places = Places {
            base: base.unwrap_or(surroundings.current_dir).to_owned(),
            home: surroundings.home(),
        };
        places.settle(&mut config);
        secrets::read(&mut config, surroundings)?;
        config.check(&path)?;
        Ok(config)
    }

    /// Reads `text`; `path` only names it in errors.
    fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        toml::from_str(text).map_err(|error| ConfigError::toml(path, text, &error))
    }

    fn check(&self, path: &Path) -> Result<(), ConfigError> {
        self.repository_place()?;
        database::check(self, path)?;
        self.envquery_place()?;
        self.pods_place()?;
        self.administration_place()?;
        self.catalogue_place()?;
        self.catalogue_url()?;
        self.oidc_settings()?;
        self.nginx_place()?;
        let megabytes = self.fetch.max_download_mib;
        if megabytes == 0 || megabytes.checked_mul(1 << 20).is_none() {
            return Err(ConfigError::Value {
                path: path.to_owned(),
                key: "fetch.max-download-mib",
                why: "no such number of MiB can be downloaded",
            });
        }
        if self.retention.keep == 0 {
            return Err(ConfigError::Value {
                path: path.to_owned(),
                key: "retention.keep",
                why: "at least one version has to be kept",
            });
        }
        if self.records.runs == 0 {
            return Err(ConfigError::Value {
                path: path.to_owned(),
                key: "records.runs",
                why: "at least one run of each title has to be kept",
            });
        }
        self.rings.check().map_err(|source| ConfigError::Rings {
            path: path.to_owned(),
            source,
        })
    }

    /// The file it was read from, if there is one.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// The file of the database; there is none where the state is on a server.
    pub fn database_file(&self) -> PathBuf {
        self.state_dir.join("auto-update.db")
    }

    /// What this service is called among those that share its state.
    pub fn node_name(&self) -> String {
        self.node.clone().unwrap_or_else(pipeline::machine)
    }

    /// Where the Munki repository lies.
    ///
    /// # Errors
    /// [`ConfigError::Value`], if the section `repository` cannot be meant. A loaded configuration has no such.
    pub fn repository_place(&self) -> Result<RepositoryPlace, ConfigError> {
        repository::place(self)
    }

    /// The keys that evidence is signed with.
    pub fn keyring(&self) -> Keyring {
        let folder = self.state_dir.join("keys");
        match &self.evidence.key {
            Some(key) => Keyring::with_key(key, &folder),
            None => Keyring::in_folder(&folder),
        }
    }

    /// What keeps the update metadata, whether it is enabled or not.
    pub fn tuf_keeper(&self) -> Tuf {
        self.tuf.keeper(&self.state_dir)
    }

    /// A scrubber that knows every secret of the configuration.
    pub fn scrubber(&self) -> Scrubber {
        secrets::scrubber(self)
    }
}

#[cfg(test)]
mod tests;
