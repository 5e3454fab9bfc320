//! Administration: who may sign in, what each of them may do, and what they did.
//!
//! - **[`Administration`]** makes administrators, signs them in with user ID, password and one-time code, and knows who is
//!   signed in.
//! - **[`Office`]** is what somebody is here for, and so what they may do.
//! - **[`Caller`]** is a program that calls the API with a token, which was made at the terminal.
//! - **[`Audit`]** writes down what people do, before and after they do it.
//!
//! **Invariants:** whatever is wrong, somebody who is not let in is told the same, and the same work is done; no code is
//! taken twice, by all nodes together; after five failures nobody is let in as that person for a while, right or not;
//! what a browser holds of a session is nowhere else, and the state holds its digest only; passwords are held as Argon2id
//! digests, secrets of codes sealed; tokens are held as SHA-256 digests, which of a random text is enough.
//!
//! # Source
//! RFC 9106 (Argon2), section 4, the second recommended option; RFC 6238 (time-based one-time codes) with a period of a
//! minute; OWASP's sheets on authentication and sessions.

mod administrators;
mod answers;
mod audit;
mod codes;
mod error;
mod office;
mod passwords;
mod sessions;
#[cfg(test)]
mod tests;
mod tokens;

use std::{num::NonZeroU32, sync::Arc};

use model::{Clock, Timestamp};
use store::Db;

pub(crate) use self::administrators::check_name;
use self::passwords::Passwords;
pub use self::{
    administrators::{Enrolment, NewAdministrator},
    answers::{Answered, KeptAnswer},
    audit::{Audit, AuditFault, Deed, Way, check_log},
    error::AdministrationError,
    office::{Office, Permit},
    sessions::{Attempt, Entry, Present, Refusal, Session},
    tokens::{Call, Caller, NewToken},
};
use crate::{Vault, limits::Limit, oidc::Oidc};

/// How often an address may try to sign in in a minute.
const TRIES_PER_MINUTE: NonZeroU32 = match NonZeroU32::new(20) {
    Some(times) => times,
    None => NonZeroU32::MIN,
};

/// How often a token may call in a minute, unless it is said otherwise.
const CALLS_PER_MINUTE: NonZeroU32 = match NonZeroU32::new(600) {
    Some(times) => times,
    None => NonZeroU32::MIN,
};

/// How often an address may call in a minute with what is no token.
const STRANGERS_PER_MINUTE: NonZeroU32 = match NonZeroU32::new(300) {
    Some(times) => times,
    None => NonZeroU32::MIN,
};

/// Those who administer a house.
///
/// Cheap to clone; clones share the count of tries.
#[derive(Clone, Debug)]
pub struct Administration {
    db: Db,
    vault: Vault,
    clock: Arc<dyn Clock>,
    passwords: Passwords,
    tries: Arc<Limit>,
    calls: Arc<Limit>,
    strangers: Arc<Limit>,
    sign_on: SignOn,
}

/// How people may sign in.
#[derive(Clone, Debug, Default)]
pub enum SignOn {
    /// With password and one-time code.
    #[default]
    Local,
    /// Through the identity provider as well.
    Both(Oidc),
    /// Through the identity provider only.
    Oidc(Oidc),
}

impl Administration {
    /// Those in `db`, the secrets of their codes sealed by `vault`.
    pub fn new(db: Db, vault: Vault, clock: Arc<dyn Clock>) -> Self {
        Self {
            db,
            vault,
            clock,
            passwords: Passwords::new(),
            tries: Arc::new(Limit::per_minute(TRIES_PER_MINUTE)),
            calls: Arc::new(Limit::per_minute(CALLS_PER_MINUTE)),
            strangers: Arc::new(Limit::per_minute(STRANGERS_PER_MINUTE)),
            sign_on: SignOn::default(),
        }
    }

    /// The same, where each token may call so often in a minute.
    #[must_use]
    pub fn with_calls_per_minute(mut self, times: NonZeroU32) -> Self {
        self.calls = Arc::new(Limit::per_minute(times));
        self
    }

    /// The same, where people may sign in this way.
    #[must_use]
    pub fn with_sign_on(mut self, sign_on: SignOn) -> Self {
        self.sign_on = sign_on;
        self
    }

    /// The identity provider, if there is one.
    pub const fn oidc(&self) -> Option<&Oidc> {
        match &self.sign_on {
            SignOn::Local => None,
            SignOn::Both(oidc) | SignOn::Oidc(oidc) => Some(oidc),
        }
    }

    /// Whether somebody may sign in with password and one-time code.
    pub const fn is_local(&self) -> bool {
        !matches!(self.sign_on, SignOn::Oidc(_))
    }

    /// The time that sessions, lock-outs and tokens go by.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The audit log, for what comes by `way`.
    pub fn audit(&self, way: Way) -> Audit {
        Audit::new(self.db.clone(), Arc::clone(&self.clock), way)
    }
}
