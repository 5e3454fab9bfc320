//! Why something cannot be done with administrators.

use store::StoreError;

use crate::VaultError;

/// Why something cannot be done with administrators.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdministrationError {
    /// The name cannot be a user ID.
    #[error("`{}` cannot be a user ID or the name of a token: {why}", given.escape_debug())]
    Name {
        /// The name.
        given: String,
        /// The rule it breaks.
        why: &'static str,
    },
    /// There is one already.
    #[error("there is an administrator `{name}` already")]
    Exists {
        /// The name.
        name: String,
    },
    /// There is none.
    #[error(
        "there is no administrator `{}`; `auto-update administrator list` tells those that there are", name.escape_debug()
    )]
    Unknown {
        /// The name that was given.
        name: String,
    },
    /// Nobody could administer any more.
    #[error("`{name}` is the last one who can administer; make another one first")]
    Last {
        /// The name.
        name: String,
    },
    /// The password cannot be one.
    #[error("this cannot be a password: {why}")]
    Password {
        /// The rule it breaks.
        why: &'static str,
    },
    /// There is such a token already.
    #[error(
        "there is a token `{name}` already; `auto-update administrator token revoke` makes room for another"
    )]
    TokenExists {
        /// The name.
        name: String,
    },
    /// There is no such token.
    #[error(
        "there is no token `{name}` that is not revoked; `auto-update administrator token list` tells those that there are"
    )]
    TokenUnknown {
        /// The name that was given.
        name: String,
    },
    /// No random numbers.
    #[error("the system gives no random numbers")]
    Random(#[from] getrandom::Error),
    /// A password cannot be digested.
    #[error("a password cannot be digested")]
    Digest(#[source] argon2::password_hash::Error),
    /// One-time codes cannot be made.
    #[error("one-time codes cannot be made")]
    Codes(#[source] totp_rs::TotpError),
    /// The state failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A secret cannot be sealed or opened.
    #[error(transparent)]
    Vault(#[from] VaultError),
}
