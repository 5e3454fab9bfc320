//! Keeps what NGINX serves as it is to be: passwords, views, and its configuration, which is tested before it is loaded.
//!
//! A credential that is taken no more is out of its file before anything else is done. A configuration that NGINX refuses
//! is taken back, and the one before stays; NGINX itself goes on with that all the time, since it is told to read it
//! again only after the test. Whoever is interrupted is continued by the next turn: what was not tested is taken back
//! first, and what was not loaded is loaded.

mod folder;
mod server;
mod views;

use std::{
    io,
    path::PathBuf,
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use model::{Clock as _, Sha256, SystemClock, Timestamp};
use publication::{Backend, Look};
use store::Db;
use tenancy::{
    TenancyError,
    nginx::{CONFIGURATION, Guest, Pod, Roster, Site, SiteError, configuration},
    pods::{Inventory, PodError},
};
use tokio::task::spawn_blocking;

use self::folder::{Folder, Locked};
pub use self::server::CommandError;
use crate::{Config, ConfigError, config::NginxPlace, open_tenants};

/// The configuration that was there, as long as the new one is not tested.
const BEFORE: &str = ".pods.conf.before";

/// Is there as long as NGINX was not told of the configuration.
const UNTOLD: &str = ".untold";

/// How long NGINX may take to go on with a new configuration.
const SETTLED: Duration = Duration::from_secs(10);

/// How many turns go by before views are looked through without a sign of a change.
const LOOK_THROUGH: u32 = 60;

/// Why what NGINX serves is not as it is to be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NginxError {
    /// The configuration of the service cannot be meant.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The folder cannot be written.
    #[error("cannot write what NGINX serves (`pods.nginx.folder` of the configuration)")]
    Folder(#[source] io::Error),
    /// Something of the repository cannot be put into a view.
    #[error("cannot put `{path}` into a view that NGINX serves")]
    Piece {
        /// Where in the view.
        path: String,
        /// What is wrong.
        source: io::Error,
    },
    /// What a tenant sees cannot be told.
    #[error(transparent)]
    Pod(#[from] PodError),
    /// Who has a pod cannot be told.
    #[error(transparent)]
    Tenancy(#[from] TenancyError),
    /// There can be no configuration.
    #[error("cannot write a configuration for NGINX")]
    Site(#[from] SiteError),
    /// NGINX does not take the configuration.
    #[error("NGINX refuses its new configuration, and keeps the one before")]
    Refused(#[source] CommandError),
    /// NGINX cannot be told.
    #[error("NGINX cannot be told to read its configuration again")]
    Untold(#[source] CommandError),
    /// The work was lost.
    #[error("the work was lost in the middle")]
    Lost,
}

/// Keeps what NGINX serves.
#[derive(Debug)]
pub struct Nginx {
    place: NginxPlace,
    roster: Roster,
    work: Arc<Work>,
    seen: Option<(Vec<Guest>, Vec<Option<Look>>)>,
    turns: u32,
}

/// What is done on threads that may block.
#[derive(Debug)]
struct Work {
    repository: Arc<dyn Backend>,
    /// The repository's folder, without links in its path.
    root: PathBuf,
    inventory: Inventory,
}

impl Nginx {
    /// For the tenants in `db`, who read `repository`; nothing if the configuration asks for none.
    ///
    /// # Errors
    /// If the configuration cannot be meant.
    pub fn new(
        config: &Config,
        db: &Db,
        repository: Arc<dyn Backend>,
    ) -> Result<Option<Self>, NginxError> {
        let Some(place) = config.nginx_place()? else {
            return Ok(None);
        };
        let root = fs_err::canonicalize(&place.repository).map_err(NginxError::Folder)?;
        Ok(Some(Self {
            place,
            roster: Roster::new(open_tenants(config, db.clone())),
            work: Arc::new(Work {
                repository,
                root,
                inventory: Inventory::default(),
            }),
            seen: None,
            turns: 0,
        }))
    }

    /// Whether anything was ever written where this is to write.
    pub fn has_begun(&self) -> bool {
        self.place.site.folder.join(CONFIGURATION).exists()
    }

    /// The configuration as it is to be.
    ///
    /// # Errors
    /// If the state fails, or it cannot be written so.
    pub async fn configuration(&mut self) -> Result<String, NginxError> {
        let guests = self.roster.look().await?;
        text(&self.place.site, &guests)
    }

    /// Whether NGINX has the configuration and the passwords that it is to have.
    ///
    /// # Errors
    /// If the state fails, or the folder cannot be read.
    pub async fn is_up_to_date(&mut self) -> Result<bool, NginxError> {
        let guests = self.roster.look().await?;
        let wanted = text(&self.place.site, &guests)?;
        let root = &self.place.site.folder;
        let says = |name: &str, wanted: &str| {
            fs_err::read_to_string(root.join(name)).is_ok_and(|found| found == wanted)
        };
        let are_passwords = guests.iter().all(|guest| {
            let name = format!("{}/{}", tenancy::nginx::PASSWORDS, guest.tenant.slug);
            says(&name, &guest.passwords)
        });
        let is_told = !root.join(UNTOLD).exists() && !root.join(BEFORE).exists();
        Ok(is_told && are_passwords && says(CONFIGURATION, &wanted))
    }

    /// Brings everything up to date; answers whether NGINX was told of a change.
    ///
    /// # Errors
    /// If something cannot be. What can be is all the same, and who is to be out is out, if the folder can be written.
    ///
    /// # Cancellation
    /// The next turn goes on.
    pub async fn turn(&mut self) -> Result<bool, NginxError> {
        let guests = self.roster.look().await?;
        let folder = self.folder().await?;
        let _locked = lock(&folder).await?;
        let (at, now) = (folder.clone(), guests.clone());
        blocking(move || {
            take_back(&at)?;
            views::write_passwords(&at, &now)
        })
        .await?
        .map_err(NginxError::Folder)?;
        let views = self.views(&folder, guests.clone()).await;
        let wanted = text(&self.place.site, &guests)?;
        let told = self.tell(&folder, wanted).await?;
        views?;
        Ok(told)
    }

    async fn folder(&self) -> Result<Folder, NginxError> {
        let (root, group) = (self.place.site.folder.clone(), self.place.group.clone());
        blocking(move || {
            let folder = Folder::open(&root, group.as_deref())?;
            // What is included has to be there.
            if !root.join(CONFIGURATION).exists() {
                folder.write(CONFIGURATION, b"")?;
            }
            Ok(folder)
        })
        .await?
        .map_err(NginxError::Folder)
    }

    /// Views are looked through if anything changed, and now and then: files may come by hand.
    async fn views(&mut self, folder: &Folder, guests: Vec<Guest>) -> Result<(), NginxError> {
        let (work, folder) = (Arc::clone(&self.work), folder.clone());
        let seen = self.seen.take().filter(|_| self.turns < LOOK_THROUGH);
        let written = blocking(move || {
            let catalogs = guests.iter().map(|guest| guest.catalog.as_str());
            let mark = work.inventory.mark(&*work.repository, catalogs)?;
            let now = Some((guests, mark));
            if now == seen {
                return Ok::<_, NginxError>((now, false));
            }
            let (guests, _) = now.as_ref().ok_or(NginxError::Lost)?;
            let from = (&*work.repository, work.root.as_path());
            views::write_views(&folder, &work.inventory, from, guests)?;
            Ok((now, true))
        });
        let (seen, looked_through) = written.await??;
        self.turns = if looked_through {
            0
        } else {
            self.turns.saturating_add(1)
        };
        self.seen = seen;
        Ok(())
    }

    /// Puts the configuration in its place, has it tested and loaded.
    async fn tell(&self, folder: &Folder, wanted: String) -> Result<bool, NginxError> {
        let (at, text) = (folder.clone(), wanted.clone());
        let changed = blocking(move || put(&at, &text)).await?;
        let changed = changed.map_err(NginxError::Folder)?;
        if changed {
            let tested = server::run(&self.place.test).await;
            let (at, holds) = (folder.clone(), tested.is_ok());
            let done = blocking(move || {
                if holds {
                    at.write(UNTOLD, b"")?;
                    at.remove(BEFORE)
                } else {
                    take_back(&at)
                }
            });
            done.await?.map_err(NginxError::Folder)?;
            tested.map_err(NginxError::Refused)?;
        }
        if folder.root().join(UNTOLD).exists() {
            let told = server::run(&self.place.reload).await;
            told.map_err(NginxError::Untold)?;
            folder.remove(UNTOLD).map_err(NginxError::Folder)?;
            return Ok(true);
        }
        let at = folder.clone();
        let tidied = blocking(move || {
            if has_settled(&at)? {
                views::tidy(&at, &wanted)?;
            }
            Ok(())
        });
        tidied.await?.map_err(NginxError::Folder)?;
        Ok(false)
    }
}

fn text(site: &Site, guests: &[Guest]) -> Result<String, NginxError> {
    let pods = guests.iter().map(|guest| Pod {
        slug: guest.tenant.slug.clone(),
        view: Inventory::name(&guest.tenant, &guest.catalog),
    });
    // NGINX reads a renewed certificate only when it is told to, which a changed configuration brings about.
    let certificate = fs_err::read(&site.certificate).ok();
    let site = Site {
        certificate_digest: certificate.map(|bytes| Sha256::of(&bytes).to_string()),
        ..site.clone()
    };
    Ok(configuration(&site, &pods.collect::<Vec<_>>())?)
}

/// Puts a configuration in its place and the one before beside it, if it is another one.
fn put(folder: &Folder, wanted: &str) -> io::Result<bool> {
    let path = folder.root().join(CONFIGURATION);
    let before = fs_err::read(&path)?;
    if before == wanted.as_bytes() {
        return Ok(false);
    }
    folder.write(BEFORE, &before)?;
    folder.write(CONFIGURATION, wanted.as_bytes())
}

/// Whether NGINX was told of the configuration so long ago that nobody comes by the one before any more: it only says that
/// it will read it, and another process may have told it just now.
fn has_settled(folder: &Folder) -> io::Result<bool> {
    let written = fs_err::metadata(folder.root().join(CONFIGURATION))?.modified()?;
    let since_epoch = written.duration_since(UNIX_EPOCH).unwrap_or_default();
    let micros = i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX);
    Ok(SystemClock.now().since(Timestamp::from_micros(micros)) >= SETTLED)
}

/// Takes a configuration back that was not found good.
fn take_back(folder: &Folder) -> io::Result<()> {
    let before = folder.root().join(BEFORE);
    match fs_err::rename(&before, folder.root().join(CONFIGURATION)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

async fn lock(folder: &Folder) -> Result<Locked, NginxError> {
    let folder = folder.clone();
    let locked = blocking(move || folder.lock()).await?;
    locked.map_err(NginxError::Folder)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, NginxError> {
    spawn_blocking(work).await.ok().ok_or(NginxError::Lost)
}
