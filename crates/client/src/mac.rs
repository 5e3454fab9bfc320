//! The Mac that the client works on.

use std::fmt;

use model::Clock;

use crate::{Fault, Files, net::Network};

/// Its files, its clock, its network, and its chance.
#[derive(Debug)]
pub struct Mac<'a> {
    /// Its files.
    pub files: Files,
    /// Its clock.
    pub clock: &'a dyn Clock,
    /// Its network.
    pub network: &'a dyn Network,
    /// Where its random numbers come from.
    pub randomness: &'a dyn Randomness,
}

/// Where numbers come from that nobody can guess.
pub trait Randomness: fmt::Debug {
    /// Fills `bytes` with them.
    ///
    /// # Errors
    /// [`Fault::NoRandomness`].
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Fault>;
}

/// The system's own.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandomness;

impl Randomness for SystemRandomness {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Fault> {
        getrandom::fill(bytes).map_err(|_says_no_more| Fault::NoRandomness)
    }
}
