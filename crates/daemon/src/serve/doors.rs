//! The doors that tenants' Macs come to, and those of the pages for people.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use model::{Clock, SystemClock};
use pipeline::Engine;
use store::Db;
use tenancy::{
    TenancyError,
    administration::{Administration, SignOn},
    catalogue::Catalogue,
    envquery::EnvQuery,
    oidc::{Oidc, OidcError},
    pins,
    pods::Pods,
    profile::ProfileSettings,
};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;
use web::{
    AdministrationDoor, CatalogueDoor, CertificateError, EnvQueryDoor, ServerCertificate,
    TlsListener,
};

use super::{ServeError, trouble::Trouble};
use crate::{
    Config, ConfigError, Nginx, NginxError,
    check::Running,
    config::{EnvQueryPlace, PagesPlace, TlsPlace},
    open_tenants, open_vault,
};

/// How often it is looked whether certificates were renewed.
const LOOK: Duration = Duration::from_secs(30);

/// The section of the administration pages.
const ADMINISTRATION: &str = "administration";

/// The section of the catalogue.
const CATALOGUE: &str = "catalogue";

/// Why a door cannot be made ready.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DoorError {
    /// The configuration cannot be meant.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// There is no certificate that could be shown.
    #[error("cannot use the certificate of `{section}` in the configuration")]
    Certificate {
        /// The section.
        section: &'static str,
        /// What is wrong with it.
        source: CertificateError,
    },
    /// The secrets of tenants cannot be used.
    #[error("cannot use the secrets of tenants")]
    Tenants(#[from] TenancyError),
    /// The identity provider is not configured as it can be.
    #[error("cannot sign people on (section `administration.oidc` of the configuration)")]
    Oidc(#[from] OidcError),
    /// Nothing can be written for NGINX.
    #[error("cannot serve views by NGINX (section `pods.nginx` of the configuration)")]
    Nginx(#[from] NginxError),
}

/// A door: who answers behind it, and what is shown at it.
struct Door {
    section: &'static str,
    listen: SocketAddr,
    /// Nothing where only this machine is let in.
    shown: Option<Shown>,
    router: Router,
}

/// What is shown at a door.
struct Shown {
    section: &'static str,
    certificate: Arc<ServerCertificate>,
    /// The pins that Macs know, if they know any.
    pins: Vec<String>,
}

/// The doors that the configuration asks for.
#[derive(Default)]
pub struct Doors {
    doors: Vec<Door>,
    /// Those that another server opens.
    nginx: Option<Nginx>,
}

impl std::fmt::Debug for Doors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sections = self.doors.iter().map(|door| door.section);
        f.debug_list().entries(sections).finish()
    }
}

/// Makes the doors ready that the configuration asks for; nothing is listened on yet.
///
/// # Errors
/// If a certificate or the secrets of tenants cannot be used.
pub fn open_doors(config: &Config, engine: &Engine) -> Result<Doors, DoorError> {
    let (db, mut doors) = (engine.db(), Vec::new());
    if let Some(place) = config.envquery_place()? {
        doors.push(envquery(config, db, place)?);
    }
    if let Some(socket) = config.pods_place()? {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let repository = Arc::clone(engine.repository());
        let pods = Pods::new(db.clone(), open_vault(config), clock, repository)?;
        doors.push(Door::new(
            "pods",
            &socket,
            web::pods_router(pods),
            Vec::new(),
        )?);
    }
    if let Some(place) = config.administration_place()? {
        doors.push(administration(config, engine, place)?);
    }
    if let Some(place) = config.catalogue_place()? {
        doors.push(catalogue(config, engine, place)?);
    }
    let nginx = Nginx::new(config, db, Arc::clone(engine.repository()))?;
    Ok(Doors { doors, nginx })
}

/// How people may sign in.
fn sign_on(config: &Config) -> Result<SignOn, DoorError> {
    let Some((settings, is_local)) = config.oidc_settings()? else {
        return Ok(SignOn::Local);
    };
    let oidc = Oidc::new(settings, Arc::new(SystemClock))?;
    Ok(if is_local {
        SignOn::Both(oidc)
    } else {
        SignOn::Oidc(oidc)
    })
}

fn administration(config: &Config, engine: &Engine, place: PagesPlace) -> Result<Door, DoorError> {
    let db = engine.db();
    let pins = config.envquery.pins.clone();
    let profile = config.envquery_url()?.map(|envquery_url| ProfileSettings {
        envquery_url,
        pins,
        ..ProfileSettings::default()
    });
    let rings = config.rings.ring.iter().map(|ring| ring.catalog.clone());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let calls = config.administration.api_calls_per_minute;
    let router = web::administration_router(AdministrationDoor {
        administration: Administration::new(db.clone(), open_vault(config), clock)
            .with_calls_per_minute(calls)
            .with_sign_on(sign_on(config)?),
        tenants: open_tenants(config, db.clone()),
        db: db.clone(),
        engine: Some(engine.clone()),
        scrubber: config.scrubber(),
        rings: rings.collect(),
        profile,
        overlap: config.pods.overlap(),
        schedules: config.serve.schedules.clone(),
        stale: Duration::from_secs(config.serve.stale_days.saturating_mul(86_400)),
        settings: Some(Arc::new(Running::new(config, engine))),
        is_tls: matches!(place, PagesPlace::Tls(_)),
    });
    Door::for_people(ADMINISTRATION, place, router)
}

