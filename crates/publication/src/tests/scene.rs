//! A repository with two items, and a change set that adds, replaces and removes something of every kind.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use model::{ChangeSetId, Sha256, Timestamp};
use munki::CatalogOptions;
use proplist::{Dict, Value};
use tempfile::TempDir;

use crate::{
    Backend, ChangeSet, FolderRepository, Kind, PublishError, Published, Removal, Replacement,
    Repository, StagedFile, Staging, Unobserved, check, make_catalogs, publish,
};

pub(super) const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

/// A repository in a folder, and a workspace beside it.
pub(super) struct Scene {
    pub(super) folder: TempDir,
    pub(super) repository: FolderRepository,
}

/// Every file that people see, by its path.
pub(super) type Tree = BTreeMap<String, Vec<u8>>;

impl Scene {
    /// Items `A` and `C`, each with package, icon and evidence, and a manifest.
    pub(super) fn new() -> Self {
        let folder = fast_folder();
        let repository = FolderRepository::create(&folder.path().join("repo")).unwrap();
        for name in ["A", "C"] {
            for (kind, location, contents) in item(name, "") {
                repository.put(kind, &location, &contents).unwrap();
            }
        }
        repository.put(Kind::Manifests, "all", b"one").unwrap();
        make_catalogs(&repository, CatalogOptions::default()).unwrap();
        Self { folder, repository }
    }

    /// Adds `B`, gives `A` another pkginfo, icon and evidence, the manifest other words, and removes `C`.
    pub(super) fn change(&self) -> ChangeSet {
        let mut set = ChangeSet::new(ChangeSetId::new());
        for (kind, location, contents) in item("B", "") {
            set.files.push(self.staged(kind, &location, &contents));
        }
        for (kind, location, contents) in item("A", "changed") {
            if kind != Kind::Pkgs {
                set.replacements
                    .push(self.replacement(kind, &location, &contents));
            }
        }
        set.replacements
            .push(self.replacement(Kind::Manifests, "all", b"two"));
        for (kind, location, _) in item("C", "") {
            set.removals.push(self.removal(kind, &location));
        }
        set
    }

    pub(super) fn staged(&self, kind: Kind, location: &str, contents: &[u8]) -> StagedFile {
        let staging = Staging::new(
            std::sync::Arc::new(self.repository.clone()),
            &self.workspace(),
        );
        staging.stage_bytes(kind, location, contents).unwrap();
        staging.take().files.remove(0)
    }

    pub(super) fn replacement(&self, kind: Kind, location: &str, contents: &[u8]) -> Replacement {
        Replacement {
            file: self.staged(kind, location, contents),
            was: self.digest(kind, location),
        }
    }

    pub(super) fn removal(&self, kind: Kind, location: &str) -> Removal {
        Removal {
            kind,
            location: location.to_owned(),
            was: self.digest(kind, location),
        }
    }

    fn digest(&self, kind: Kind, location: &str) -> Sha256 {
        self.repository.digest(kind, location).unwrap().unwrap()
    }

    pub(super) fn publish(&self, set: &ChangeSet) -> Result<Published, PublishError> {
        publish(
            &self.repository,
            set,
            CatalogOptions::default(),
            &Unobserved,
            NOW,
        )
    }

    pub(super) fn workspace(&self) -> PathBuf {
        self.folder.path().join("workspace")
    }

    pub(super) fn tree(&self) -> Tree {
        tree(&self.repository)
    }
}

/// A folder in memory if there is one: these tests make hundreds of repositories, each of which is synced.
fn fast_folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| tempfile::tempdir().unwrap())
}

/// Everything that Munki's tools see.
pub(super) fn tree(repository: &dyn Repository) -> Tree {
    let mut tree = Tree::new();
    for kind in Kind::ALL {
        for location in repository.list(kind).unwrap() {
            let contents = repository.get(kind, &location).unwrap();
            tree.insert(format!("{kind}/{location}"), contents);
        }
    }
    tree
}

/// Package, icon, evidence and pkginfo of one item.
pub(super) fn item(name: &str, note: &str) -> [(Kind, String, Vec<u8>); 4] {
    let package = format!("package {name}").into_bytes();
    let mut pkginfo: Dict = [
        ("name", name.to_owned()),
        ("version", "1".to_owned()),
        ("description", note.to_owned()),
        ("installer_item_location", format!("apps/{name}-1.pkg")),
        ("installer_item_hash", Sha256::of(&package).to_string()),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), Value::from(value)))
    .collect();
    pkginfo.insert("catalogs".to_owned(), vec!["testing", name].into());
    let pkginfo = proplist::to_xml(&pkginfo.into(), proplist::KeyOrder::Sorted).unwrap();
    [
        (Kind::Pkgs, format!("apps/{name}-1.pkg"), package),
        (
            Kind::Icons,
            format!("{name}.png"),
            format!("icon {name} {note}").into_bytes(),
        ),
        (
            Kind::Evidence,
            format!("apps/{name}-1.pkg.intoto.jsonl"),
            format!("{{}} {note}").into_bytes(),
        ),
        (
            Kind::Pkgsinfo,
            format!("apps/{name}-1.plist"),
            pkginfo.into_bytes(),
        ),
    ]
}

/// What a client may rely on at every moment: what a catalog names is there, byte for byte.
pub(super) fn assert_offered_is_there(repository: &dyn Repository, when: &str) {
    for catalog in repository.list(Kind::Catalogs).unwrap() {
        let contents = repository.get(Kind::Catalogs, &catalog).unwrap();
        let Value::Array(items) = proplist::from_bytes(&contents).unwrap() else {
            panic!("{when}: catalogs/{catalog} is no list");
        };
        for item in items {
            let text = |key: &str| item.as_dict().unwrap()[key].as_str().unwrap().to_owned();
            let location = text("installer_item_location");
            let package = repository
                .get(Kind::Pkgs, &location)
                .unwrap_or_else(|error| panic!("{when}: catalogs/{catalog}: {error}"));
            let hash = Sha256::of(&package).to_string();
            assert_eq!(hash, text("installer_item_hash"), "{when}: {location}");
        }
    }
}

/// That nothing is wrong with the repository, and nothing unfinished lies in it.
pub(super) fn assert_sound(repository: &dyn Backend, when: &str) {
    let checked = check(repository, CatalogOptions::default()).unwrap();
    assert_eq!(checked.report.notes, [], "{when}");
    assert_eq!(repository.unfinished().unwrap(), [""; 0], "{when}");
    assert_eq!(repository.own_names("journal").unwrap(), [""; 0], "{when}");
}

/// Removes every staged file.
pub(super) fn lose(workspace: &Path) {
    fs_err::remove_dir_all(workspace).unwrap();
}
