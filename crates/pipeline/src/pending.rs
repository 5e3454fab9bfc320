//! What a run has made and not yet published, as it waits in the database for its scan.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use crate::payload::Inventory;
use codesign::Identity;
use fetch::Commit;
use model::{FailureClass, Sha256, Timestamp};
use processors::StepContext;
use proofs::VendorKey;
use proplist::Value;
use publication::{ChangeSet, Kind};
use redact::Scrubber;
use scan::Medium;
use serde::{Deserialize, Serialize};
use store::Run;

use crate::{
    Failure, Signers,
    evidence::{Downloaded, Record},
    scan_gate::{Inner, programs},
};

/// What a run has made and not yet published.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub(crate) struct Pending {
    /// What it adds to the repository; perhaps nothing.
    pub(crate) change_set: ChangeSet,
    /// The items that become available.
    pub(crate) items: Vec<Item>,
    /// What must be scanned before.
    pub(crate) media: Vec<Scanned>,
    /// What is to be remembered of the downloads after a good end.
    pub(crate) commits: Vec<Commit>,
    /// Whose signatures the run verified. Runs that older versions of this program parked have none.
    #[serde(default)]
    pub(crate) identities: Vec<Identity>,
    /// By which keys the vendor signed the downloads. As with identities.
    #[serde(default)]
    pub(crate) keys: Vec<VendorKey>,
    /// What evidence is to say. As with identities.
    #[serde(default)]
    pub(crate) record: Option<Record>,
    /// When its steps were over: from then on its release is known. As with identities.
    #[serde(default)]
    pub(crate) seen_at: Option<Timestamp>,
    /// What the packages bring with them, by their digests. As with identities.
    #[serde(default)]
    pub(crate) payloads: BTreeMap<Sha256, Inventory>,
}

/// An item of the repository.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// Its name, by which Munki knows it.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The digest of its installer item; that of the pkginfo for an item without one.
    pub sha256: Sha256,
    /// Where its pkginfo goes, below `pkgsinfo`.
    pub pkginfo: String,
}

/// A file that must be scanned.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub(crate) struct Scanned {
    pub(crate) sha256: Sha256,
    pub(crate) len_bytes: u64,
    path: PathBuf,
    pub(crate) name: String,
    may_upload: bool,
    /// The programs in it, where it is too large for the scanner.
    #[serde(default)]
    pub(crate) inner: Inner,
}

impl From<&Scanned> for Medium {
    fn from(scanned: &Scanned) -> Self {
        Self {
            sha256: scanned.sha256,
            len_bytes: scanned.len_bytes,
            path: scanned.path.clone(),
            name: scanned.name.clone(),
            may_upload: scanned.may_upload,
        }
    }
}

impl Pending {
    /// What a run leaves behind its last step. Blocking: files that were not hashed yet are.
    ///
    /// Where nothing is to be published only what came new is scanned.
    ///
    /// # Errors
    /// If a file cannot be read, or a staged pkginfo is none.
    pub(crate) fn of(
        change_set: ChangeSet,
        context: &StepContext,
        may_upload: bool,
        mut record: Record,
        scrubber: &Scrubber,
    ) -> Result<Self, Failure> {
        let downloads = &context.downloads;
        let commits = downloads.commits();
        let mut media = Vec::new();
        for download in downloads.all() {
            if (change_set.is_empty() && !download.changed) || !download.path.is_file() {
                continue;
            }
            let known = download.sha256.zip(download.len_bytes);
            let medium = scanned(&download.path, known, may_upload)?;
            let mut said = Downloaded::of(&download, &commits, scrubber);
            said.sha256 = Some(medium.sha256);
            said.len_bytes = Some(medium.len_bytes);
            record.downloads.push(said);
            media.push(medium);
        }
        for file in change_set.of_kind(Kind::Pkgs) {
            let known = Some((file.sha256, file.len_bytes));
            let mut installer = scanned(&file.source, known, may_upload)?;
            installer.name = name_of(Path::new(&file.location));
            media.push(installer);
        }
        media.sort_by_key(|medium| medium.sha256);
        media.dedup_by_key(|medium| medium.sha256);
        Ok(Self {
            items: items(&change_set)?,
            change_set,
            media,
            commits,
            identities: context.identities.all(),
            keys: context.proofs.keys(),
            record: Some(record),
            seen_at: None,
            payloads: BTreeMap::new(),
        })
    }

