//! Ends a debug build of the program in the middle of a publication, as a power cut would, for tests and the demo.

use std::sync::Arc;

use publication::{Point, PublicationObserver, Unobserved};

/// The variable of the environment that names the point, in the words of [`Point::name`].
const ABORT_AT: &str = "AUTO_UPDATE_ABORT_AT";

/// Ends the process when a publication reaches a point.
#[derive(Debug)]
struct PowerCut {
    at: String,
}

impl PublicationObserver for PowerCut {
    fn reached(&self, point: Point) {
        if point.name() == self.at {
            std::process::abort();
        }
    }
}

/// Whoever is to be told of publications: nobody, unless this is a debug build and the environment names a point.
pub(crate) fn observer() -> Arc<dyn PublicationObserver> {
    match std::env::var(ABORT_AT) {
        Ok(at) if cfg!(debug_assertions) && !at.is_empty() => Arc::new(PowerCut { at }),
        _ => Arc::new(Unobserved),
    }
}
