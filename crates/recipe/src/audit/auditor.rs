//! Looks a recipe over.

use super::{
    Finding, Manual, arguments, chain::Chain, download, files, pkginfo, processors, refused,
    signature, texts,
};
use crate::{Library, ResolveError, Resolved};

/// Looks recipes of one library over.
#[derive(Clone, Copy)]
pub struct Auditor<'a> {
    library: &'a Library,
    manual: &'a dyn Manual,
}

impl std::fmt::Debug for Auditor<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Auditor")
            .field("library", self.library)
            .finish_non_exhaustive()
    }
}

impl<'a> Auditor<'a> {
    /// One that finds parents and processors in `library`, and asks `manual` for what processors are like.
    pub const fn new(library: &'a Library, manual: &'a dyn Manual) -> Self {
        Self { library, manual }
    }

    /// What is to be said of a recipe and everything it was put together from: file by file, the recipe's own first,
    /// and in each from top to bottom.
    pub fn audit(&self, recipe: &Resolved) -> Vec<Finding> {
        let mut chain = Chain::new(recipe, self.library, self.manual);
        for look in [
            files::look,
            processors::look,
            arguments::look,
            texts::look,
            signature::look,
            download::look,
            pkginfo::look,
        ] {
            look(&mut chain);
        }
        chain.into_findings()
    }

    /// What is to be said of a recipe that could not be put together.
    pub fn refused(&self, name: &str, error: &ResolveError) -> Finding {
        refused::finding(self.library, name, error)
    }
}
