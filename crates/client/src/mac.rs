//! The Mac that the client works on.

use model::Clock;

use crate::{Files, net::Network};

/// Its files, its clock and its network.
#[derive(Debug)]
pub struct Mac<'a> {
    /// Its files.
    pub files: Files,
    /// Its clock.
    pub clock: &'a dyn Clock,
    /// Its network.
    pub network: &'a dyn Network,
}
