//! The life of a run: trust, steps, gates, parking, publication, incidents; and when runs begin.
//!
//! An [`Engine`] carries runs out. [`Engine::queue`] puts a [`Request`] into the queue; [`Engine::work`] takes the run
//! that is due longest and carries it on to its end, or to where it must wait:
//!
//! `queued → running → (unchanged | scanning → publishing → published) | held | failed | cancelled`
//!
//! - **Trust** comes first: `AutoPkg`'s trust information and our own approval ([`Engine::approve`], [`Standing`])
//!   are held against the very bytes that the plan was merged from.
//! - **Steps** are carried out on one environment, as `AutoPkg` does; what they say goes to a [`Reporter`].
//! - **Gates**: what was released before (re-releases, steps back), what is new in what it brings ([`Guards`]), whose
//!   signatures were accepted before ([`IdentityEntry`]), then the scanner. A run that must wait for the
//!   scanner is parked in the database; no worker waits.
//! - **Evidence** of what the run did and checked is signed and becomes part of the change set.
//! - **Publication** is one change set, journalled, whole or not at all.
//! - **The shelf**: what was published comes into ring after ring ([`Engine::rings_turn`]), is taken back or recalled
//!   ([`Engine::ring_rollback`], [`Engine::recall`]), goes when nobody needs it ([`Engine::retire`]), and comes back
//!   ([`Engine::undo_change`]).
//! - **The desk** hears of each failure once, and of the next fully good run.
//! - [`Schedules`] say when runs begin; an [`Agenda`] shows it.
//! - [`IndexedRecipes`]: every recipe that there is, what an audit says of it, and how it will run ([`Runs`]).
//!
//! **Invariants**
//! - Nothing is downloaded before trust has passed, and nothing is published before the scanner has.
//! - A worker holds a run by a lease with a fencing number; one that lost it changes nothing any more.
//! - Whatever a crash interrupts is finished or started over by [`Engine::recover`] and the next worker; a
//!   publication is never doubled.
//! - A failure is a value with a [`model::FailureClass`]; no step can end the process.
//! - No secret reaches a report, a receipt, the store or the desk.
#![forbid(unsafe_code)]

mod approval;
mod community;
mod ends;
mod engine;
mod event;
mod evidence;
mod exhibits;
mod failure;
mod hold;
mod identity;
mod limits;
mod live;
mod messages;
mod outcome;
mod owner;
pub mod payload;
mod payload_gate;
mod pending;
mod plan;
mod prepare;
mod pretty;
mod publish;
mod receipt;
mod recipe_index;
mod recipes;
mod recorded;
mod records;
mod recovery;
mod release;
mod replay;
mod reports;
mod request;
mod retry;
mod run;
mod scan_gate;
mod schedule;
mod secrets;
mod shelf;
mod spans;
mod steps;
mod stop;
mod summary;
mod tell;
#[cfg(test)]
mod tests;
mod trust;
mod update_metadata;

pub use approval::{Approval, Approved, Standing};
pub use engine::{Begun, Engine, NodeName, Parts, TakenUp};
pub use event::{Event, Reporter, Silent};
pub use failure::Failure;
pub use hold::{Decided, Hold};
pub use identity::{
    Entry as IdentityEntry, Signers, Verdict as IdentityVerdict, changes_shown, signers_shown,
};
pub use limits::{SharedHosts, StepLimits};
pub use outcome::{Outcome, Wait, Worked};
pub use owner::{Owner, machine};
pub use payload_gate::Guards;
pub use pending::Item;
pub use pretty::{pretty, pretty_indented};
pub use recipe_index::{
    Handbook, IndexedRecipes, RecipeEntry, RecipeFile, RecipeFinding, RecipeLook, RecipeQuery,
    RecipeStep, Runs,
};
pub use recipes::{AUTOPKG_VERSION, Recipes};
pub use records::{Keeping, Old};
pub use replay::Difference;
pub use reports::StepReport;
pub use request::Request;
pub use retry::Retries;
pub use scan_gate::Scanning;
pub use schedule::{
    Agenda, AgendaDay, Begin, Blackout, CronError, Due, Entry, Expression, Missed, Scheduled,
    Schedules, SchedulesError, Timetable, is_label,
};
pub use shelf::{Afterwards, Hand, Look, Recalled, Told, ToldFile, Undoable, Upkeep, What};
pub use stop::Stopped;
pub use summary::{FailedRecipe, Summary};
