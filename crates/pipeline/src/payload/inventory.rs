//! What software brings with it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use media::MediaError;
use model::Sha256;
use serde::{Deserialize, Serialize};

use super::look;

/// What software brings with it that a Mac gives power to. Paths go from the root of the medium, across what is packed into
/// it: `Widget.pkg/Payload/Library/LaunchDaemons/com.example.widget.plist`.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Inventory {
    /// Property lists for launchd: what is in a folder `LaunchDaemons` or `LaunchAgents`.
    pub launch_jobs: BTreeSet<String>,
    /// Programs that others have run as root: what is in `Contents/Library/LaunchServices` or `PrivilegedHelperTools`.
    pub helpers: BTreeSet<String>,
    /// Extensions of the kernel and of the system, and plug-ins of the log-in.
    pub extensions: BTreeSet<String>,
    /// Files that run as their owner or group, whoever starts them.
    pub set_id: BTreeSet<String>,
    /// What installers run, with its digest.
    pub scripts: BTreeMap<String, Sha256>,
    /// What programs are allowed, by the identifier that their signature gives them: `com.apple.security.…`, with the
    /// value where it is more than "yes". As claimed: nothing here has been verified.
    pub entitlements: BTreeMap<String, BTreeSet<String>>,
    /// What could not be looked into although it ought to be.
    pub unreadable: BTreeSet<String>,
    /// How many files there are, in what is packed as well.
    pub files: u64,
    /// How many bytes they have.
    pub bytes: u64,
}

impl Inventory {
    /// Looks into the disk image, package or archive at `path`.
    ///
    /// # Errors
    /// If it is none, or cannot be read. What is packed in it and cannot be is listed instead.
    pub fn of(path: &Path) -> Result<Self, MediaError> {
        let tree = media::open(path)?;
        look::into(&*tree)
    }
}
