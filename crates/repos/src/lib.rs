//! Recipe repositories: cloned, updated and asked for their history with git2.
//!
//! A [`RepoAddress`] is what people type (`recipes`, `owner/repo`, a URL, a path) made whole; it names the folder that
//! the repository is kept in. [`add`] clones it, [`update`] brings it forward, [`delete`] takes it away.
//! [`GitHistory`] answers what trust information asks: which commit last touched a file, and what changed since.
//!
//! ```
//! # fn main() -> Result<(), repos::RepoError> {
//! let address = repos::RepoAddress::parse("recipes")?;
//! assert_eq!(address.to_string(), "https://github.com/autopkg/recipes");
//! assert_eq!(address.folder_name()?, "com.github.autopkg.recipes");
//! # Ok(())
//! # }
//! ```
//!
//! **Invariants:** a folder is a whole repository or not there; an update only ever moves forward, and overwrites
//! nothing that was changed by hand; nobody is asked for a password; no transfer lasts or grows without bound; what
//! an address holds besides the place is not shown.
//!
//! **Sources:** `AutoPkg` 2.9.1 for addresses and folder names; git 2.47 for how commits of a file are chosen and
//! how differences and logs are printed; libgit2 1.9, which verifies certificates against the system's OpenSSL store
//! and host keys against `~/.ssh/known_hosts`, and refuses repositories that belong to other users.
#![forbid(unsafe_code)]

mod address;
mod error;
mod folder;
mod history;
mod log;
mod transfer;
mod update;

#[cfg(test)]
mod tests;

pub use address::RepoAddress;
pub use error::RepoError;
pub use folder::{add, delete};
pub use history::GitHistory;
pub use transfer::Limits;
pub use update::{Update, update};
