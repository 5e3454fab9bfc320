//! Pods on NGINX: what it is told, and what has to lie in the folder that it serves. Text and lists only; whoever writes
//! them, has them tested and reloads the server is elsewhere.
//!
//! In that folder are
//! - `pods.conf`, which the server's own configuration includes: one `location` for each tenant;
//! - `passwords/SLUG`: by which credentials a view is opened, hashed (SHA-512 crypt);
//! - `views/NAME`: what tenants of one ring and the same items see, as files;
//! - `own/SLUG`: a tenant's manifests.
//!
//! **Invariants:** what is in a view is decided by [`crate::pods`], not here; a view holds files only, so no rule of the
//! server has to tell what of the repository is whose; nothing that is logged tells who somebody is or by which credential
//! he came.
//!
//! # Source
//! NGINX's manual: `ngx_http_core_module`, `ngx_http_auth_basic_module`, `ngx_http_map_module`, `ngx_http_ssl_module`;
//! Drepper, *Unix crypt using SHA-256 and SHA-512*.

mod config;
mod roster;

pub use config::{Pod, Site, SiteError, configuration};
pub use roster::{Guest, Roster};

/// The file that the server's own configuration includes.
pub const CONFIGURATION: &str = "pods.conf";

/// The folder of the files of passwords.
pub const PASSWORDS: &str = "passwords";

/// The folder of views.
pub const VIEWS: &str = "views";

/// The folder of tenants' own manifests.
pub const OWN: &str = "own";
