//! The long-running service: configuration, wiring, roles, shutdown.
#![forbid(unsafe_code)]

mod config;

pub use config::{
    AutopkgConfig, CONFIG_FILE, Config, ConfigError, FetchConfig, RepositoryConfig, ServeConfig,
    Surroundings,
};
