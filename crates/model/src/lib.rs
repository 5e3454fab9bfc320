//! The words of the domain as types.
//!
//! One word means one thing in the whole house, in code, tables, addresses and logs:
//!
//! - **Title**: a piece of software ([`Title`]). **Override**: the file that makes a title ours.
//!   **Recipe**: what it points to. **Plan**: an override resolved.
//! - **Approval**: what was trusted, when, by whom.
//! - **Run**: one execution of an override ([`RunId`], [`RunState`]). **Step**: one processor in a run.
//!   **Workspace**: a run's private folder.
//! - **Change set**: what a run wants to add to the repository. **Scan**: `VirusTotal`'s answer about one
//!   SHA-256. **Evidence**: the signed statement of what was checked.
//! - **Identity**: who signed a piece of a title, and as what ([`IdentityId`] names an entry in its record).
//! - **Incident**: a failure as the service desk sees it ([`IncidentId`], [`FailureClass`], [`Priority`]).
//!
//! **Invariant:** nothing here reads a file, a socket, the environment or, outside [`SystemClock`], the time.
#![forbid(unsafe_code)]

mod chain;
mod class;
mod clock;
mod digest;
mod id;
mod run;
mod title;
mod zone;

pub use chain::{causes, chain};
pub use class::{FailureClass, Priority, Retry, UnknownWord};
pub use clock::{Clock, FixedClock, SystemClock, Timestamp};
pub use digest::{DigestError, Sha256, Sha256Writer};
pub use id::{
    AdministratorId, ApprovalId, ChangeSetId, DeliveryId, IdError, IdentityId, IncidentId, RuleId,
    RunId, ScanId, SecretId, TenantId, TokenId, WaiverId,
};
pub use run::{RunState, Trigger};
pub use title::{Title, TitleError};
pub use zone::{UnknownZone, Zone, ZoneOffset};
