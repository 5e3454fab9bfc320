//! The long-running service: configuration, wiring, roles, shutdown.
//!
//! - **[`Config`]** is the configuration file, with the environment and `AutoPkg`'s preferences behind it, checked as a whole:
//!   an unknown key or a value that cannot be is an error which names its place. Secrets may lie in files of their own or
//!   in the environment, are only ever held as `Secret`, and are taught to the scrubber that cleans what is told.
//! - **`open_…`** wires rooms together: [`open_engine`] gives the engine with database, downloads, scanner, repository,
//!   sandbox and service desk as the configuration says. This is the only place that knows all of them.
//! - **[`serve`]** runs the roles of the service until it is told to stop: the scheduler that starts runs when they are
//!   due, the workers that carry them on, housekeeping (parked scans, the outbox of the desk, interrupted publications),
//!   the web server for `/healthz` and `/metrics`, and the doors that tenants' Macs come to ([`open_doors`]). Trouble that lasts is said once, and waited for longer each time.
//!
//! - **[`Nginx`]** keeps what NGINX serves in place of the built-in pods as it is to be.
//!
//! **Invariants:** nothing starts before the configuration is whole; what a crash interrupted is finished or undone before
//! the first run; on SIGTERM no new run is started and those under way come to a point from which they can be resumed.
#![forbid(unsafe_code)]

mod backup;
mod check;
mod clock;
mod config;
mod locks;
mod nginx;
mod open;
mod proofs;
mod serve;

pub use backup::{BackedUp, BackupError, back_up, restore};
pub use check::check_settings;
pub use config::{
    AdministrationConfig, AutopkgConfig, CONFIG_FILE, Config, ConfigError, DatabaseConfig,
    EnvQueryConfig, EvidenceConfig, FetchConfig, GuardsConfig, NginxConfig, OidcConfig,
    PagesConfig, PodsConfig, ProofConfig, RepositoryConfig, RepositoryPlace, RetryConfig, Role,
    SandboxConfig, ServeConfig, SignaturesConfig, Surroundings, TufConfig,
};
pub use nginx::{CommandError, Nginx, NginxError};
pub(crate) use open::open_vault;
pub use open::{
    OpenError, Outfit, open_database, open_desk, open_engine, open_fetcher, open_repository,
    open_tenants,
};
pub use serve::{Commands, DoorError, Doors, Keeping, ServeError, Service, open_doors, serve};
pub use web::SettingsFinding;
