//! Signatures of Sparkle's feeds: over a whole download, by a key that the application carries for its own updates.

mod app;
mod judge;

pub use app::{AppKeys, keys_in};
pub use judge::{Judgement, Signatures, judge};
