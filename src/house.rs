//! What the verbs share, opened when it is first needed.

use crate::cli::Global;

/// What the verbs share: configuration and state, opened when they are first needed, so that a verb which needs
/// neither works in any folder.
#[derive(Debug)]
pub(crate) struct House {
    global: Global,
}

impl House {
    /// A house as the global flags say.
    pub(crate) fn new(global: &Global) -> Self {
        Self {
            global: global.clone(),
        }
    }

    /// The preferences of `AutoPkg` that were named on the command line.
    pub(crate) fn prefs(&self) -> Option<&std::path::Path> {
        self.global.prefs.as_deref()
    }
}
