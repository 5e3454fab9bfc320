//! Opens what verbs and the service work with, as the configuration says.

use std::{path::PathBuf, sync::Arc, time::Duration};

use desk::{Desk, DeskError};
use evidence::KeyError;
use fetch::{FetchError, Fetcher, Settings};
use glob::Pattern;
use model::{Clock, SystemClock};
use pipeline::{
    Afterwards, Engine, Guards, NodeName, Parts, Recipes, Retries, Scanning, SharedHosts,
    StepLimits,
};
use processors::{PythonHost, PythonSettings, SignaturePolicy, StepError};
use publication::{
    Backend, FolderRepository, ObjectRepository, PublicationObserver, RepositoryError,
    tuf::{Tuf, TufError},
};
use recipe::{Library, Preferences};
use repos::GitHistory;
use scan::{Clamd, ClamdError, ScanError, VirusTotal, Yara, YaraError};
use store::{Db, StoreError};
use tenancy::{Tenants, Vault};

use crate::{Config, ConfigError, RepositoryPlace, clock, locks::DatabaseLocks, proofs};

/// Why the house cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The service desk is not configured as it can be.
    #[error("cannot open the service desk (section `desk` of the configuration)")]
    Desk(#[source] DeskError),
    /// A webhook is not configured as it can be.
    #[error("cannot set up webhooks (section `webhooks` of the configuration)")]
    Webhooks(#[source] DeskError),
    /// Nothing can be signed.
    #[error(
        "cannot open the key that evidence is signed with (section `evidence` of the configuration)"
    )]
    Evidence(#[source] KeyError),
    /// Nothing can be downloaded.
    #[error("cannot set up downloads (section `fetch` of the configuration)")]
    Fetch(#[source] FetchError),
    /// The configuration names no repository.
    #[error(transparent)]
    Place(ConfigError),
    /// The repository cannot be used.
    #[error("cannot open the Munki repository (section `repository` of the configuration)")]
    Repository(#[source] RepositoryError),
    /// `VirusTotal` is not configured as it can be.
    #[error("cannot set up VirusTotal (section `scan` of the configuration)")]
    Scan(#[source] ScanError),
    /// `ClamAV`'s daemon is not configured as it can be.
    #[error("cannot set up the second scanner (section `scan` of the configuration)")]
    Clamd(#[source] ClamdError),
    /// The YARA rules cannot be used.
    #[error("cannot set up YARA rules (section `scan.yara` of the configuration)")]
    Yara(#[source] YaraError),
    /// A pattern is none.
    #[error("`{given}` in `scan.never-upload` is no pattern of titles")]
    Pattern {
        /// What was given.
        given: String,
        /// What is wrong.
        source: glob::PatternError,
    },
    /// The list of revoked certificates, or a proof that is asked for, cannot be used.
    #[error("cannot set up the check of signatures (section `signatures` of the configuration)")]
    Signatures(#[source] StepError),
    /// The keys of the update metadata cannot be used.
    #[error("cannot set up update metadata (section `tuf` of the configuration)")]
    Tuf(#[source] TufError),
    /// The state on a server cannot be used.
    #[error("cannot open the state (section `database` of the configuration)")]
    Database(#[source] StoreError),
    /// The state cannot be used.
    #[error("cannot open the state in `{}`", path.display())]
    State {
        /// The folder.
        path: PathBuf,
        /// What is wrong.
        source: StoreError,
    },
}

/// What an engine needs besides the configuration.
pub struct Outfit {
    /// `AutoPkg`'s preferences.
    pub preferences: Preferences,
    /// Where recipes and overrides lie.
    pub library: Library,
    /// The environment that recipes see.
    pub environment: Vec<(String, String)>,
    /// The program that does the work of macOS's tools for processors of recipe repositories.
    pub tools: Option<PathBuf>,
    /// Is told how far each publication has come.
    pub observer: Arc<dyn PublicationObserver>,
}

/// The state.
///
/// # Errors
/// [`OpenError::State`].
pub async fn open_database(config: &Config) -> Result<Db, OpenError> {
    let opened = match config.database.server() {
        Some(server) => Db::connect(&server).await,
        None => Db::open(&config.database_file()).await,
    };
    opened.map_err(state_error(config))
}

fn state_error(config: &Config) -> impl FnOnce(StoreError) -> OpenError {
    let path = config.state_dir.clone();
    let is_on_a_server = config.database.url.is_some();
    move |source| {
        if is_on_a_server {
            OpenError::Database(source)
        } else {
            OpenError::State { path, source }
        }
    }
}

/// The Munki repository; the folders of one in a folder are made if they are missing. Call it where tokio runs.
///
/// # Errors
/// [`OpenError::Repository`], also if an object store does not answer or does not let us; [`OpenError::Place`].
pub fn open_repository(config: &Config, db: &Db) -> Result<Arc<dyn Backend>, OpenError> {
    match config.repository_place().map_err(OpenError::Place)? {
        RepositoryPlace::Folder(path) => {
            let repository = FolderRepository::create(&path).map_err(OpenError::Repository)?;
            Ok(Arc::new(repository))
        }
        RepositoryPlace::Objects(settings) => {
            let locks = DatabaseLocks::new(db.clone(), &settings.address.to_string());
            let repository = ObjectRepository::connect(&settings, Arc::new(locks))
                .map_err(OpenError::Repository)?;
            Ok(Arc::new(repository))
        }
    }
}

/// The tenants in `db`.
pub fn open_tenants(config: &Config, db: Db) -> Tenants {
    let rings = config.rings.ring.iter().map(|ring| ring.catalog.clone());
    let clock = Arc::new(SystemClock);
    Tenants::new(db, open_vault(config), clock, rings.collect())
}

/// What opens the secrets of tenants.
pub(crate) fn open_vault(config: &Config) -> Vault {
    Vault::in_folder(&config.state_dir.join("keys/tenants"))
}

/// The service desk, over `db`, for verbs: they go by the clock of this machine.
///
/// # Errors
/// [`OpenError::Desk`].
pub fn open_desk(config: &Config, db: Db) -> Result<Desk, OpenError> {
    desk_by(config, db, Arc::new(SystemClock))
}

fn desk_by(config: &Config, db: Db, clock: Arc<dyn Clock>) -> Result<Desk, OpenError> {
    Desk::new(config.desk.clone(), db, clock, config.scrubber())
        .map_err(OpenError::Desk)?
        .with_webhooks(&config.webhooks)
        .map_err(OpenError::Webhooks)
}

/// The engine with everything it needs; folders that are missing are made.
///
/// # Errors
/// If the state, the repository or a connection to the outside cannot be set up.
pub async fn open_engine(config: &Config, outfit: Outfit) -> Result<Engine, OpenError> {
    let db = open_database(config).await?;
    let clock = clock::of(&db).await.map_err(state_error(config))?;
    let desk = desk_by(config, db.clone(), Arc::clone(&clock))?;
    let scanning = open_scanning(config, &db, &clock)?;
    let hosts = SharedHosts::new(db.clone(), config.fetch.per_host.get());
    let fetcher = open_fetcher(config)?.with_turnstile(Arc::new(hosts));
    let signatures = open_signatures(config)?;
    let keyring = config.keyring();
    // Made now, or found unusable now, rather than by the first publication.
    keyring.signer().map_err(OpenError::Evidence)?;
    let repository = open_repository(config, &db)?;
    Ok(Engine::new(Parts {
        db,
        clock,
        fetcher: Arc::new(fetcher),
        desk: Arc::new(desk),
        scanning,
        repository,
        keyring,
        tuf: open_tuf(config)?,
        retries: Retries {
            tries: config.retry.tries,
            first: Duration::from_mins(config.retry.first_minutes.into()),
            factor: config.retry.factor,
        },
        limits: StepLimits::new(&config.serve.processors),
        lease: Duration::from_secs(config.serve.lease_seconds),
        node: NodeName {
            name: config.node_name(),
            labels: config.serve.labels.iter().cloned().collect(),
        },
        observer: outfit.observer,
        recipes: recipes(
            config,
            outfit.preferences,
            outfit.library,
            outfit.environment,
        ),
        python: Arc::new(PythonHost::new(PythonSettings {
            tools: outfit.tools,
            ..config.sandbox.settings()
        })),
        signatures,
        guards: Guards {
            payload: config.guards.payload.clone(),
            first_release: config.guards.first_release,
            people: config.guards.people,
        },
        rings: config.rings.clone(),
        retention: config.retention,
        keeping: config.records,
        history: Arc::new(GitHistory::new()),
        scrubber: config.scrubber(),
    }))
}

/// Who is asked about malware.
fn open_scanning(config: &Config, db: &Db, clock: &Arc<dyn Clock>) -> Result<Scanning, OpenError> {
    let scan = &config.scan;
    let scanner = VirusTotal::new(scan.clone(), db.clone(), Arc::clone(clock));
    let yara = Yara::new(scan.yara.clone(), db.clone(), Arc::clone(clock));
    let clamd = Clamd::new(scan.clamd.clone(), db.clone(), Arc::clone(clock));
    Ok(Scanning {
        scanner: Arc::new(scanner.map_err(OpenError::Scan)?),
        clamd: clamd.map_err(OpenError::Clamd)?.map(Arc::new),
        yara: yara.map_err(OpenError::Yara)?.map(Arc::new),
        patience: scan.patience(),
        rescans: scan.rescans(),
        never_upload: never_upload(config)?,
        afterwards: Afterwards {
            lasting: Duration::from_hours(scan.again_days.saturating_mul(24)),
            recall: scan.recall,
        },
    })
}

fn never_upload(config: &Config) -> Result<Vec<Pattern>, OpenError> {
    let given = config.scan.never_upload.iter();
    given
        .map(|given| {
            Pattern::new(given).map_err(|source| OpenError::Pattern {
                given: given.clone(),
                source,
            })
        })
        .collect()
}

/// What keeps the update metadata; its keys and its first root are made if they are to be made here.
fn open_tuf(config: &Config) -> Result<Option<Tuf>, OpenError> {
    if !config.tuf.enabled {
        return Ok(None);
    }
    let tuf = config.tuf_keeper();
    if !config.tuf.offline_root && tuf.begin(SystemClock.now()).map_err(OpenError::Tuf)? {
        tracing::info!("the keys and the first root of the update metadata were made");
    }
    Ok(Some(tuf))
}

/// What asks other servers, within the limits of the configuration.
///
/// # Errors
/// If it cannot be set up.
pub fn open_fetcher(config: &Config) -> Result<Fetcher, OpenError> {
    Fetcher::new(settings(config)).map_err(OpenError::Fetch)
}

/// What the operator decides about signatures. A list that cannot be used is found now, not by the first run.
fn open_signatures(config: &Config) -> Result<SignaturePolicy, OpenError> {
    let policy = SignaturePolicy {
        may_disable: config.signatures.may_disable,
        revoked: config.signatures.revoked.clone(),
        proofs: proofs::asked(&config.signatures.proofs).map_err(OpenError::Signatures)?,
    };
    match policy.revocations() {
        Ok(_) => Ok(policy),
        Err(error) => Err(OpenError::Signatures(error)),
    }
}

fn settings(config: &Config) -> Settings {
    Settings {
        max_download_bytes: config.fetch.max_download_mib.saturating_mul(1 << 20),
        plain_http_hosts: config.fetch.plain_http_hosts.clone(),
        per_host: config.fetch.per_host.get().into(),
        ..Settings::default()
    }
}

/// A set-up that was `AutoPkg`'s keeps its cache; otherwise it lies in the state folder.
fn recipes(
    config: &Config,
    preferences: Preferences,
    library: Library,
    environment: Vec<(String, String)>,
) -> Recipes {
    let cache_dir = match preferences.get("CACHE_DIR") {
        Some(_) => preferences.cache_dir(),
        None => config.state_dir.join("cache"),
    };
    Recipes {
        preferences,
        library,
        environment,
        cache_dir,
    }
}
