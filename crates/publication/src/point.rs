//! How far a publication has come.

use std::fmt;

use crate::Kind;

/// How far a publication has come.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Point {
    /// Nobody else writes to the repository.
    Locked,
    /// What is about to happen is written down.
    Journalled,
    /// A file is complete beside its place; nobody sees it.
    Prepared {
        /// Of what kind.
        kind: Kind,
        /// Where it goes.
        location: String,
    },
    /// What is about to be replaced or removed is kept.
    Kept {
        /// Of what kind.
        kind: Kind,
        /// Where it is still.
        location: String,
    },
    /// What is kept is written down.
    KeptListed,
    /// The catalogs are complete beside their places; from here on nothing but renaming and removing is left.
    CatalogsPrepared,
    /// A file is in its place.
    Placed {
        /// Of what kind.
        kind: Kind,
        /// Where it is.
        location: String,
    },
    /// A file is in the place of another.
    Replaced {
        /// Of what kind.
        kind: Kind,
        /// Where it is.
        location: String,
    },
    /// A file, or a catalog in which nothing is any more, is gone.
    Removed {
        /// Of what kind.
        kind: Kind,
        /// Where it was.
        location: String,
    },
    /// Everything is in its place, and the journal is gone.
    Finished,
}

impl Point {
    /// The point's name, without what differs between publications: `journalled`, `placed-pkgsinfo`.
    pub fn name(&self) -> String {
        match self {
            Self::Locked => "locked".to_owned(),
            Self::Journalled => "journalled".to_owned(),
            Self::Prepared { kind, .. } => format!("prepared-{kind}"),
            Self::Kept { kind, .. } => format!("kept-{kind}"),
            Self::KeptListed => "listed".to_owned(),
            Self::CatalogsPrepared => "catalogs-prepared".to_owned(),
            Self::Placed { kind, .. } => format!("placed-{kind}"),
            Self::Replaced { kind, .. } => format!("replaced-{kind}"),
            Self::Removed { kind, .. } => format!("removed-{kind}"),
            Self::Finished => "finished".to_owned(),
        }
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Prepared { kind, location }
            | Self::Kept { kind, location }
            | Self::Placed { kind, location }
            | Self::Replaced { kind, location }
            | Self::Removed { kind, location } => {
                write!(
                    f,
                    "{} {kind}/{location}",
                    self.name().split('-').next().unwrap_or_default()
                )
            }
            _ => f.write_str(&self.name()),
        }
    }
}

/// Is told how far a publication has come.
pub trait PublicationObserver: Send + Sync {
    /// The publication has reached `point`; it goes on when this returns.
    fn reached(&self, point: Point);
}

/// Nobody watches.
#[derive(Clone, Copy, Debug)]
pub struct Unobserved;

impl PublicationObserver for Unobserved {
    fn reached(&self, _point: Point) {}
}
