//! The repository after publication: rings, recall, retention, and taking back what was changed.
//!
//! Whatever is done here is one change set, written down in the database before and in the log of publications after.

mod by_hand;
mod change;
mod gate;
mod late;
mod look;
mod retention;
mod rule;
mod settle;
mod tell;

pub use by_hand::Recalled;
pub use change::{Hand, Told, ToldFile, What};
pub use late::Afterwards;
pub use look::Look;
pub use retention::Undoable;
pub use tell::Upkeep;
