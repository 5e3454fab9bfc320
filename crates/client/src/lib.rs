//! The companion on the Mac: what runs before and after Munki, and what Jamf Pro's policies run.
//!
//! - [`preflight`]: asks envQUERY, in a signed exchange over a pinned connection, where the tenant's repository is and
//!   what opens it, and lays both where only root and Munki read them.
//! - [`postflight`]: takes the credential away again, writes down what was done, and tells the person at the Mac.
//! - [`verify`]: holds what Munki is about to install against the service's signatures.
//! - [`policy`]: puts titles on this Mac's own manifest, and starts Munki.
//! - [`Files`]: every file, opened so that no local user can have had a hand in it, below a root folder that is `/` on a
//!   Mac and a temporary one in tests.
//! - [`log::Log`]: the one log. [`Fault`]: what can go wrong, each with a code.
//!
//! **Invariants:** no token or credential is printed, logged, passed as an argument or written anywhere but into root's
//! own preferences of Munki, from which it goes after the run. A preflight that fails leaves everything as it was. No
//! proxy, redirect or link is followed, whatever the environment says.
//!
//! Sources: the service's own description of the client, Munki's `munkilib` (6.7) and `munkishim` (7.0), RFC 7519.
#![forbid(unsafe_code)]

mod access;
pub mod attribute;
pub mod clean;
mod credentials;
pub mod doctor;
pub mod exchange;
mod fault;
mod files;
pub mod hooks;
pub mod install;
pub mod log;
mod mac;
mod manifest;
pub mod net;
mod notifier;
mod plists;
mod pod;
pub mod policy;
pub mod postflight;
pub mod preferences;
pub mod preflight;
mod program;
mod report;
mod state;
pub mod status;
mod token;
mod updates;
pub mod verify;

pub use access::Access;
pub use fault::{Fault, NetFault};
pub use files::Files;
pub use mac::{Mac, Randomness, SystemRandomness};
pub use updates::UpdateFault;