fn catalogue(config: &Config, engine: &Engine, place: PagesPlace) -> Result<Door, DoorError> {
    let db = engine.db();
    let rings = config.rings.ring.iter().map(|ring| ring.catalog.clone());
    let repository = Arc::clone(engine.repository());
    let router = web::catalogue_router(CatalogueDoor {
        access: open_tenants(config, db.clone()).catalogue(),
        catalogue: Catalogue::new(db.clone(), repository, rings.collect()),
        url: config.catalogue_url()?,
        is_tls: matches!(place, PagesPlace::Tls(_)),
    });
    Door::for_people(CATALOGUE, place, router)
}

fn envquery(config: &Config, db: &Db, place: EnvQueryPlace) -> Result<Door, DoorError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let envquery = EnvQuery::new(db.clone(), open_vault(config), clock, place.settings)?;
    let router = web::envquery_router(EnvQueryDoor {
        envquery,
        host: place.host,
        load_balancers: place.load_balancers,
    });
    Door::new(
        "envquery",
        &place.socket,
        router,
        config.envquery.pins.clone(),
    )
}

impl Door {
    fn for_people(
        section: &'static str,
        place: PagesPlace,
        router: Router,
    ) -> Result<Self, DoorError> {
        match place {
            PagesPlace::Tls(socket) => Self::new(section, &socket, router, Vec::new()),
            PagesPlace::Loopback(listen) => Ok(Self {
                section,
                listen,
                shown: None,
                router,
            }),
        }
    }

    fn new(
        section: &'static str,
        socket: &TlsPlace,
        router: Router,
        pins: Vec<String>,
    ) -> Result<Self, DoorError> {
        let loaded = ServerCertificate::load(&socket.certificate, &socket.key);
        let certificate = loaded.map_err(|source| DoorError::Certificate { section, source })?;
        let shown = Shown {
            section,
            certificate,
            pins,
        };
        shown.compare_pins();
        Ok(Self {
            section,
            listen: socket.listen,
            shown: Some(shown),
            router,
        })
    }
}

impl Shown {
    /// Says so if no Mac will talk to this certificate.
    fn compare_pins(&self) {
        if self.pins.is_empty() {
            return;
        }
        match pins::pin_of(&self.certificate.leaf()) {
            Ok(pin) if self.pins.contains(&pin) => {}
            Ok(pin) => tracing::error!(
                section = self.section,
                pin,
                "the certificate's pin is none of those in `envquery.pins`: Macs that know only these will refuse it"
            ),
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::error!(error, "the pin of the certificate cannot be told");
            }
        }
    }
}

/// A door that is listened at.
pub(super) struct Opened {
    door: Door,
    socket: Socket,
}

enum Socket {
    Plain(TcpListener),
    Tls(TlsListener),
}

/// Listens at every door.
///
/// # Errors
/// If one cannot be listened at.
pub(super) async fn listen(doors: Doors) -> Result<(Vec<Opened>, Option<Nginx>), ServeError> {
    let mut opened = Vec::new();
    for door in doors.doors {
        let failed = |source: io::Error| ServeError::Door {
            section: door.section,
            address: door.listen,
            source,
        };
        let listener = TcpListener::bind(door.listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let socket = match &door.shown {
            None => Socket::Plain(listener),
            Some(shown) => Socket::Tls(
                TlsListener::new(listener, &shown.certificate)
                    .map_err(|error| failed(io::Error::other(error)))?,
            ),
        };
        let whom = match door.section {
            ADMINISTRATION => "administrators",
            CATALOGUE => "people at tenants",
            _ => "tenants",
        };
        tracing::info!(section = door.section, %address, "listening for {whom}");
        opened.push(Opened { door, socket });
    }
    Ok((opened, doors.nginx))
}

/// Answers at every door until `end`, and looks after their certificates.
pub(super) fn serve(
    engine: &Engine,
    (opened, nginx): (Vec<Opened>, Option<Nginx>),
    loops: &mut JoinSet<()>,
    end: &CancellationToken,
) {
    if let Some(nginx) = nginx {
        loops.spawn(super::nginx::keep(engine.clone(), nginx, end.clone()));
    }
    let mut all_shown = Vec::new();
    for Opened { door, socket } in opened {
        if door.section == ADMINISTRATION {
            loops.spawn(super::recipes::keep(engine.clone(), end.clone()));
        }
        match socket {
            Socket::Tls(listener) => {
                loops.spawn(web::serve_tls(listener, door.router, end.clone()));
            }
            Socket::Plain(listener) => {
                let (section, end) = (door.section, end.clone());
                loops.spawn(async move {
                    if let Err(error) = web::serve(listener, door.router, end).await {
                        tracing::error!(section, %error, "nobody is let in any more");
                    }
                });
            }
        }
        all_shown.extend(door.shown);
    }
    if !all_shown.is_empty() {
        loops.spawn(renew(all_shown, end.clone()));
    }
}

/// Shows renewed certificates from when their files are there.
async fn renew(all_shown: Vec<Shown>, end: CancellationToken) {
    let mut all_shown: Vec<_> = all_shown
        .into_iter()
        .map(|shown| (shown, Trouble::none("certificate")))
        .collect();
    loop {
        tokio::select! {
            () = end.cancelled() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
        for (shown, trouble) in &mut all_shown {
            let certificate = Arc::clone(&shown.certificate);
            let reloaded = tokio::task::spawn_blocking(move || certificate.reload()).await;
            match reloaded {
                Ok(Ok(changed)) => {
                    trouble.over();
                    if changed {
                        tracing::info!(section = shown.section, "a new certificate is shown");
                        shown.compare_pins();
                    }
                }
                // The old one is shown meanwhile; it is looked again in half a minute.
                Ok(Err(error)) => drop(trouble.again(&error)),
                Err(error) => tracing::error!(%error, "a certificate could not be looked at"),
            }
        }
    }
}
