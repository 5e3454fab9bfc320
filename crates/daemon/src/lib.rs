//! The long-running service: configuration, wiring, roles, shutdown.
#![forbid(unsafe_code)]

mod config;
mod open;
mod proofs;
mod serve;

pub use config::{
    AutopkgConfig, CONFIG_FILE, Config, ConfigError, FetchConfig, ProofConfig, RepositoryConfig,
    SandboxConfig, ServeConfig, SignaturesConfig, Surroundings,
};
pub use open::{OpenError, Outfit, open_database, open_desk, open_engine, open_fetcher};
pub use serve::{Commands, ServeError, Service, serve};
