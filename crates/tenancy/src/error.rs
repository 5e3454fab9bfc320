//! Why something cannot be done with tenants.

use store::StoreError;

use crate::{VaultError, administration::AdministrationError};

/// Why something cannot be done with tenants.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TenancyError {
    /// The name cannot be a customer's.
    #[error("`{given}` cannot be a customer ID: {why}")]
    Customer {
        /// The name, control characters escaped.
        given: String,
        /// The rule it breaks.
        why: &'static str,
    },
    /// There is one already.
    #[error("there is a tenant `{customer}` already")]
    Exists {
        /// The customer.
        customer: String,
    },
    /// There is none.
    #[error(
        "there is no tenant `{customer}`; `auto-update tenant list` tells those that there are"
    )]
    Unknown {
        /// The name that was given.
        customer: String,
    },
    /// It is suspended.
    #[error("the tenant `{customer}` is suspended; `auto-update tenant resume` lets it read again")]
    Suspended {
        /// The customer.
        customer: String,
    },
    /// The ring is none.
    #[error("`{ring}` is no ring; the rings are: {}", rings.join(", "))]
    NoRing {
        /// The name that was given.
        ring: String,
        /// Those that there are.
        rings: Vec<String>,
    },
    /// It is another one than whoever wanted to change it saw.
    #[error("the tenant is not as it was when it was looked at")]
    Changed,
    /// No random numbers.
    #[error("the system gives no random numbers")]
    Random(#[from] getrandom::Error),
    /// What belongs to administrators cannot be read or written.
    #[error("what belongs to administrators cannot be read or written")]
    Administrators(#[source] Box<AdministrationError>),
    /// The state failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A secret cannot be sealed or opened.
    #[error(transparent)]
    Vault(#[from] VaultError),
}