    /// Whether nothing came and nothing is to be published, so that no gate has anything to say.
    pub(crate) fn is_nothing(&self) -> bool {
        self.change_set.is_empty() && self.items.is_empty() && self.media.is_empty()
    }

    /// Looks for the programs in media of more than `limit` bytes, of which the scanner is asked about the `most`
    /// largest. Blocking.
    pub(crate) fn look_into_large(&mut self, limit: u64, most: u32) {
        let large = self.media.iter_mut().filter(|it| it.len_bytes > limit);
        for medium in large.take_while(|_medium| most > 0) {
            medium.inner = programs(&medium.path, most);
        }
    }

    /// What a run that was parked has made.
    ///
    /// # Errors
    /// If it is not what this program writes.
    pub(crate) fn parked(run: &Run) -> Result<Self, Failure> {
        let parked = run.parked.clone().unwrap_or_default();
        serde_json::from_value(parked)
            .map_err(|error| Failure::from_error(FailureClass::Internal, &error))
    }

    /// The same, as it is parked.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(crate) fn to_json(&self) -> Result<serde_json::Value, Failure> {
        serde_json::to_value(self)
            .map_err(|error| Failure::from_error(FailureClass::Internal, &error))
    }

    /// Whether the files that it stages and has scanned are on this node, with as many bytes as they had.
    pub(crate) async fn is_here(&self) -> bool {
        let staged = self.change_set.files.iter();
        let staged = staged.map(|file| (file.source.clone(), file.len_bytes));
        let scanned = self.media.iter();
        let scanned = scanned.map(|medium| (medium.path.clone(), medium.len_bytes));
        let files: Vec<_> = staged.chain(scanned).collect();
        let looked = tokio::task::spawn_blocking(move || {
            files.iter().all(|(path, len_bytes)| {
                fs_err::metadata(path).is_ok_and(|it| it.is_file() && it.len() == *len_bytes)
            })
        });
        looked.await.unwrap_or(false)
    }

    /// Everybody whose signatures the run verified.
    pub(crate) fn signers(&self) -> Signers {
        Signers {
            identities: self.identities.clone(),
            keys: self.keys.clone(),
        }
    }

    /// Remembers the downloads as good; what cannot be is downloaded again, and nothing worse. Blocking.
    pub(crate) fn commit(&self) {
        for commit in &self.commits {
            if let Err(error) = commit.carry_out() {
                tracing::warn!(error = %error, "a download will be fetched again");
            }
        }
    }
}

fn scanned(
    path: &Path,
    known: Option<(Sha256, u64)>,
    may_upload: bool,
) -> Result<Scanned, Failure> {
    let (sha256, len_bytes) = match known {
        Some(known) => known,
        None => fs_err::File::open(path)
            .and_then(|mut file| Sha256::of_reader(&mut file))
            .map_err(|error| Failure::from_error(FailureClass::Internal, &error))?,
    };
    Ok(Scanned {
        sha256,
        len_bytes,
        path: path.to_owned(),
        name: name_of(path),
        may_upload,
        inner: Inner::default(),
    })
}

fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// The items that the staged pkginfos describe.
fn items(change_set: &ChangeSet) -> Result<Vec<Item>, Failure> {
    let pkginfos = change_set.of_kind(Kind::Pkgsinfo);
    pkginfos
        .map(|file| {
            let unusable = |why: &dyn std::error::Error| {
                Failure::from_error(FailureClass::Import, why)
                    .with_detail(format!("the staged pkginfo `{}`", file.location))
            };
            let bytes = fs_err::read(&file.source).map_err(|error| unusable(&error))?;
            let pkginfo = proplist::from_bytes(&bytes).map_err(|error| unusable(&error))?;
            let text = |key: &str| {
                let value = pkginfo.as_dict().and_then(|pkginfo| pkginfo.get(key));
                value.and_then(Value::as_str).unwrap_or_default().to_owned()
            };
            Ok(Item {
                name: text("name"),
                version: text("version"),
                sha256: text("installer_item_hash").parse().unwrap_or(file.sha256),
                pkginfo: file.location.clone(),
            })
        })
        .collect()
}
