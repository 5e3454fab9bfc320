//! Tenants: customers whose Macs read the repository, each by a view of its own.
//!
//! - **[`Tenants`]** creates them, lets them stand still and go, gives each a ring and the items it may have, and replaces
//!   their secrets, with a time in which old and new ones are taken.
//! - **[`Vault`]** seals secrets with a key that lies in a file, outside the database; [`Tenants::rotate_key`] seals all of
//!   them anew.
//! - **[`administration`]**: who may administer all this, and what they did.
//! - **[`oidc`]** asks the organisation's own identity provider who somebody is.
//! - **[`envquery`]** tells a Mac that proves to have its tenant's token where the tenant's view is.
//! - **[`pods`]** are the tenants' views: what is in each, and who is let in.
//! - **[`catalogue`]** is what people at a tenant see of its view, and who of them is let in.
//! - **[`nginx`]** is what a server of that name needs to serve them instead.
//! - **[`profile`]** is what a tenant's Macs are given to know.
//! - **[`pins`]**: by which Macs know envQUERY's certificate.
//! - **[`could_have_fetched`]** tells which tenants could have got a version, and when: for a recall.
//!
//! A tenant has a *customer ID*, by which it is known outside; a *slug*, random, by which its view is named, so that an
//! address tells nothing; a *token*, with which its Macs sign what they ask; and a *credential*, user and password of its
//! view.
//!
//! **Invariants:** a secret is shown once, when it is made, and never logged; the database holds it sealed, bound to its
//! tenant and its kind, so that one cannot be put in another's place; a tenant that was suspended or deleted has no valid
//! secret from that moment on; what a tenant could read, and when, is never forgotten.
//!
//! **Sources:** XChaCha20-Poly1305 as in draft-irtf-cfrg-xchacha; the alphabet and lengths of slugs, tokens and
//! credentials are those of the client's protocol.
#![forbid(unsafe_code)]

pub mod administration;
pub mod catalogue;
mod doorkeeper;
pub mod envquery;
mod error;
mod exposure;
mod limits;
pub mod nginx;
pub mod oidc;
pub mod pins;
pub mod pods;
pub mod profile;
mod random;
mod session;
mod tenants;
#[cfg(test)]
mod tests;
mod upkeep;
mod vault;

pub use error::TenancyError;
pub use exposure::{Exposure, could_have_fetched};
pub use tenants::{Credential, NewTenant, SecretKind, Tenants, Welcome};
pub use vault::{Vault, VaultError};
